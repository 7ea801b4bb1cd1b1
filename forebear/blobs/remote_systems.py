"""File systems of fsspec that hold objects: how one is opened, and what its kind does better than the common way.

All of them raise what their libraries raise; `forebear.blobs.remote_failures` tells it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

from forebear.blobs.azure_listing import azure_page
from forebear.errors import InvalidInput, Unsupported

S3 = frozenset({"s3", "s3a"})
GCS = frozenset({"gs", "gcs"})
AZURE = frozenset({"az", "abfs", "abfss"})
#: Systems whose files appear empty and then grow, and that rename.
_FOLDERS = frozenset({"file", "local", "sftp", "ssh", "smb", "hdfs", "webhdfs"})
_EXTRAS = ((S3, "s3"), (GCS, "gcs"), (AZURE, "azure"))
#: Parts in which a file goes up that is one large object, and how many of them at a time.
PART_BYTES = 16 * 1024 * 1024
PARTS_AT_ONCE = 4
#: The least that gcsfs sends as one part.
_GCS_UNIT = 256 * 1024
#: Parts that S3 allows in one object.
_MAX_PARTS = 10_000
#: Names of a page of a listing.
_PAGE_OBJECTS = 1_000
#: Seconds until a system counts as away.
_CONNECT_SECONDS = 10
_READ_SECONDS = 60
#: Connections of one client; more calls at a time than these wait.
_CONNECTIONS = 32
_WITH_PASSWORD = re.compile(r"[^/@]*:[^/@]*@")


class Address(NamedTuple):
    """Where objects are: ``protocol://path``, without credentials."""

    protocol: str
    path: str

    @property
    def text(self) -> str:
        """The address as a URL."""
        return f"{self.protocol}://{self.path}"

    @property
    def bucket(self) -> str:
        """First segment of the path: bucket, container or host."""
        return self.path.strip("/").partition("/")[0]


def parse_address(url: str | os.PathLike[str]) -> Address:
    """Read a URL such as ``s3://bucket/prefix``.

    Raises:
        InvalidInput: it is no URL, names no bucket, or holds a password.
    """
    protocol, separator, path = os.fspath(url).partition("://")
    if not separator or not re.fullmatch(r"[a-z][a-z0-9+.-]*", protocol):
        raise InvalidInput(
            "blobs are at a URL, such as s3://bucket/prefix or gs://bucket/prefix; what was given is none",
            code="blobs-url",
        )
    if _WITH_PASSWORD.match(path):
        raise InvalidInput(
            f"the URL of the blobs ({protocol}://…) holds a password, and URLs are shown and kept; take it out, and "
            "give it as the tools of that system do, in variables of the environment or a file of its own",
            code="secret-in-url",
        )
    if "?" in path or "#" in path:
        raise InvalidInput(f"the URL of the blobs, {protocol}://…, may hold neither ? nor #", code="blobs-url")
    address = Address(protocol, path.rstrip("/"))
    if not address.bucket or (path.startswith("/") and protocol in S3 | GCS | AZURE):
        raise InvalidInput(f"{address.text} names no bucket; give {protocol}://bucket/prefix", code="blobs-url")
    return address


class System:
    """A file system, and the paths of objects in it. Safe for threads, not across a fork."""

    def __init__(self, system: Any, root: str) -> None:
        self._system = system
        self._root = root
        self._made: set[str] = set()

    def below_folder(self, folder: str) -> Self:
        """Return the same system with its root in a folder of this root."""
        return type(self)(self._system, f"{self._root}/{folder}")

    def path(self, name: str) -> str:
        """Return the path of a name below the root."""
        return f"{self._root}/{name}"

    def size(self, path: str) -> int | None:
        """Return the bytes of a file, ``None`` where there is none."""
        try:
            info = self._system.info(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return int(info["size"]) if info.get("type") == "file" else None

    def read(self, path: str, start: int, end: int | None) -> bytes:
        """Return the bytes from ``start`` to before ``end``."""
        content: bytes = self._system.cat_file(path, start=start or None, end=end)
        return content

    def write(self, path: str, content: bytes) -> None:
        """Write a file in one request, where the system has requests."""
        self._system.pipe_file(path, content)

    def upload(self, path: str, source: str) -> None:
        """Write a file of any size from one of this machine, in parts where that is how its system takes large ones."""
        self._system.put_file(source, path)

    def delete(self, path: str) -> None:
        """Remove a file.

        Raises:
            FileNotFoundError: there is none; some systems do not tell.
        """
        self._system.rm_file(path)

    def below(self, prefix: str) -> Iterator[str]:
        """Yield the names, relative to the root, that begin with ``prefix``. Cost: one listing a folder."""
        base, _, _ = prefix.rpartition("/")
        waiting = [self.path(base).rstrip("/")]
        while waiting:
            try:
                found = self._system.ls(waiting.pop(), detail=True)
            except (FileNotFoundError, NotADirectoryError):
                continue
            for info in found:
                path = self._system._strip_protocol(info["name"])
                if info["type"] == "directory":
                    waiting.append(path)
                elif (name := path.removeprefix(f"{self._root}/")).startswith(prefix):
                    yield name


class FolderSystem(System):
    """A system of folders and files, where what is being written can be seen."""

    def make_folder(self, path: str) -> None:
        """Make the folder that ``path`` is to be in."""
        folder = path.rpartition("/")[0]
        if folder not in self._made:
            self._system.makedirs(folder, exist_ok=True)
            self._made.add(folder)

    def move(self, source: str, target: str) -> None:
        """Give a file its name."""
        self._system.mv(source, target)

    def size(self, path: str) -> int | None:
        """See `System.size`."""
        self._system.invalidate_cache()
        return super().size(path)


class S3System(System):
    """S3: one request for a size, and listings a page at a time."""

    def _split(self, path: str) -> tuple[str, str]:
        bucket, _, key = path.partition("/")
        return bucket, key

    def size(self, path: str) -> int | None:
        """See `System.size`. Cost: one request, where s3fs also looks for a folder."""
        bucket, key = self._split(path)
        try:
            return int(self._system.call_s3("head_object", Bucket=bucket, Key=key)["ContentLength"])
        except FileNotFoundError:
            return None

    def read(self, path: str, start: int, end: int | None) -> bytes:
        """See `System.read`."""
        # Without the limit of concurrency s3fs would ask for the size first.
        content: bytes = self._system.cat_file(path, start=start or None, end=end, max_concurrency=1)
        return content

    def upload(self, path: str, source: str) -> None:
        """See `System.upload`."""
        part = max(PART_BYTES, -(-os.path.getsize(source) // _MAX_PARTS))
        self._system.put_file(source, path, chunksize=part, max_concurrency=PARTS_AT_ONCE)

    def below(self, prefix: str) -> Iterator[str]:
        """See `System.below`. Cost: one request a thousand names; memory: one page."""
        bucket, key = self._split(self.path(prefix))
        more: dict[str, str] = {}
        while True:
            page = self._system.call_s3("list_objects_v2", Bucket=bucket, Prefix=key, **more)
            for info in page.get("Contents", ()):
                yield f"{bucket}/{info['Key']}".removeprefix(f"{self._root}/")
            if not page.get("NextContinuationToken"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}


class GcsSystem(System):
    """GCS: listings a page at a time, and content that no boundary can cut."""

    def write(self, path: str, content: bytes) -> None:
        """See `System.write`. Cost: two requests.

        An upload in one request ends where the bytes of gcsfs's constant boundary stand, also inside the content.
        """
        self._system.pipe_file(path, content, chunksize=len(content) or _GCS_UNIT, consistency="size")

    def below(self, prefix: str) -> Iterator[str]:
        """See `System.below`. Cost: one request a thousand names; memory: one page."""
        bucket, _, key = self.path(prefix).partition("/")
        more: dict[str, str] = {}
        while True:
            options = {"prefix": key, "fields": "items/name,nextPageToken", **more}
            page = self._system.call("GET", "b/{}/o", bucket, json_out=True, **options)
            for info in page.get("items", ()):
                yield f"{bucket}/{info['name']}".removeprefix(f"{self._root}/")
            if not page.get("nextPageToken"):
                return
            more = {"pageToken": page["nextPageToken"]}


class AzureSystem(System):
    """Azure: listings a page at a time."""

    def below(self, prefix: str) -> Iterator[str]:
        """See `System.below`. Cost: one request a thousand names; memory: one page."""
        container, _, key = self.path(prefix).partition("/")
        more: str | None = None
        while True:
            found, more = azure_page(self._system, container, key, after=more, objects=_PAGE_OBJECTS)
            for name, info in found:
                if info["type"] == "file":
                    yield f"{container}/{name}".removeprefix(f"{self._root}/")
            if more is None:
                return


def open_system(address: Address, options: Mapping[str, Any]) -> System:
    """Open the file system of an address; nothing is asked of it yet.

    Args:
        options: Of the file system, such as ``endpoint_url``; they go before the environment and the files that its
            library reads.

    Raises:
        Unsupported: the protocol is unknown, or a package for it is not installed.
    """
    import fsspec  # 45 to 96 ms, and s3fs or gcsfs up to 980 ms more

    from forebear.blobs.workers import let_loop_work_to_the_end

    try:
        kind = fsspec.get_filesystem_class(address.protocol)
    except ImportError as err:
        raise Unsupported(
            f"{address.text} needs a package that is not installed ({err}): {_remedy(address)}", code="missing-package"
        ) from err
    except ValueError as err:
        raise Unsupported(
            f"the protocol {address.protocol!r} of {address.text} is unknown; there are s3, gs, az, file, memory, and "
            "what installed packages register with fsspec",
            code="unknown-protocol",
        ) from err
    # An instance of fsspec's cache may belong to somebody who set it up otherwise, or to the parent of a fork.
    given = {
        **kind._get_kwargs_from_urls(address.text),
        **options,
        **_defaults(address, fsspec.config.conf.get(address.protocol, {}), options),
    }
    system = fsspec.filesystem(address.protocol, **{**given, "skip_instance_cache": True})
    let_loop_work_to_the_end(system)
    root = system._strip_protocol(address.text).rstrip("/")
    if address.protocol in S3:
        system.retries = 1  # RetryingObjects repeats, and knows for how long
        return S3System(system, root)
    if address.protocol in GCS:
        return GcsSystem(system, root)
    if address.protocol in AZURE:
        return AzureSystem(system, root)
    return FolderSystem(system, root) if address.protocol in _FOLDERS else System(system, root)


def _remedy(address: Address) -> str:
    extra = next((extra for protocols, extra in _EXTRAS if address.protocol in protocols), None)
    return f"pip install 'forebear[{extra}]'" if extra else "install the package that fsspec names"


def _defaults(address: Address, *given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that a system gets, and in which what was given for it goes first."""
    if address.protocol not in S3:
        return {"use_listings_cache": False} if address.protocol in GCS | AZURE else {}
    from botocore.config import Config  # s3fs has loaded it

    settled = {
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "max_pool_connections": _CONNECTIONS,
        "retries": {"total_max_attempts": 1},
    }
    if "response_checksum_validation" in Config.OPTION_DEFAULTS:
        # Some servers send the checksum of the whole object with a part of it, and botocore then refuses the part.
        settled["response_checksum_validation"] = "when_required"
    for options in given:
        settled |= options.get("config_kwargs", {})
    return {"use_listings_cache": False, "config_kwargs": settled}
