"""Damaging a stretch of a file, in every way that disks and people do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Bytes that are zeroed, or change places with those behind them.
_RUN = 16


class Stretch(NamedTuple):
    """A part of a file: what the damage is to."""

    path: Path
    start: int
    length: int

    def at(self, where: str) -> int:
        """Position of its first, middle or last byte."""
        return self.start + {"first": 0, "middle": self.length // 2, "last": self.length - 1}[where]


def flip(content: bytearray, position: int) -> None:
    content[position] ^= 0x10


def truncate(content: bytearray, position: int) -> None:
    del content[position:]


def extend(content: bytearray, position: int) -> None:
    """Put a byte in: before the first, in the middle, or behind the last."""
    content.insert(position + (position == len(content) - 1), 0x20)


def zero(content: bytearray, position: int) -> None:
    start, before = max(0, min(position, len(content) - _RUN)), bytes(content)
    content[start : start + _RUN] = bytes(len(content[start : start + _RUN]))
    if content == before:  # there were zeros
        content[position] = 1


def swap(content: bytearray, position: int) -> None:
    """Let a byte and the nearest one that differs change places."""
    others = (index for far in range(1, len(content)) for index in (position + far, position - far))
    other = next(at for at in others if 0 <= at < len(content) and content[at] != content[position])
    content[position], content[other] = content[other], content[position]


WAYS: dict[str, Callable[[bytearray, int], None]] = {
    "flip": flip,
    "truncate": truncate,
    "extend": extend,
    "zero": zero,
    "swap": swap,
}
WHERE = ("first", "middle", "last")
#: Ways that are to all of a file.
WHOLE = ("delete", "empty", "replace")


class Damage(NamedTuple):
    """One way to damage something."""

    way: str
    where: str

    def __str__(self) -> str:
        return f"{self.way} at {self.where}" if self.where else self.way

    def do(self, stretch: Stretch, other: bytes) -> None:
        """Damage a stretch; ``other`` takes its file's place where all of it is replaced."""
        path = stretch.path
        if self.way == "delete":
            path.unlink()
            return
        path.chmod(0o644)
        content = bytearray(path.read_bytes())
        if self.way == "empty":
            content.clear()
        elif self.way == "replace":
            content[:] = other
        else:
            WAYS[self.way](content, stretch.at(self.where))
        path.write_bytes(content)


def every_damage() -> Iterator[Damage]:
    """Yield every way at every place."""
    for way in WAYS:
        for where in WHERE:
            yield Damage(way, where)
    for way in WHOLE:
        yield Damage(way, "")
