"""Making a folder hold a version and nothing else: the one operation here that deletes a user's files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from forebear.artifacts.transfer import download, manifest_of
from forebear.errors import InvalidInput
from forebear.store.paths import check_inner_path

if TYPE_CHECKING:
    from forebear.records.artifacts import Version
    from forebear.store.checkout import Progress
    from forebear.store.store import Store


def checkout(
    store: Store, version: Version, root: str, *, link: bool = False, progress: Progress | None = None
) -> tuple[int, int]:
    """Make ``root`` hold exactly a version; return how many files were written and how many others removed.

    Other files go when those of the version are in place, so a version that cannot be read costs nobody a file; they
    go before only where one of them stands in the way.

    Raises:
        InvalidInput: the store, the current folder or home lie in ``root``; nothing was touched.
        CorruptData: a blob is damaged, or a reference's content changed.
    """
    check_may_clean(root, store)
    paths = {check_inner_path(row[0]) for row in manifest_of(store, version).rows()}
    removed = 0
    try:
        written = download(store, version, root, link=link, progress=progress)
    except InvalidInput:
        removed = remove_extras(root, paths)
        written = download(store, version, root, link=link, progress=progress)
    return written, removed + remove_extras(root, paths)


def check_may_clean(root: str, store: Store) -> None:
    """Refuse to empty a folder in which nobody can mean everything else to be deleted.

    Raises:
        InvalidInput: the store, the current folder or home lie in it.
    """
    cleaned = os.path.realpath(root).rstrip(os.sep) + os.sep
    places = (*((folder, "the store") for folder in store.folders), (os.getcwd(), "the current folder"), (os.path.expanduser("~"), "home"))
    for place, name in places:
        if (os.path.realpath(str(place)) + os.sep).startswith(cleaned):
            raise InvalidInput(
                f"a checkout deletes everything else in {root}, and {name} is in there; give a folder of its own",
                code="unsafe-path",
            )


def remove_extras(root: str, wanted: Iterable[str]) -> int:
    """Delete the files below ``root`` that are not ``wanted``, and folders left empty; return how many files."""
    keep = set(wanted)
    removed = 0
    for folder, folders, files in os.walk(root, topdown=False):
        inner = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if inner == "." else f"{inner}/"
        for name in files + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            if prefix + name not in keep:
                os.unlink(os.path.join(folder, name))
                removed += 1
        if folder != root and not os.listdir(folder):
            os.rmdir(folder)
    return removed
