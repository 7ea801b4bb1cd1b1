"""Records beside the blobs say what the catalog says, and a damaged one is never believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.blobs.cache import CachedObjects
from forebear.blobs.digest import digest_of
from forebear.blobs.remote_failures import Unreachable
from forebear.blobs.retrying import RetryingObjects
from forebear.catalog.fingerprints import FingerprintCache
from forebear.errors import CorruptData, NotFound
from forebear.records.artifacts import DELETED, Version
from forebear.store.records import read_record, read_records, record_stem, write_record, write_records
from forebear.store.store import Store
from forebear.testing.builders import Author
from forebear.testing.memory_catalog import MemoryCatalog
from forebear.testing.memory_objects import MemoryObjects

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def version(**changes: object) -> Version:
    fields = {
        "id": 1,
        "entity": "team",
        "project": "p",
        "name": "data",
        "type": "dataset",
        "number": 3,
        "root": digest_of(b"root"),
        "size": 10,
        "file_count": 2,
        "state": "COMMITTED",
        "description": None,
        "metadata": {"n": float("nan"), "deep": {"a": [1]}},
        "created_at": NOW,
        "aliases": ("prod",),
        "tags": ("t",),
    }
    return Version(**{**fields, **changes})  # type: ignore[arg-type]


def test_what_was_written_is_read() -> None:
    objects = MemoryObjects()
    write_record(objects, version(), "r1")
    (name,) = objects.names()
    assert name.startswith(f"versions/team/p/data/v3-{digest_of(b'root').hex()[:16]}-")
    record = read_record(objects, name)
    assert record.says(version(), "r1")
    assert not record.says(version(description="x"), "r1")
    assert not record.says(version(), "r2")
    assert not record.says(version(state=DELETED), "r1")


def test_aliases_that_moved_on_make_no_record_old() -> None:
    objects = MemoryObjects()
    write_record(objects, version(aliases=("latest", "prod")), None)
    record = read_record(objects, next(objects.names()))
    assert record.says(version(aliases=("prod",)), None, {"latest", "prod"})
    assert not record.says(version(aliases=("prod",)), None, {"prod"})  # it was taken away
    assert not record.says(version(aliases=("latest", "new", "prod")), None, {"latest", "new", "prod"})


@given(st.data())
def test_no_change_of_a_byte_goes_unseen(data: st.DataObject) -> None:
    objects = MemoryObjects()
    write_record(objects, version(), "r1")
    (name,) = objects.names()
    content = bytearray(objects.read(name))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    objects.delete(name)
    objects.put(name, bytes(content[: data.draw(st.sampled_from([len(content), at]))]))
    with pytest.raises(CorruptData, match="damaged"):
        read_record(objects, name)
    assert list(read_records(objects).damaged) == [name]


@pytest.mark.parametrize("changes", [{"number": 4}, {"name": "other"}, {"root": digest_of(b"another")}])
def test_a_record_under_the_name_of_another_one_is_refused(changes: dict[str, object]) -> None:
    objects, other = MemoryObjects(), MemoryObjects()
    write_record(objects, version(), None)
    write_record(other, version(**changes), None)
    stem = record_stem(version())
    for name in (f"{stem}.json", f"{stem}-0123456789abcdef.json"):
        content = other.read(next(other.names()))
        objects.put(name, content)
        with pytest.raises(CorruptData, match="damaged"):
            read_record(objects, name)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../up"},
        {"entity": "a/b"},
        {"project": ".."},
        {"type": "a:b"},
        {"aliases": ["v3"]},
        {"aliases": ["a/b"]},
        {"tags": [""]},
        {"run": "../r"},
        {"state": "HALF"},
        {"format": 2},
        {"number": 1 << 31},
        {"number": -1},
        {"size": 1 << 63},
        {"created_at": "2026-01-01T00:00:00"},
        {"root": "00"},
    ],
)
def test_names_and_numbers_that_nobody_could_have_given_are_refused(changes: dict[str, object]) -> None:
    objects = MemoryObjects()
    write_record(objects, version(), "r")
    fields = msgspec.json.decode(objects.read(next(objects.names()))) | changes
    place = version(**{key: value for key, value in changes.items() if key in {"name", "entity", "project", "number"}})
    content = msgspec.json.encode(fields)
    name = f"{record_stem(place)}-{digest_of(content).hex()[:16]}.json"
    objects.put(name, content)
    with pytest.raises(CorruptData, match="damaged"):
        read_record(objects, name)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"format": 1}'])
def test_what_is_no_record_is_refused(content: bytes) -> None:
    objects = MemoryObjects()
    objects.put(f"{record_stem(version())}.json", content)
    with pytest.raises(CorruptData):
        read_record(objects, f"{record_stem(version())}.json")
    with pytest.raises(NotFound):
        read_record(objects, "versions/none.json")


def test_records_of_the_first_kind_are_older_than_all_others() -> None:
    objects = MemoryObjects()
    write_record(objects, version(description="new"), None)
    (newer,) = objects.names()
    fields = msgspec.json.decode(objects.read(newer)) | {"description": "old"}
    del fields["state"], fields["written_at"]
    objects.put(f"{record_stem(version())}.json", msgspec.json.encode(fields))
    found = read_records(objects)
    assert [record.description for record in found.newest.values()] == ["new"]
    assert found.replaced == [f"{record_stem(version())}.json"]


def test_what_changed_while_records_were_written_is_recorded_too() -> None:
    """Another process moves an alias between the reading of a version and the word that it is recorded."""
    objects, catalog = MemoryObjects(), MemoryCatalog()
    made = Author(catalog).version("a")
    put, moves = objects.put, iter([True])

    def put_and_move(name: str, content: bytes) -> None:
        put(name, content)
        if next(moves, False):
            catalog.move_alias(made.id, "meanwhile")

    objects.put = put_and_move  # type: ignore[method-assign]
    assert write_records(catalog, objects) == 2
    assert write_records(catalog, objects) == 0
    (record,) = read_records(objects).newest.values()
    assert record.aliases == ("latest", "meanwhile")
    assert record.written_at is not None
    assert datetime.now(UTC) - record.written_at < timedelta(minutes=5)


class _Away(MemoryObjects):
    """A bucket that does not answer while it is away."""

    away = False

    def put(self, name: str, content: bytes) -> None:
        if self.away:
            raise Unreachable("nobody answers")
        super().put(name, content)


class _NoClock:
    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float, /) -> None:
        raise AssertionError("it waited")


def test_who_only_changed_the_catalog_does_not_wait_for_a_bucket_that_is_away(tmp_path: Path) -> None:
    bucket, catalog = _Away(), MemoryCatalog()
    objects = CachedObjects(RetryingObjects(bucket, clock=_NoClock()), tmp_path)
    store = Store("u", catalog, objects, FingerprintCache(None))
    made = Author(catalog).version("a")
    store.write_records()
    bucket.away = True
    catalog.move_alias(made.id, "prod")
    store.write_records(patient=False)
    with pytest.raises(AssertionError, match="it waited"):
        store.write_records()
    bucket.away = False
    store.write_records()
    (record,) = read_records(bucket).newest.values()
    assert record.aliases == ("latest", "prod")
