"""A digest is BLAKE3-256 of the whole content, however it is read."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import blake3
import pytest

from forebear.blobs import copying, digest
from forebear.blobs.copying import copy_and_hash, copy_file_and_hash
from forebear.blobs.digest import READ_BYTES, THREADS_FROM_BYTES, Hasher, digest_of, digest_of_file, digest_of_stream
from forebear.blobs.writer import SMALL_BYTES

#: Around every size at which something else happens.
SIZES = sorted(
    {size + off for size in (1024, SMALL_BYTES, THREADS_FROM_BYTES, READ_BYTES, 2 * READ_BYTES) for off in (-1, 0, 1)}
    | {0, 1, 63, 64, 65}
)
#: From the test vectors of the BLAKE3 team: input of n bytes 0, 1, …, 250, 0, 1, … (first 32 bytes of the output).
#: https://github.com/BLAKE3-team/BLAKE3/blob/master/test_vectors/test_vectors.json
VECTORS = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
}


def content_of(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@pytest.mark.parametrize(("size", "expected"), VECTORS.items())
def test_the_digests_are_those_of_the_specification(size: int, expected: str) -> None:
    assert digest_of(content_of(size)).hex() == expected


@pytest.mark.parametrize("size", SIZES)
def test_all_ways_of_reading_give_the_same(size: int, tmp_path: Path) -> None:
    content = content_of(size)
    expected = blake3.blake3(content).digest()
    path = tmp_path / "file"
    path.write_bytes(content)
    assert digest_of(content) == expected
    assert digest_of(memoryview(content)) == expected
    assert digest_of_file(path) == (expected, size)
    with open(path, "rb", buffering=0) as stream:
        assert digest_of_stream(stream) == (expected, size)
    hasher = Hasher(threads=2)
    for start in range(0, size, 1_000_003):
        hasher.update(content[start : start + 1_000_003])
    assert (hasher.digest(), hasher.size) == (expected, size)
    copied = bytearray()
    with open(path, "rb", buffering=0) as stream:
        assert copy_and_hash(stream.fileno(), copied.extend) == (expected, size)
    assert copied == content
    assert _copied(path, tmp_path / "copy") == (expected, size)
    assert (tmp_path / "copy").read_bytes() == content


def _copied(path: Path, copy: Path) -> tuple[bytes, int]:
    with path.open("rb") as source, copy.open("w+b") as target:
        return copy_file_and_hash(source.fileno(), target.fileno())


@pytest.mark.parametrize("reason", ["another file system", "no Linux"])
def test_where_the_kernel_does_not_copy_the_bytes_pass_through_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    content = content_of(3 * READ_BYTES + 5)
    (tmp_path / "file").write_bytes(content)
    if reason == "no Linux":
        monkeypatch.delattr(copying.os, "copy_file_range", raising=False)
    else:
        monkeypatch.setattr(copying.os, "copy_file_range", _failing(errno.EXDEV), raising=False)
    assert _copied(tmp_path / "file", tmp_path / "copy") == (digest_of(content), len(content))
    assert (tmp_path / "copy").read_bytes() == content


def _failing(code: int) -> Callable[..., int]:
    def fail(*arguments: object) -> int:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="this kernel copies nothing")
@pytest.mark.parametrize("culprit", ["source", "target", "nobody"])
def test_when_the_kernel_fails_in_the_middle_it_shows_who_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, culprit: str
) -> None:
    """It says EIO and not of which file; reading and writing say it."""
    content = content_of(3 * READ_BYTES)
    (tmp_path / "file").write_bytes(content)
    real, calls = os.copy_file_range, []

    def fail_at_fifth(*arguments: Any) -> int:
        calls.append(arguments)
        return _failing(errno.EIO)() if len(calls) == 5 else real(*arguments)

    monkeypatch.setattr(copying.os, "copy_file_range", fail_at_fifth)
    if culprit == "source":
        monkeypatch.setattr(copying.os, "read", _failing(errno.ESTALE))
    elif culprit == "target":
        monkeypatch.setattr(copying.os, "write", _failing(errno.ENOSPC))
    if culprit == "nobody":
        assert _copied(tmp_path / "file", tmp_path / "copy") == (digest_of(content), len(content))
        assert (tmp_path / "copy").read_bytes() == content
    else:
        code = errno.ESTALE if culprit == "source" else errno.ENOSPC
        with pytest.raises(OSError, match=os.strerror(code)):
            _copied(tmp_path / "file", tmp_path / "copy")
    assert len(calls) >= 5


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="this kernel copies nothing")
def test_what_arrives_is_hashed_and_not_what_was_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = content_of(2 * READ_BYTES)
    (tmp_path / "file").write_bytes(content)
    real = os.copy_file_range

    def damage(source: int, target: int, count: int) -> int:
        copied = real(source, target, count)
        os.pwrite(target, b"damage", 0)
        return copied

    monkeypatch.setattr(copying.os, "copy_file_range", damage)
    found, size = _copied(tmp_path / "file", tmp_path / "copy")
    assert (found, size) == (digest_of((tmp_path / "copy").read_bytes()), len(content))
    assert found != digest_of(content)


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="this kernel copies nothing")
def test_nothing_is_copied_any_more_once_hashing_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller closes its files then; a thread that went on would write into whatever is opened next."""
    (tmp_path / "file").write_bytes(content_of(READ_BYTES))
    monkeypatch.setattr(copying.os, "preadv", _failing(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        _copied(tmp_path / "file", tmp_path / "copy")
    assert "forebear-copy" not in {thread.name for thread in threading.enumerate()}


def test_a_stream_is_hashed_from_where_it_stands() -> None:
    stream = io.BytesIO(b"skipped-wanted")
    stream.seek(8)
    assert digest_of_stream(stream) == (digest_of(b"wanted"), 6)


def test_a_file_that_grows_while_it_is_read_is_hashed_as_far_as_it_got(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Size and digest that come back belong together, so that a caller sees that the size is another."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    real = os.fstat

    def grow(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        with path.open("ab") as file:
            file.write(b"more")
        return status

    monkeypatch.setattr(digest.os, "fstat", grow)
    found, size = digest_of_file(path)
    monkeypatch.undo()
    assert found == digest_of(path.read_bytes()[:size])
    assert size > 10


def test_an_error_of_the_writing_side_comes_through(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content_of(3 * READ_BYTES))

    def refuse(part: memoryview) -> None:
        raise OSError(28, "full")

    with open(path, "rb", buffering=0) as stream, pytest.raises(OSError, match="full"):
        copy_and_hash(stream.fileno(), refuse)
