"""A draft: the rows of a version to be, and the content taken in for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from forebear.artifacts.rows import InOrder, Rows
from forebear.errors import Conflict, InvalidInput
from forebear.records.content import Entry
from forebear.store.intake import COPY, Way
from forebear.store.paths import check_inner_path, normal_inner_path

if TYPE_CHECKING:
    from forebear.artifacts.manifest import Row
    from forebear.records.content import StoredObject
    from forebear.store.intake import Intake, Progress
    from forebear.store.store import Store

#: Gives the rows of an earlier version.
Known = Callable[[], "Iterable[Row]"]


class Draft:
    """Rows by path. Content is in the store as soon as it is added, but nothing names it before the commit."""

    def __init__(self, store: Store, rows: Iterable[Row] = ()) -> None:
        self.store = store
        self.intake: Intake = store.intake()
        self._rows = Rows(rows)
        #: Durable objects that no catalog names yet; kept here, so that a commit that fails can be repeated.
        self.objects: list[StoredObject] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def size(self) -> int:
        """Sum of the known sizes, in bytes."""
        return self._rows.size()

    def rows(self) -> InOrder:
        """Return the rows sorted by path.

        Raises:
            InvalidInput: a path is a file and also a folder of others.
        """
        self._check_folders()
        return self._rows.in_order()

    def _check_folders(self) -> None:
        checked: set[str] = set()
        for path in self._rows.paths():
            folder = path.rpartition("/")[0]
            while folder and folder not in checked:
                if folder in self._rows:
                    raise InvalidInput(
                        f"{folder!r} is a file of this artifact, so {path!r} cannot lie below it", code="path-clash"
                    )
                checked.add(folder)
                folder = folder.rpartition("/")[0]

    def get(self, path: str) -> Entry | None:
        """Return the entry at ``path``, or ``None``."""
        row = self._rows.get(path)
        return Entry.from_row(row) if row is not None else None

    # -- adding -------------------------------------------------------------------------------------------------

    def add_bytes(self, content: bytes, path: str, *, overwrite: bool = False) -> Entry:
        """Add content from memory."""
        path = check_inner_path(path)
        return self._put((path, len(content), self.intake.add_bytes(content)), overwrite)

    def take_in(self, content: bytes | Path) -> tuple[int, bytes]:
        """Take content in without a path yet; return its size and digest, for `add_rows`."""
        if isinstance(content, Path):
            row = self.intake.add_file(os.fspath(content), content.name)
            return row[1] or 0, row[2]
        return len(content), self.intake.add_bytes(content)

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Add files whose content was taken in, under paths that tell equal contents by themselves."""
        for row in rows:
            check_inner_path(row[0])
            self._rows.put(row)

    def add_file(
        self, file: str | os.PathLike[str], path: str | None, way: Way = COPY, *, overwrite: bool = False
    ) -> Entry:
        """Add one file under ``path``, by default its own name."""
        source = os.fspath(file)
        if os.path.isdir(source):
            raise InvalidInput(f"{source} is a folder; add it with add_dir", code="not-a-file")
        inner = normal_inner_path(path if path is not None else os.path.basename(source))
        return self._put(self.intake.add_file(source, inner, way), overwrite)

    def add_tree(
        self,
        folder: str | os.PathLike[str],
        path: str | None,
        way: Way = COPY,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> int:
        """Add all files below a folder, below ``path`` if given; return how many."""
        source = os.fspath(folder)
        if not os.path.isdir(source):
            found = "a file; add it with add_file" if os.path.exists(source) else "not there"
            raise InvalidInput(f"cannot add the folder {source}: it is {found}", code="not-a-folder")
        prefix = f"{normal_inner_path(path)}/" if path not in {None, "", ".", "/"} else ""
        rows = self.intake.add_tree(source, prefix, way, progress=progress)
        for row in rows:
            _check_utf8(row[0])
        if len(self._rows):
            for row in rows:
                self._check_free(row, overwrite)
        self._rows.put_files(rows)
        return len(rows)

    def add_reference(
        self,
        uri: str,
        path: str | None,
        *,
        checksum: bool | str = True,
        max_objects: int | None = None,
        overwrite: bool = False,
        before: Known | None = None,
    ) -> InOrder:
        """Add what a URI names, without its bytes; return the rows that were added, sorted by path.

        Args:
            before: Returns the rows of an earlier version, asked only where objects would have to be read: one whose
                identity has not changed since keeps the digest it had.
        """
        from forebear.artifacts.references import resolve_rows  # 12 ms that files alone do not need

        rows = Rows()
        for row in resolve_rows(
            uri, name=path, checksum=checksum, max_objects=max_objects, before=before and (lambda: Rows(before()))
        ):
            rows.put(row)
        if not overwrite:
            for clash in self._rows.clashes(rows):
                raise _taken(clash)
        self._rows.put_all(rows)
        return rows.in_order()

    def _put(self, row: Row, overwrite: bool) -> Entry:
        self._check_free(row, overwrite)
        self._rows.put(row)
        return Entry.from_row(row)

    def _check_free(self, row: Row, overwrite: bool) -> None:
        present = self._rows.get(row[0])
        if present is not None and present != row and not overwrite:
            raise _taken(row[0])

    def remove(self, path: str) -> int:
        """Remove a file, or all files of a folder; return how many."""
        inner = normal_inner_path(path)
        below = inner + "/"
        gone = [inner] if inner in self._rows else [key for key in self._rows.paths() if key.startswith(below)]
        for key in gone:
            self._rows.remove(key)
        return len(gone)

    # -- moving -------------------------------------------------------------------------------------------------

    def move_to(self, store: Store) -> None:
        """Carry the content over to another store, because the run that logs it writes there."""
        if store is self.store:
            return
        self.store.catalog.add_objects(self.objects)
        self.intake.register()
        if self.objects:  # pages are among them, which vouch for what they name
            self.store.catalog.rescue(row[2] for row in self._rows.in_order() if len(row) == 3)
        intake = store.intake()
        wanted = {row[2]: row[1] for row in self._rows.in_order() if len(row) == 3}
        missing = wanted.keys() - store.catalog.known(wanted)
        for digest in missing:
            intake.add_bytes(self.store.read(digest))
        self.store, self.intake, self.objects = store, intake, []


def _taken(path: str) -> Conflict:
    return Conflict(
        f"the artifact has a different {path!r} already; pass overwrite=True to replace it", code="path-taken"
    )


def _check_utf8(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as err:
        raise InvalidInput(f"the file name {path!r} is not valid Unicode; rename the file", code="unsafe-path") from err
