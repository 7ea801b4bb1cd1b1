"""Names of objects lead nowhere, whoever wrote them, and a stranger's file in a store is in nobody's way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forebear.blobs.local import LocalObjects
from forebear.blobs.objects import check_object_name, is_object_name
from forebear.blobs.remote import RemoteObjects
from forebear.errors import InvalidInput
from tests.store.payloads import payloads

if TYPE_CHECKING:
    from pathlib import Path

    from forebear.blobs.objects import ObjectStore

STRANGE = ["we ird/a;b", "loose/ab/x y", "loose/ab/é", "loose/ab/a#b", "pack/%2e%2e", "loose/ab/abc~", "loose/a:b"]
NAME = "loose/ab/abcdef"


def stores(root: Path) -> list[ObjectStore]:
    return [LocalObjects(root), RemoteObjects(f"file://{root}")]


def test_no_payload_is_the_name_of_an_object_that_lies_elsewhere(tmp_path: Path) -> None:
    taken = 0
    for payload in payloads():
        if not is_object_name(payload):
            with pytest.raises(InvalidInput) as caught:
                check_object_name(payload)
            assert caught.value.code == "invalid-object-name"
            continue
        taken += 1
        assert payload.isascii()
        assert not payload.startswith("/")
        assert not {"", ".", ".."} & set(payload.split("/"))
    assert taken > 20


@pytest.mark.parametrize("which", [0, 1])
def test_no_call_takes_another_name(tmp_path: Path, which: int) -> None:
    root = tmp_path / "up" / "store"
    root.mkdir(parents=True)
    objects = stores(root)[which]
    objects.put(NAME, b"x")
    for name in ("../escaped", "/escaped", "a/../../escaped", "a//b", "", ".", "a\x00", "a\\..\\b"):
        for call in (
            lambda name=name: objects.put(name, b"x"),
            lambda name=name: objects.read(name),
            lambda name=name: objects.size(name),
            lambda name=name: objects.delete(name),
            lambda name=name: objects.local_path(name),
        ):
            with pytest.raises(InvalidInput):
                call()
    assert list(objects.names()) == [NAME]
    assert [path.name for path in (tmp_path / "up").iterdir()] == ["store"]


@pytest.mark.parametrize("which", [0, 1])
def test_what_is_no_object_is_passed_over(tmp_path: Path, which: int) -> None:
    objects = stores(tmp_path)[which]
    objects.put(NAME, b"x")
    for name in STRANGE:
        path = tmp_path / "objects" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not ours")
    assert list(objects.names()) == [NAME]
    assert list(objects.names("loose/")) == [NAME]
    assert list(objects.names("we ird")) == []
