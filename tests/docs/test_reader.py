"""The reader on the page about the format, which knows nothing of forebear, reads what a team has in its bucket."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import fsspec
import pytest

import forebear
from forebear.store.shared import shared_store

if TYPE_CHECKING:
    from tests.team import Team

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "repository-format.md"
MIB = 1024 * 1024


def reader() -> str:
    """The program at the end of the page."""
    *_, code = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert "forebear" not in re.sub(r'"\.forebear[^"]*"', "", code)
    return str(code)


@pytest.mark.server
def test_it_reads_a_bucket(team_servers: Team, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    team_servers.enter(monkeypatch)
    url = team_servers.url("read by somebody else")
    log(url, tmp_path / "data")
    names = set(shared_store(url).objects.names())
    assert all(name.startswith(("pack/", "versions/")) for name in names)
    system = fsspec.filesystem("s3", **team_servers.s3.storage_options)
    system.get(parse_qs(urlsplit(url).query)["blobs"][0], str(tmp_path / "copy" / ".forebear"), recursive=True)
    done = subprocess.run(
        [sys.executable, "-c", reader()], cwd=tmp_path / "copy", capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [f"things {number} 302 files are sound" for number in (0, 1)], done.stderr
    damaged = max((tmp_path / "copy").rglob("pack/*/*"), key=lambda path: path.stat().st_size)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    broken = subprocess.run([sys.executable, "-c", reader()], cwd=tmp_path / "copy", capture_output=True, check=False)
    assert broken.returncode == 1


def test_it_reads_what_became_of_a_store(team_servers: Team, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Aliases moved, a version was deleted, and a pack was written anew of which another has a recipe."""
    team_servers.enter(monkeypatch)
    url = team_servers.url("read after a collection")
    first, rest = os.urandom(20 * MIB), os.urandom(16 * MIB)
    (tmp_path / "large.bin").write_bytes(first)
    log_one(url, tmp_path / "large.bin")
    (tmp_path / "large.bin").write_bytes(first[: 4 * MIB] + rest)
    log_one(url, tmp_path / "large.bin")
    api = forebear.Api(url, project="p")
    api.artifact("one:v1").aliases.append("best")
    api.artifact("one:v0").delete(delete_aliases=True)
    report = api.collect(at_once=True, trash_days=0)
    assert report.rewritten.count == 1
    assert report.deleted.count > 1
    folder = tmp_path / "copy" / ".forebear"
    system = fsspec.filesystem("s3", **team_servers.s3.storage_options)
    system.get(parse_qs(urlsplit(url).query)["blobs"][0], str(folder), recursive=True)
    assert len(list(folder.rglob("versions/**/*.json"))) > 2
    packs = 'objects.glob("pack/*/*")'
    assert packs in reader()
    for order in ("False", "True"):
        code = reader().replace(packs, f"sorted({packs}, reverse={order})")
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder.parent, capture_output=True, text=True, check=False
        )
        assert done.stdout == "one 1 1 files are sound\n", done.stderr


def log_one(url: str, path: Path) -> None:
    with forebear.init(project="p", store=url, settings={"silent": True, "console": "off"}) as run:
        artifact = forebear.Artifact("one", "dataset")
        artifact.add_file(path)
        run.log_artifact(artifact).wait()


def log(url: str, folder: Path) -> None:
    """Log small files, a large one made of chunks, and then one that is nearly the same; weights, with bytes apart."""
    folder.mkdir()
    for number in range(300):
        (folder / f"{number}.txt").write_text(f"text {number} " * 20)
    large = os.urandom(20 * MIB)
    weights = bytearray(os.urandom(MIB))
    weights[1::2] = b"<" * (MIB // 2)
    (folder / "weights.bin").write_bytes(weights)
    with forebear.init(project="a b", store=url, settings={"silent": True, "console": "off"}) as run:
        for more in (b"", b"a few bytes"):
            (folder / "large.bin").write_bytes(large[: 9 * MIB] + more + large[9 * MIB :])
            artifact = forebear.Artifact("things", "dataset")
            artifact.add_dir(folder)
            artifact.add_file(folder / "weights.bin", compress=True, overwrite=True)
            run.log_artifact(artifact).wait()
    [second] = [each for each in forebear.Api(url, project="a b").artifacts("things") if each.version == "v1"]
    assert second.added_bytes < 3 * MIB
