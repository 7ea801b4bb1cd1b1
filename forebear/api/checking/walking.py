"""Following manifests down to the files, each page once however many versions share it."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, NamedTuple

from forebear.artifacts.manifest import Row, parse_page
from forebear.errors import CorruptData

if TYPE_CHECKING:
    from forebear.store.store import Store

#: Pages that are read together: some 16,000 rows.
_PAGES_AT_ONCE = 64


class Lost(NamedTuple):
    """A content that cannot be had: that of a file, or (without a path) a page of the manifest."""

    digest: bytes
    path: str | None
    words: str


class Below(NamedTuple):
    """What is below a page: rows, bytes of them, and what of it is lost."""

    rows: int
    size: int
    lost: tuple[Lost, ...]


class _Page(NamedTuple):
    below: tuple[bytes, ...]
    rows: int
    size: int
    lost: tuple[Lost, ...]


class Walk:
    """Knows of every page that was read what is lost below it. Memory: some hundred bytes a page."""

    def __init__(self, store: Store, bad: Container[bytes]) -> None:
        """Take contents for lost that the index does not know, and those in ``bad``."""
        self._store = store
        self._bad = bad
        self._pages: dict[bytes, _Page] = {}
        self._below: dict[bytes, Below] = {}

    @property
    def pages(self) -> int:
        """How many pages were read."""
        return len(self._pages)

    def below(self, root: bytes) -> Below:
        """Return what is below a page, itself included. Cost: reads what was not read before, level by level."""
        waiting = [root] if root not in self._pages else []
        while waiting:
            fresh: list[bytes] = []
            for start in range(0, len(waiting), _PAGES_AT_ONCE):
                self._open(waiting[start : start + _PAGES_AT_ONCE])
            for digest in waiting:
                fresh += self._pages[digest].below
            waiting = [digest for digest in dict.fromkeys(fresh) if digest not in self._pages]
        return self._sum(root, ())

    def _sum(self, digest: bytes, above: tuple[bytes, ...]) -> Below:
        known = self._below.get(digest)
        if known is None:
            page = self._pages[digest]
            rows, size, lost = page.rows, page.size, list(page.lost)
            for child in page.below:
                # No page can hold its own digest, unless somebody broke the hash; then this would not end.
                if child not in above:
                    part = self._sum(child, (*above, digest))
                    rows, size = rows + part.rows, size + part.size
                    lost += part.lost
            known = self._below[digest] = Below(rows, size, tuple(lost))
        return known

    def _open(self, digests: list[bytes]) -> None:
        leaves: dict[bytes, list[Row]] = {}
        for digest, content in self._read(digests).items():
            try:
                if isinstance(content, CorruptData):
                    raise content
                level, rows = parse_page(digest, content)
            except CorruptData as err:
                self._pages[digest] = _Page((), 0, 0, (Lost(digest, None, str(err)),))
                continue
            if level:
                self._pages[digest] = _Page(tuple(row[1] for row in rows), 0, 0, ())
            else:
                leaves[digest] = rows
        self._look_at_files(leaves)

    def _read(self, digests: list[bytes]) -> dict[bytes, bytes | CorruptData]:
        try:
            return {digest: bytes(content) for digest, content in self._store.read_many(digests)}
        except CorruptData as err:
            if len(digests) == 1:
                return {digests[0]: err}
        found: dict[bytes, bytes | CorruptData] = {}
        for digest in digests:
            found |= self._read([digest])
        return found

    def _look_at_files(self, leaves: dict[bytes, list[Row]]) -> None:
        known = self._store.catalog.known(row[2] for rows in leaves.values() for row in rows if len(row) == 3)
        for digest, rows in leaves.items():
            lost = tuple(
                Lost(row[2], row[0], "the store does not hold it" if row[2] not in known else "its object is damaged")
                for row in rows
                if len(row) == 3 and (row[2] not in known or row[2] in self._bad)
            )
            self._pages[digest] = _Page((), len(rows), sum(row[1] or 0 for row in rows), lost)


def contents_of(lost: Iterable[Lost]) -> set[bytes]:
    """The digests of what is lost."""
    return {each.digest for each in lost}
