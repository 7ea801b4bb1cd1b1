"""The protocol ``forebear://`` as pandas, pyarrow and DuckDB use it."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import tracemalloc
from collections import Counter
from pathlib import Path

import duckdb
import fsspec
import pandas as pd
import pyarrow.dataset
import pyarrow.parquet
import pytest

import forebear
from forebear.api.filesystem import ForebearFileSystem, split_path
from forebear.errors import CorruptData, InvalidInput, NotFound, Unsupported
from forebear.store.shared import shared_store

LARGE = 3 * 1024 * 1024


@pytest.fixture(autouse=True)
def _fresh_instances(monkeypatch):
    monkeypatch.setenv("FOREBEAR_STORE", str(Path.cwd() / ".forebear"))
    monkeypatch.setenv("FOREBEAR_PROJECT", "shop")
    monkeypatch.setenv("FOREBEAR_SILENT", "1")
    ForebearFileSystem.clear_instance_cache()


@pytest.fixture
def frame():
    return pd.DataFrame({"year": [2024, 2024, 2025, 2026], "sold": [3, 5, 8, 13]})


@pytest.fixture
def dataset(frame):
    """A version with a table as CSV and as Parquet, a small file two folders down and a large one."""
    folder = Path("data")
    (folder / "notes" / "old").mkdir(parents=True)
    frame.to_csv(folder / "sales.csv", index=False)
    for year, part in frame.groupby("year"):
        (folder / "parts" / f"year={year}").mkdir(parents=True)
        part[["sold"]].to_parquet(folder / "parts" / f"year={year}" / "part.parquet")
    (folder / "notes" / "old" / "a.txt").write_bytes(b"0123456789")
    (folder / "large.bin").write_bytes(bytes(range(256)) * (LARGE // 256))
    return log(folder)


@pytest.fixture
def fs():
    return fsspec.filesystem("forebear")


def log(folder, name="sales", **options):
    with forebear.init(job_type="ingest") as run:
        return run.log_artifact(str(folder), name=name, type="dataset", **options)


def log_text(text, name="sales"):
    with forebear.init() as run:
        draft = forebear.Artifact(name, "dataset")
        draft.add(text, "a.txt")
        return run.log_artifact(draft)


# -- libraries ----------------------------------------------------------------------------------------------------


def test_pandas_reads_csv_through_the_entry_point(dataset, frame):
    pd.testing.assert_frame_equal(pd.read_csv("forebear://sales:latest/sales.csv"), frame)


@pytest.mark.parametrize("head", ["sales:v0", "shop/sales:latest", "local/shop/sales:v0", "sales@{digest}"])
def test_pandas_reads_by_every_kind_of_reference(dataset, frame, head):
    url = f"forebear://{head.format(digest=dataset.digest)}/sales.csv"
    assert len(pd.read_csv(url)) == len(frame)


def test_pandas_reads_a_folder_of_parquet(dataset, frame):
    assert pd.read_parquet("forebear://sales:latest/parts")["sold"].tolist() == frame["sold"].tolist()


def test_pandas_finds_the_store_of_its_storage_options(dataset, frame, monkeypatch):
    monkeypatch.setenv("FOREBEAR_STORE", str(Path.cwd() / "elsewhere"))
    monkeypatch.setenv("FOREBEAR_PROJECT", "other")
    options = {"store": str(Path.cwd() / ".forebear"), "project": "shop"}
    assert len(pd.read_csv("forebear://sales:latest/sales.csv", storage_options=options)) == len(frame)


def test_pyarrow_reads_a_partitioned_dataset(dataset, frame, fs):
    table = pyarrow.dataset.dataset("sales:latest/parts", filesystem=fs, partitioning="hive").to_table()
    assert sorted(table["sold"].to_pylist()) == frame["sold"].tolist()
    assert sorted(set(table["year"].to_pylist())) == [2024, 2025, 2026]


def test_pyarrow_opens_the_url_by_itself(dataset, frame):
    table = pyarrow.parquet.read_table("fsspec+forebear://sales:latest/parts")
    assert table.num_rows == len(frame)


def test_duckdb_queries_csv_and_globs_of_parquet(dataset, frame, fs):
    with duckdb.connect() as connection:
        connection.register_filesystem(fs)
        total = connection.sql("SELECT sum(sold) FROM 'forebear://sales:latest/sales.csv'").fetchall()
        years = connection.sql(
            "SELECT year, sum(sold) FROM read_parquet('forebear://sales:v0/parts/*/*.parquet', hive_partitioning=true) "
            "GROUP BY year ORDER BY year"
        ).fetchall()
    assert total == [(frame["sold"].sum(),)]
    assert years == [(2024, 8), (2025, 8), (2026, 13)]


def test_text_mode_and_seek(dataset, fs):
    with fs.open("sales:latest/sales.csv", "r") as stream:
        assert stream.readline() == "year,sold\n"
    with fs.open("sales:latest/large.bin") as stream:
        stream.seek(-10, os.SEEK_END)
        assert stream.read() == bytes(range(246, 256))
        assert stream.seek(1000) == 1000
        assert stream.read(4) == bytes([232, 233, 234, 235])


# -- paths --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("sales:latest/a/b.csv", ("sales:latest", "a/b.csv")),
        ("sales:v3", ("sales:v3", "")),
        ("e/p/sales:prod@2026-01-01T00:00/x:y@z.csv", ("e/p/sales:prod@2026-01-01T00:00", "x:y@z.csv")),
        ("sales@0123abcd/a.csv", ("sales@0123abcd", "a.csv")),
    ],
)
def test_the_first_segment_with_a_selector_ends_the_reference(path, expected):
    assert split_path(path) == expected


@pytest.mark.parametrize("call", ["open", "info", "ls", "find", "exists", "cat_file"])
def test_a_path_without_a_version_is_refused_with_what_to_write(dataset, fs, call):
    with pytest.raises(InvalidInput, match=r"write forebear://sales:latest/sales.csv"):
        getattr(fs, call)("forebear://sales/sales.csv")


def test_missing_things_are_what_libraries_expect_and_say_what_there_is(dataset, fs):
    for path, words in [
        ("sales:latest/sale.csv", "did you mean sales.csv"),
        ("sales:v7/sales.csv", "it has v0"),
        ("sales:prod/sales.csv", "it has latest"),
        ("sails:v0/sales.csv", "did you mean 'sales'"),
    ]:
        with pytest.raises(FileNotFoundError, match=words) as caught:
            fs.open(path)
        assert isinstance(caught.value, NotFound)
        assert not fs.exists(path)


def test_a_store_that_is_not_there_is_not_made(fs):
    with pytest.raises(FileNotFoundError, match="there is no store"):
        fs.open("sales:latest/a.csv")
    assert not Path(".forebear").exists()


def test_a_folder_is_not_opened(dataset, fs):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        fs.open("sales:latest/notes")


# -- looking ------------------------------------------------------------------------------------------------------


def test_ls_info_and_walk_show_files_and_folders(dataset, fs):
    assert fs.ls("sales:v0", detail=False) == [
        "sales:v0/large.bin",
        "sales:v0/notes",
        "sales:v0/parts",
        "sales:v0/sales.csv",
    ]
    assert fs.ls("sales:v0/sales.csv", detail=False) == ["sales:v0/sales.csv"]
    info = fs.info("sales:latest/large.bin")
    assert (info["type"], info["size"], info["version"]) == ("file", LARGE, "local/shop/sales:v0")
    assert info["digest"] == dataset.get_entry("large.bin").digest
    assert fs.info("sales:latest/notes")["type"] == "directory"
    assert [folder for folder, _, _ in fs.walk("sales:v0/notes")] == ["sales:v0/notes", "sales:v0/notes/old"]
    assert fs.du("sales:v0/parts") == sum(entry.size for entry in dataset.files() if entry.path.startswith("parts/"))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("sales:v0/*", ["large.bin", "notes", "parts", "sales.csv"]),
        ("sales:v0/*.csv", ["sales.csv"]),
        ("forebear://sales:v0/**/*.txt", ["notes/old/a.txt"]),
        ("sales:v0/parts/year=202[45]/*", ["parts/year=2024/part.parquet", "parts/year=2025/part.parquet"]),
        ("sales:v0/nothing/*", []),
    ],
)
def test_glob(dataset, fs, pattern, expected):
    assert fs.glob(pattern) == [f"sales:v0/{path}" for path in expected]


def test_find_keeps_depth_and_adds_folders_when_asked(dataset, fs):
    assert fs.find("sales:v0", maxdepth=1) == ["sales:v0/large.bin", "sales:v0/sales.csv"]
    assert fs.find("sales:v0/notes", withdirs=True) == [
        "sales:v0/notes",
        "sales:v0/notes/old",
        "sales:v0/notes/old/a.txt",
    ]
    assert fs.find("sales:v0/sales.csv") == ["sales:v0/sales.csv"]
    assert fs.find("sales:v0/nothing") == []


# -- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["notes/old/a.txt", "large.bin"])
@pytest.mark.parametrize(
    ("start", "end"), [(None, None), (2, 5), (-3, None), (None, -2), (-5, -2), (8, 4), (5, 10**9), (10**9, None)]
)
def test_ranges_are_those_of_a_slice(dataset, fs, path, start, end):
    whole = Path("data", path).read_bytes()
    assert fs.cat_file(f"sales:v0/{path}", start, end) == whole[start:end]


def test_cat_ranges_answers_in_order_and_puts_errors_in_their_place(dataset, fs):
    paths = ["sales:v0/large.bin", "sales:v0/none", "sales:v0/notes/old/a.txt", "sales:v0/large.bin"]
    first, missing, second, third = fs.cat_ranges(paths, [0, 0, 2, 256], [3, 3, 4, 258])
    assert (first, second, third) == (b"\x00\x01\x02", b"23", b"\x00\x01")
    assert isinstance(missing, FileNotFoundError)
    with pytest.raises(FileNotFoundError):
        fs.cat_ranges(paths, 0, 3, on_error="raise")


def test_an_alias_is_read_as_it_stands_and_a_number_for_ever(fs):
    log_text("one")
    assert fs.cat_file("sales:latest/a.txt") == b"one"
    log_text("two")
    assert fs.cat_file("sales:latest/a.txt") == b"two"
    assert fs.cat_file("sales:v0/a.txt") == b"one"


def test_an_open_file_keeps_its_version(fs):
    log_text("one")
    with fs.open("sales:latest/a.txt") as stream:
        log_text("two")
        again = pickle.loads(pickle.dumps(stream))
        assert stream.read() == again.read() == b"one"
        assert again.path == "local/shop/sales:v0/a.txt"


def test_calls_do_not_grow_with_the_files(fs, monkeypatch):
    folder = Path("many")
    for number in range(1200):
        (folder / f"{number % 30}").mkdir(parents=True, exist_ok=True)
        (folder / f"{number % 30}" / f"{number}.txt").write_text(str(number))
    log(folder)
    calls = count_catalog_calls(monkeypatch)
    assert len(fs.find("sales:v0")) == 1200
    assert sum(calls.values()) <= 4, calls  # the version, and one look-up a level of pages
    calls.clear()
    assert len(fs.glob("sales:v0/7/*.txt")) == 40
    assert fs.info("sales:v0/7/7.txt")["size"] == 1
    assert not calls, "pages and numbered versions never change, so they are not asked for again"
    fs.cat_file("sales:v0/7/7.txt")
    assert calls == {"locate": 2}


def test_a_large_file_is_hashed_once_and_ranges_are_read_by_position(dataset, fs, monkeypatch):
    hashed = []
    real = forebear.api.filesystem.digest_of_stream
    monkeypatch.setattr("forebear.api.filesystem.digest_of_stream", lambda s: hashed.append(1) or real(s))
    fs.cat_ranges(["sales:v0/large.bin"] * 5, [0, 1, 2, 3, 4], [9, 9, 9, 9, 9])
    with fs.open("sales:v0/large.bin") as stream:
        stream.seek(100)
        assert stream.read(1) == bytes([100])
    assert len(hashed) == 1


def test_memory_is_bounded_for_a_large_file(fs):
    size = 48 * 1024 * 1024
    Path("data").mkdir()
    with open("data/huge.bin", "wb") as file:
        file.truncate(size)
    log("data")
    tracemalloc.start()
    try:
        assert fs.cat_file("sales:v0/huge.bin", size - 4) == bytes(4)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024 * 1024, "a range of a large file must not take the memory of the file"


def test_threads_share_an_instance(dataset, fs):
    wrong = []

    def read():
        for start in range(0, 2000, 7):
            if fs.cat_file("sales:v0/large.bin", start, start + 3) != bytes((start + i) % 256 for i in range(3)):
                wrong.append(start)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# -- damage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "kind"), [("large.bin", "loose"), ("notes/old/a.txt", "pack")])
def test_a_flipped_bit_is_found_before_any_byte_leaves(dataset, fs, path, kind):
    wanted = Path("data", path).read_bytes()
    damage_object(kind, wanted)
    for read in (fs.open, fs.cat_file, lambda path: fs.cat_file(path, 0, 1)):
        with pytest.raises(CorruptData, match=rf"sales:v0/{path}.* it is in sales:v0") as caught:
            read(f"sales:v0/{path}")
        assert caught.value.digest.hex() == dataset.get_entry(path).digest
    with pytest.raises(CorruptData):
        pd.read_csv(f"forebear://sales:latest/{path}")


def test_damage_after_the_first_open_is_found_too(dataset, fs):
    assert fs.cat_file("sales:v0/large.bin", 0, 1) == b"\x00"
    damage_object("loose", Path("data/large.bin").read_bytes())
    with pytest.raises(CorruptData):
        fs.cat_file("sales:v0/large.bin", 0, 1)


def test_a_missing_object_is_corrupt_data(dataset, fs):
    digest = dataset.get_entry("large.bin").digest
    Path(".forebear/objects/loose", digest[:2], digest).unlink()
    with pytest.raises(CorruptData, match="missing"):
        fs.open("sales:v0/large.bin")


def damage_object(kind, content):
    """Flip one bit of ``content`` where it lies in an object of a kind."""
    for path in Path(".forebear/objects", kind).rglob("*"):
        at = path.read_bytes().find(content) if path.is_file() else -1
        if at >= 0:
            path.chmod(0o644)
            with path.open("r+b") as file:
                file.seek(at)
                file.write(bytes([content[0] ^ 1]))
            return
    raise AssertionError("the content lies in no object")


# -- references ---------------------------------------------------------------------------------------------------


def test_a_reference_is_read_verified_and_a_changed_one_refused(fs):
    Path("far.csv").write_text("a\n1\n")
    with forebear.init() as run:
        draft = forebear.Artifact("far", "dataset")
        draft.add_reference(f"file://{Path.cwd()}/far.csv")
        run.log_artifact(draft)
    assert pd.read_csv("forebear://far:latest/far.csv")["a"].tolist() == [1]
    assert fs.info("far:v0/far.csv")["ref"].endswith("/far.csv")
    Path("far.csv").write_text("a\n2\n")
    with pytest.raises(CorruptData, match="not what it was"):
        fs.open("far:v0/far.csv")


# -- use ----------------------------------------------------------------------------------------------------------


def test_reading_in_a_run_records_the_use_once(dataset):
    with forebear.init(job_type="train") as run:
        for _ in range(2):
            pd.read_csv("forebear://sales:latest/sales.csv")
        assert [used.name for used in run.used_artifacts()] == ["sales:v0"]
    assert [user.id for user in dataset.used_by()] == [run.id]


def test_looking_records_nothing(dataset, fs):
    with forebear.init() as run:
        fs.ls("sales:latest")
        fs.info("sales:latest/sales.csv")
        assert fs.glob("sales:latest/*.csv")
        assert run.used_artifacts() == []


def test_the_use_is_not_recorded_on_request_nor_outside_a_run(dataset):
    pd.read_csv("forebear://sales:latest/sales.csv")
    with forebear.init() as run:
        pd.read_csv("forebear://sales:latest/sales.csv", storage_options={"record_use": False})
        assert run.used_artifacts() == []
    assert dataset.used_by() == []


def test_the_project_and_store_of_the_run_stand_in(dataset, monkeypatch, tmp_path):
    monkeypatch.setenv("FOREBEAR_STORE", str(tmp_path / "none"))
    monkeypatch.setenv("FOREBEAR_PROJECT", "none")
    with forebear.init(store=str(Path.cwd() / ".forebear"), project="shop"):
        assert len(pd.read_csv("forebear://sales:latest/sales.csv")) == 4


def test_a_read_from_another_store_says_that_it_is_not_recorded(dataset, fs, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("FOREBEAR_SILENT")
    here = {"store": str(Path.cwd() / ".forebear"), "project": "shop"}
    with forebear.init(store=str(tmp_path / "other")) as run:
        pd.read_csv("forebear://sales:latest/sales.csv", storage_options=here)
        assert run.used_artifacts() == []
    assert "its use is not recorded" in capsys.readouterr().err


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        lambda fs: fs.open("sales:v0/new.csv", "wb"),
        lambda fs: fs.open("sales:v0/new.csv", "a"),
        lambda fs: fs.pipe_file("sales:v0/new.csv", b"x"),
        lambda fs: fs.put_file("data/sales.csv", "sales:v0/new.csv"),
        lambda fs: fs.rm("sales:v0/sales.csv"),
        lambda fs: fs.mv("sales:v0/sales.csv", "sales:v0/new.csv"),
        lambda fs: fs.cp_file("sales:v0/sales.csv", "sales:v0/new.csv"),
        lambda fs: fs.mkdir("sales:v0/new"),
        lambda fs: fs.touch("sales:v0/sales.csv"),
    ],
)
def test_writing_is_refused_in_words(dataset, fs, write):
    with pytest.raises(Unsupported, match="a version never changes") as caught:
        write(fs)
    assert isinstance(caught.value, OSError)
    assert fs.cat_file("sales:v0/sales.csv").startswith(b"year,sold")


def test_pandas_cannot_write(dataset, frame):
    with pytest.raises(OSError, match="a version never changes"):
        frame.to_csv("forebear://sales:latest/new.csv")


# -- other processes ----------------------------------------------------------------------------------------------


def test_pickled_elsewhere_it_speaks_of_the_same_store(dataset, tmp_path, monkeypatch):
    pickled = pickle.dumps(ForebearFileSystem(record_use=False))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FOREBEAR_STORE")
    monkeypatch.delenv("FOREBEAR_PROJECT")
    again = pickle.loads(pickled)
    assert again.cat_file("sales:latest/notes/old/a.txt") == b"0123456789"
    assert again.record_use is False


def test_a_forked_child_reads_although_a_thread_of_the_parent_held_the_lock(dataset, fs):
    assert fs.exists("sales:v0/sales.csv")
    with fs._guard():
        child = os.fork()
        if not child:
            signal.alarm(20)  # a child that waits for ever ends here, and not with success
            os._exit(0 if fs.cat_file("sales:v0/notes/old/a.txt") == b"0123456789" else 1)
    assert os.waitpid(child, 0)[1] == 0


def count_catalog_calls(monkeypatch):
    """Count the calls of the open store's catalog from now on."""
    calls: Counter[str] = Counter()
    store = shared_store()

    class Counting:
        def __init__(self, catalog):
            self._catalog = catalog

        def __getattr__(self, name):
            value = getattr(self._catalog, name)
            if not callable(value):
                return value

            def counted(*args, **options):
                calls[name] += 1
                return value(*args, **options)

            return counted

    monkeypatch.setattr(store, "catalog", Counting(store.catalog))
    return calls
