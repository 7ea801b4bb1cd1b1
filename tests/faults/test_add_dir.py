"""Folders with all kinds of things in them: what is no readable file is named, and nothing hangs or is half added."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.blobs.digest import digest_of
from forebear.blobs.writer import SMALL_BYTES
from forebear.errors import Conflict, InvalidInput
from forebear.testing.soundness import troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.timeout(60)  # a named pipe that is opened waits for ever


@pytest.fixture
def data(home: Path) -> Path:
    """A folder ``data`` in the working folder, with one good file at the top and one in a folder."""
    (Path("data") / "sub").mkdir(parents=True)
    Path("data/good.txt").write_text("good")
    Path("data/sub/fine.txt").write_text("fine")
    return Path("data")


@pytest.fixture
def run() -> Iterator[forebear.Run]:
    with forebear.init(project="p", settings={"silent": True}) as run:
        yield run
        assert troubles(run.store) == []


def refused(folder: Path, code: str = "unreadable-folder") -> str:
    """Add the folder, which fails; the draft is then as it was, and so is the second try. Return the message."""
    draft = forebear.Artifact("ds", "dataset")
    draft.add("before", "before.txt")
    messages = []
    for _ in range(2):
        with pytest.raises((InvalidInput, Conflict)) as caught:
            draft.add_dir(folder)
        assert caught.value.code == code
        assert [file.path for file in draft.files()] == ["before.txt"]
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    return messages[0]


# -- links ------------------------------------------------------------------------------------------------------------


def test_a_link_to_itself_is_named(run: forebear.Run, data: Path) -> None:
    (data / "sub" / "self").symlink_to("self")
    assert "sub/self: Too many levels of symbolic links" in refused(data)


def test_links_to_each_other_are_named(run: forebear.Run, data: Path) -> None:
    (data / "one").symlink_to("two")
    (data / "two").symlink_to("one")
    message = refused(data)
    assert "data/one: Too many" in message
    assert "data/two: Too many" in message


@pytest.mark.parametrize("target", [".", "..", "../..", "sub"])
def test_a_link_that_leads_back_up_is_named(run: forebear.Run, data: Path, target: str) -> None:
    (data / "sub" / "up").symlink_to(target)
    if target == "sub":
        (data / "sub" / "up").unlink()
        (data / "sub" / "sub").symlink_to("../sub")
    assert "a symbolic link leads in a circle" in refused(data)


def test_a_dangling_link_is_named(run: forebear.Run, data: Path) -> None:
    (data / "dangling").symlink_to("nowhere")
    assert "data/dangling: No such file or directory" in refused(data)


def test_links_that_lead_somewhere_are_followed(run: forebear.Run, data: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    (elsewhere / "deep" / "x").write_text("x")
    (data / "link").symlink_to(elsewhere)
    (data / "again").symlink_to(elsewhere)
    (data / "file").symlink_to(elsewhere / "deep" / "x")
    (elsewhere / "beside").symlink_to((data / "sub").resolve())
    draft = forebear.Artifact("ds", "dataset")
    assert draft.add_dir(data) == 7
    run.log_artifact(draft)
    assert [file.path for file in draft.files()] == [
        "again/beside/fine.txt",
        "again/deep/x",
        "file",
        "good.txt",
        "link/beside/fine.txt",
        "link/deep/x",
        "sub/fine.txt",
    ]
    out = Path(draft.download("out"))
    assert (out / "link" / "deep" / "x").read_text() == "x"
    assert not (out / "link").is_symlink()


def test_the_folder_itself_may_be_a_link(run: forebear.Run, data: Path) -> None:
    Path("link").symlink_to(data)
    assert forebear.Artifact("ds", "dataset").add_dir("link") == 2


# -- what is no file --------------------------------------------------------------------------------------------------


def test_pipes_sockets_and_devices_are_named_and_not_opened(
    run: forebear.Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(data / "pipe")
    monkeypatch.chdir(data)  # the path of a socket has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        monkeypatch.chdir("..")
        Path("data/null").symlink_to("/dev/null")
        message = refused(data)
    assert "data/pipe: it is a named pipe, not a file" in message
    assert "data/socket: it is a socket, not a file" in message
    assert "data/null: it is a device, not a file" in message
    for name, kind in (("pipe", "a named pipe"), ("null", "a device"), ("socket", "a socket")):
        with pytest.raises(InvalidInput, match=f"cannot add data/{name}: it is {kind}, not a file"):
            forebear.Artifact("ds", "dataset").add_file(data / name)


def test_many_troubles_are_counted_and_some_are_shown(run: forebear.Run, data: Path) -> None:
    for number in range(25):
        os.mkfifo(data / f"pipe{number:02}")
    message = refused(data)
    assert message.count("named pipe") == 10
    assert "and 15 more" in message
    assert "nothing of it was added" in message


def test_a_file_that_fails_when_it_is_read_is_named(run: forebear.Run, data: Path) -> None:
    if not Path("/proc/self/mem").exists():
        pytest.skip("needs /proc/self/mem, a file that opens and cannot be read from its beginning")
    (data / "bad.txt").symlink_to("/proc/self/mem")
    assert "data/bad.txt: Input/output error" in refused(data)
    with pytest.raises(InvalidInput, match=r"cannot add .*: Input/output error"):
        forebear.Artifact("ds", "dataset").add_file(data / "bad.txt")


def test_files_and_folders_that_may_not_be_read_are_named(
    run: forebear.Run, data: Path, as_nobody_special: Callable[[Callable[[], str]], str]
) -> None:
    (data / "secret.txt").write_text("s")
    (data / "secret.bin").write_bytes(bytes(SMALL_BYTES))
    (data / "closed").mkdir()
    for name in ("secret.txt", "secret.bin", "closed"):
        (data / name).chmod(0)
    message = as_nobody_special(lambda: refused(data))
    for name in ("secret.txt", "secret.bin", "closed"):
        assert f"data/{name}: Permission denied" in message
    for name in ("secret.txt", "secret.bin", "closed"):
        (data / name).chmod(0o700)
    assert forebear.Artifact("ds", "dataset").add_dir(data) == 4


# -- what changes meanwhile -------------------------------------------------------------------------------------------


def before_opening(monkeypatch: pytest.MonkeyPatch, wanted: str, work: Callable[[], Any]) -> None:
    """Do something in the moment before a file is opened, when its status has been looked at already."""
    real, done = os.open, [False]

    def opening(path: Any, *rest: Any, **named: Any) -> int:
        if not done[0] and str(path).endswith(wanted):
            done[0] = True
            work()
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "open", opening)


def test_a_file_that_vanishes_is_named(run: forebear.Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before_opening(monkeypatch, "good.txt", (data / "good.txt").unlink)
    with pytest.raises(InvalidInput, match=r"data/good\.txt: No such file or directory"):
        forebear.Artifact("ds", "dataset").add_dir(data)
    assert forebear.Artifact("ds", "dataset").add_dir(data) == 1


def test_a_large_file_that_vanishes_is_named(run: forebear.Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "big.bin").write_bytes(bytes(SMALL_BYTES))
    real = run.store.objects.sink

    def vanish() -> Any:
        (data / "big.bin").unlink(missing_ok=True)
        return real()

    monkeypatch.setattr(run.store.objects, "sink", vanish)
    with pytest.raises(InvalidInput, match=r"data/big\.bin: No such file or directory"):
        forebear.Artifact("ds", "dataset").add_dir(data)
    assert forebear.Artifact("ds", "dataset").add_dir(data) == 2


def test_a_folder_that_vanishes_is_named(run: forebear.Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def remove(files: int, size: int) -> None:
        if (data / "sub").exists():
            (data / "sub" / "fine.txt").unlink()
            (data / "sub").rmdir()

    with pytest.raises(InvalidInput, match="data/sub: No such file or directory"):
        forebear.Artifact("ds", "dataset").add_dir(data, progress=remove)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[::-1]),
    ],
    ids=["grows", "shrinks", "is emptied", "is rewritten"],
)
@pytest.mark.parametrize("size", [1_000, SMALL_BYTES + 9], ids=["small", "large"])
@pytest.mark.parametrize("way", ["add_dir", "add_file"])
def test_a_file_that_changes_while_it_is_taken_is_refused(
    run: forebear.Run, data: Path, monkeypatch: pytest.MonkeyPatch, change: Any, size: int, way: str
) -> None:
    path = data / "hot.bin"
    path.write_bytes(b"0123456789" * (size // 10 + 1))
    os.utime(path, ns=(1_700_000_000_000_000_000,) * 2)
    if size < SMALL_BYTES:
        before_opening(monkeypatch, "hot.bin", lambda: change(path))
    else:
        name = "copy_file_range" if hasattr(os, "copy_file_range") else "readv"
        real, done = getattr(os, name), [False]

        def moving(*arguments: Any) -> int:
            count: int = real(*arguments)
            if not done[0]:
                done[0] = True
                change(path)
            return count

        monkeypatch.setattr(os, name, moving)
    draft = forebear.Artifact("ds", "dataset")
    with pytest.raises(Conflict, match=r"hot\.bin changed while it was being read") as caught:
        draft.add_dir(data) if way == "add_dir" else draft.add_file(path)
    assert caught.value.code == "file-changed"
    assert draft.file_count == 0
    draft.add_dir(data)  # the change was made once, so this time nothing happens
    run.log_artifact(draft)
    assert draft.read("hot.bin") == path.read_bytes()


def test_a_file_that_a_writer_appends_to_is_refused_or_whole(run: forebear.Run, data: Path) -> None:
    """A real writer beside: whatever is taken is what the file was at one moment, or there is an error."""
    path = data / "log.bin"
    path.write_bytes(bytes(SMALL_BYTES * 4))
    child = os.fork()
    if child == 0:
        try:
            with path.open("ab", buffering=0) as file:
                end = time.monotonic() + 30
                while time.monotonic() < end and os.getppid() != 1:
                    file.write(b"x" * 4_096)
                    os.sched_yield()
                    if file.tell() > 200_000_000:
                        file.truncate(SMALL_BYTES * 4)
        finally:
            os._exit(0)
    try:
        for _ in range(10):
            draft = forebear.Artifact("ds", "dataset")
            with contextlib.suppress(Conflict):
                draft.add_dir(data)
                run.log_artifact(draft)
                content = draft.read("log.bin")
                assert digest_of(content).hex() == draft.get_entry("log.bin").digest
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_the_store_below_the_folder_is_not_part_of_it(home: Path) -> None:
    """`forebear init` in a project, then everything in the project is logged."""
    Path(".forebear").mkdir()
    Path("train.py").write_text("x")
    with forebear.init(project="p", settings={"silent": True}) as run:
        for number in range(2):
            draft = forebear.Artifact("code", "code")
            draft.add_dir(".")
            assert run.log_artifact(draft).version == "v0", number
            assert [file.path for file in draft.files()] == ["train.py"]
