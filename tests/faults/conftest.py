"""What tests of faults share: a process without the powers of root, and one that is killed at a step of its work."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import subprocess
import traceback
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from forebear.catalog import sqlite_driver
from forebear.store.shared import close_stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Calls of the operating system that change files; opening counts where it makes one.
CHANGES = (
    "write",
    "fsync",
    "open",
    "replace",
    "rename",
    "link",
    "unlink",
    "mkdir",
    "chmod",
    "copy_file_range",
    "fchmod",
    "ftruncate",
)


def run_as_nobody_special(work: Callable[[], str]) -> str:
    """Run ``work`` in a child that may read only what permissions allow, and return what it returned.

    Root may read everything; what lets it is two capabilities (capabilities(7)), which the child gives up.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
                data = (ctypes.c_uint32 * 6)()
                libc = ctypes.CDLL(None, use_errno=True)
                assert libc.capget(header, data) == 0
                for field in (0, 1):  # effective, permitted
                    data[field] &= ~(1 << 1 | 1 << 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
                assert libc.capset(header, data) == 0
            os.write(write, json.dumps(work()).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)
    with open(read, "rb") as answer:
        text = answer.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return str(json.loads(text))


@pytest.fixture
def as_nobody_special() -> Callable[[Callable[[], str]], str]:
    """Runs a function in a child that may read and write only what permissions allow; gives what it returned."""
    return run_as_nobody_special


class Steps:
    """Counts what this process does to files and databases, and kills it before the n-th after `begin`."""

    def __init__(self) -> None:
        self._left = 0
        for name in CHANGES:
            setattr(os, name, self._watched(name, getattr(os, name)))
        steps = self

        class Connection(sqlite_driver.sqlite3.Connection):  # type: ignore[misc]
            def execute(self, sql: str, *rest: Any) -> Any:
                if not sql.startswith("SELECT"):
                    steps.step()
                return super().execute(sql, *rest)

            def executemany(self, sql: str, *rest: Any) -> Any:
                steps.step()
                return super().executemany(sql, *rest)

        sqlite_driver.sqlite3.connect = partial(sqlite_driver.sqlite3.connect, factory=Connection)

    def begin(self, last: int) -> None:
        self._left = last

    def step(self) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if name == "write" and self._left == 1:  # in the middle of it; at its beginning is after the step before
                real(arguments[0], memoryview(arguments[1])[: len(arguments[1]) // 2])
            if name != "open" or arguments[1] & os.O_CREAT:
                self.step()
            return real(*arguments, **named)

        return call


def run_until_killed(work: Callable[[], object], step: int, ready: Callable[[], object] | None = None) -> bool:
    """Do ``work`` in a child that is killed before its n-th change of a file or database; tell whether it was.

    What ``ready`` does before is not counted. This process must have no store open: a child shares its locks.
    """
    child = os.fork()
    if child == 0:
        try:
            steps = Steps()
            if ready is not None:
                ready()
            steps.begin(step)
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, -signal.SIGKILL}
    return code != 0


@pytest.fixture
def until_killed() -> Callable[..., bool]:
    """Does work in a child that is killed at its n-th step; tells whether it came so far. See `run_until_killed`."""
    return run_until_killed


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[Path]:
    """Mount an empty file system of ``size`` bytes; skip the test where that is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no command mount")
    if done.returncode:
        pytest.skip(f"a file system may not be mounted here: {done.stderr.strip()}")
    yield folder
    unmount(folder)


def unmount(folder: Path) -> None:
    """Unmount a file system, after whatever this process has open on it is closed."""
    close_stores()
    gc.collect()  # errors that were caught hold on to drafts, and those to their files
    subprocess.run(["umount", str(folder)], check=True)
