"""Disks that are full, fail or may not be written: words, no tracebacks, and the same call succeeds afterwards."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.errors import ForebearError, StorageFailure, Unsupported
from forebear.store import opening
from forebear.store.opening import open_store
from forebear.store.shared import close_stores
from forebear.testing.soundness import troubles
from tests.faults.conftest import mounted, unmount

#: Fits the empty store and its first versions, and little more (bytes).
DISK_BYTES = 3 * 1024 * 1024


def begin(store: Path) -> forebear.Run:
    return forebear.init(project="p", store=str(store), settings={"silent": True}, reinit="create_new")


def filled(content: dict[str, bytes]) -> forebear.Artifact:
    draft = forebear.Artifact("ds", "dataset")
    for path, part in content.items():
        draft.add(part, path)
    return draft


# -- a disk that is elsewhere -----------------------------------------------------------------------------------------


def test_the_file_system_of_a_folder_is_told_apart_from_that_around_it(disk: Path, tmp_path: Path) -> None:
    kinds = {opening.file_system_of(disk / "not" / "there"), opening.file_system_of(disk)}
    assert kinds == {"tmpfs"}
    (tmp_path / "link").symlink_to(disk)
    assert opening.file_system_of(tmp_path / "link") == "tmpfs"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_store_on_a_network_file_system_is_refused_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Its locks cannot be trusted, and two machines would destroy each other's catalog."""
    with begin(tmp_path / "store") as run:
        run.log_artifact(filled({"a": b"1"}))
    close_stores()
    monkeypatch.setattr(opening, "file_system_of", lambda path: kind)
    for place in (tmp_path / "store", tmp_path / "new"):
        with pytest.raises(Unsupported, match=rf"network file system \({kind}\).*PostgreSQL") as caught:
            begin(place)
        assert caught.value.code == "network-file-system"
    assert not (tmp_path / "new").exists()


# -- a real full disk -------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of `DISK_BYTES`."""
    with mounted(tmp_path / "disk", DISK_BYTES) as folder:
        yield folder


def fill(disk: Path) -> Path:
    """Leave no room at all."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))
    return ballast


def attempt_small(run: forebear.Run) -> forebear.Artifact:
    return run.log_artifact(filled({f"{number}": os.urandom(700) for number in range(30)}))


def attempt_folder(run: forebear.Run) -> forebear.Artifact:
    data = Path("data")
    data.mkdir(exist_ok=True)
    for number in range(3):
        (data / f"{number}.bin").write_bytes(bytes([number]) * 600_000)
        (data / f"{number}.txt").write_text(f"{number}")
    return run.log_artifact("data", name="ds", type="dataset")


@pytest.mark.parametrize("attempt", [attempt_small, attempt_folder], ids=["small", "folder"])
def test_on_a_full_disk_logging_fails_with_advice_and_succeeds_once_there_is_room(
    disk: Path, attempt: Callable[[forebear.Run], forebear.Artifact]
) -> None:
    run = begin(disk / "store")
    first = run.log_artifact(filled({"a": b"kept"}))
    ballast = fill(disk)
    for _ in range(2):
        with pytest.raises(StorageFailure, match=r"free some space and repeat") as caught:
            attempt(run)
        assert "Traceback" not in str(caught.value)
    assert first.read("a") == b"kept", "what was logged can be read on a full disk"
    ballast.unlink()
    again = attempt(run)
    assert again.version == "v1"
    again.verify()
    assert troubles(run.store) == []
    run.finish()


def test_a_draft_that_met_a_full_disk_is_logged_once_there_is_room(disk: Path) -> None:
    """The very draft, not a new one: what it took in before must not be lost or written twice."""
    run = begin(disk / "store")
    run.log_artifact(filled({"a": b"kept"}))
    content = {f"{number:03}": os.urandom(900) for number in range(200)}
    draft = filled(content)
    ballast = fill(disk)
    for _ in range(3):
        with pytest.raises(StorageFailure, match="free some space"):
            run.log_artifact(draft)
    ballast.unlink()
    run.log_artifact(draft)
    assert {file.path: file.read() for file in draft.files()} == content
    assert troubles(run.store) == []
    run.finish()


def test_a_disk_too_small_for_a_file_keeps_its_room(disk: Path) -> None:
    run = begin(disk / "store")
    run.log_artifact(filled({"a": b"kept"}))
    Path("big.bin").write_bytes(os.urandom(DISK_BYTES))
    before = os.statvfs(disk).f_bavail
    for _ in range(3):
        with pytest.raises(StorageFailure, match="free some space"):
            run.log_artifact("big.bin")
    assert os.listdir(disk / "store" / "tmp") == []
    # A few pages of the catalog, which says who is writing, and nothing of the file.
    assert os.statvfs(disk).f_bavail >= before - 32
    assert troubles(run.store) == []
    run.finish()


def test_a_download_to_a_full_disk_fails_with_advice_and_leaves_no_half_file(disk: Path, tmp_path: Path) -> None:
    run = begin(tmp_path / "store")
    version = run.log_artifact(filled({"a": b"a" * 100_000, "b": os.urandom(DISK_BYTES // 2), "c": b"c" * 10_000}))
    ballast = fill(disk)
    with pytest.raises(StorageFailure, match="No space left on device; free some space"):
        version.download(disk / "out")
    sizes = {"a": 100_000, "b": DISK_BYTES // 2, "c": 10_000}
    for path in (disk / "out").rglob("*"):
        assert path.stat().st_size == sizes.get(path.name), f"{path.name} is half there"
    ballast.unlink()
    version.download(disk / "out")
    version.verify(disk / "out")
    run.finish()


def test_a_run_on_a_full_disk_begins_not_at_all_or_whole(disk: Path) -> None:
    ballast = fill(disk)
    with pytest.raises(ForebearError, match="free some space|No space left"):
        begin(disk / "store")
    assert forebear.run is None
    ballast.unlink()
    run = begin(disk / "store")
    assert run.log_artifact(filled({"a": b"1"})).version == "v0"
    run.finish()


# -- a store that may not be written ----------------------------------------------------------------------------------


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A store with one version, on a file system that is read-only."""
    folder = tmp_path / "frozen"
    folder.mkdir()
    with begin(folder / "store") as run:
        run.log_artifact(filled({"a": b"small", "b": b"large" * 200_000}))
    close_stores()
    freeze(folder)
    yield folder / "store"
    unmount(folder)


def freeze(folder: Path) -> None:
    """Let a folder be a file system that is read-only."""
    for command in (
        ["mount", "--bind", str(folder), str(folder)],
        ["mount", "-o", "remount,bind,ro", str(folder)],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no command mount")
        if done.returncode:
            subprocess.run(["umount", str(folder)], check=False, capture_output=True)
            pytest.skip(f"a file system may not be mounted here: {done.stderr.strip()}")


def test_a_read_only_store_of_an_earlier_form_is_refused_with_advice(tmp_path: Path) -> None:
    folder = tmp_path / "frozen"
    with tarfile.open(Path(__file__).parent.parent / "formats" / "store-1.tar.gz") as packed:
        packed.extractall(folder / "store", filter="data")
    freeze(folder)
    try:
        with pytest.raises(StorageFailure, match=r"schema 1 .*copy its folder and open the copy") as caught:
            forebear.Api(str(folder / "store"))
        assert caught.value.code == "old-schema"
        shutil.copytree(folder / "store", tmp_path / "copy")
        assert forebear.Api(str(tmp_path / "copy"), project="kept").artifact("data:v0").version == "v0"
    finally:
        unmount(folder)


def test_a_read_only_store_can_be_read(read_only: Path) -> None:
    api = forebear.Api(str(read_only), project="p")
    version = api.artifact("ds:latest")
    assert version.read("a") == b"small"
    version.download("out")
    version.verify()
    version.verify("out")
    assert [run.state for run in api.runs()] == ["finished"]


def test_writing_to_a_read_only_store_says_so(read_only: Path) -> None:
    with pytest.raises(StorageFailure, match="read-?only") as caught:
        begin(read_only)
    assert "store" in str(caught.value)
    version = forebear.Api(str(read_only), project="p").artifact("ds")
    version.description = "new"
    with pytest.raises(StorageFailure, match="read-?only"):
        version.save()
    with pytest.raises(StorageFailure, match="read-?only"):
        version.delete()


def test_a_store_that_belongs_to_somebody_else_can_be_read_and_says_that_it_cannot_be_written(
    tmp_path: Path, as_nobody_special: Callable[[Callable[[], str]], str]
) -> None:
    with begin(tmp_path / "store") as run:
        run.log_artifact(filled({"a": b"small", "b": b"large" * 200_000}))
    close_stores()
    for folder, _, files in os.walk(tmp_path / "store"):
        for name in (*files, "."):
            Path(folder, name).chmod(0o555)

    def use() -> str:
        version = forebear.Api(str(tmp_path / "store"), project="p").artifact("ds")
        version.download("out")
        version.verify("out")
        with pytest.raises(StorageFailure) as caught:
            begin(tmp_path / "store")
        return str(caught.value)

    message = as_nobody_special(use)
    for folder, _, _ in os.walk(tmp_path / "store"):
        Path(folder).chmod(0o755)
    assert "readonly" in message
    assert "check that you may write" in message


def test_the_program_of_a_user_sees_words_and_no_traceback_of_the_database(read_only: Path) -> None:
    script = f"import forebear; forebear.init(project='p', store={str(read_only)!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("forebear.errors.StorageFailure: ")


# -- a disk that fails at each single step ----------------------------------------------------------------------------


#: What the operating system is asked for when something is written. Reading is not among it.
STEPS = ("write", "fsync", "replace", "fchmod", "mkdir")


class FailingDisk:
    """Lets the n-th of some calls of the operating system fail, once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.calls = 0
        self.fail_at = -1
        self.failed = ""
        for name in STEPS:
            monkeypatch.setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls == self.fail_at:
                self.failed = name
                if name == "write":  # a disk fills up in the middle of a write
                    real(arguments[0], memoryview(arguments[1])[: len(arguments[1]) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **named)

        return call

    def arm(self, step: int) -> None:
        self.calls, self.fail_at, self.failed = 0, step, ""


def log_some(run: forebear.Run, number: int) -> tuple[forebear.Artifact, dict[str, bytes]]:
    content = {f"f{part}": b"%d-%d" % (number, part) for part in range(5)}
    content["large"] = b"%06d" % number * 100_000
    draft = filled(content)
    run.log_artifact(draft)
    return draft, content


def test_after_a_failure_at_any_step_the_same_call_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FailingDisk(monkeypatch, tmp_path)
    with begin(tmp_path / "store") as run:
        log_some(run, 0)
        api = forebear.Api(str(tmp_path / "store"), project="p")
        failed = []
        for step in range(1, 100):
            disk.arm(step)
            before = len(api.artifacts("ds"))
            try:
                draft, content = log_some(run, step)
            except StorageFailure as err:
                words = str(err)
                assert len(api.artifacts("ds")) == before, "nothing half"
                draft, content = log_some(run, step)
            else:
                # Where the version was there already, the failure was nothing to its author.
                words = "No space left on device; free some space" if disk.failed else ""
            assert ("No space left on device; free some space" in words) == bool(disk.failed)
            assert len(api.artifacts("ds")) == before + 1
            assert {file.path: file.read() for file in draft.files()} == content
            if not disk.failed:
                break
            failed.append(disk.failed)
        disk.arm(0)  # so that the end of the run finds room
        assert {"write", "fsync", "replace", "mkdir", "fchmod"} == set(failed)
        assert len(failed) >= 10
        assert troubles(run.store) == []
    gc.collect()
    assert os.listdir(tmp_path / "store" / "tmp") == []


def test_after_a_failure_at_any_step_the_same_draft_is_logged_or_says_that_it_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FailingDisk(monkeypatch, tmp_path)
    with begin(tmp_path / "store") as run:
        log_some(run, 0)
        lost = 0
        for step in range(1, 100):
            content = {f"f{part}": b"%d-%d" % (step, part) for part in range(5)}
            draft = filled(content)
            disk.arm(step)
            try:
                run.log_artifact(draft)
            except StorageFailure:
                try:
                    run.log_artifact(draft)
                except StorageFailure as err:
                    lost += 1
                    words = str(err)
                    assert "begin a new artifact and add its files again" in words
                    draft = filled(content)
                    run.log_artifact(draft)
            assert {file.path: file.read() for file in draft.files()} == content
            if not disk.failed:
                break
        assert step > 5
        assert lost, "a failed fsync loses what was written, and no other step does"
        assert troubles(run.store) == []


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE])
def test_each_reason_of_the_system_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    store = open_store(tmp_path / "store")
    store.objects.put("a", b"x")

    def fail(*arguments: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(StorageFailure) as caught:
        store.objects.put("b", b"y")
    assert os.strerror(number) in str(caught.value)
    assert isinstance(caught.value, OSError)
    monkeypatch.undo()
    store.close()
