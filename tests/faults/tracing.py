"""Work in a forked child whose calls of the system strace kills, or lets fail, one at a time.

A fork has all modules loaded already, so that a case takes milliseconds and opens the files of the store alone: its
calls can be counted, those that open too. strace takes hold of the child while it stands still between getting ready
and the work itself. What the child says comes back through shared memory, which needs no call that could fail.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import mmap
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from forebear.errors import ForebearError

#: Returns what is to be done once strace is there.
Ready = Callable[[], Callable[[], object]]

#: Calls that change a store, for strace.
CHANGES = (
    "write,pwrite64,pwritev,fsync,fdatasync,openat,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,mkdir,"
    "mkdirat,ftruncate,fallocate,fchmod,chmod,fchmodat,copy_file_range,sendfile,utimensat"
)
#: Calls that read it.
READS = "read,pread64,readv,preadv,getdents64,newfstatat,stat,lstat,mmap"

DONE, FAILED, REFUSED = 0, 1, 2
_SAID_BYTES = 64 * 1024
_PR_SET_PDEATHSIG = 1  # prctl(2)
#: Seconds that strace may take to be there, and a case to end.
_PATIENCE = 60.0


class Ending(NamedTuple):
    """How a child ended.

    Attributes:
        code: `DONE`; `REFUSED` with an error of forebear; `FAILED` with any other; or minus the signal that killed it.
        said: The error with its traceback, or nothing.
    """

    code: int
    said: str


class Point(NamedTuple):
    """A call of the system: its name, and how many of that name it is in its thread."""

    name: str
    number: int


class Child:
    """A forked child that gets ready, stands still until `go`, and then does its work."""

    def __init__(self, ready: Ready) -> None:
        self._said = mmap.mmap(-1, _SAID_BYTES)
        self.pid = os.fork()
        if self.pid == 0:
            self._live(ready)
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        self._ended = None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)

    def _live(self, ready: Ready) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # nobody waits for it where the test was ended
        code = FAILED
        try:
            work = ready()
            os.kill(os.getpid(), signal.SIGSTOP)
            work()
            code = DONE
        except ForebearError:
            code = REFUSED
            self._say()
        except BaseException:
            self._say()
        finally:
            os._exit(code)

    def _say(self) -> None:
        text = traceback.format_exc().encode()[-_SAID_BYTES:]
        self._said[: len(text)] = text

    def go(self) -> None:
        """Let the child do its work."""
        if self._ended is None:
            os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the child now; it is still to be waited for."""
        if self._ended is None:
            os.kill(self.pid, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Whether it is over, or was killed."""
        if self._ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._ended = os.waitstatus_to_exitcode(status)
        return self._ended is not None

    def wait(self) -> Ending:
        """Wait for its end."""
        if self._ended is None:
            self._ended = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        said = bytes(self._said).rstrip(b"\0").decode(errors="replace")
        self._said.close()
        return Ending(self._ended, said)

    def is_traced(self) -> bool:
        """Whether somebody traces all its threads."""
        tasks = Path(f"/proc/{self.pid}/task")
        return all("TracerPid:\t0\n" not in (task / "status").read_text() for task in tasks.iterdir())


def in_child(work: Callable[[], object]) -> Ending:
    """Do something in a forked child, so that this process has no store open that a later fork would share."""
    child = Child(lambda: work)
    child.go()
    return child.wait()


def load_what_it_loads(work: Callable[[], object]) -> None:
    """Do work in a child, and import here what was imported there: a library that cannot be read is another matter."""
    with tempfile.NamedTemporaryFile() as file:

        def tell() -> None:
            work()
            Path(file.name).write_text("\n".join(sys.modules))

        ending = in_child(tell)
        assert ending.code == DONE, ending.said
        for name in Path(file.name).read_text().splitlines():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def traced(ready: Ready, options: Iterable[str], note: Path) -> Ending:
    """Do work in a child under strace, which writes to ``note``."""
    child = Child(ready)
    with subprocess.Popen(
        ["strace", "-f", "-qq", "-o", str(note), *options, "-p", str(child.pid)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as strace:
        try:
            deadline = time.monotonic() + _PATIENCE
            while not child.is_traced():
                assert strace.poll() is None, "strace may not trace here"
                assert time.monotonic() < deadline, "strace takes no hold"
                time.sleep(0.0005)
            child.go()
        except BaseException:
            child.kill()
            raise
        finally:
            ending = child.wait()
    return ending


def points(ready: Ready, calls: str, place: Path, note: Path) -> list[Point]:
    """Do work once under strace, and return its calls that have to do with files below ``place``, in their order."""
    ending = traced(ready, ["-y", "-e", f"trace={calls}"], note)
    assert ending.code == DONE, ending.said
    return points_in(note, place)


def points_in(note: Path, place: Path) -> list[Point]:
    """Return the calls in what strace wrote that have to do with files below ``place``, in their order."""
    counts: dict[tuple[str, str], int] = {}
    found: dict[Point, None] = {}
    for line in note.read_text(errors="replace").splitlines():
        parts = re.match(r"(\d+) +(\w+)\((.*)", line)
        if parts is None:
            continue  # the second half of a call that another thread came in between
        thread, name, rest = parts.groups()
        number = counts[thread, name] = counts.get((thread, name), 0) + 1
        if str(place) in rest:
            found[Point(name, number)] = None
    return list(found)


def killed_at(ready: Ready, point: Point, note: Path) -> Ending:
    """Do work in a child that is killed as it makes a call."""
    return traced(ready, _inject(point, "signal=KILL"), note)


def failing_at(ready: Ready, point: Point, error: str, note: Path, *, lasting: bool = False) -> tuple[Ending, bool]:
    """Do work in a child for which a call fails, or it and all later ones of its name; tell whether one did."""
    ending = traced(ready, _inject(point, f"error={error}", "+" if lasting else ""), note)
    return ending, "(INJECTED)" in note.read_text(errors="replace")


def _inject(point: Point, what: str, more: str = "") -> list[str]:
    return ["-e", f"trace={point.name}", "-e", f"inject={point.name}:{what}:when={point.number}{more}"]


def strace_works() -> bool:
    """Whether strace is there and may trace."""
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-qq", "-o", os.devnull, "true"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
