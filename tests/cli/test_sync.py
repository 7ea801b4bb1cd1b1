from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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
