"""Manifests: the sorted list path → content, cut into pages so that cost follows the change, not the size.

A manifest is a tree of pages. A leaf holds rows ``[path, size, digest]`` (references two fields more), sorted by path;
an inner page holds ``[first path, page digest, rows below, bytes below]``. Pages are cut after a row whose path's hash
says so, about every `PAGE_ROWS` rows, so the same stretch of rows is the same page whatever surrounds it (a "prolly
tree", as in https://github.com/attic-labs/noms/blob/master/doc/intro.md). The root page's digest is the artifact's
digest: it depends on paths and contents alone.

A page is the msgpack array ``[1, level, rows]``; level 0 is a leaf.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Callable, Iterable, Iterator
from operator import lt
from typing import Any, NamedTuple

import msgspec

from forebear.blobs.digest import digest_of
from forebear.errors import CorruptData
from forebear.records.content import DIGEST_BYTES, Entry

FORMAT = 1
#: Mean number of rows of a page.
PAGE_ROWS = 256
#: A page has at least so many rows (but the last), so that every level is shorter than the one below.
MIN_ROWS = 2
#: Each level has at most half the pages of the one below, so no manifest is higher.
MAX_LEVEL = 64
#: The largest number that a catalog takes; no file has so many bytes.
_MOST = (1 << 63) - 1
#: Multiplicative hashing (Knuth, TAOCP 3, 6.4): spreads the CRC, which is linear, over the high bits.
_SPREAD = 0x9E3779B1
_CUT_BELOW = (1 << 32) // PAGE_ROWS

#: A leaf row: (path, size, digest) or (path, size, digest, ref, identity).
Row = tuple[Any, ...]
#: Gives the content of a page, verified, by its digest.
Load = Callable[[list[bytes]], dict[bytes, bytes]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, int, list[Any]]).decode


class PageRef(NamedTuple):
    """What an inner page says of a page below it; ``size`` is the sum of the rows' sizes in bytes."""

    first: str
    digest: bytes
    rows: int
    size: int


class Built(NamedTuple):
    """A manifest in memory: its root, the pages by digest, and its totals."""

    root: bytes
    pages: dict[bytes, bytes]
    rows: int
    size: int


def build(rows: Iterable[Row]) -> Built:
    """Cut rows, sorted by path and each path once, into pages.

    Cost: one encoding and hash a page; memory: all pages (about 55 bytes a row).
    """
    pages: dict[bytes, bytes] = {}
    level = 0
    refs = _pages_of(rows, level, pages)
    while len(refs) > 1:
        level += 1
        refs = _pages_of(refs, level, pages)
    return Built(refs[0].digest, pages, refs[0].rows, refs[0].size)


def _pages_of(rows: Iterable[Row], level: int, pages: dict[bytes, bytes]) -> list[PageRef]:
    refs: list[PageRef] = []
    page: list[Row] = []
    for row in rows:
        page.append(row)
        if (crc32(row[0].encode()) * _SPREAD & 0xFFFFFFFF) < _CUT_BELOW and len(page) >= MIN_ROWS:
            refs.append(_close(page, level, pages))
            page = []
    if page or not refs:
        refs.append(_close(page, level, pages))
    return refs


def _close(page: list[Row], level: int, pages: dict[bytes, bytes]) -> PageRef:
    content = _encode((FORMAT, level, page))
    digest = digest_of(content)
    pages[digest] = content
    first = page[0][0] if page else ""
    if level:
        return PageRef(first, digest, sum(ref[2] for ref in page), sum(ref[3] for ref in page))
    return PageRef(first, digest, len(page), sum(row[1] or 0 for row in page))


def parse_page(digest: bytes, content: bytes) -> tuple[int, list[Row]]:
    """Return level and rows of a page.

    Raises:
        CorruptData: the content does not have the form of a page.
    """
    try:
        version, level, rows = _decode(content)
        if version != FORMAT or not 0 <= level <= MAX_LEVEL:
            raise CorruptData(f"manifest page {digest.hex()[:16]}… has the unknown form {version}", code="bad-manifest")
        if level:
            if not rows:
                raise ValueError("it names no page")
            return level, _in_order([_inner_row(row) for row in rows])
        return level, _in_order([_leaf_row(row) for row in rows])
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, RecursionError) as err:
        raise CorruptData(f"manifest page {digest.hex()[:16]}… cannot be read: {err}", code="bad-manifest") from err


def _in_order(rows: list[Any]) -> list[Row]:
    """Return rows if each path comes once, in order: else a page could be named again and again, without end."""
    paths = [row[0] for row in rows]
    if not all(map(lt, paths, paths[1:])):
        raise ValueError("its rows are not in the order of their paths")
    return rows


def _leaf_row(row: Any) -> Row:
    path, size, digest = row[:3]
    if type(path) is not str or not (size is None or (type(size) is int and 0 <= size <= _MOST)):
        raise ValueError("a row has no path or size")
    if len(row) == 3:
        if type(digest) is not bytes or len(digest) != DIGEST_BYTES or size is None:
            raise ValueError("a row has no digest")
    elif len(row) != 5:
        raise ValueError("a row has neither three nor five fields")
    else:
        _check_reference(digest, row[3], row[4])
    return tuple(row)


def _check_reference(digest: Any, ref: Any, identity: Any) -> None:
    if digest is not None and (type(digest) is not bytes or len(digest) != DIGEST_BYTES):
        raise ValueError("a reference has a digest of another form")
    if type(ref) is not str or type(identity) is not dict:
        raise ValueError("a reference has no URI or identity")
    if not all(type(key) is str and type(value) is str for key, value in identity.items()):
        raise ValueError("the identity of a reference is not text")


def _inner_row(row: Any) -> PageRef:
    first, digest, rows, size = row
    if type(first) is not str or type(digest) is not bytes or len(digest) != DIGEST_BYTES:
        raise ValueError("a row of an inner page has no path or digest")
    if type(rows) is not int or type(size) is not int or not (0 <= rows <= _MOST and 0 <= size <= _MOST):
        raise ValueError("a row of an inner page has no totals")
    return PageRef(first, digest, rows, size)


def _misplaced(words: str) -> CorruptData:
    return CorruptData(f"a manifest page is not where it should be: {words}", code="bad-manifest")


def _check_child(level: int, ref: Row, below: int, rows: list[Row], end: str | None) -> None:
    """Refuse a page that is not the one that ``ref``, on a page of ``level``, promises before the path ``end``."""
    if below != level - 1:
        raise _misplaced(f"it is on level {below}, below level {level}")
    if not rows or rows[0][0] != ref[0] or (end is not None and rows[-1][0] >= end):
        raise _misplaced(f"its paths are not those from {ref[0]!r} on")


class Manifest:
    """A manifest that is read page by page, as far as a question needs."""

    def __init__(self, root: bytes, load: Load) -> None:
        """Read below ``root``; ``load`` gives the content of pages by digest, verified."""
        self.root = root
        self._load = load

    def rows(self, prefix: str = "") -> Iterator[Row]:
        """Yield the rows whose path begins with ``prefix``, sorted by path.

        Cost: the pages that hold such rows and those above them.
        """
        level, page = self._page([self.root])[0]
        yield from self._below(level, page, prefix, None)

    def _below(self, level: int, page: list[Row], prefix: str, end: str | None) -> Iterator[Row]:
        if level == 0:
            yield from (row for row in page if row[0].startswith(prefix)) if prefix else page
            return
        wanted = _covering(page, prefix) if prefix else page
        ends = _ends(page, end)
        # A level-1 page names about 256 leaves: reading them together is one look-up and a few reads.
        for ref, (below, rows) in zip(wanted, self._page([ref[1] for ref in wanted]), strict=True):
            _check_child(level, ref, below, rows, ends[ref[0]])
            yield from self._below(below, rows, prefix, ends[ref[0]])

    @property
    def entries(self) -> dict[str, Entry]:
        """All entries by path. Cost: every page; for one file `get` reads one page a level."""
        return {row[0]: Entry.from_row(row) for row in self.rows()}

    def get(self, path: str) -> Entry | None:
        """Return the entry at ``path``, or ``None``. Cost: one page a level."""
        level, page = self._page([self.root])[0]
        end: str | None = None
        while level:
            refs = _covering(page, path, exact=True)
            if not refs:
                return None
            end = _ends(page, end)[refs[-1][0]]
            above, (level, page) = level, self._page([refs[-1][1]])[0]
            _check_child(above, refs[-1], level, page, end)
        return next((Entry.from_row(row) for row in page if row[0] == path), None)

    def _page(self, digests: list[bytes]) -> list[tuple[int, list[Row]]]:
        loaded = self._load(digests)
        return [parse_page(digest, loaded[digest]) for digest in digests]

    def page_digests(self) -> Iterator[bytes]:
        """Yield the digest of every page, the root first."""
        waiting = [self.root]
        expected: int | None = None
        while waiting:
            yield from waiting
            waiting, level = self._open(waiting, [], expected)
            expected = level

    def changed_rows(self, other: Manifest) -> tuple[list[Row], list[Row]]:
        """Return (rows only here, rows only in ``other``), each sorted by path; a changed path is in both.

        Cost: only pages that differ are read, all of a level in one go.
        """
        mine, theirs = [self.root], [other.root]
        here: list[Row] = []
        there: list[Row] = []
        level_here = level_there = None
        while mine or theirs:
            # Equal pages hold equal rows, wherever they stand.
            common = set(mine) & set(theirs)
            mine = [digest for digest in mine if digest not in common]
            theirs = [digest for digest in theirs if digest not in common]
            if level_here is None or level_there is None or level_here == level_there:
                mine, level_here = self._open(mine, here, level_here)
                theirs, level_there = other._open(theirs, there, level_there)
            elif level_here > level_there:
                mine, level_here = self._open(mine, here, level_here)
            else:
                theirs, level_there = other._open(theirs, there, level_there)
        return _without_common(here, there)

    def _open(self, digests: list[bytes], rows: list[Row], expected: int | None) -> tuple[list[bytes], int]:
        """Read pages of one level: append leaf rows to ``rows``, return the pages below and their level."""
        below: list[bytes] = []
        level = 0
        for level, page in self._page(digests):
            if expected is not None and level != expected:
                raise _misplaced(f"it is on level {level} instead of {expected}")
            if level:
                below += [ref[1] for ref in page]
            else:
                rows += page
        if len(set(below)) != len(below):
            raise _misplaced("it is there twice")
        return below, max(0, level - 1)


def _covering(page: list[Row], prefix: str, *, exact: bool = False) -> list[Row]:
    """Return the references of an inner page below which a path that begins with (or is) ``prefix`` can be."""
    found = []
    for index, ref in enumerate(page):
        following = page[index + 1][0] if index + 1 < len(page) else None
        begins_before_end = ref[0] <= prefix if exact else ref[0][: len(prefix)] <= prefix
        if begins_before_end and (
            following is None or following > prefix or (not exact and following.startswith(prefix))
        ):
            found.append(ref)
    return found


def _ends(page: list[Row], end: str | None) -> dict[str, str | None]:
    """Return for each reference of an inner page, by its first path, the path that everything below it comes before."""
    firsts = [ref[0] for ref in page]
    return dict(zip(firsts, [*firsts[1:], end], strict=True))


def _without_common(here: list[Row], there: list[Row]) -> tuple[list[Row], list[Row]]:
    by_path_here = {row[0]: row for row in here}
    by_path_there = {row[0]: row for row in there}
    only_here = [row for path, row in by_path_here.items() if by_path_there.get(path) != row]
    only_there = [row for path, row in by_path_there.items() if by_path_here.get(path) != row]
    return sorted(only_here, key=_path), sorted(only_there, key=_path)


def _path(row: Row) -> str:
    return str(row[0])
