"""Moving a version's content: into a folder, and proving that it is there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from forebear.artifacts.commit import page_loader
from forebear.artifacts.manifest import Manifest, Row
from forebear.blobs.digest import digest_of_file
from forebear.errors import CorruptData, InvalidInput, NotFound
from forebear.records.content import Entry
from forebear.store.paths import SafeFolder, check_inner_path

if TYPE_CHECKING:
    from forebear.records.artifacts import Version
    from forebear.store.checkout import Progress
    from forebear.store.store import Store

#: References fetched at the same time.
MAX_FETCHES = 8


class Damage(msgspec.Struct, frozen=True):
    """One file of a version that is not as it was logged; ``affected`` names the versions that hold its content."""

    path: str
    problem: str
    affected: tuple[str, ...] = ()


def manifest_of(store: Store, version: Version) -> Manifest:
    """Return the manifest of a version; pages are read as they are needed, and errors say whose they are."""
    load = page_loader(store)

    def load_named(digests: list[bytes]) -> dict[bytes, bytes]:
        try:
            return load(digests)
        except CorruptData as err:
            words = f"the manifest of {version.label} cannot be read: {err}"
            raise CorruptData(words, code=err.code, digest=err.digest) from err

    return Manifest(version.root, load_named)


def rows_under(manifest: Manifest, path_prefix: str | None) -> list[Row]:
    """Return the rows whose path begins with ``path_prefix``.

    Raises:
        NotFound: a prefix was given and no path begins with it.
    """
    rows = list(manifest.rows(path_prefix or ""))
    if path_prefix and not rows:
        raise NotFound(f"no file of the artifact begins with {path_prefix!r}", code="path-not-found")
    return rows


def download(
    store: Store,
    version: Version,
    root: str,
    *,
    path_prefix: str | None = None,
    path: str | None = None,
    link: bool = False,
    allow_missing_references: bool = False,
    progress: Progress | None = None,
) -> int:
    """Put a version's files (and what its references name) below ``root``; return how many had to be written.

    Files that are there and unchanged are not touched; other files of the folder stay. ``path_prefix`` selects the
    paths that begin so, ``path`` a single one.

    Raises:
        CorruptData: a blob is damaged, or a reference's content changed.
        NotFound: no path begins with ``path_prefix``.
    """
    rows = rows_under(manifest_of(store, version), path or path_prefix)
    if path is not None:
        rows = [row for row in rows if row[0] == path]
    checkout = store.checkout(root, link=link, progress=progress)
    try:
        written = checkout.place(row for row in rows if len(row) == 3)
    except CorruptData as err:
        raise _named(store, version, err) from err
    references = [Entry.from_row(row) for row in rows if len(row) == 5]
    if references:
        written += _fetch_all(references, SafeFolder(root), allow_missing=allow_missing_references)
    return written


def _fetch_all(references: list[Entry], folder: SafeFolder, *, allow_missing: bool) -> int:
    from concurrent.futures import ThreadPoolExecutor  # 6 ms that files alone do not need

    # Paths are checked and folders made by one thread, in order; only the waiting for servers is shared out.
    targets = [folder.join(entry.path) for entry in references]
    with ThreadPoolExecutor(min(MAX_FETCHES, len(references))) as pool:
        fetched = pool.map(
            lambda entry, target: _fetch(entry, target, allow_missing=allow_missing), references, targets
        )
        return sum(fetched)


def _fetch(entry: Entry, target: str, *, allow_missing: bool) -> int:
    from forebear.artifacts.references import fetch_reference  # 12 ms that files alone do not need

    if entry.digest is not None and _is_file_of(target, entry.size, entry.digest):
        return 0
    try:
        fetch_reference(entry, target)
    except CorruptData as err:
        if allow_missing and err.code == "reference-missing":
            return 0
        raise
    return 1


def _is_file_of(path: str, size: int | None, digest: bytes) -> bool:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return False
    fits = stat.S_ISREG(status.st_mode) and (size is None or status.st_size == size)
    return fits and digest_of_file(path)[0] == digest


def _named(store: Store, version: Version, err: CorruptData) -> CorruptData:
    """Add to an error which file of the version was wanted, and who else is hit."""
    rows = manifest_of(store, version).rows() if err.digest else ()
    paths = [row[0] for row in rows if row[2] == err.digest]
    where = f" ({paths[0]!r} of {version.label})" if paths else f" (of {version.label})"
    hit = affected_versions(store, err.digest) if err.digest else ()
    others = f"; it is also in {', '.join(name for name in hit if name != version.label)[:200]}" if len(hit) > 1 else ""
    return CorruptData(f"{err}{where}{others}", code=err.code, digest=err.digest)


def affected_versions(store: Store, digest: bytes) -> tuple[str, ...]:
    """Return ``name:vN`` of the live versions that hold a content."""
    keys = [key for use in store.catalog.file_uses(digest) for key in use.versions]
    return tuple(info.label for info in store.catalog.describe(keys).values())


def damage_in_store(store: Store, version: Version) -> list[Damage]:
    """Read every blob of a version and look at every reference; return what is damaged, sorted by path.

    Raises:
        CorruptData: the manifest itself cannot be read.
    """
    rows = list(manifest_of(store, version).rows())
    broken = store.damaged(row[2] for row in rows if len(row) == 3)
    found = []
    for row in rows:
        if len(row) == 5:
            problem = _problem_of(Entry.from_row(row))
            if problem is not None:
                found.append(Damage(row[0], problem))
        elif row[2] in broken:
            found.append(Damage(row[0], str(broken[row[2]]), affected_versions(store, row[2])))
    return found


def _problem_of(entry: Entry) -> str | None:
    from forebear.artifacts.references import check_reference  # 12 ms that files alone do not need

    return check_reference(entry)


def damage_in_folder(store: Store, version: Version, root: str) -> Iterator[Damage]:
    """Yield the differences between a folder and a version: files missing, changed, or not of the version."""
    if not os.path.isdir(root):
        raise NotFound(f"there is no folder {root}; download the artifact first", code="path-not-found")
    rows = list(manifest_of(store, version).rows())
    below = SafeFolder(root)
    for row in rows:
        check_inner_path(row[0])
        try:
            path = below.find(row[0])
        except InvalidInput as err:
            yield Damage(row[0], err.message)
            continue
        if not os.path.isfile(path):
            yield Damage(row[0], "missing")
        elif row[2] is not None and not _is_file_of(path, row[1], row[2]):
            yield Damage(row[0], "changed")
    wanted = {row[0] for row in rows}
    for folder, _, files in os.walk(root):
        for name in files:
            inner = os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
            if inner not in wanted:
                yield Damage(inner, "not part of the version")
