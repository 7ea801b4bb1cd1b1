"""Paths that one file system tells apart and another takes for the same: ``README`` and ``readme``, or two forms of é.

A version that was logged on Linux may hold both. Where they are one name, the second would silently take the place of
the first, so such a checkout is refused. Whether they are one name is not guessed from the system: it is tried.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from forebear.blobs.local import storage_failure
from forebear.blobs.temporary import new_folder
from forebear.errors import InvalidInput

#: Says whether two different names are one in a folder.
AreOne = Callable[[str, str, str], bool]


def refuse_collisions(
    root: str, files: Mapping[str, Sequence[tuple[Any, ...]]], folders: Iterable[str], are_one: AreOne | None = None
) -> None:
    """Refuse files that would take each other's place on the file system of ``root``, a folder that is there.

    Args:
        root: Where they are to be.
        files: Folder → rows that begin with the name of a file in it.
        folders: All folders that have others in them.
        are_one: For tests.

    Raises:
        InvalidInput: two of them are one there; nothing was written.

    Cost: 0.1 µs a file; a few calls of the system where names are alike.
    """
    for inner, first, second in _alike(files, folders):
        if (are_one or are_one_name)(root, first, second):
            one, other = (f"{inner}/{name}" if inner else name for name in (first, second))
            raise InvalidInput(
                f"{one!r} and {other!r} are one name on the file system of {root}, and one would take the other's "
                "place; use a file system that tells them apart, or get one of them by itself",
                code="path-collision",
            )


def are_one_name(root: str, first: str, second: str) -> bool:
    """Whether a file system takes two names for one. It is tried in a folder of its own, which goes away at once."""
    try:
        lock, folder = new_folder(root)
        path = os.path.join(folder, first)
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600))
            try:
                return os.path.lexists(os.path.join(folder, second))
            finally:
                os.unlink(path)
        finally:
            os.rmdir(folder)
            if lock is not None:
                os.close(lock)
    except OSError as err:
        raise storage_failure(err, f"write below {root}") from err


def _alike(files: Mapping[str, Sequence[tuple[Any, ...]]], above: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield folder and two names in it that some file systems take for one."""
    inside: dict[str, set[str]] = {}
    for folder in {*files, *above}:
        if folder:
            parent, _, name = folder.rpartition("/")
            inside.setdefault(parent, set()).add(name)
    for folder in {*files, *inside}:
        rows, folders = files.get(folder, ()), inside.get(folder, ())
        # Letters of ASCII alone are folded at the speed of the loop; the rest is worth a closer look.
        if len({row[0].lower() for row in rows if row[0].isascii()} | set(map(_folded, folders))) == len(rows) + len(
            folders
        ):
            continue
        known: dict[str, str] = {}
        for name in sorted({row[0] for row in rows} | set(folders)):
            other = known.setdefault(_folded(name), name)
            if other != name:
                yield folder, other, name


def _folded(name: str) -> str:
    """Return a form that is equal for all names that any file system is known to take for one."""
    return (
        name.lower() if name.isascii() else unicodedata.normalize("NFKC", unicodedata.normalize("NFD", name).casefold())
    )
