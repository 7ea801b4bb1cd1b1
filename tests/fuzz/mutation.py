"""Inputs made from sound ones by small damage, the same ones for the same seed: a fuzzer that needs nothing.

It knows nothing of coverage. What it is good for is that each change of the code meets some thousand hostile inputs;
what takes millions is found by ``make fuzz``.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Sequence

#: Numbers at which readers of numbers go wrong.
_NUMBERS = (
    0,
    1,
    127,
    128,
    255,
    256,
    32767,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**60,
    2**63 - 1,
    2**63,
    2**64 - 1,
)
#: Beginnings of MessagePack, JSON and zstd that claim much: arrays, maps, texts, deep nesting, a frame of 2^60 bytes.
_TOKENS = (
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xcf" + b"\xff" * 8,
    b"\xd3\x80" + b"\x00" * 7,
    b"\xcb\x7f\xf8" + b"\x00" * 6,
    b"\xc0",
    b"\xc1",
    b"\xc3",
    b"\x90",
    b"\x80",
    b"\xa2\xff\xff",
    b"\xd6\xff\x00\x00\x00\x00",
    b"\xd4\x05\x00",
    b"\x91" * 2_000,
    b"[" * 2_000,
    b'{"a":' * 1_500,
    b"-" + b"9" * 400,
    b"1e999",
    b"null",
    b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**60) + b"\x01\x00\x00",
)

_Change = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def mutations(seeds: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yield ``count`` damaged forms of sound inputs."""
    chance = random.Random(seed)
    for _ in range(count):
        content = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
            chance.choice(_CHANGES)(chance, content, seeds)
        yield bytes(content)


def _place(chance: random.Random, content: bytearray) -> int:
    return chance.randrange(len(content) + 1)


def _flip(chance: random.Random, content: bytearray, seeds: Sequence[bytes]) -> None:
    if content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _set(chance: random.Random, content: bytearray, seeds: Sequence[bytes]) -> None:
    if content:
        content[chance.randrange(len(content))] = chance.randrange(256)


def _number(chance: random.Random, content: bytearray, seeds: Sequence[bytes]) -> None:
    width = chance.choice((1, 2, 4, 8))
    number = chance.choice(_NUMBERS) & ((1 << 8 * width) - 1)
    at = _place(chance, content)
    content[at : at + width] = number.to_bytes(width, chance.choice(("little", "big")))


def _token(chance: random.Random, content: bytearray, seeds: Sequence[bytes]) -> None:
    at = _place(chance, content)
    content[at : at + chance.choice((0, 1, 5, 9))] = chance.choice(_TOKENS)


def _cut(chance: random.Random, content: bytearray, seeds: Sequence[bytes]) -> None:
    del content[_place(chance, content) :]


def _remove(chance: random.Random, content: bytearray, seeds: Sequence[bytes]) -> None:
    at = _place(chance, content)
    del content[at : at + chance.choice((1, 2, 4, 8, 64))]


def _repeat(chance: random.Random, content: bytearray, seeds: Sequence[bytes]) -> None:
    at = _place(chance, content)
    piece = content[at : at + chance.choice((1, 4, 12, 64))]
    content[at:at] = piece * chance.choice((1, 2, 50))


def _swap(chance: random.Random, content: bytearray, seeds: Sequence[bytes]) -> None:
    size = chance.choice((1, 4, 16))
    first, second = _place(chance, content), _place(chance, content)
    content[first : first + size], content[second : second + size] = (
        content[second : second + size],
        content[first : first + size],
    )


def _splice(chance: random.Random, content: bytearray, seeds: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    at, begin = _place(chance, content), chance.randrange(len(other) + 1)
    content[at:] = other[begin:]


_CHANGES: tuple[_Change, ...] = (_flip, _set, _number, _number, _token, _cut, _remove, _repeat, _swap, _splice)
