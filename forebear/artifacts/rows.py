"""The rows of a draft by path: files as they are, references packed, because a million of them have to find room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from forebear.artifacts.manifest import Row

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class Rows:
    """Rows by path. A file takes about 340 bytes, a reference half as much as its row would."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        # A reference's URI, identity and the objects that hold them are 500 bytes as a row, and 150 as one text.
        self._by_path: dict[str, Row | bytes] = {}
        self._has_references = False
        for row in rows:
            self.put(row)

    def __len__(self) -> int:
        return len(self._by_path)

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def in_order(self) -> InOrder:
        """Return all rows, sorted by path, to be gone through any number of times until rows are added or removed."""
        return InOrder(sorted(self._by_path), self._by_path, packed=self._has_references)

    def paths(self) -> Iterable[str]:
        """Return all paths, in no particular order."""
        return self._by_path.keys()

    def get(self, path: str) -> Row | None:
        """Return the row of a path, or ``None``."""
        held = self._by_path.get(path)
        return None if held is None else _unpacked(path, held)

    def put(self, row: Row) -> None:
        """Take a row in, in place of the one of its path."""
        if len(row) == 5:
            self._by_path[row[0]] = _encode(row[1:])
            self._has_references = True
        else:
            self._by_path[row[0]] = row

    def put_files(self, rows: Iterable[Row]) -> None:
        """Take rows of files in, each in place of the one of its path."""
        self._by_path.update((row[0], row) for row in rows)

    def put_all(self, other: Rows) -> None:
        """Take in all rows of another, each in place of the one of its path."""
        self._by_path.update(other._by_path)
        self._has_references |= other._has_references

    def clashes(self, other: Rows) -> Iterator[str]:
        """Yield the paths that both have, with different rows."""
        here, there = self._by_path, other._by_path
        return (path for path in there.keys() & here.keys() if here[path] != there[path])

    def remove(self, path: str) -> None:
        """Drop the row of a path."""
        del self._by_path[path]

    def size(self) -> int:
        """Return the sum of the sizes that are known, in bytes."""
        return sum((held[1] if isinstance(held, tuple) else _decode(held)[0]) or 0 for held in self._by_path.values())


class InOrder:
    """Rows sorted by path; each is made when it is asked for."""

    def __init__(self, paths: list[str], by_path: dict[str, Row | bytes], *, packed: bool) -> None:
        self._paths = paths
        self._by_path = by_path
        self._packed = packed

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Row]:
        if self._packed:
            return (_unpacked(path, self._by_path[path]) for path in self._paths)
        return map(self._by_path.__getitem__, self._paths)  # type: ignore[arg-type]  # all are rows; a third of the time

    def __getitem__(self, index: int) -> Row:
        path = self._paths[index]
        return _unpacked(path, self._by_path[path])


def _unpacked(path: str, held: Row | bytes) -> Row:
    return held if isinstance(held, tuple) else (path, *_decode(held))
