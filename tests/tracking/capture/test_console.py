"""What a run prints is on the terminal as ever, and in its file; nobody who prints notices."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from forebear.errors import InvalidInput
from forebear.tracking.capture import console as module
from forebear.tracking.capture.console import Console


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


@pytest.fixture(autouse=True)
def _nothing_left_wrapped() -> Iterator[None]:
    yield
    assert [one for one in module._wrapped if one.taps] == []
    module._wrapped.clear()


@contextlib.contextmanager
def captured(path: Path, mode: str = "auto", **options: int) -> Iterator[Console]:
    console = Console(path, mode, **options)
    console.start()
    try:
        yield console
    finally:
        console.stop()


def script(text: str, log: Path, mode: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run lines of Python in a process whose console is captured."""
    head = f"""
import os, subprocess, sys, threading
from pathlib import Path
from forebear.tracking.capture.console import Console
console = Console(Path({str(log)!r}), {mode!r})
console.start()
"""
    return subprocess.run(
        [sys.executable, "-c", head + text], capture_output=True, text=True, errors="replace", check=check, timeout=60
    )


# -- wrap -------------------------------------------------------------------------------------------------------


def test_both_streams_are_kept_and_shown(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with captured(log):
        print("out", 1)
        print("err", 2, file=sys.stderr)
        sys.stdout.writelines(["a\n", "b\n"])
    print("later")
    assert capsys.readouterr() == ("out 1\na\nb\nlater\n", "err 2\n")
    assert log.read_text() == "out 1\nerr 2\na\nb\n"


def test_lines_are_in_the_file_at_once(log: Path) -> None:
    with captured(log):
        print("now")
        assert log.read_text() == "now\n"


def test_write_is_put_back_even_under_pytest(log: Path) -> None:
    before = [vars(stream).get("write") for stream in (sys.stdout, sys.stderr)]
    with captured(log):
        assert vars(sys.stdout)["write"] is not None
    assert [vars(stream).get("write") for stream in (sys.stdout, sys.stderr)] == before


def test_what_write_returns_and_raises_is_handed_on(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(io.StringIO):
        def write(self, text: str) -> int:
            if text == "boom":
                raise BrokenPipeError("gone")
            return 42

    monkeypatch.setattr(sys, "stdout", Odd())
    with captured(log):
        assert sys.stdout.write("x\n") == 42
        with pytest.raises(BrokenPipeError):
            sys.stdout.write("boom")
    assert log.read_text() == "x\n"


def test_progress_bars_leave_their_last_state(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with captured(log):
        for number in range(1_000):
            sys.stderr.write(f"\r{number / 10:.1f}%|{'#' * (number // 50)}")
            sys.stderr.flush()
            if number == 500:
                print("half")
        sys.stderr.write("\n")
    assert sorted(log.read_text().splitlines()) == ["99.9%|###################", "half"]


def test_secrets_are_hidden_however_they_are_pieced_together(log: Path) -> None:
    with captured(log):
        print("password=", end="")
        print("hunter2", end="")
        print("\npostgresql://u:hunter2@host/db")
    assert log.read_text() == "password=***\npostgresql://***@host/db\n"


def test_loggers_that_hold_the_stream_are_seen(log: Path) -> None:
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("test-console")
    logger.addHandler(handler)
    try:
        with captured(log):
            logger.warning("from a logger")
    finally:
        logger.removeHandler(handler)
    assert log.read_text() == "from a logger\n"


def test_two_runs_at_once_each_keep_theirs(tmp_path: Path) -> None:
    first, second = tmp_path / "1.log", tmp_path / "2.log"
    with captured(first):
        print("a")
        with captured(second):
            print("b")
        print("c")
    assert first.read_text() == "a\nb\nc\n"
    assert second.read_text() == "b\n"


def test_runs_may_end_in_the_order_they_began(tmp_path: Path) -> None:
    first, second = Console(tmp_path / "1.log"), Console(tmp_path / "2.log")
    first.start()
    second.start()
    print("a")
    first.stop()
    print("b")
    second.stop()
    print("c")
    assert (tmp_path / "1.log").read_text() == "a\n"
    assert (tmp_path / "2.log").read_text() == "a\nb\n"


def test_a_second_run_writes_on(log: Path) -> None:
    for text in ("a", "b"):
        with captured(log):
            print(text)
    assert log.read_text() == "a\nb\n"


def test_who_wraps_after_us_stays_in_place_and_nothing_piles_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    first = Console(tmp_path / "1.log")
    first.start()
    inner = stream.write
    seen: list[str] = []
    monkeypatch.setattr(stream, "write", lambda text: (seen.append(text), inner(text))[1])
    foreign = stream.write
    first.stop()
    assert stream.write is foreign
    for number in range(3):
        with captured(tmp_path / f"{number}.later"):
            print(number)
            assert stream.write is foreign
    print("end")
    assert stream.getvalue() == "0\n1\n2\nend\n"
    assert "".join(seen) == stream.getvalue()
    assert [(tmp_path / f"{number}.later").read_text() for number in range(3)] == ["0\n", "1\n", "2\n"]
    assert (tmp_path / "1.log").read_text() == ""


def test_a_stream_that_is_replaced_meanwhile_is_no_trouble(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sys.stdout
    with captured(log):
        print("a")
        with contextlib.redirect_stdout(io.StringIO()):
            print("not ours")
        monkeypatch.setattr(sys, "stdout", io.StringIO())
        print("nor this")
    assert "write" not in vars(before)
    assert log.read_text() == "a\n"


def test_streams_that_are_none_or_rigid_are_passed_over(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Rigid:
        __slots__ = ()

        def write(self, text: str) -> int:
            return len(text)

    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", Rigid())
    with captured(log):
        print("x", file=sys.stderr)
    assert log.read_text() == ""


def test_a_broken_log_does_not_break_print(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, text: str) -> None:
        raise RuntimeError("broken")

    with captured(log):
        with monkeypatch.context() as patch:
            patch.setattr(module.Screen, "write", broken)
            print("lost")
        print("kept")
    assert log.read_text() == "kept\n"


def test_printing_while_printing_neither_hangs_nor_loses(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = module.Screen.write

    def talkative(self: module.Screen, text: str) -> None:
        if text == "a\n":
            print("from within")
        write(self, text)

    monkeypatch.setattr(module.Screen, "write", talkative)
    with captured(log):
        sys.stdout.write("a\n")
    assert log.read_text() == "a\nfrom within\n"


def test_signal_handlers_may_print(log: Path) -> None:
    count = 0

    def handler(*_: object) -> None:
        nonlocal count
        count += 1
        print("signal")

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with captured(log):
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
            while count < 20:
                sys.stdout.write("text\n")
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert log.read_text().count("signal") == count


def test_threads_lose_no_line(log: Path) -> None:
    def work(name: int) -> None:
        for number in range(300):
            sys.stdout.write(f"{name} {number}\n")

    with captured(log):
        threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(log.read_text().splitlines()) == sorted(f"{a} {b}" for a in range(6) for b in range(300))


def test_a_forked_child_prints_on_its_own(log: Path) -> None:
    done = script(
        """
print("parent", flush=True)
pid = os.fork()
if not pid:
    print("child")
    console.stop()
    sys.stdout.flush()
    os._exit(0)
os.waitpid(pid, 0)
print("parent again")
console.stop()
""",
        log,
        "wrap",
    )
    assert sorted(done.stdout.split("\n")) == ["", "child", "parent", "parent again"]
    assert log.read_text() == "parent\nparent again\n"


def test_what_was_printed_survives_a_kill(log: Path) -> None:
    done = script("print('a'); print('50%', end=''); os.kill(os.getpid(), 9)", log, "wrap", check=False)
    assert done.returncode == -signal.SIGKILL
    assert log.read_text() == "a\n"


def test_text_that_came_faster_than_it_is_written_is_counted(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_WAITING", 100)
    kept = module.ConsoleLog(log)
    with kept._lock:
        kept.feed("stdout", "x" * 101 + "\n")
        kept.feed("stdout", "y\n")
    kept.feed("stdout", "")
    kept._work()
    kept.close()
    assert log.read_text() == "x" * 101 + "\n[forebear: 2 characters came faster than they could be written]\n"


def test_off_does_nothing_and_other_modes_are_refused(log: Path) -> None:
    with captured(log, "off"):
        print("x")
    assert not log.exists()
    with pytest.raises(InvalidInput, match="console 'loud' is unknown; there are auto, off, wrap, redirect, "):
        Console(log, "loud")


def test_two_who_write_to_one_file_get_one_each(tmp_path: Path) -> None:
    first, second = Console(tmp_path / "output.log"), Console(tmp_path / "output.log", "wrap_emu")
    first.start()
    second.start()
    print("x")
    second.stop()
    first.stop()
    assert (first.file_name, second.file_name) == ("output.log", f"output-{os.getpid()}.log")
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["x\n", "x\n"]


def test_starting_and_stopping_twice_is_fine(log: Path) -> None:
    console = Console(log)
    console.start()
    console.start()
    print("x")
    console.stop()
    console.stop()
    assert log.read_text() == "x\n"


# -- redirect ---------------------------------------------------------------------------------------------------

EVERY_WAY = """
print("from python")
os.write(1, b"from a descriptor\\n")
subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
os.write(2, b"bad \\xff\\xc3 bytes\\n")
print("to stderr", file=sys.stderr)
console.stop()
print("after")
"""


def test_redirect_sees_descriptors_and_children(log: Path) -> None:
    done = script(EVERY_WAY, log, "redirect")
    assert set(done.stdout.splitlines()) == {"from python", "from a descriptor", "from a child", "after"}
    assert set(log.read_text().splitlines()) == {
        "from python", "from a descriptor", "from a child", "bad \ufffd\ufffd bytes", "to stderr",
    }  # fmt: skip


def test_redirect_on_a_terminal_stays_a_terminal(log: Path) -> None:
    read, write = os.openpty()
    program = f"""
import os, subprocess, sys
from pathlib import Path
from forebear.tracking.capture.console import Console
console = Console(Path({str(log)!r}), "redirect")
console.start()
print(os.isatty(1), os.get_terminal_size(1).columns > 0)
print("\\x1b[31mred\\x1b[0m")
for number in range(5): print(number, end="\\r")
print()
console.stop()
print("end")
"""
    import fcntl
    import struct
    import termios

    fcntl.ioctl(write, termios.TIOCSWINSZ, struct.pack("4H", 40, 132, 0, 0))
    process = subprocess.Popen([sys.executable, "-c", program], stdin=write, stdout=write, stderr=write)
    os.close(write)
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(read, 4_096):
            shown += piece
    os.close(read)
    assert process.wait(60) == 0, shown
    assert shown == b"True True\r\n\x1b[31mred\x1b[0m\r\n0\r1\r2\r3\r4\r\r\nend\r\n"
    assert log.read_text() == "True True\nred\n4\n"


def test_redirect_keeps_a_lot_of_text_whole(log: Path) -> None:
    done = script("for number in range(50_000): print('line', number)\nconsole.stop()", log, "redirect")
    expected = "".join(f"line {number}\n" for number in range(50_000))
    assert done.stdout == expected
    assert log.read_text() == expected


def test_a_child_that_outlives_the_run_can_still_print(log: Path) -> None:
    done = script(
        """
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read(); print('late')"], stdin=subprocess.PIPE)
console.stop()
child.communicate()
assert child.returncode == 0
import time
deadline = time.monotonic() + 30
while any(one.name == "forebear-stdout" for one in threading.enumerate()) and time.monotonic() < deadline:
    time.sleep(0.005)
""",
        log,
        "redirect",
    )
    assert done.stdout == "late\n"
    assert log.read_text() == ""


def test_a_forked_child_writes_into_the_channel_of_its_parent(log: Path) -> None:
    done = script(
        """
pid = os.fork()
if not pid:
    print("child", flush=True)
    console.stop()
    os._exit(0)
os.waitpid(pid, 0)
console.stop()
print("end")
""",
        log,
        "redirect",
    )
    assert done.stdout == "child\nend\n"
    assert log.read_text() == "child\n"


def test_redirected_runs_one_after_the_other_and_at_once(log: Path) -> None:
    done = script(
        """
second = Console(console._path.parent / "second.log", "redirect")
print("a", flush=True)
second.start()
print("b", flush=True)
console.stop()
print("c", flush=True)
second.stop()
third = Console(console._path, "redirect")
third.start()
print("d", flush=True)
third.stop()
fds = len(os.listdir("/proc/self/fd"))
for _ in range(5):
    one = Console(console._path, "redirect"); one.start(); one.stop()
import time
deadline = time.monotonic() + 30
while threading.active_count() > 1 and time.monotonic() < deadline:
    time.sleep(0.005)
assert len(os.listdir("/proc/self/fd")) <= fds
""",
        log,
        "redirect",
    )
    assert done.stdout == "a\nb\nc\nd\n"
    assert log.read_text() == "a\nb\nd\n"
    assert (log.parent / "second.log").read_text() == "b\nc\n"


def test_a_descriptor_that_somebody_redirected_meanwhile_stays_so(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    script(
        f"""
file = os.open({str(other)!r}, os.O_WRONLY | os.O_CREAT)
os.dup2(file, 1)
console.stop()
os.write(1, b"theirs")
""",
        log,
        "redirect",
    )
    assert other.read_text() == "theirs"
