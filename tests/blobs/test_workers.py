from __future__ import annotations

import asyncio
import concurrent.futures.thread
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from forebear.blobs import copying
from forebear.blobs.digest import digest_of
from forebear.blobs.workers import Workers, let_loop_work_to_the_end


@pytest.fixture
def _no_more_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Executors take as little as they do while the interpreter ends."""
    monkeypatch.setattr(concurrent.futures.thread, "_shutdown", True)


def test_work_is_done_in_threads():
    with Workers(2) as pool:
        assert pool.submit(threading.get_ident).result() != threading.get_ident()
        assert list(pool.map(abs, [-1, 2])) == [1, 2]


@pytest.mark.usefixtures("_no_more_work")
def test_while_the_interpreter_ends_it_is_done_at_once():
    with Workers(2) as pool:
        assert pool.submit(threading.get_ident).result() == threading.get_ident()
        assert list(pool.map(abs, [-1, 2])) == [1, 2]
        with pytest.raises(ZeroDivisionError):
            pool.submit(lambda: 1 // 0).result()


def test_work_that_was_given_before_is_done_before(monkeypatch: pytest.MonkeyPatch):
    done: list[int] = []
    may_go_on = threading.Event()
    with Workers(1) as pool:
        pool.submit(may_go_on.wait)
        pool.submit(done.append, 1)
        monkeypatch.setattr(concurrent.futures.thread, "_shutdown", True)
        threading.Timer(0.05, may_go_on.set).start()
        pool.submit(done.append, 2)
        pool.submit(done.append, 3)
    assert done == [1, 2, 3]


def test_a_pool_that_its_owner_closed_takes_nothing():
    pool = Workers(1)
    pool.shutdown()
    with pytest.raises(RuntimeError):
        pool.submit(abs, -1)


def test_where_no_thread_can_begin_a_file_is_copied_and_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Python 3.12 begins none while it ends."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    content = os.urandom(3 * copying.READ_BYTES + 17)
    (tmp_path / "a").write_bytes(content)
    with (tmp_path / "a").open("rb") as source, (tmp_path / "b").open("w+b") as target:
        assert copying.copy_file_and_hash(source.fileno(), target.fileno()) == (digest_of(content), len(content))
    assert (tmp_path / "b").read_bytes() == content


def test_a_loop_looks_up_hosts_to_the_end():
    loop = asyncio.new_event_loop()
    system = type("System", (), {"loop": loop})()
    try:
        for _ in range(2):
            let_loop_work_to_the_end(system)
        assert loop.run_until_complete(loop.run_in_executor(None, abs, -1)) == 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(concurrent.futures.thread, "_shutdown", True)
            assert loop.run_until_complete(loop.run_in_executor(None, abs, -1)) == 1
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
    let_loop_work_to_the_end(object())  # a system without one


SCRIPT = """
import atexit, sys

@atexit.register
def late():
    from forebear.blobs.workers import Workers
    with Workers(4) as pool:
        print(sum(pool.map(abs, range(-3, 0))))
"""


def test_a_process_that_ends_works_on():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == "6\n", done.stderr
