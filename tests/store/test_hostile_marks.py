"""What lies beside the objects of a store says who it is and what it holds; a forged one says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forebear.blobs.local import LocalObjects
from forebear.blobs.remote import RemoteObjects
from forebear.blobs.retrying import RetryingObjects
from forebear.errors import CorruptData, InvalidInput, Unsupported
from forebear.store.marks import APART, FolderPlace, RemotePlace, StoreMark
from forebear.store.opening import open_store
from forebear.store.records import read_record, read_records

if TYPE_CHECKING:
    from pathlib import Path

    from forebear.store.marks import Place

RECORD: dict[str, Any] = {
    "format": 1, "entity": "e", "project": "p", "name": "n", "type": "t", "number": 0, "root": "0" * 64, "size": 1,
    "file_count": 1, "description": None, "metadata": {}, "created_at": "2026-01-01T00:00:00Z", "aliases": ["latest"],
    "tags": [], "run": None,
}  # fmt: skip
NAME = f"versions/e/p/n/v0-{'0' * 16}.json"


def places(root: Path) -> list[Place]:
    objects = RemoteObjects(f"file://{root}")
    return [FolderPlace(root), RemotePlace(objects, RetryingObjects(objects))]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 5_000,
        b'{"format":1}',
        b'{"format":"1","id":"aa"}',
        b'{"format":0,"id":"aa"}',
        b'{"format":-1,"id":"aa"}',
        b'{"format":1,"id":5}',
        *(
            msgspec.json.encode({"format": APART, "id": id_})
            for id_ in (
                "",
                ".",
                "..",
                "../../../../tmp/x",
                "/tmp/x",
                "a/b",
                "a\\b",
                "a\x00",
                "~",
                "C:",
                "-rf",
                "a" * 65,
            )
        ),
        b'{"format":2,"id":"aa","blobs":5}',
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_a_mark_that_is_none_is_damage(tmp_path: Path, which: int, content: bytes) -> None:
    (tmp_path / "store.json").write_bytes(content)
    with pytest.raises(CorruptData) as caught:
        places(tmp_path)[which].read()
    assert caught.value.code == "corrupt-store"


@pytest.mark.parametrize("which", [0, 1])
def test_a_mark_that_is_one_is_read(tmp_path: Path, which: int) -> None:
    place = places(tmp_path)[which]
    assert place.read() is None
    for id_ in ("f" * 32, "a", "store-1_b"):
        place.write(StoreMark(APART, id_))
        assert place.read() == StoreMark(APART, id_)
    (tmp_path / "store.json").write_bytes(b'{"format":99,"id":"aa"}')
    with pytest.raises(Unsupported, match="format 99"):
        place.read()


@pytest.mark.parametrize("tail", ["nowhere", "blobs=", "blobs=s3://", "blobs=s3://u:pw@b", "x=1&blobs=a"])
def test_a_mark_that_sends_to_no_place_is_refused(tmp_path: Path, tail: str) -> None:
    open_store(tmp_path).close()
    mark = FolderPlace(tmp_path).read()
    assert mark is not None
    FolderPlace(tmp_path).write(StoreMark(APART, mark.id, tail))
    with pytest.raises((InvalidInput, CorruptData, Unsupported)):
        open_store(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../up"},
        {"name": ""},
        {"number": -1},
        {"number": 2**63},
        {"size": 2**70},
        {"size": -5},
        {"file_count": 1.5},
        {"root": "zz" * 32},
        {"root": "00"},
        {"created_at": "2026-01-01T00:00:00"},
        {"written_at": "2026-01-01T00:00:00"},
        {"aliases": [5]},
        {"metadata": [1]},
        {"format": "one"},
        {"entity": None},
    ],
    ids=str,
)
def test_a_forged_record_is_damage_and_keeps_nobody_from_the_others(tmp_path: Path, change: dict[str, Any]) -> None:
    objects = LocalObjects(tmp_path)
    objects.put(NAME, msgspec.json.encode(RECORD))
    other = NAME.replace("/v0-", "/v1-")
    objects.put(other, msgspec.json.encode(RECORD | {"number": 1} | change))
    assert read_record(objects, NAME).name == "n"
    with pytest.raises(CorruptData) as caught:
        read_record(objects, other)
    assert caught.value.code == "corrupt-record"
    found = read_records(objects)
    assert [record.number for record in found.newest.values()] == [0]
    assert list(found.damaged) == [other]
