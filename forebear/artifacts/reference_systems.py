"""Systems that references point into: folders of this machine, and whatever fsspec opens.

Both answer the same three questions: what is there (`look`), what lies below (`below`), and what are its bytes
(`parts`). They raise what their libraries raise; `forebear.artifacts.reference_failures` tells it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from forebear.artifacts.reference_identity import identity_of
from forebear.artifacts.reference_listing import AzurePages, GcsPages, S3Pages, listed
from forebear.artifacts.reference_uris import AZURE, GCS, HTTP, S3, Uri
from forebear.errors import InvalidInput

#: Bytes held of one object while it is read.
PART_BYTES = 4 * 1024 * 1024


class Found(NamedTuple):
    """What a system tells of one object: its size in bytes if it knows, and its identity, maybe empty."""

    size: int | None
    identity: dict[str, str]


class System(Protocol):
    """Where the object or the folder behind one URI is. Safe to use from several threads."""

    def look(self, version: str | None = None) -> Found | None:
        """Return what is told of the object (its ``version``, if given); ``None`` when it is a folder.

        Raises:
            FileNotFoundError: there is nothing.
        """

    def below(self) -> Iterator[tuple[str, Found]]:
        """Yield the path below the URI and what is told of each object, in no particular order."""

    def parts(self, found: Found, version: str | None = None) -> Iterator[memoryview]:
        """Yield the object's bytes; a part is valid until the next is asked for. Memory: `PART_BYTES`."""


class LocalSystem:
    """A file or a folder of this machine; it has no identity but its content."""

    def __init__(self, path: str) -> None:
        self._path = path

    def look(self, version: str | None = None) -> Found | None:
        """See `System.look`."""
        status = os.stat(self._path)
        return None if stat.S_ISDIR(status.st_mode) else _local_found(self._path, status)

    def below(self) -> Iterator[tuple[str, Found]]:
        """See `System.below`. Symbolic links are followed, but not in a circle.

        Raises:
            InvalidInput: something in there is neither file nor folder, or a link leads in a circle.
        """
        waiting: list[tuple[str, str, frozenset[str]]] = [(self._path, "", frozenset())]
        while waiting:
            folder, inner, above = waiting.pop()
            real = os.path.realpath(folder)
            if real in above:
                raise InvalidInput(f"cannot refer to {folder}: a symbolic link leads in a circle", code="link-loop")
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir():
                        waiting.append((entry.path, f"{inner}{entry.name}/", above | {real}))
                    else:
                        yield inner + entry.name, _local_found(entry.path, entry.stat())

    def parts(self, found: Found, version: str | None = None) -> Iterator[memoryview]:
        """See `System.parts`."""
        buffer = memoryview(bytearray(min(PART_BYTES, (found.size or 0) + 1)))
        with open(self._path, "rb", buffering=0) as stream:
            while count := stream.readinto(buffer):
                yield buffer[:count]


def _local_found(path: str, status: os.stat_result) -> Found:
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput(f"cannot refer to {path}: it is neither a file nor a folder", code="not-a-file")
    return Found(status.st_size, {})


class RemoteSystem:
    """An object or a folder behind a fsspec file system."""

    def __init__(self, uri: Uri, plain: Any, aware: Any) -> None:
        """Ask ``plain``, and ``aware`` (the same system, seeing versions) wherever versions matter."""
        self._uri = uri
        self._plain = plain
        self._aware = aware
        self._path: str = plain._strip_protocol(uri.text)

    def look(self, version: str | None = None) -> Found | None:
        """See `System.look`. Cost: one request; another two when there is no such object."""
        if self._uri.protocol not in HTTP and self._uri.text.endswith("/"):
            return None
        system = self._seeing(version)
        # What was listed a minute ago says nothing of what is there now.
        system.invalidate_cache()
        path, options = self._at(version)
        info = system.info(path, **options)
        return None if info.get("type") == "directory" else self._found(info)

    def below(self) -> Iterator[tuple[str, Found]]:
        """See `System.below`.

        Cost: one request a thousand objects of S3, GCS and Azure, else one a folder, or what the system's own search
        costs. Memory: some pages, or one folder; all of what a system's own search finds.
        """
        pages = self._pages()
        if pages is None:
            root = self._path.rstrip("/") + "/"
            listing = self._searched() if self._searches() else self._walked()
        else:
            listing = listed(pages)
            root = pages.prefix
        for page in listing:
            for name, info in page:
                key = name.removeprefix(root)
                # Consoles keep a folder as an empty object whose name ends in a slash.
                placeholder = not _size_of(info) and (key.endswith("/") or not key)
                if info.get("type") != "directory" and not placeholder:
                    yield key, self._found(info)

    def _searches(self) -> bool:
        """Whether the system finds everything below a folder in a better way than folder by folder."""
        from fsspec import AbstractFileSystem
        from fsspec.asyn import AsyncFileSystem

        kind = type(self._plain)
        if issubclass(kind, AsyncFileSystem):
            return kind._find is not AsyncFileSystem._find
        return kind.find is not AbstractFileSystem.find

    def _searched(self) -> Iterator[list[tuple[str, dict[str, Any]]]]:
        self._plain.invalidate_cache()
        yield list(self._plain.find(self._path, detail=True).items())

    def _walked(self) -> Iterator[list[tuple[str, dict[str, Any]]]]:
        """List folder by folder: fsspec's own walk leaves out, in silence, a folder that it cannot list."""
        waiting = [self._path]
        while waiting:
            folder = waiting.pop()
            # Neither old answers are wanted, nor is what was told of a million objects to be held.
            self._plain.invalidate_cache()
            page = [(self._plain._strip_protocol(info["name"]), info) for info in self._plain.ls(folder, detail=True)]
            # Some list the folder itself too.
            waiting.extend(path for path, info in page if info["type"] == "directory" and path != folder)
            yield page

    def _pages(self) -> S3Pages | GcsPages | AzurePages | None:
        if self._uri.protocol in S3:
            return S3Pages(self._aware, self._path, versions=self._has_versions())
        if self._uri.protocol in GCS:
            return GcsPages(self._plain, self._path)
        return AzurePages(self._plain, self._path) if self._uri.protocol in AZURE else None

    def _has_versions(self) -> bool:
        """Whether the bucket keeps versions; who may not ask is taken to see none."""
        try:
            return bool(self._aware.is_bucket_versioned(self._path.partition("/")[0]))
        except Exception:  # a plain listing follows, and that reports whatever is the matter
            return False

    def parts(self, found: Found, version: str | None = None) -> Iterator[memoryview]:
        """See `System.parts`. Cost: one request, or one a part for a large object."""
        path, options = self._at(version)
        system = self._seeing(version)
        if self._uri.protocol in S3 | GCS and found.size is not None and found.size <= PART_BYTES:
            # One request for all of it; without the limit of concurrency s3fs would ask for the size first.
            limit = {"max_concurrency": 1} if self._uri.protocol in S3 else {}
            yield memoryview(system.cat_file(path, **options, **limit))
            return
        with system.open(path, "rb", **options, **self._reading(found)) as stream:
            while part := stream.read(PART_BYTES):
                yield memoryview(part)

    def _seeing(self, version: str | None) -> Any:
        # s3fs tells the version of an object in any case; one client for all saves the 100 ms that another takes.
        return self._aware if version or self._uri.protocol in S3 else self._plain

    def _reading(self, found: Found) -> dict[str, Any]:
        if self._uri.protocol in HTTP:
            # A stream of one answer: no server need know ranges, and all bytes are of one state. What is compressed on
            # the way has another ETag.
            headers = {**self._plain.kwargs.get("headers", {}), "Accept-Encoding": "identity"}
            return {"block_size": 0, "size": found.size, "headers": headers}
        if self._uri.protocol in S3 | GCS | AZURE:
            return {"block_size": PART_BYTES, "cache_type": "none"}
        return {}

    def _at(self, version: str | None) -> tuple[str, dict[str, str]]:
        """Return path and options by which a version of the object is asked for."""
        if version is None:
            return self._path, {}
        if self._uri.protocol in GCS:
            # gcsfs reads a generation off the path, as of a URL; a key that looks like one cannot be asked for.
            return (self._path, {}) if "#" in self._path or "?" in self._path else (f"{self._path}#{version}", {})
        return self._path, {"version_id": version}

    def _found(self, info: dict[str, Any]) -> Found:
        return Found(_size_of(info), identity_of(info, http=self._uri.protocol in HTTP))


def _size_of(info: dict[str, Any]) -> int | None:
    size = info.get("size", info.get("Size"))
    return None if size is None else int(size)
