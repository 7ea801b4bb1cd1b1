"""Processes of an agent: how they end, what they leave behind, and that they never outlive their agent."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from forebear.sweeps.children import Child, Children
from tests.sweeps.processes import DEADLINE, is_gone, number_in, until

MARK = ("FOREBEAR_AGENT", f"test:{os.getpid()}")
#: Begins a process that ignores SIGTERM and lives on, and writes its number into a file.
LEAVES_ONE = """
import os, signal, sys, time
if os.fork() == 0:
    {before}
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open("left", "w") as file:
        file.write(f"{{os.getpid()}}\\n")
    time.sleep(60)
while not os.path.exists("left"):
    time.sleep(0.005)
{after}
"""


class Family:
    """Children, and the ends that were told."""

    def __init__(self, children: Children, folder: Path) -> None:
        self.children, self.folder = children, folder
        self.ends: queue.SimpleQueue[Child] = queue.SimpleQueue()

    def begin(self, code: str, **environment: str) -> Child:
        line = [sys.executable, "-u", "-I", "-S", "-c", code]
        return self.children.begin(line, dict(os.environ) | environment, self.folder / "a" / "log", self.ends.put)

    def ended(self, child: Child) -> Child:
        assert self.ends.get(timeout=DEADLINE) is child
        assert child.status is not None
        return child


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Family]:
    monkeypatch.chdir(tmp_path)
    with Children(MARK, grace=0.3) as children:
        yield Family(children, tmp_path)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("print('hello')", 0, "exit status 0: hello"),
        ("import sys; sys.exit(7)", 7, "exit status 7"),
        ("print('a\\n\\n  b  \\n\\n'); import sys; sys.exit('no')", 1, "exit status 1: no"),
        ("import os; os.kill(os.getpid(), 9)", -9, "ended by SIGKILL"),
        ("print('x' * 1_000); import os; os.abort()", -6, f"ended by SIGABRT: {'x' * 300}"),
        ("import os; os.write(1, b'\\xff' * 9_000)", 0, f"exit status 0: {chr(0xFFFD) * 300}"),
    ],
)
def test_how_one_ends(family: Family, code: str, status: int, words: str) -> None:
    child = family.ended(family.begin(code))
    assert (child.status, child.words()) == (status, words)


def test_what_it_prints_is_kept_and_it_reads_nothing(family: Family) -> None:
    child = family.ended(family.begin("import sys; print(repr(sys.stdin.read())); print('no', file=sys.stderr)"))
    assert sorted(child.log.read_text().splitlines()) == ["''", "no"]
    child.log.unlink()
    assert child.words() == "exit status 0"


def test_it_has_its_environment_and_the_mark(family: Family) -> None:
    family.ended(family.begin("import os; print(os.environ['X'], os.environ['FOREBEAR_AGENT'])", X="$(id)"))
    assert (family.folder / "a" / "log").read_text() == f"$(id) {MARK[1]}\n"


@pytest.mark.parametrize("line", [["/none/such"], ["no-such-program-anywhere"], ["/etc"], ["true", "a\0b"]])
def test_what_cannot_be_begun_is_said(family: Family, line: list[str]) -> None:
    with pytest.raises((OSError, ValueError)):
        family.children.begin(line, dict(os.environ), family.folder / "log", family.ends.put)


SLEEPS = "import time; open('up', 'w').close(); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"


def test_one_that_is_asked_ends(family: Family) -> None:
    child = family.begin(SLEEPS)
    until(Path("up").exists)
    assert child.next_tick is None
    child.end()
    assert family.ended(child).status == -signal.SIGTERM


def test_one_that_does_not_is_killed(family: Family) -> None:
    child = family.begin(STUBBORN)
    until(Path("up").exists)
    began = time.monotonic()
    child.end()
    child.end()
    while family.ends.empty():
        due = child.next_tick
        time.sleep(0.01 if due is None else max(0.0, due - time.monotonic()))
        child.tick()
    assert family.ended(child).status == -signal.SIGKILL
    assert 0.25 < time.monotonic() - began < DEADLINE


def test_one_that_may_end_by_itself_is_given_time(family: Family) -> None:
    child = family.begin("import os, time\nwhile not os.path.exists('go'): time.sleep(0.005)")
    child.end(after=60)
    child.tick()
    assert child.next_tick is not None
    assert child.next_tick > time.monotonic() + 30
    Path("go").touch()
    assert family.ended(child).status == 0


def test_killing_does_not_wait(family: Family) -> None:
    child = family.begin(STUBBORN)
    until(Path("up").exists)
    child.end(after=60)
    child.kill()
    assert family.ended(child).status == -signal.SIGKILL
    assert child.next_tick is None


def test_signals_reach_all_of_it(family: Family) -> None:
    code = """
import os, signal, time
def note(number, frame):
    open(f"got-{os.getpid()}", "w").close()
    os._exit(0)
signal.signal(signal.SIGUSR1, note)
pid = os.fork()
open(f"up-{os.getpid()}", "w").close()
while True: time.sleep(1)
"""
    child = family.begin(code)
    until(lambda: len(list(family.folder.glob("up-*"))) == 2)
    child.signal(signal.SIGUSR1)
    family.ended(child)
    until(lambda: len(list(family.folder.glob("got-*"))) == 2)


def test_what_it_leaves_behind_is_ended(family: Family) -> None:
    child = family.ended(family.begin(LEAVES_ONE.format(before="", after="sys.exit(4)")))
    assert child.status == 4
    assert is_gone(number_in(Path("left")))


AGENT = """
import os, sys, time
from pathlib import Path
from forebear.sweeps.children import Children
with Children(("FOREBEAR_AGENT", "killed-{pid}"), grace=0.2) as children:
    children.begin([sys.executable, "-I", "-S", "-c", {code!r}], dict(os.environ), Path("log"), print)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("before", "number"), [("", signal.SIGKILL), ("os.setsid()", signal.SIGKILL), ("", signal.SIGTERM)]
)
def test_none_outlives_an_agent_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, number: signal.Signals
) -> None:
    monkeypatch.chdir(tmp_path)
    code = LEAVES_ONE.format(before=before, after="open('me', 'w').write(f'{os.getpid()}\\n'); time.sleep(60)")
    agent = subprocess.Popen([sys.executable, "-c", AGENT.format(pid=os.getpid(), code=code)])
    pids = [number_in(Path("me")), number_in(Path("left"))]
    assert not any(map(is_gone, pids))
    agent.send_signal(number)
    assert agent.wait(DEADLINE) == -number
    until(lambda: all(map(is_gone, pids)))


def test_a_warden_that_is_killed_is_not_missed(family: Family) -> None:
    child = family.begin(SLEEPS)
    until(Path("up").exists)
    warden = family.children._warden
    assert warden is not None
    warden.kill()
    warden.wait()
    child.end()
    assert family.ended(child).status == -signal.SIGTERM
    assert family.ended(family.begin("pass")).status == 0
