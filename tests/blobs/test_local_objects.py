"""A folder of this machine keeps every promise of the port, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from forebear.blobs.local import LocalObjects
from forebear.errors import StorageFailure, Unsupported
from forebear.testing.store import StoreSuite

#: Writes half an object, says so, and lives until it is told to go.
HALF_WRITER = """
import sys
from pathlib import Path
from forebear.blobs.local import LocalObjects

sink = LocalObjects(Path(sys.argv[1])).sink()
sink.write(b"half")
print("written", flush=True)
sys.stdin.read()
"""


class TestLocal(StoreSuite):
    @pytest.fixture
    def objects(self, tmp_path: Path) -> LocalObjects:
        return LocalObjects(tmp_path / "store")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def leftovers(root: Path) -> list[str]:
    return sorted(os.listdir(root / "tmp")) if (root / "tmp").exists() else []


def test_looking_makes_no_folder(root: Path) -> None:
    objects = LocalObjects(root)
    assert list(objects.names()) == []
    assert objects.size("a") is None
    assert not root.exists()


def test_objects_are_read_only_files_in_their_place(root: Path) -> None:
    LocalObjects(root).put("loose/ab/abc", b"x")
    file = root / "objects" / "loose" / "ab" / "abc"
    assert file.read_bytes() == b"x"
    assert stat.S_IMODE(file.stat().st_mode) == 0o444


def test_nothing_is_left_of_finished_and_aborted_sinks(root: Path) -> None:
    objects = LocalObjects(root)
    objects.put("a", b"1")
    aborted = objects.sink()
    aborted.write(b"2")
    assert len(leftovers(root)) == 1
    aborted.abort()
    assert leftovers(root) == []


def test_a_sink_that_is_forgotten_leaves_neither_file_nor_descriptor(root: Path) -> None:
    objects = LocalObjects(root)
    objects.put("a", b"1")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(20):
        objects.sink().write(b"never finished")
    assert leftovers(root) == []
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_leftovers_of_the_dead_go_and_files_of_the_living_stay(root: Path) -> None:
    command = [sys.executable, "-c", HALF_WRITER, str(root)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as dead,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living,
    ):
        for process in (dead, living):
            assert process.stdout is not None
            assert process.stdout.readline() == b"written\n"
        assert len(leftovers(root)) == 2
        dead.kill()
        dead.wait()
        own = LocalObjects(root)
        sink = own.sink()  # the first write of a process sweeps
        assert len(leftovers(root)) == 2
        assert LocalObjects(root).sweep() == 0
        sink.finish("mine")
        assert len(leftovers(root)) == 1
        living.communicate(timeout=60)
    LocalObjects(root).sweep()
    assert leftovers(root) == []


def test_a_forked_child_does_not_take_its_parents_file_away(root: Path) -> None:
    objects = LocalObjects(root)
    sink = objects.sink()
    sink.write(b"parent")
    child = os.fork()
    if child == 0:
        try:
            sink.abort()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    sink.finish("a")
    assert objects.read("a") == b"parent"


def test_a_file_that_is_in_the_way_of_a_folder_is_named(root: Path) -> None:
    objects = LocalObjects(root)
    objects.put("a", b"x")
    with pytest.raises(StorageFailure, match="objects/a"):
        objects.put("a/b", b"y")
    assert leftovers(root) == []


def test_a_file_is_linked_in_and_protected(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(b"w" * 100)
    objects = LocalObjects(root)
    modes = []
    for _ in range(2):
        objects.link_in(source, "loose/ab/abc", lambda: modes.append(source.stat().st_mode & 0o222))
    linked = root / "objects" / "loose" / "ab" / "abc"
    assert linked.stat().st_ino == source.stat().st_ino
    assert modes == [0, 0], "nobody can open it for writing when it is checked"
    assert not source.stat().st_mode & 0o222
    assert leftovers(root) == []


def test_a_file_that_fails_its_check_is_not_linked_and_what_was_there_stays(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(b"w" * 100)
    source.chmod(0o640)
    objects = LocalObjects(root)
    objects.put("kept", b"others count on it")

    def refuse() -> None:
        raise ZeroDivisionError

    for name in ("kept", "new"):
        with pytest.raises(ZeroDivisionError):
            objects.link_in(source, name, refuse)
    assert list(objects.names()) == ["kept"]
    assert objects.read("kept") == b"others count on it"
    assert stat.S_IMODE(source.stat().st_mode) == 0o640
    assert leftovers(root) == []


def test_links_of_dead_processes_are_swept(root: Path) -> None:
    objects = LocalObjects(root)
    objects.put("a", b"x")
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    for name in (f"link-{dead.pid}-ab", f"link-{os.getpid()}-cd", "link-strange", "other"):
        (root / "tmp" / name).write_bytes(b"")
    assert objects.sweep() == 1
    assert leftovers(root) == sorted([f"link-{os.getpid()}-cd", "link-strange", "other"])


def test_linking_across_file_systems_says_what_to_do(root: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == root.parent.stat().st_dev:
        pytest.skip("there is no second file system here")
    source = elsewhere / f"forebear-test-{os.getpid()}"
    source.write_bytes(b"x")
    try:
        with pytest.raises(Unsupported, match="leave link=True out"):
            LocalObjects(root).link_in(source, "a", lambda: None)
    finally:
        source.unlink()


def test_a_failing_disk_is_a_storage_failure_with_the_reason(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = LocalObjects(root)
    objects.put("a", b"x")

    def full(descriptor: int, content: bytes) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageFailure, match="No space left on device; free some space"):
        objects.put("b", b"y")
    monkeypatch.undo()
    assert leftovers(root) == []
    assert list(objects.names()) == ["a"]


def test_a_write_counts_whole_or_not_at_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in the middle of a write; the same write succeeds once there is room."""
    real, room = os.write, [6]

    def almost_full(descriptor: int, content: bytes) -> int:
        if not room[0]:
            raise OSError(28, os.strerror(28))
        done = real(descriptor, memoryview(content)[: room[0]])
        room[0] -= done
        return done

    sink = LocalObjects(root).sink()
    sink.write(b"begin")
    monkeypatch.setattr(os, "write", almost_full)
    with pytest.raises(StorageFailure):
        sink.write(b"0123456789")
    room[0] = 1_000
    sink.write(b"0123456789")
    monkeypatch.undo()
    sink.finish("a")
    assert LocalObjects(root).read("a") == b"begin0123456789"


def test_a_root_that_is_away_is_not_made_anew(root: Path) -> None:
    LocalObjects(root).put("loose/ab/abc", b"x")
    objects = LocalObjects(root)
    root.rename(root.with_name("away"))
    with pytest.raises(StorageFailure, match="No such file"):
        objects.put("loose/cd/cde", b"y")
    assert not root.exists()
    root.with_name("away").rename(root)
    objects.put("loose/cd/cde", b"y")
    assert objects.read("loose/cd/cde") == b"y"


def test_folders_that_cannot_be_listed_are_told_and_not_taken_for_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = LocalObjects(tmp_path)
    objects.put("loose/ab/abcdef", b"x")
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("ab"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        with pytest.raises(StorageFailure, match="cannot list .*ab: Too many open files; raise the limit"):
            list(objects.names())
    assert list(objects.names()) == ["loose/ab/abcdef"]
