"""The conformance suite of the port under the blob store.

An adapter's test is a fixture and a subclass::

    class TestMine(StoreSuite):
        @pytest.fixture
        def objects(self, tmp_path):
            return MyObjects(tmp_path)

A failed assertion of the suite shows its values if a ``conftest.py`` says
``pytest.register_assert_rewrite("forebear.testing")`` before anything imports the suite.
"""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from forebear.blobs.digest import digest_of
from forebear.blobs.reader import read_blob
from forebear.errors import CorruptData, InvalidInput, NotFound, StorageFailure
from forebear.records.content import CODEC_RAW, Location

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore

NAME = "loose/ab/abcdef"
#: An object that is not named by its content.
RECORD = "versions/team/p/things/v0-abc.json"
#: Names that would leave the store, or that some object store or file system reads as something else.
BAD_NAMES = (
    "",
    "/",
    "/etc/passwd",
    "a/",
    "a//b",
    ".",
    "..",
    "../x",
    "a/../b",
    "a/./b",
    "a\\b",
    "a b",
    "a\n",
    "a\x00b",
    "c:x",
    "a?versionId=1",
    "a*",
    "ä",
)
#: More than any one read or write call is likely to take (bytes).
BIG_BYTES = 20 * 1024 * 1024 + 7
#: Writers at the same time, and how often they meet.
WRITERS = 4
ROUNDS = 12


class StoreSuite:
    """Every promise of `forebear.blobs.objects.ObjectStore`, as tests over the fixture ``objects``."""

    #: Whether no reader sees part of an object. Some servers show what they are still writing; a test of theirs says
    #: so, and what is left is demanded: whoever verifies gets all or an error, and in the end all is there.
    shows_no_half = True

    @pytest.fixture
    def objects(self) -> ObjectStore:
        """A fresh, empty place for objects; every subclass gives its own."""
        raise NotImplementedError("give the suite an object store to test")

    # -- nothing there ------------------------------------------------------------------------------------------

    def test_an_empty_store_has_nothing(self, objects: ObjectStore) -> None:
        assert list(objects.names()) == []
        assert objects.size(NAME) is None
        with pytest.raises(NotFound, match="abcdef"):
            objects.read(NAME)

    def test_deleting_what_is_not_there_is_passed_over(self, objects: ObjectStore) -> None:
        objects.delete(NAME)
        assert list(objects.names()) == []

    # -- putting and reading ------------------------------------------------------------------------------------

    @pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 9], ids=["empty", "one byte", "all bytes"])
    def test_what_was_put_is_read(self, objects: ObjectStore, content: bytes) -> None:
        objects.put(NAME, content)
        assert objects.read(NAME) == content
        assert objects.size(NAME) == len(content)
        assert list(objects.names()) == [NAME]

    def test_putting_a_name_again_succeeds_and_changes_nothing(self, objects: ObjectStore) -> None:
        for name, content in ((NAME, b"other"), (RECORD, b"second, longer")):
            objects.put(name, b"first")
            objects.put(name, content)
            assert objects.read(name) == b"first"
            assert objects.size(name) == 5

    def test_a_name_that_was_deleted_can_be_put_again(self, objects: ObjectStore) -> None:
        objects.put(NAME, b"first")
        objects.delete(NAME)
        assert objects.size(NAME) is None
        assert list(objects.names()) == []
        objects.put(NAME, b"second")
        assert objects.read(NAME) == b"second"

    def test_objects_do_not_disturb_each_other(self, objects: ObjectStore) -> None:
        names = ["a", "a-b", "a.b", "deep/er/still/c", "deep/er/d", "versions/team/p=20q/v0-abc.json", "+@_="]
        for name in names:
            objects.put(name, name.encode())
        objects.delete("a")
        assert sorted(objects.names()) == sorted(names[1:])
        assert [objects.read(name) for name in names[1:]] == [name.encode() for name in names[1:]]

    def test_a_folder_of_objects_is_no_object(self, objects: ObjectStore) -> None:
        objects.put("a/b/c", b"x")
        assert objects.size("a/b") is None
        with pytest.raises(NotFound):
            objects.read("a/b")

    def test_nothing_lies_below_an_object(self, objects: ObjectStore) -> None:
        objects.put("a", b"x")
        assert objects.size("a/b") is None
        with pytest.raises(NotFound):
            objects.read("a/b")
        objects.delete("a/b")
        assert objects.read("a") == b"x"

    # -- ranges -------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("offset", "length", "expected"),
        [
            (0, None, b"0123456789"),
            (4, None, b"456789"),
            (0, 3, b"012"),
            (4, 3, b"456"),
            (4, 0, b""),
            (7, 3, b"789"),
            (7, 4, b"789"),
            (9, 100, b"9"),
            (10, None, b""),
            (10, 5, b""),
            (1_000, None, b""),
            (1_000, 5, b""),
        ],
    )
    def test_a_range_is_cut_short_at_the_end(
        self, objects: ObjectStore, offset: int, length: int | None, expected: bytes
    ) -> None:
        objects.put(NAME, b"0123456789")
        assert objects.read(NAME, offset, length) == expected

    # -- names --------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("name", BAD_NAMES)
    def test_names_are_checked_on_the_way_in(self, objects: ObjectStore, name: str) -> None:
        with pytest.raises(InvalidInput):
            objects.put(name, b"x")
        with pytest.raises(InvalidInput):
            objects.read(name)
        with pytest.raises(InvalidInput):
            objects.size(name)
        with pytest.raises(InvalidInput):
            objects.delete(name)
        with pytest.raises(InvalidInput):
            objects.local_path(name)
        sink = objects.sink()
        sink.write(b"x")
        with pytest.raises(InvalidInput):
            sink.finish(name)
        sink.abort()
        assert list(objects.names()) == []

    def test_names_come_by_prefix(self, objects: ObjectStore) -> None:
        for name in ("loose/aa/1", "loose/ab/2", "loose/ab/3", "pack/ab/4", "loosely"):
            objects.put(name, b"")
        assert sorted(objects.names("loose/")) == ["loose/aa/1", "loose/ab/2", "loose/ab/3"]
        assert sorted(objects.names("loose/a")) == ["loose/aa/1", "loose/ab/2", "loose/ab/3"]
        assert sorted(objects.names("loose/ab/")) == ["loose/ab/2", "loose/ab/3"]
        assert sorted(objects.names("loose")) == ["loose/aa/1", "loose/ab/2", "loose/ab/3", "loosely"]
        assert list(objects.names("loose/ab/2x")) == []
        assert len(list(objects.names())) == 5

    # -- sinks --------------------------------------------------------------------------------------------------

    def test_an_object_appears_whole_and_only_when_it_is_finished(self, objects: ObjectStore) -> None:
        sink = objects.sink()
        assert list(objects.names()) == []
        sink.write(b"begin ")
        sink.write(bytearray(b"middle "))
        sink.write(memoryview(b"xxend")[2:])
        assert objects.size(NAME) is None
        assert list(objects.names()) == []
        sink.finish(NAME)
        assert objects.read(NAME) == b"begin middle end"
        assert list(objects.names()) == [NAME]

    def test_a_sink_may_stay_empty(self, objects: ObjectStore) -> None:
        objects.sink().finish(NAME)
        assert objects.read(NAME) == b""

    def test_what_was_aborted_leaves_nothing(self, objects: ObjectStore) -> None:
        sink = objects.sink()
        sink.write(b"x" * 1000)
        sink.abort()
        sink.abort()
        assert list(objects.names()) == []
        assert objects.size(NAME) is None

    def test_aborting_after_the_end_is_harmless(self, objects: ObjectStore) -> None:
        sink = objects.sink()
        sink.write(b"kept")
        sink.finish(NAME)
        sink.abort()
        assert objects.read(NAME) == b"kept"

    def test_finishing_under_a_name_that_is_there_succeeds(self, objects: ObjectStore) -> None:
        for _ in range(2):
            sink = objects.sink()
            sink.write(b"same")
            sink.finish(NAME)
        assert objects.read(NAME) == b"same"
        assert list(objects.names()) == [NAME]

    def test_what_the_caller_does_with_its_buffer_is_its_own_affair(self, objects: ObjectStore) -> None:
        buffer = bytearray(b"original")
        sink = objects.sink()
        sink.write(buffer)
        buffer[:] = b"scribble"
        sink.finish(NAME)
        assert objects.read(NAME) == b"original"

    def test_sinks_stay_apart(self, objects: ObjectStore) -> None:
        first, second = objects.sink(), objects.sink()
        for part in (b"1", b"2", b"3"):
            first.write(part)
            second.write(part * 2)
        second.finish("b")
        first.finish("a")
        assert (objects.read("a"), objects.read("b")) == (b"123", b"112233")

    def test_a_big_object_is_written_and_read_whole(self, objects: ObjectStore) -> None:
        unit = bytes(range(251)) * 4_001
        content = (unit * (BIG_BYTES // len(unit) + 1))[:BIG_BYTES]
        sink = objects.sink()
        view = memoryview(content)
        for start in range(0, BIG_BYTES, 7_000_001):
            sink.write(view[start : start + 7_000_001])
        sink.finish(NAME)
        assert objects.size(NAME) == BIG_BYTES
        assert objects.read(NAME) == content
        assert objects.read(NAME, BIG_BYTES - 5) == content[-5:]
        assert objects.read(NAME, 8 * 1024 * 1024 - 3, 6) == content[8 * 1024 * 1024 - 3 :][:6]

    # -- a file of this machine -----------------------------------------------------------------------------------

    def test_a_local_path_holds_exactly_the_bytes(self, objects: ObjectStore) -> None:
        objects.put(NAME, b"some bytes")
        path = objects.local_path(NAME)
        if path is not None:
            assert path.read_bytes() == b"some bytes"

    # -- several at once ----------------------------------------------------------------------------------------

    def test_writers_of_one_name_all_succeed_and_readers_see_all_or_nothing(self, objects: ObjectStore) -> None:
        content = bytes(range(256)) * 300
        together = Barrier(WRITERS + 1)

        def write(name: str) -> None:
            sink = objects.sink()
            sink.write(content[:1000])
            together.wait()
            sink.write(content[1000:])
            sink.finish(name)

        def read(name: str) -> set[bytes]:
            together.wait()
            while objects.size(name) is None:
                pass
            look = objects.read if self.shows_no_half else partial(_read_and_verify, objects, content)
            return {look(name) for _ in range(5)}

        names = [f"pack/x/{turn}" for turn in range(ROUNDS)]
        with ThreadPoolExecutor(WRITERS + 1) as pool:
            for name in names:
                reading = pool.submit(read, name)
                for writing in [pool.submit(write, name) for _ in range(WRITERS)]:
                    writing.result()
                assert reading.result() == {content}
                assert objects.read(name) == content
        assert sorted(objects.names()) == sorted(names)

    def test_threads_put_different_names_into_one_folder(self, objects: ObjectStore) -> None:
        def put(number: int) -> None:
            objects.put(f"new/folder/{number % 3}/{number}", b"%d" % number)

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(put, range(60)))
        assert {name: objects.read(name) for name in objects.names("new/")} == {
            f"new/folder/{number % 3}/{number}": b"%d" % number for number in range(60)
        }


def _read_and_verify(objects: ObjectStore, content: bytes, name: str) -> bytes:
    """Read an object as forebear does; an error is as good as what was expected."""
    try:
        return read_blob(objects, digest_of(content), Location(name, 0, len(content), len(content), CODEC_RAW))
    except (CorruptData, StorageFailure):
        return content
