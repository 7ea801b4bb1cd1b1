"""Files of a run: found by pattern, kept by policy, taken from a dead process, put back verified."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forebear.blobs.digest import digest_of
from forebear.blobs.writer import SMALL_BYTES
from forebear.errors import CorruptData, InvalidInput, NotFound
from forebear.records.history import HistoryBatch
from forebear.records.runs import NewRun
from forebear.store.opening import open_store
from forebear.tracking import files as module
from forebear.tracking.capture.output_log import OutputLog
from forebear.tracking.files import RunFiles, adopt_folder, clear_folder, restore, restore_file

if TYPE_CHECKING:
    from forebear.store.store import Store


class Journal:
    """Keeps what a run's journal would."""

    def __init__(self, store: Store) -> None:
        self.blobs: dict[bytes, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.writes: list[str] = []
        self._store = store

    def blob(self, digest: bytes, content: bytes) -> None:
        assert digest_of(content) == digest
        self.blobs[digest] = content

    def file(self, path: str, digest: bytes, size: int) -> None:
        content = self.blobs.get(digest)
        self.files[path] = self._store.read(digest) if content is None else content
        assert len(self.files[path]) == size
        self.writes.append(path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path / "store"))
    yield opened
    opened.close()


@pytest.fixture
def journal(store: Store) -> Journal:
    return Journal(store)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def files(store: Store, journal: Journal, told: list[str], tmp_path: Path) -> Iterator[RunFiles]:
    made = RunFiles(store, tmp_path / "run" / "files", journal, tell=told.append)
    yield made
    made.finish()


def write(*names: str, text: str = "") -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text or name)


# -- names ------------------------------------------------------------------------------------------------------


def test_relative_paths_and_patterns_keep_their_folders(files: RunFiles, journal: Journal) -> None:
    write("a.txt", "deep/b.txt", "deep/er/c.txt", "deep/x.bin")
    assert files.save("a.txt", policy="now") == ["a.txt"]
    assert files.save("./deep/*.txt", policy="now") == ["deep/b.txt"]
    assert files.save("**/*.txt", policy="now") == ["a.txt", "deep/b.txt", "deep/er/c.txt"]
    assert journal.files == {name: name.encode() for name in ("a.txt", "deep/b.txt", "deep/er/c.txt")}


def test_a_folder_stands_for_all_in_it(files: RunFiles) -> None:
    write("deep/b.txt", "deep/er/c.txt", "deep/.hidden")
    assert files.save("deep", policy="now") == ["deep/.hidden", "deep/b.txt", "deep/er/c.txt"]


def test_absolute_paths_are_named_below_their_first_wildcard(files: RunFiles, tmp_path: Path) -> None:
    write(*(str(tmp_path / name) for name in ("out/1/w.pt", "out/2/w.pt")))
    assert files.save(tmp_path / "out/1/w.pt", policy="now") == ["w.pt"]
    assert files.save(str(tmp_path / "out/*/w.pt"), policy="now") == ["1/w.pt", "2/w.pt"]
    assert files.save(os.fsencode(tmp_path / "out/1/*"), policy="now") == ["w.pt"]


def test_a_base_path_decides_the_name(files: RunFiles, tmp_path: Path) -> None:
    write("out/1/w.pt")
    assert files.save("out/1/w.pt", base_path="out", policy="now") == ["1/w.pt"]
    assert files.save(str(Path("out/1/*").absolute()), base_path=Path.cwd(), policy="now") == ["out/1/w.pt"]


def test_what_is_not_below_the_base_is_refused(files: RunFiles, journal: Journal) -> None:
    write("../outside.txt", "in/x.txt")
    with pytest.raises(
        InvalidInput, match=r"cannot save .*outside.txt: it is not below .*work; give another"
    ) as caught:
        files.save("../outside.txt", policy="now")
    assert caught.value.code == "outside-base"
    with pytest.raises(InvalidInput, match="not below"):
        files.save("in/x.txt", base_path="other", policy="now")
    assert journal.files == {}


def test_files_of_the_run_folder_are_named_below_it(files: RunFiles) -> None:
    write(str(files.folder / "sub/w.pt"))
    assert files.save(os.path.join(files.folder, "sub", "*"), policy="now") == ["sub/w.pt"]


def test_symbolic_links_are_kept_as_what_they_lead_to(files: RunFiles, journal: Journal) -> None:
    write("real.txt")
    Path("link.txt").symlink_to("real.txt")
    Path("dangling").symlink_to("nowhere")
    Path("circle").symlink_to(".")
    assert files.save("l*.txt", policy="now") == ["link.txt"]
    assert journal.files == {"link.txt": b"real.txt"}
    with pytest.raises(InvalidInput, match="cannot save .*dangling"):
        files.save("dangling", policy="now")
    assert files.save("d*", policy="now") == []
    assert "real.txt" in files.save(".", policy="now")


def test_what_is_no_file_is_refused_or_passed_over(files: RunFiles) -> None:
    os.mkfifo("pipe")
    with pytest.raises(InvalidInput, match="pipe: it is not a file"):
        files.save("pipe", policy="now")
    assert files.save("p*", policy="now") == []


def test_a_pattern_that_finds_nothing_is_told(files: RunFiles, told: list[str]) -> None:
    assert files.save("*.pt", policy="now") == []
    assert files.save("*.pt") == []
    assert told[0] == f"save('*.pt') finds no file in {os.getcwd()}"
    assert told[1] == told[0] + "; what is there when the run ends will be kept"


def test_addresses_and_unknown_policies(files: RunFiles, told: list[str]) -> None:
    assert files.save("s3://bucket/x") == []
    assert told == ["save() keeps files of this machine; log s3://bucket/x by add_reference() of an artifact"]
    with pytest.raises(InvalidInput, match="policy 'later' is unknown; there are now, live, end"):
        files.save("x", policy="later")


# -- contents ---------------------------------------------------------------------------------------------------


def test_large_files_go_into_the_store_and_small_ones_through_the_journal(
    files: RunFiles, journal: Journal, store: Store
) -> None:
    Path("large").write_bytes(b"x" * SMALL_BYTES)
    Path("small").write_bytes(b"y" * (SMALL_BYTES - 1))
    files.save("*", policy="now")
    assert [len(content) for content in journal.blobs.values()] == [SMALL_BYTES - 1]
    assert store.catalog.known([digest_of(b"x" * SMALL_BYTES)])
    assert len(journal.files["large"]) == SMALL_BYTES


def test_bytes_and_files_are_kept_under_a_name(files: RunFiles, journal: Journal, store: Store) -> None:
    write("x")
    files.add_bytes("made/up.txt", b"text")
    files.add_bytes("large", b"z" * SMALL_BYTES)
    files.add_file("other", "x")
    assert (journal.files["made/up.txt"], journal.files["other"]) == (b"text", b"x")
    assert len(journal.files["large"]) == SMALL_BYTES
    for name in ("../x", "/x", "", "a//b"):
        with pytest.raises(InvalidInput):
            files.add_bytes(name, b"")
        with pytest.raises(InvalidInput):
            files.add_file(name, "x")


def test_what_did_not_change_is_not_written_again(files: RunFiles, journal: Journal) -> None:
    write("a", "b")
    files.save("*")
    files.save("*")
    files.refresh()
    assert journal.writes == ["a", "b"]
    write("b", text="changed")
    files.refresh()
    assert journal.writes == ["a", "b", "b"]


# -- policies ---------------------------------------------------------------------------------------------------


def test_live_files_are_kept_again_and_new_ones_too(files: RunFiles, journal: Journal) -> None:
    write("w-1")
    assert files.save("w-*") == ["w-1"]
    write("w-1", text="more")
    write("w-2")
    files.finish()
    assert journal.files == {"w-1": b"more", "w-2": b"w-2"}


def test_late_files_are_kept_at_the_end_alone(files: RunFiles, journal: Journal) -> None:
    write("a", text="early")
    assert files.save("a", policy="end") == ["a"]
    assert journal.files == {}
    write("a", text="late")
    files.finish()
    assert journal.files == {"a": b"late"}


def test_files_kept_now_stay_as_they_were(files: RunFiles, journal: Journal) -> None:
    write("a", text="early")
    files.save("a", policy="now")
    write("a", text="late")
    files.finish()
    assert journal.files == {"a": b"early"}


def test_live_files_are_looked_at_now_and_then(
    files: RunFiles, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIVE_SECONDS", 0.005)
    write("a")
    again = threading.Event()
    monkeypatch.setattr(journal, "file", lambda path, digest, size: size == 4 and again.set())
    files.save("a")
    write("a", text="more")
    assert again.wait(30)


def test_a_live_file_that_is_gone_is_no_trouble(files: RunFiles, journal: Journal, told: list[str]) -> None:
    write("a")
    files.save("a")
    Path("a").unlink()
    files.refresh()
    files.finish()
    assert journal.files == {"a": b"a"}
    assert told == []


def test_one_bad_file_at_the_end_costs_only_itself(
    files: RunFiles, journal: Journal, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a", "bad", "c")
    files.save("*", policy="end")
    read = module._read

    def broken(path: str) -> bytes:
        if path.endswith("bad"):
            raise InvalidInput("cannot save bad: Input/output error")
        return read(path)

    monkeypatch.setattr(module, "_read", broken)
    files.finish()
    assert sorted(journal.files) == ["a", "c"]
    assert told == ["the file bad of the run could not be kept: cannot save bad: Input/output error"]


def test_all_of_the_run_folder_is_kept_and_only_our_own_files_go(files: RunFiles, journal: Journal) -> None:
    write(str(files.folder / "weights.pt"), str(files.folder / "output.log"), str(files.folder / "sub/x"))
    files.own("output.log")
    files.finish()
    assert sorted(journal.files) == ["output.log", "sub/x", "weights.pt"]
    assert sorted(os.listdir(files.folder)) == ["sub", "weights.pt"]


def test_a_folder_that_only_we_used_goes(files: RunFiles, tmp_path: Path) -> None:
    write(str(files.folder / "output.log"))
    files.own("output.log")
    files.finish()
    assert not (tmp_path / "run").exists()


def test_a_file_of_ours_that_could_not_be_kept_stays(
    files: RunFiles, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(str(files.folder / "output.log"))
    files.own("output.log")

    def full(path: str) -> bytes:
        raise OSError("no space")

    monkeypatch.setattr(module, "_read", full)
    files.finish()
    assert (files.folder / "output.log").exists()
    assert len(told) == 1


def test_a_forked_child_may_save(files: RunFiles, tmp_path: Path) -> None:
    write("a")
    files.save("a")
    with files._lock:  # as another thread of the parent would
        pid = os.fork()
        if not pid:
            code = 1
            try:
                code = 0 if files.save("a", policy="now") == ["a"] else 2
            finally:
                os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0


# -- what a dead process left -----------------------------------------------------------------------------------


def test_a_folder_is_taken_over(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "files"
    write(str(folder / "output.log"), str(folder / "sub/w.pt"))
    found = {file.path: store.read(file.digest) for file in adopt_folder(store, folder)}
    assert sorted(found) == ["output.log", "sub/w.pt"]
    assert found["output.log"] == str(folder / "output.log").encode()
    clear_folder(folder, ["output.log", "sub/w.pt", "never there"])
    assert sorted(os.listdir(folder)) == ["sub"]
    assert adopt_folder(store, tmp_path / "none") == []


def test_a_log_that_a_living_process_writes_is_left_to_it(store: Store, tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "output.log", str)
    write(str(tmp_path / "x"))
    assert [file.path for file in adopt_folder(store, tmp_path) if "/" not in file.path] == ["x"]
    log.close()
    assert "output.log" in [file.path for file in adopt_folder(store, tmp_path)]


# -- putting back -----------------------------------------------------------------------------------------------


@pytest.fixture
def run_key(store: Store) -> int:
    key = store.catalog.add_run(NewRun(entity="e", project="p", id="r", name="n")).key
    write("src/a.txt", "src/sub/b.txt")
    found = adopt_folder(store, Path("src"))
    assert store.catalog.append_history(HistoryBatch(run_key=key, journal="j", start=0, end=1, files=tuple(found)))
    return key


def test_a_file_is_put_back_and_opened(store: Store, run_key: int) -> None:
    with restore_file(store, run_key, "sub/b.txt", "out") as file:
        assert file.read() == "src/sub/b.txt"
        assert file.name == str(Path("out/sub/b.txt").absolute())


def test_a_file_that_is_there_is_only_replaced_if_asked(store: Store, run_key: int) -> None:
    write("a.txt", text="mine")
    with restore_file(store, run_key, "a.txt") as file:
        assert file.read() == "mine"
    with restore_file(store, run_key, "a.txt", replace=True) as file:
        assert file.read() == "src/a.txt"


def test_files_that_are_not_there_and_paths_that_climb(store: Store, run_key: int) -> None:
    with pytest.raises(NotFound, match=r"the run has no file 'c.txt'; it has a.txt, sub/b.txt"):
        restore_file(store, run_key, "c.txt")
    with pytest.raises(InvalidInput, match="would leave"):
        restore_file(store, run_key, "../a.txt")


def test_damaged_bytes_are_not_handed_out(store: Store, run_key: int) -> None:
    for pack in (Path(store.url) / "objects").rglob("*"):
        if pack.is_file():
            content = bytearray(pack.read_bytes())
            content[: len(content) // 2] = bytes(len(content) // 2)
            pack.chmod(0o644)
            pack.write_bytes(content)
    with pytest.raises(CorruptData):
        restore_file(store, run_key, "a.txt", "out")
    assert not Path("out/a.txt").exists()


def test_restore_needs_to_know_the_run() -> None:
    with pytest.raises(InvalidInput, match="say which run"):
        restore(None, "x")
