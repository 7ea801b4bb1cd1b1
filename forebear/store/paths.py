"""The one place where a path that came from elsewhere becomes a path on this machine.

Manifests, buckets and servers may say anything; `safe_join` decides what is still below a root.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from forebear.blobs.local import storage_failure
from forebear.errors import InvalidInput

_NOT_A_NAME = frozenset({"", ".", ".."})
_DRIVE = re.compile(r"[A-Za-z]:")


def check_inner_path(path: object) -> str:
    """Return ``path`` if it may name a file inside an artifact: relative, ``/``-separated, without dot segments.

    Raises:
        InvalidInput: it is absolute, climbs, is empty, or cannot be written as UTF-8.
    """
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    if not isinstance(path, str) or not path:
        raise InvalidInput(f"a path inside an artifact is text such as 'train/x.png', not {path!r}", code="unsafe-path")
    if "\x00" in path:
        raise InvalidInput(f"path {path!r} holds a NUL character", code="unsafe-path")
    parts = path.split("/")
    # Elsewhere a file may well be called "a:b", and add_dir takes it.
    if path[0] == "/" or ".." in parts or (os.name == "nt" and _DRIVE.match(path)):
        raise InvalidInput(
            f"path {path!r} would leave the artifact; give a relative one without '..'", code="unsafe-path"
        )
    if "" in parts or "." in parts:
        raise InvalidInput(f"path {path!r} has an empty or '.' segment", code="unsafe-path")
    try:
        path.encode()
    except UnicodeEncodeError as err:
        raise InvalidInput(f"path {path!r} is not valid Unicode; rename the file", code="unsafe-path") from err
    return path


def normal_inner_path(path: str | os.PathLike[str]) -> str:
    """Return the plain form of a path that a person wrote: ``./a//b/`` becomes ``a/b``; checked as above."""
    text = os.fspath(path).replace(os.sep, "/")
    if text.startswith("/"):
        return check_inner_path(text)
    return check_inner_path(str(PurePosixPath(text)) if text else text)


class SafeFolder:
    """A folder that files are put into, and that none of them may leave.

    Symbolic links planted inside it are found: each folder on the way is looked at once.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.realpath(root)
        #: Folder inside → folder on this machine, for those that were looked at.
        self._safe: dict[str, str] = {}

    def join(self, path: str) -> str:
        """Return the absolute path of ``path`` below the root, its parent folders made.

        Raises:
            InvalidInput: it would lie elsewhere, or a file is where a folder must be.
        """
        folder, _, name = path.rpartition("/")
        self.check(folder, [name])
        return f"{self.enter(folder)}{os.sep}{name}"

    def check(self, inner: str, names: Iterable[str]) -> None:
        """Refuse files called ``names`` in the folder ``inner`` that would not lie there; nothing is touched.

        Raises:
            InvalidInput: one would lie elsewhere.
        """
        # The folder with one name stands for all of them where names cannot hold a separator, a drive or the like.
        simple = bool(inner) and os.sep == "/"
        checked = False
        for name in names:
            if checked and simple and name not in _NOT_A_NAME and "\x00" not in name:
                continue
            path = f"{inner}/{name}" if inner else name
            check_inner_path(path)
            if os.sep != "/" and os.sep in path:
                raise InvalidInput(f"path {path!r} holds {os.sep!r}, which separates folders here", code="unsafe-path")
            checked = True

    def enter(self, inner: str) -> str:
        """Return the folder ``inner``, which was checked, on this machine; it is made where it is missing.

        Raises:
            InvalidInput: it lies behind a symbolic link, or a file is where a folder must be.
        """
        return self._safe.get(inner) or self._enter(inner)

    def vacant(self, inner: str) -> str | None:
        """Return where the folder ``inner``, which was checked, will be if nothing is there yet; its parents are made.

        Raises:
            InvalidInput: as `enter`.
        """
        if inner in self._safe:
            return None
        parent, _, name = inner.rpartition("/")
        path = f"{self.enter(parent)}{os.sep}{name}" if inner else self.root
        return None if os.path.lexists(path) else path

    def _enter(self, inner: str) -> str:
        folder = os.path.join(self.root, inner) if inner else self.root
        self._check_links(folder)  # before folders are made, for they would be made behind the link
        try:
            os.makedirs(folder, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as err:
            raise InvalidInput(
                f"cannot make the folder {folder}: a file is in its place", code="file-in-the-way"
            ) from err
        except OSError as err:
            raise storage_failure(err, f"make the folder {folder}") from err
        self._check_links(folder)
        self._safe[inner] = folder
        return folder

    def _check_links(self, folder: str) -> None:
        if os.path.realpath(folder) != folder:
            raise InvalidInput(
                f"files would leave {self.root} through a symbolic link at or above {folder}",
                code="unsafe-path",
            )
