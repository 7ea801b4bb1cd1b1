from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import forebear

KILLED = """
import os, signal, sys
import forebear
run = forebear.init(id=sys.argv[1], settings={"console": "off"})
for step in range(100):
    run.log({"x": step})
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(cli):
    """A run whose process was killed after 100 rows."""
    cli("init")
    done = subprocess.run([sys.executable, "-c", KILLED, "dead"], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    return "dead"


def journals() -> list[Path]:
    return sorted(Path(".forebear/journals").rglob("*.journal"))


def test_nothing_to_recover(cli, pipeline):
    assert cli("sync").lines == ["nothing to recover: no journal was left behind"]
    assert cli("sync", "--json").out == ""


def test_a_killed_run_is_recovered(cli, killed):
    assert len(journals()) == 1
    answer = cli("sync")
    assert answer.lines == ["local/uncategorized/dead  100 rows recovered  it has crashed"]
    assert journals() == []
    assert "nothing to recover" in cli("sync").out
    assert "crashed" in cli("run", "show", killed).lines[0]
    assert len(cli("run", "history", killed, "--samples", "0").lines) == 101


def test_whoever_looks_recovers_too(cli, killed):
    assert cli("run", "ls", "--json").json()["state"] == "crashed"
    assert journals() == []
    assert "nothing to recover" in cli("sync").out


def test_one_run_alone(cli, killed):
    assert "nothing to recover" in cli("sync", "other").out
    assert cli("sync", f"uncategorized/{killed}", "-q").lines == ["local/uncategorized/dead"]


def test_damage_is_named_and_the_rest_is_safe(cli, killed):
    [journal] = journals()
    content = bytearray(journal.read_bytes())
    content[-200] ^= 0xFF  # in one of the last rows
    journal.write_bytes(content)
    answer = cli("sync", status=4)
    assert "rows recovered" in answer.lines[0]
    said = " ".join(answer.out.split())
    assert "is damaged" in said
    assert "the journal is kept at" in said
    rows = cli("run", "history", killed, "--json").json_lines()
    assert 90 <= len(rows) < 100
    assert all(row["x"] == row["_step"] for row in rows)


def test_damage_in_json(cli, killed):
    [journal] = journals()
    journal.write_bytes(journal.read_bytes()[:-3])
    record = cli("sync", "--json").json()
    assert record["run"] == "local/uncategorized/dead"
    assert (record["rows"], record["crashed"], record["kept"]) == (99, True, None)
    [damage] = record["damage"]
    assert damage["torn"] is True


# -- what was logged offline ------------------------------------------------------------------------------------------

OFFLINE = """
import os, signal, sys
import forebear
with forebear.init(id="first", mode="offline", settings={"console": "off"}) as run:
    assert run.offline
    for step in range(10):
        run.log({"x": step})
    data = forebear.Artifact("data", "dataset")
    data.add("text", "a.txt")
    run.log_artifact(data, aliases=["prod"])
with forebear.init(id="second", mode="offline", settings={"console": "off"}) as run:
    run.use_artifact("data:prod")
run = forebear.init(id="third", mode="offline", settings={"console": "off"})
run.log({"x": 1})
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def away(cli, monkeypatch, tmp_path):
    """The store is elsewhere, and nothing answers there while runs are logged."""
    cli("init")
    place = tmp_path / "there"
    monkeypatch.setenv("FOREBEAR_STORE", "postgresql://nobody@127.0.0.1:1/none?blobs=s3://none/none")
    done = subprocess.run([sys.executable, "-c", OFFLINE], check=False, env=os.environ, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    monkeypatch.setenv("FOREBEAR_STORE", f"{place}?blobs=memory://{tmp_path.name}-{os.getpid()}/blobs")
    cli("init")
    return place


def test_runs_that_were_logged_offline_are_sent(cli, away):
    answer = cli("sync")
    assert answer.lines[0] == "local/uncategorized/third  1 row recovered  it has crashed"
    assert answer.lines[1].startswith("copied 3 runs, 1 version, ")
    api = forebear.Api()
    assert api.store.url.startswith(str(away))
    assert [row["x"] for row in api.run("first").scan_history()] == list(range(10))
    assert api.run("third").state == "crashed"
    assert api.artifact("data:prod").logged_by().id == "first"
    assert [run.id for run in api.artifact("data:prod").used_by()] == ["second"]
    assert api.artifact("data:prod").get_entry("a.txt").size == 4


def test_sending_twice_is_sending_once(cli, away):
    cli("sync")
    assert cli("sync").lines == ["nothing to copy: all of it is there"]
    record = cli("sync", "--json").json()
    assert (record["runs"], record["runs_same"], record["versions"]) == (0, 3, 0)
    assert [move.number for move in forebear.Api().alias_history("data")] == [0, 0]


def test_doctor_tells_what_waits(cli, away):
    [finding] = cli("doctor", "-q").lines
    assert finding.startswith("3 runs of mode offline in ")
    cli("sync")
    assert cli("doctor", "-q").lines == []


def test_one_run_alone_sends_nothing(cli, away):
    assert "nothing to recover" in cli("sync", "first").out
    assert cli("run", "ls", "-q").lines == []


def test_a_run_of_a_store_here_is_offline_anyway(cli):
    cli("init")
    with forebear.init(mode="offline") as run:
        assert run.store.url == str(Path.cwd() / ".forebear")
    with forebear.init(mode="online") as run:
        assert run.offline
    assert not Path(".forebear/offline").exists()
