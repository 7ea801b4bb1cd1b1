"""The reference model keeps every promise of the port that adapters are held to."""

from __future__ import annotations

import pytest

from forebear.testing.memory_objects import MemoryObjects
from forebear.testing.store import StoreSuite


class TestMemory(StoreSuite):
    @pytest.fixture
    def objects(self) -> MemoryObjects:
        return MemoryObjects()


def test_it_counts_reads_and_takes_damage() -> None:
    objects = MemoryObjects()
    objects.put("a", b"right")
    objects.replace("a", b"wrong")
    assert objects.read("a", 1, 2) == b"ro"
    assert objects.reads == [("a", 1, 2)]
