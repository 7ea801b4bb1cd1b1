"""What shrinks is stored smaller and comes back the same; what does not is left as it is."""

from __future__ import annotations

import contextlib
import random
import threading
from pathlib import Path

import numpy as np
import pytest

import forebear.errors
from forebear.blobs.codecs import compress, decode, decompress, shrinks, squeeze, squeeze_many
from forebear.errors import CorruptData
from forebear.records.content import CODEC_APART2, CODEC_APART4, CODEC_RAW, CODEC_ZSTD

RANDOM = random.Random(2).randbytes(300_000)
TEXT = b"".join(b"%d,%d,row %d of many\n" % (i, i * i % 97, i) for i in range(20_000))


def weights(kind: str, count: int = 150_000) -> bytes:
    """Weights of a layer: normal, small."""
    numbers = np.random.default_rng(3).normal(0, 0.02, count).astype(np.float32)
    if kind == "bf16":
        return (numbers.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    return numbers.astype({"f16": np.float16, "f32": np.float32}[kind]).tobytes()


BLOBS = {
    "text": TEXT,
    "bf16": weights("bf16"),
    "f16": weights("f16"),
    "f32": weights("f32"),
    "odd bf16": weights("bf16")[1:-2],
    "f32 from the middle": weights("f32")[3:-2],
    "zeros": bytes(1_000_000),
    "short text": b"the same again, " * 9,
}


@pytest.mark.parametrize("content", BLOBS.values(), ids=BLOBS)
def test_what_shrinks_comes_back_the_same(content: bytes) -> None:
    stored, codec = squeeze(memoryview(content))
    assert codec != CODEC_RAW
    assert len(stored) < 0.95 * len(content)
    assert bytes(decode(stored, len(content), codec)) == content


@pytest.mark.parametrize("content", [b"", b"x", b"a short line", RANDOM, RANDOM[:5_000]])
def test_what_does_not_shrink_is_left_as_it_is(content: bytes) -> None:
    assert squeeze(content) == (content, CODEC_RAW)


def noise_with_zeros(size: int, zeros: int) -> bytes:
    """Noise in which so many of 1,000 bytes are zeros in a row: zstd saves them, but for some four bytes of its own."""
    source = random.Random(7)
    return b"".join(source.randbytes(1_000 - zeros) + bytes(zeros) for _ in range(-(-size // 1_000)))[:size]


@pytest.mark.parametrize("size", [10_000, 300_000], ids=["tried whole", "tried by a sample"])
@pytest.mark.parametrize(("zeros", "saved", "expected"), [(50, 0.04, CODEC_RAW), (64, 0.06, CODEC_ZSTD)])
def test_less_than_a_twentieth_is_not_worth_it(size: int, zeros: int, saved: float, expected: int) -> None:
    content = noise_with_zeros(size, zeros)
    assert len(compress(content)) / size == pytest.approx(1 - saved, abs=0.004)
    assert squeeze(content)[1] == expected
    batch = [content[at : at + 1_000] for at in range(0, 10_000, 1_000)]
    assert shrinks(batch) == (expected == CODEC_ZSTD)


@pytest.mark.parametrize(("kind", "expected", "most"), [("bf16", CODEC_APART2, 0.74), ("f32", CODEC_APART4, 0.87)])
def test_weights_are_taken_apart(kind: str, expected: int, most: float) -> None:
    content = weights(kind)
    stored, codec = squeeze(content)
    assert codec == expected
    assert len(stored) <= most * len(content)


def test_bf16_shrinks_by_zstd_alone_too() -> None:
    content = weights("bf16")
    assert len(compress(content)) <= 0.82 * len(content)


def test_text_is_not_taken_apart() -> None:
    words = Path(forebear.errors.__file__).read_bytes()
    assert squeeze(words * 30)[1] == CODEC_ZSTD


def test_many_blobs_are_the_same_as_one_by_one() -> None:
    contents = [RANDOM, *BLOBS.values(), b""] * 3
    assert squeeze_many(contents) == [squeeze(content) for content in contents]
    assert squeeze_many([]) == []


def test_a_little_of_a_batch_tells_whether_it_shrinks() -> None:
    noise = [RANDOM[i : i + 4_096] for i in range(0, 200_000, 4_096)]
    lines = [TEXT[i : i + 4_096] for i in range(0, 200_000, 4_096)]
    assert not shrinks(noise)
    assert shrinks(lines)
    assert shrinks(noise[:24] + lines[:24])
    assert not shrinks([])
    assert not shrinks([b""])


@pytest.mark.parametrize("codec", [CODEC_ZSTD, CODEC_APART2, CODEC_APART4])
@pytest.mark.parametrize(
    "damage",
    [
        lambda frame: frame[:-3],
        lambda frame: frame + b"more",
        lambda frame: b"\0" * len(frame),
        lambda frame: b"",
        lambda frame: frame[:40] + bytes([frame[40] ^ 0xFF]) + frame[41:60] + bytes(8) + frame[68:],
    ],
    ids=["cut", "longer", "zeros", "empty", "changed"],
)
def test_damage_is_an_error_or_other_bytes_of_the_same_length(codec: int, damage: object) -> None:
    stored = damage(compress(TEXT))  # type: ignore[operator]
    with contextlib.suppress(CorruptData):
        assert len(decode(stored, len(TEXT), codec)) == len(TEXT)


@pytest.mark.parametrize("content", [weights("bf16"), weights("f32")])
@pytest.mark.parametrize("at", [0, 3, 4, 9, 40, -1])
def test_damage_among_parts_is_an_error_or_other_bytes_of_the_same_length(content: bytes, at: int) -> None:
    stored, codec = squeeze(content)
    damaged = bytearray(stored)
    damaged[at] ^= 0x41
    for given in (bytes(damaged), bytes(stored[:at]), bytes(stored) + b"x"):
        with contextlib.suppress(CorruptData):
            assert len(decode(given, len(content), codec)) == len(content)
            assert given == bytes(damaged)


@pytest.mark.parametrize("size", [0, 5, 2**40])
def test_a_frame_of_another_length_is_refused_before_memory_is_taken(size: int) -> None:
    with pytest.raises(CorruptData, match="does not have the length"):
        decode(compress(b"123456"), size, CODEC_ZSTD)


def test_a_frame_longer_than_it_may_be_is_refused() -> None:
    assert decompress(compress(b"123456"), most=6) == b"123456"
    with pytest.raises(CorruptData, match="does not have the length"):
        decompress(compress(b"123456"), most=5)


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(CorruptData, match="unknown codec 77"):
        decode(b"x", 1, 77)


def test_threads_do_not_disturb_each_other() -> None:
    wrong: list[str] = []

    def work(name: str, content: bytes) -> None:
        for _ in range(20):
            stored, codec = squeeze(content)
            if bytes(decode(stored, len(content), codec)) != content:
                wrong.append(name)

    threads = [threading.Thread(target=work, args=item) for item in BLOBS.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
