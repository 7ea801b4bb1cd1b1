"""Stores whose blobs are in GCS and in Azure, as people use them: by their URLs, through every command."""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
import traceback
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import forebear
from forebear.blobs import writer
from forebear.cli import main
from forebear.errors import CorruptData, StorageFailure
from forebear.records.content import PACK, Recipe
from forebear.store.opening import open_store
from forebear.store.shared import close_stores, shared_store
from tests.api.copying.stores import LARGE, MIB, SIMILAR, begin, everything, log
from tests.blobs.conftest import fresh_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Endpoint

#: aiohttp would rather have a file; its loop has a thread of its own here, and nobody to hold up.
pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")]
SMALL = {f"small/{number:02}.txt": f"text {number} ".encode() * 30 for number in range(40)}


@pytest.fixture(params=["gs", "az"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store that is not there yet, in whose system a file of a few MiB is a large one."""
    endpoint: Endpoint = request.getfixturevalue({"gs": "gcs", "az": "azurite"}[request.param])
    for name, value in endpoint.environment.items():
        monkeypatch.setenv(name, value)
    for module in (writer, sys.modules["forebear.store.near_equal"]):
        monkeypatch.setattr(module, "FAR_SMALL_BYTES", 2 * MIB)
    options = f"&endpoint_url={endpoint.url}&anon=1" if request.param == "gs" else ""
    return f"{tmp_path / 'store'}?blobs={fresh_place(request.param, endpoint)}{options}"


def test_a_store_elsewhere_is_worked_with(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with begin(url, "prepare") as run:
        log(run, "data", {**SMALL, "large.bin": LARGE})
        second = log(run, "data", {**SMALL, "small/00.txt": b"changed", "large.bin": SIMILAR})
    assert 0 < second.added_bytes < MIB, "what is nearly equal sends what is new"
    close_stores()

    api = forebear.Api(url, project="p")
    for version, large in (("v0", LARGE), ("v1", SIMILAR)):
        artifact = api.artifact(f"data:{version}")
        folder = Path(artifact.download(tmp_path / version))
        assert (folder / "large.bin").read_bytes() == large
        assert len(list((folder / "small").iterdir())) == len(SMALL)
        artifact.verify()
    assert (tmp_path / "v1" / "small" / "00.txt").read_bytes() == b"changed"
    store = shared_store(url)
    assert {stored.kind for stored in store.catalog.objects()} == {PACK}
    entry = api.artifact("data:v1").manifest.entries["large.bin"]
    assert isinstance(store.catalog.locate([entry.digest])[entry.digest], Recipe)

    copy = str(tmp_path / "copy")
    assert main(["store", "copy", url, copy]) == 0
    assert everything(shared_store(copy)) == everything(store)
    assert main(["fsck", "--store", url]) == 0
    assert main(["doctor", "--store", url]) == 0
    assert "all is well" in capsys.readouterr().out


def test_what_is_lost_elsewhere_is_told(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with begin(url, "prepare") as run:
        log(run, "data", SMALL)
    store = shared_store(url)
    lost = max(store.catalog.objects(), key=lambda stored: len(stored.slices)).name
    store.objects.delete(lost)
    assert main(["fsck", "--store", url]) == 4
    assert f"missing-object {lost[:20]}" in capsys.readouterr().out
    with pytest.raises(CorruptData, match="is missing from the store"):
        forebear.Api(url, project="p").artifact("data").download(tmp_path / "out")


# -- credentials ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["az"], indirect=True)
def test_a_wrong_key_of_azure_is_told_and_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right, name = os.environ["AZURE_STORAGE_CONNECTION_STRING"], "AccountKey="
    wrong = base64.b64encode(b"no key that anybody gave out" * 2).decode()
    before, _, after = right.partition(name)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"{before}{name}{wrong};{after.partition(';')[2]}")
    with pytest.raises(StorageFailure) as caught:
        open_store(url).close()
    assert caught.value.code == "storage-forbidden"
    assert "AZURE_STORAGE_ACCOUNT_KEY" in str(caught.value)
    assert wrong not in "".join(traceback.format_exception(caught.value))
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", right)
    open_store(url).close()


class Tokens(BaseHTTPRequestHandler):
    """Gives out a token, as Google does to who signs with the key of a service account."""

    asked: ClassVar[list[str]] = []

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        self.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        answer = json.dumps({"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@pytest.fixture
def tokens() -> Iterator[str]:
    Tokens.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Tokens) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("url", ["gs"], indirect=True)
def test_a_service_account_of_google_is_taken_from_its_file(
    url: str, tokens: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator lets anybody in, so what counts is that a token was asked for in the account's name."""
    key = rsa.generate_private_key(65537, 2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
    account = {"type": "service_account", "project_id": "forebear", "client_email": "trainer@forebear.invalid"}
    (tmp_path / "account.json").write_text(json.dumps({**account, "private_key": pem, "token_uri": tokens}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    with closing(open_store(url.replace("&anon=1", ""))) as store:
        store.objects.put("pack/ab/abcdef", b"content")
        assert store.objects.read("pack/ab/abcdef") == b"content"
    [asked] = {parse_qs(each)["assertion"][0] for each in Tokens.asked}
    claims = asked.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "==="))["iss"] == account["client_email"]
