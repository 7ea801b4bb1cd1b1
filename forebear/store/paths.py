"""The one place where a path that came from elsewhere becomes a path on this machine.

Manifests, buckets, servers, journals and the names of files may say anything; `safe_join` decides what is below a root,
and `SafeFolder` does the same for many files of one root. What a path says is taken literally: ``%2e%2e`` is a file of
that name, because nothing here decodes anything.

Names of objects are ours, and have a narrower grammar of their own: `forebear.blobs.objects.check_object_name`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from forebear.blobs.local import storage_failure
from forebear.errors import InvalidInput

_WINDOWS = os.name == "nt"
_NOT_A_NAME = frozenset({"", ".", ".."})
_DRIVE = re.compile(r"[A-Za-z]:")
#: What Windows forbids in names, and what it reads as something else: folders, drives, streams, wildcards.
_NO_NAME_ON_WINDOWS = re.compile(r'[\x00-\x1f<>:"|?*\\]')
#: Names of devices there, whatever follows their first dot.
_DEVICE = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3]) *(?:\..*)?\Z", re.I | re.S
)


def check_inner_path(path: object, *, windows: bool = _WINDOWS) -> str:
    """Return ``path`` if it may name a file inside an artifact: relative, ``/``-separated, without dot segments.

    Args:
        path: The path, as it came.
        windows: Also refuse what Windows would take for another path than it seems: drives and streams, backslashes,
            names of devices, dots and spaces at the end of a name.

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
    if path[0] == "/" or ".." in parts or (windows and _DRIVE.match(path)):
        raise InvalidInput(
            f"path {path!r} would leave the artifact; give a relative one without '..'", code="unsafe-path"
        )
    if "" in parts or "." in parts:
        raise InvalidInput(f"path {path!r} has an empty or '.' segment", code="unsafe-path")
    if windows:
        _check_for_windows(path, parts)
    try:
        path.encode()
    except UnicodeEncodeError as err:
        raise InvalidInput(f"path {path!r} is not valid Unicode; rename the file", code="unsafe-path") from err
    return path


def _check_for_windows(path: str, parts: Iterable[str]) -> None:
    for part in parts:
        if found := _NO_NAME_ON_WINDOWS.search(part):
            why = f"holds {found[0]!r}, which means something else there"
        elif part[-1] in ". ":
            why = f"has a name that ends in {part[-1]!r}, which is left out there"
        elif _DEVICE.match(part):
            why = f"has the name of a device there, {part!r}"
        else:
            continue
        raise InvalidInput(f"path {path!r} cannot be a file on Windows: it {why}", code="unsafe-path")


def normal_inner_path(path: str | os.PathLike[str]) -> str:
    """Return the plain form of a path that a person wrote: ``./a//b/`` becomes ``a/b``; checked as above."""
    text = os.fspath(path).replace(os.sep, "/")
    if text.startswith("/"):
        return check_inner_path(text)
    return check_inner_path(str(PurePosixPath(text)) if text else text)


def _split(path: str) -> tuple[str, str]:
    folder, slash, name = path.rpartition("/")
    if slash and not folder:
        check_inner_path(path)  # absolute: it would look as if it was in no folder
    return folder, name


def safe_join(root: str | os.PathLike[str], path: str) -> str:
    """Return ``root`` with ``path``, which came from elsewhere, behind it; nothing is made and nothing opened.

    Raises:
        InvalidInput: that would not lie below the root: by its form, or because it is, or lies behind, a symbolic link.

    Cost: a look at each folder on the way. For many files take a `SafeFolder`, which looks once.
    """
    SafeFolder(root).find(f"{check_inner_path(path)}/x")  # so that the last segment is looked at as folders are
    return os.path.join(root, path)


class SafeFolder:
    """A folder that files are put into, and that none of them may leave.

    Symbolic links planted inside it are found: each folder on the way is looked at once.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.realpath(root)
        #: Folder inside → folder on this machine, for those that were looked at, and are there.
        self._safe: dict[str, str] = {}
        #: The same for those that were looked at, and may not be there.
        self._seen: dict[str, str] = {}

    def join(self, path: str) -> str:
        """Return the absolute path of ``path`` below the root, its parent folders made.

        Raises:
            InvalidInput: it would lie elsewhere, or a file is where a folder must be.
        """
        folder, name = _split(path)
        self.check(folder, [name])
        return f"{self.enter(folder)}{os.sep}{name}"

    def find(self, path: str) -> str:
        """Return the absolute path of ``path`` below the root; nothing is made.

        What is there may itself be a link: who writes replaces it, and who reads asks for a file of that folder.

        Raises:
            InvalidInput: it would lie elsewhere.
        """
        inner, name = _split(path)
        self.check(inner, [name])
        folder = self._seen.get(inner)
        if folder is None:
            folder = self._folder_of(inner)
            self._check_links(folder)
            self._seen[inner] = folder
        return f"{folder}{os.sep}{name}"

    def check(self, inner: str, names: Iterable[str]) -> None:
        """Refuse files called ``names`` in the folder ``inner`` that would not lie there; nothing is touched.

        Raises:
            InvalidInput: one would lie elsewhere.
        """
        # The folder with one name stands for all of them where names cannot hold a separator, a drive or the like.
        simple = bool(inner) and not _WINDOWS
        checked = False
        for name in names:
            if checked and simple and name not in _NOT_A_NAME and "\x00" not in name:
                continue
            check_inner_path(f"{inner}/{name}" if inner else name)
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

    def _folder_of(self, inner: str) -> str:
        return os.path.join(self.root, *inner.split("/")) if inner else self.root

    def _enter(self, inner: str) -> str:
        folder = self._folder_of(inner)
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
        if os.path.normcase(os.path.realpath(folder)) != os.path.normcase(folder):
            raise InvalidInput(
                f"files would leave {self.root} through a symbolic link at or above {folder}",
                code="unsafe-path",
            )
