"""A store of a team: a catalog in PostgreSQL and blobs in S3, as people use it, and what breaks in it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import traceback
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import psycopg
import pytest

import forebear
from forebear.api.copying.copying import copy_store
from forebear.catalog.schema import SCHEMA_VERSION
from forebear.cli import main
from forebear.errors import CorruptData, ForebearError, StorageFailure, Unsupported
from forebear.store.opening import open_store
from forebear.store.shared import close_stores, shared_store
from tests.api.copying.stores import everything, pipeline
from tests.proxy import Fault, proxy_of
from tests.servers import ACCESS_KEY, SECRET_KEY
from tests.store.test_opening import overtake, together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proxy import Proxy, Request
    from tests.team import Team

pytestmark = pytest.mark.server
PASSWORD = "a-password-that-nobody-may-see"


@pytest.fixture
def url(team_servers: Team, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A store of the team that is not there yet."""
    team_servers.enter(monkeypatch)
    monkeypatch.setenv("FOREBEAR_SILENT", "1")
    return team_servers.url(request.node.nodeid)


@pytest.fixture(scope="module")
def _proxied(team_servers: Team) -> Iterator[tuple[Proxy, str]]:
    with proxy_of(team_servers.s3) as (proxy, endpoint):
        yield proxy, endpoint.url


@pytest.fixture
def through_proxy(_proxied: tuple[Proxy, str], url: str, team_servers: Team) -> tuple[Proxy, str]:
    """The store, with everything that goes to its bucket passing a proxy."""
    proxy, place = _proxied
    proxy.reset()
    return proxy, url.replace(quote(team_servers.s3.url, safe=":/"), quote(place, safe=":/"))


def log(url: str, run_id: str, files: dict[str, bytes], **options: object) -> None:
    with forebear.init(id=run_id, project="p", store=url, settings={"console": "off"}) as run:
        data = forebear.Artifact("data", "dataset")
        for path, content in files.items():
            with data.new_file(path, "wb") as file:
                file.write(content)
        run.log_artifact(data, **options).wait()


KILLED = """
import os, signal, sys
import forebear
run = forebear.init(id="killed", project="p", store=sys.argv[1], settings={"console": "off"})
for step in range(100):
    run.log({"x": step})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_team_works_with_it(url: str, tmp_path: Path) -> None:
    with forebear.init(id="prepare", project="p", store=url, config={"seed": 1}) as run:
        assert not run.offline
        data = forebear.Artifact("data", "dataset", metadata={"n": 2})
        (tmp_path / "in").mkdir()
        for number in range(50):
            (tmp_path / "in" / f"{number}.txt").write_text(f"file {number}")
        (tmp_path / "in" / "large.bin").write_bytes(os.urandom(3_000_000))
        data.add_dir(tmp_path / "in")
        run.log_artifact(data, aliases=["prod"])
    with forebear.init(id="train", project="p", store=url) as run:
        folder = Path(run.use_artifact("data:prod").download(tmp_path / "out"))
        assert (folder / "large.bin").read_bytes() == (tmp_path / "in" / "large.bin").read_bytes()
        assert len(list(folder.iterdir())) == 51
        for step in range(200):
            run.log({"loss": 1 / (step + 1)})
        run.log({"image": forebear.Image(np.zeros((4, 4, 3), dtype=np.uint8)), "hist": forebear.Histogram([1, 2, 3])})
        run.log({"table": forebear.Table(columns=["a"], data=[[1]])})
        model = forebear.Artifact("model", "model")
        model.add({"w": [1, 2]}, "weights")
        run.log_artifact(model)
    api = forebear.Api(url, project="p")
    model = api.artifact("model:latest")
    assert model.get("weights") == {"w": [1, 2]}
    assert [used.name for used in model.logged_by().used_artifacts()] == ["data:v0"]
    above = api.lineage().upstream(api.node("model:latest"), kind="artifact")
    assert [step.node.label for step in above.steps] == ["data:v0"]
    assert len(list(api.run("train").scan_history(keys=["loss"]))) == 200
    assert [run.id for run in api.runs(filters={"config.seed": 1})] == ["prepare"]
    assert any(file.name.endswith(".png") for file in api.run("train").files())
    api.artifact("data:v0").verify()
    Path(folder, "0.txt").write_text("changed")
    api.artifact("data:v0").download(tmp_path / "out")
    assert Path(folder, "0.txt").read_text() == "file 0"


def test_what_a_killed_run_had_logged_is_recovered(url: str) -> None:
    open_store(url).close()
    done = subprocess.run([sys.executable, "-c", KILLED, url], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    run = forebear.Api(url, project="p").run("killed")
    assert [row["x"] for row in run.scan_history()] == list(range(100))
    assert run.state == "crashed"


ENDED = """
import os, sys
import forebear
run = forebear.init(id="ended", project="p", store=sys.argv[1], settings={"console": "off"})
run.log({"x": 1})
open("kept.bin", "wb").write(os.urandom(3_000_000))
run.save("kept.bin", policy="end")
sys.exit(3)
"""


def test_a_run_ends_with_its_script(url: str) -> None:
    """Whatever is sent then is sent while the interpreter ends, when executors take no more work."""
    open_store(url).close()
    done = subprocess.run([sys.executable, "-c", ENDED, url], check=False, env=os.environ, capture_output=True)
    assert (done.returncode, done.stderr) == (3, b"")
    run = forebear.Api(url, project="p").run("ended")
    assert (run.state, [row["x"] for row in run.scan_history()]) == ("failed", [1])
    [file] = [file for file in run.files() if file.name == "kept.bin"]
    assert file.size == 3_000_000


def test_init_and_doctor_show_both_halves(
    url: str, capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", urlsplit(url).password or "")
    assert main(["init", "--store", url, "--project", "p"]) == 0
    close_stores()
    assert main(["doctor"]) == 0  # init has kept where the store is
    printed = capsys.readouterr().out
    rows = dict(text.split(None, 1) for text in printed.splitlines() if text and not text.startswith(" "))
    assert rows["catalog"].startswith("postgresql://")
    assert rows["blobs"].startswith("s3://team/")
    assert re.search(r"PostgreSQL \d+\.\d+, schema t[0-9a-f]+, writable\n", printed)
    assert "0 B of what was read, at most 10.0 GiB" in printed
    assert "all is well" in printed
    assert str(home / ".cache" / "forebear") in printed
    store = forebear.Api(project="p").store
    assert store.url == shared_store(url).url
    assert not any(name.startswith("doctor/") for name in store.objects.names())


def test_doctor_tells_what_cannot_be_written(
    through_proxy: tuple[Proxy, str], capsys: pytest.CaptureFixture[str]
) -> None:
    proxy, url = through_proxy
    open_store(url).close()
    # A standby says the same of itself.
    standby = f"{url}&options={quote('-c default_transaction_read_only=on')}"
    for refused, words in (("PUT", "blobs cannot be written"), ("DELETE", "can be written but not deleted")):
        proxy.fault = lambda request, refused=refused: Fault(status=403) if request.method == refused else None
        assert main(["doctor", "--store", standby, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["halves"]["catalog_writable"] is found["halves"]["blobs_writable"] is False
        told = found["findings"]
        assert [text.startswith("the catalog postgresql://") for text in told] == [True, False]
        assert words in told[1]


def test_a_store_goes_there_and_back_and_to_another_team(url: str, team_servers: Team, tmp_path: Path) -> None:
    pipeline(str(tmp_path / "source"))
    source, target = shared_store(str(tmp_path / "source")), shared_store(url)
    copied = copy_store(source, target)
    assert copied.troubles == []
    assert everything(target) == everything(source)
    assert copy_store(source, target).bytes == 0
    back = shared_store(str(tmp_path / "back"))
    copy_store(target, back)
    assert everything(back) == everything(source)
    other = shared_store(team_servers.url(f"another of {url}"))
    assert copy_store(target, other).troubles == []
    assert everything(other) == everything(source)
    assert copy_store(target, other).bytes == 0


# -- what breaks ------------------------------------------------------------------------------------------------------


def refused(url: str, kind: type[ForebearError] = StorageFailure, **options: bool) -> ForebearError:
    """Open a store, and return how that was refused; no secret is told."""
    with pytest.raises(kind) as caught:
        open_store(url, **options).close()
    told = "".join(traceback.format_exception(caught.value))
    assert not any(secret in told for secret in (SECRET_KEY, ACCESS_KEY, PASSWORD))
    return caught.value


def with_blobs(url: str, blobs: str) -> str:
    return url.replace(f"blobs=s3://team/{parse_qs(urlsplit(url).query)['schema'][0][1:]}", f"blobs={blobs}")


def test_a_missing_bucket_is_told_and_nothing_is_made(url: str, team_servers: Team) -> None:
    found = refused(with_blobs(url, "s3://no-such-bucket/pre"))
    assert found.code == "bucket-missing"
    assert "cannot read s3://no-such-bucket/pre/store.json" in str(found)
    assert "aws s3 mb s3://no-such-bucket" in str(found)
    assert schemas(team_servers, url) == 0


def schemas(team: Team, url: str) -> int:
    name = parse_qs(urlsplit(url).query)["schema"][0]
    with psycopg.connect(team.database) as connection:
        rows = connection.execute("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (name,))
        return len(rows.fetchall())


def test_wrong_credentials_of_the_bucket_are_told(
    url: str, monkeypatch: pytest.MonkeyPatch, team_servers: Team
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong" * 8)
    found = refused(url)
    assert found.code == "storage-forbidden"
    assert "AWS_ACCESS_KEY_ID" in str(found)
    assert schemas(team_servers, url) == 0


CREDENTIALS = f"""\
[default]
aws_access_key_id = {ACCESS_KEY}
aws_secret_access_key = {"wrong" * 8}
[team]
aws_access_key_id = {ACCESS_KEY}
aws_secret_access_key = {SECRET_KEY}
"""


@pytest.mark.parametrize("way", ["URL", "AWS_PROFILE"])
def test_credentials_come_from_the_file_of_the_tools_of_aws(
    way: str, url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text(CREDENTIALS)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert refused(url).code == "storage-forbidden"  # those of the default profile
    if way == "URL":
        url += "&profile=team"
    else:
        monkeypatch.setenv("AWS_PROFILE", "team")
    log(url, "first", {"a": b"content"})
    assert Path(forebear.Api(url, project="p").artifact("data").download(tmp_path / "out"), "a").exists()


def test_wrong_credentials_of_the_database_are_told(url: str) -> None:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    found = refused(parts._replace(netloc=f"nobody:{PASSWORD}@{place}").geturl())
    assert "nobody" in str(found)


def test_a_database_that_is_missing_is_told(url: str) -> None:
    found = refused(urlsplit(url)._replace(path="/no_such_database").geturl())
    assert "no_such_database" in str(found)


def test_a_bucket_that_may_only_be_read_can_be_read(through_proxy: tuple[Proxy, str], tmp_path: Path) -> None:
    proxy, url = through_proxy
    log(url, "first", {"a": b"content"})

    def read_only(request: Request) -> Fault | None:
        return None if request.method in {"GET", "HEAD"} else Fault(status=403)

    proxy.fault = read_only
    close_stores()
    api = forebear.Api(url, project="p")
    assert Path(api.artifact("data").download(tmp_path / "out"), "a").read_bytes() == b"content"
    with pytest.raises(StorageFailure) as caught:
        log(url, "second", {"b": b"more"})
    assert caught.value.code == "storage-forbidden"
    assert [version.version for version in api.artifacts("data")] == ["v0"]
    proxy.reset()
    log(url, "third", {"b": b"more"})
    assert [version.version for version in api.artifacts("data")] == ["v1", "v0"]


def test_a_new_store_needs_a_bucket_that_can_be_written(through_proxy: tuple[Proxy, str]) -> None:
    proxy, url = through_proxy
    proxy.fault = lambda request: None if request.method in {"GET", "HEAD"} else Fault(status=403)
    assert refused(url).code == "storage-forbidden"
    proxy.reset()
    open_store(url).close()  # what had begun is finished


def test_halves_that_do_not_belong_together_are_refused(url: str, team_servers: Team) -> None:
    other = team_servers.url("another store")
    with closing(open_store(url)), closing(open_store(other)):
        pass
    mixed = with_blobs(url, parse_qs(urlsplit(other).query)["blobs"][0])
    found = refused(mixed)
    assert found.code == "store-mismatch"
    assert "correct the URL" in str(found)
    # No catalog is begun for blobs that have one.
    fresh = with_blobs(team_servers.url("a third store"), parse_qs(urlsplit(other).query)["blobs"][0])
    assert refused(fresh, CorruptData).code == "catalog-missing"
    assert schemas(team_servers, fresh) == 0


def test_a_bucket_that_was_emptied_is_told(url: str) -> None:
    log(url, "first", {"a": b"content"})
    close_stores()
    assert refused(with_blobs(url, "s3://team/an-empty-place"), CorruptData).code == "blobs-missing"


def test_an_object_that_was_lost_is_told(url: str, tmp_path: Path) -> None:
    log(url, "first", {"a": b"content"})
    store = shared_store(url)
    for stored in list(store.catalog.objects()):
        store.objects.delete(stored.name)
    with pytest.raises(CorruptData, match="is missing from the store"):
        forebear.Api(url, project="p").artifact("data").download(tmp_path / "out")


def test_first_starts_at_once_make_one_store(url: str, tmp_path: Path) -> None:
    def start() -> None:
        with closing(open_store(url)) as store:
            (tmp_path / f"id-{store.id}-{os.getpid()}").touch()

    together(start)
    found = {path.name.split("-")[1] for path in tmp_path.glob("id-*")}
    with closing(open_store(url, create=False)) as store:
        assert found == {store.id}


def test_a_first_start_that_another_overtakes_goes_on(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    overtake(url, monkeypatch)
    with closing(open_store(url)) as store, closing(open_store(url, create=False)) as again:
        assert store.id == again.id


def test_a_newer_schema_is_refused_with_advice(url: str) -> None:
    with closing(open_store(url)) as store, store.catalog._db.transaction():  # type: ignore[attr-defined]
        store.catalog._db.set_schema_version(SCHEMA_VERSION + 1)  # type: ignore[attr-defined]
    found = refused(url, Unsupported)
    assert found.code == "newer-schema"
    assert "upgrade" in str(found)


def test_a_copy_that_was_killed_goes_on(through_proxy: tuple[Proxy, str], tmp_path: Path) -> None:
    """Killed at its first, second, … request that writes, each time one later: what has arrived is sent once."""
    proxy, url = through_proxy
    source = str(tmp_path / "source")
    pipeline(source)
    close_stores()
    arrived: list[str] = []
    kills = 0
    while copy_and_kill(proxy, source, url, allowed=kills, arrived=arrived):
        kills += 1
    assert kills >= 4
    objects = [path for path in arrived if "/objects/" in path]
    assert len(set(objects)) == len(objects)  # nothing went up twice
    assert everything(shared_store(url)) == everything(shared_store(source))


def copy_and_kill(proxy: Proxy, source: str, url: str, *, allowed: int, arrived: list[str]) -> bool:
    """Copy in a process that is killed when it has written ``allowed`` objects; tell whether it was."""
    proxy.reset()
    child = os.fork()
    if child == 0:
        try:
            os._exit(main(["store", "copy", source, url, "--quiet"]))
        finally:
            os._exit(1)

    def count(request: Request) -> Fault | None:
        nonlocal allowed
        if request.method != "PUT":
            return None
        if allowed <= 0:
            os.kill(child, signal.SIGKILL)
            return Fault(cut_request=1)
        allowed -= 1
        arrived.append(request.path)
        return None

    proxy.fault = count
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}
    return status != 0


@pytest.fixture
def secret(url: str, team_servers: Team) -> Iterator[str]:
    """The store, as somebody opens it whose password is `PASSWORD`."""
    parts, user = urlsplit(url), f"u{uuid.uuid4().hex}"
    with psycopg.connect(team_servers.database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'".encode())
        connection.execute(f"GRANT CREATE ON DATABASE {parts.path[1:]} TO {user}".encode())
        yield parts._replace(netloc=f"{user}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}").geturl()
        close_stores()
        connection.execute(f"DROP OWNED BY {user} CASCADE; DROP ROLE {user}".encode())


def test_no_secret_is_written_anywhere(
    secret: str,
    url: str,
    tmp_path: Path,
    team_servers: Team,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not in the catalog, beside the blobs, in journals, in settings, nor in what is printed."""
    monkeypatch.delenv("FOREBEAR_SILENT")
    monkeypatch.setenv("FOREBEAR_STORE", secret)
    assert main(["init"]) == 0
    log(secret, "first", {"a": b"content"})
    (tmp_path / "a.txt").write_text("text")
    assert main(["artifact", "put", str(tmp_path / "a.txt"), "--name", "text"]) == 0
    for words in (["doctor", "--all"], ["run", "show", "first", "-p", "p"], ["run", "ls", "--json"]):
        assert main(words) == 0
    assert main(["store", "copy", str(tmp_path / "nowhere"), secret]) == 3
    printed = capfd.readouterr()
    texts = [printed.out, printed.err, repr(shared_store(secret)), dump(team_servers, url)]
    for folder in (Path.home(), Path.cwd()):
        texts += [path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()]
    store = shared_store(secret)
    texts += [store.objects.read(name).decode("latin-1") for name in store.objects.names()]
    assert len(texts) > 10
    for text in texts:
        assert not any(hidden in text for hidden in (PASSWORD, SECRET_KEY, ACCESS_KEY))


def dump(team: Team, url: str) -> str:
    """All that a catalog holds, as text."""
    schema = parse_qs(urlsplit(url).query)["schema"][0]
    with psycopg.connect(team.database) as connection:
        rows = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (schema,)
        ).fetchall()
        found = [
            connection.execute(f'SELECT t::text FROM "{schema}"."{name}" t'.encode()).fetchall() for (name,) in rows
        ]
    assert len(found) > 15
    return str(found)
