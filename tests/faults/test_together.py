"""Many processes work in one store at once: no version is lost, no number is given twice, the store stays sound."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import forebear
from forebear.store.opening import open_store
from forebear.store.shared import close_stores
from forebear.testing.soundness import troubles

PROCESSES = 8
VERSIONS = 6

#: Each waits until all are there, so that they begin together.
BEGIN = """
import json, sys
import forebear
store, who = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
run = forebear.init(project="p", store=store, settings={"silent": True})
def log(text, **how):
    draft = forebear.Artifact("ds", "dataset")
    with draft.new_file("a.txt") as file:
        file.write(text)
    with draft.new_file("large.bin", "wb") as file:
        file.write(text.encode() * 100_000)
    return run.log_artifact(draft, **how).version
"""


def together(store: Path, script: str, count: int = PROCESSES) -> list[Any]:
    """Run a script in many processes at once; return what each one printed at its end, as JSON."""
    command = [sys.executable, "-c", BEGIN + script, str(store)]
    processes = [
        subprocess.Popen([*command, str(who)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for who in range(count)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    answers = []
    for process in processes:
        out, errors = process.communicate()
        assert (process.returncode, errors) == (0, b"")
        answers.append(json.loads(out))
    return answers


def api(store: Path) -> forebear.Api:
    return forebear.Api(str(store), project="p")


def assert_sound(store: Path) -> None:
    close_stores()
    opened = open_store(store, create=False)
    assert troubles(opened) == []
    opened.close()


def test_eight_processes_log_to_one_collection(tmp_path: Path) -> None:
    script = f"print(json.dumps([log(f'{{who}}-{{i}}', aliases=[f'of-{{who}}']) for i in range({VERSIONS})]))"
    answers = together(tmp_path / "store", script)
    given = {version: f"{who}-{i}" for who, versions in enumerate(answers) for i, version in enumerate(versions)}
    assert sorted(given, key=lambda version: int(version[1:])) == [f"v{n}" for n in range(PROCESSES * VERSIONS)]
    found = api(tmp_path / "store").artifacts("ds")
    assert {version.version: version.read("a.txt").decode() for version in found} == given
    for who, versions in enumerate(answers):
        assert api(tmp_path / "store").artifact(f"ds:of-{who}").version == versions[-1]
    assert api(tmp_path / "store").artifact("ds:latest").version == found[0].version
    assert {run.state for run in api(tmp_path / "store").runs()} == {"finished"}
    assert_sound(tmp_path / "store")


def test_eight_processes_log_the_same_content_and_it_is_one_version(tmp_path: Path) -> None:
    answers = together(tmp_path / "store", "print(json.dumps([log(str(i)) for i in range(3)]))")
    assert {version for versions in answers for version in versions} == {"v0", "v1", "v2"}
    for version in api(tmp_path / "store").artifacts("ds"):
        origin = version.logged_by()
        assert origin is not None
        assert len({origin.id, *(run.id for run in api(tmp_path / "store").runs())}) == PROCESSES
    assert_sound(tmp_path / "store")


def test_of_many_that_move_an_alias_from_one_version_a_single_one_succeeds(tmp_path: Path) -> None:
    with forebear.init(project="p", store=tmp_path / "store", settings={"silent": True}) as run:
        draft = forebear.Artifact("ds", "dataset")
        with draft.new_file("a.txt") as file:
            file.write("first")
        run.log_artifact(draft, aliases=["prod"])
    close_stores()
    script = """
from forebear.errors import Conflict
log(str(who))
try:
    log(f"better {who}", aliases=["prod"], expect="v0")
    moved = True
except Conflict:
    moved = False
print(json.dumps(moved))
"""
    moved = together(tmp_path / "store", script)
    assert sum(moved) == 1
    assert api(tmp_path / "store").artifact("ds:prod").read("a.txt").decode() == f"better {moved.index(True)}"
    assert_sound(tmp_path / "store")
