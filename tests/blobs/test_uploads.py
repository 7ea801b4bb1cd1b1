"""Objects that are sent in the background: none is lost, none is said to be there before it is."""

from __future__ import annotations

import threading

import pytest

from forebear.blobs import uploads as module
from forebear.blobs.uploads import Uploads
from forebear.errors import StorageFailure
from forebear.testing.memory_objects import MemoryObjects


class SlowObjects(MemoryObjects):
    """Objects that arrive once they are let, and fail while their names are in ``broken``."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()
        self.broken: set[str] = set()
        self.begun: list[str] = []

    def put(self, name: str, content: bytes) -> None:
        self.begun.append(name)
        assert self.let.wait(10)
        if name in self.broken:
            raise StorageFailure(f"{name} does not arrive")
        super().put(name, content)


@pytest.fixture
def objects() -> SlowObjects:
    return SlowObjects()


def send(uploads: Uploads, name: str) -> None:
    sink = uploads.sink()
    sink.write(name.encode())
    sink.finish(name)
    sink.abort()


def test_finishing_returns_at_once_and_waiting_when_all_are_there(objects: SlowObjects):
    uploads = Uploads(objects)
    for name in ("a", "b", "c"):
        send(uploads, name)
    assert list(objects.names()) == []
    objects.let.set()
    uploads.wait()
    assert {name: objects.read(name) for name in objects.names()} == {"a": b"a", "b": b"b", "c": b"c"}
    uploads.wait()
    assert len(objects.begun) == 3


def test_no_more_than_some_are_on_their_way(objects: SlowObjects, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "UPLOADS_AT_ONCE", 2)
    uploads = Uploads(objects)
    send(uploads, "a")
    send(uploads, "b")
    third = threading.Thread(target=send, args=(uploads, "c"))
    third.start()
    assert third.is_alive()
    assert "c" not in objects.begun
    objects.let.set()
    third.join(10)
    uploads.wait()
    assert sorted(objects.names()) == ["a", "b", "c"]


def test_what_failed_is_told_and_sent_again(objects: SlowObjects):
    objects.let.set()
    objects.broken = {"b"}
    uploads = Uploads(objects)
    for name in ("a", "b", "c"):
        send(uploads, name)
    for _ in range(2):
        with pytest.raises(StorageFailure, match="b does not arrive"):
            uploads.wait()
    assert sorted(objects.names()) == ["a", "c"]
    objects.broken = set()
    uploads.wait()
    assert sorted(objects.names()) == ["a", "b", "c"]
    assert objects.begun.count("a") == 1


def test_a_failure_is_told_to_who_goes_on_and_loses_nothing(objects: SlowObjects, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "UPLOADS_AT_ONCE", 1)
    objects.let.set()
    objects.broken = {"a"}
    uploads = Uploads(objects)
    send(uploads, "a")
    with pytest.raises(StorageFailure, match="a does not arrive"):
        send(uploads, "b")
    objects.broken = set()
    uploads.wait()
    assert sorted(objects.names()) == ["a", "b"]


def test_what_is_given_up_is_not_sent(objects: SlowObjects, monkeypatch: pytest.MonkeyPatch):
    uploads = Uploads(objects)
    send(uploads, "a")
    sink = uploads.sink()
    sink.write(b"x")
    sink.abort()
    objects.let.set()
    uploads.abort()
    uploads.wait()
    assert set(objects.names()) <= {"a"}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("forebear-upload")]
