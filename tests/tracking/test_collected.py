"""What runs keep outlives a collection without patience, wherever between the script and the catalog it is."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.artifacts.collecting.collecting import collect
from forebear.artifacts.collecting.rules import AT_ONCE
from forebear.records.content import LOOSE

#: Lets everything go at once that nothing names.
ALL = replace(AT_ONCE, trash_seconds=0)
LARGE = os.urandom(700_000)


def content(run: forebear.Run, name: str, root: Path) -> bytes:
    """The content of a file of a run, from the store."""
    found = forebear.Api().run(f"{run.project}/{run.id}").file(name)
    return Path(found.download(root=str(root), replace=True)).read_bytes()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOREBEAR_SILENT", "1")
    monkeypatch.setenv("FOREBEAR_STORE", str(Path.cwd() / ".forebear"))
    return Path.cwd() / ".forebear"


def test_a_large_file_stays_that_only_the_journal_names(store: Path, tmp_path: Path) -> None:
    Path("model.bin").write_bytes(LARGE)
    with forebear.init(project="p") as run:
        run.save("model.bin", policy="now")
        assert collect(run.store, ALL).thrown_out.count == 0
    assert collect(run.store, ALL).thrown_out.count == 0
    assert content(run, "model.bin", tmp_path) == LARGE


def test_a_large_file_that_was_there_before_stays_too(store: Path, tmp_path: Path) -> None:
    Path("model.bin").write_bytes(LARGE)
    with forebear.init(project="p") as run:
        artifact = forebear.Artifact("model", "model")
        artifact.add_file("model.bin")
        version = run.log_artifact(artifact).wait()
        run.save("model.bin", policy="now")
        version.delete(delete_aliases=True)
        assert collect(run.store, ALL).thrown_out.count == 1  # the page alone
    assert content(run, "model.bin", tmp_path) == LARGE


def test_a_large_image_stays_that_only_the_journal_names(store: Path) -> None:
    pixels = np.frombuffer(os.urandom(3 * 1400 * 1400), np.uint8).reshape(1400, 1400, 3)
    with forebear.init(project="p") as run:
        run.log({"image": forebear.Image(pixels)})
        assert collect(run.store, ALL).thrown_out.count == 0
    files = run.store.catalog.run_files(run._record.key)
    (image,) = [file for file in files if file.path.startswith("media/")]
    assert len(run.store.read(image.digest)) == image.size > 4 * 1024 * 1024


def test_what_a_killed_run_saved_stays_until_somebody_takes_it_in(store: Path, tmp_path: Path) -> None:
    Path("model.bin").write_bytes(LARGE)
    code = """
        import os, signal, forebear
        run = forebear.init(project="p", id="killed")
        run.save("model.bin", policy="now")
        forebear.log({"loss": 1})
        os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, env=os.environ)
    Path("model.bin").unlink()
    opened = forebear.Api().store
    held = [o for o in opened.catalog.objects() if o.kind == LOOSE]
    collect(opened, ALL)
    assert [o for o in opened.catalog.objects() if o.kind == LOOSE] == held
    forebear.init(project="p", id="next").finish()  # takes in what the other left
    collect(opened, ALL)
    run = forebear.Api().run("p/killed")
    assert Path(run.file("model.bin").download(root=str(tmp_path), replace=True)).read_bytes() == LARGE


def test_files_of_a_deleted_run_go(store: Path) -> None:
    Path("model.bin").write_bytes(LARGE)
    with forebear.init(project="p") as run:
        run.save("model.bin", policy="now")
    forebear.Api().run(f"p/{run.id}").delete()
    assert collect(run.store, ALL).thrown_out.size >= len(LARGE)
    assert [o for o in run.store.catalog.objects() if o.kind == LOOSE] == []
