"""References: entries whose bytes stay where they are.

What is recorded lets a later reader tell that an object is not what it was: the identity its system gives (ETag,
version, generation), or the digest of its bytes where the system gives none or where that was asked for. A reader asks
for the recorded version where the system keeps versions, and an object that changed is an error, never other bytes.

Object stores and web servers are reached through fsspec. A web address is always one object, because web pages are no
listings. Credentials come from ``storage_options``, from fsspec's configuration, or from the environment that the
system's own tools read; they are never recorded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from forebear.artifacts.reference_failures import told, told_parts
from forebear.artifacts.reference_identity import difference, same_object, version_of
from forebear.artifacts.reference_reading import Reader, changed_at_sight, changed_by_content
from forebear.artifacts.reference_systems import Found, LocalSystem, RemoteSystem, System
from forebear.artifacts.reference_uris import (
    AZURE,
    GCS,
    HTTP,
    S3,
    Uri,
    inner_path,
    last_segment,
    parse_uri,
    refuse_chain,
)
from forebear.blobs.place import replacing
from forebear.errors import CorruptData, InvalidInput, NotFound, Unsupported
from forebear.records.content import Entry
from forebear.store.paths import normal_inner_path

if TYPE_CHECKING:
    import os

    from forebear.artifacts.manifest import Row
    from forebear.artifacts.rows import Rows

#: Objects below a prefix that one call may refer to.
MAX_OBJECTS = 10_000_000
#: Objects read at the same time; with `reference_systems.PART_BYTES` this bounds the memory of hashing.
MAX_TRANSFERS = 8
#: The only algorithm that ``checksum`` may name.
BLAKE3 = "blake3"

_EXTRAS = ((S3, "s3"), (GCS, "gcs"), (AZURE, "azure"), (HTTP, "http"))

_In = TypeVar("_In")
_Out = TypeVar("_Out")
Options = dict[str, Any] | None


# -- recording ----------------------------------------------------------------------------------------------------


def resolve_reference(
    uri: str | os.PathLike[str],
    *,
    name: str | None = None,
    checksum: bool | str = True,
    max_objects: int | None = None,
    storage_options: Options = None,
) -> list[Entry]:
    """Return the entries for an object, or for all objects below a prefix, sorted by path.

    Args:
        uri: What fsspec opens: ``s3://``, ``gs://``, ``az://``, ``https://``, ``memory://``, ``file://``, …, or a path
            of this machine. It may name a version (``s3://bucket/key?versionId=…``, ``gs://bucket/key#…``).
        name: Path inside the artifact of an object (default: the last segment of the URI), or the folder for those
            below a prefix (default: the artifact's root).
        checksum: ``True`` records what the system tells of the content, and reads only what no system tells of;
            ``"blake3"`` reads everything; ``False`` records the URI alone, looking at nothing.
        max_objects: Most objects that a prefix may have, `MAX_OBJECTS` by default.
        storage_options: Passed to the file system; never recorded.

    Raises:
        InvalidInput: the URI holds a secret, an object's key cannot be a path, or there are more than ``max_objects``.
        NotFound: there is no such object, and nothing below it.
        Unsupported: the protocol is unknown, or a package for it is not installed.
        StorageFailure: it may not be read, or its system did not answer.
        Conflict: an object changed while it was read.

    Cost: one request an object named, or one a thousand below a prefix; reading: one pass, `MAX_TRANSFERS` at a time.
    """
    rows = resolve_rows(uri, name=name, checksum=checksum, max_objects=max_objects, storage_options=storage_options)
    return [Entry.from_row(row) for row in sorted(rows, key=itemgetter(0))]


def resolve_rows(
    uri: str | os.PathLike[str],
    *,
    name: str | None = None,
    checksum: bool | str = True,
    max_objects: int | None = None,
    storage_options: Options = None,
    before: Callable[[], Rows] | None = None,
) -> Iterator[Row]:
    """Yield the rows of what `resolve_reference` returns the entries of, in no order, while more are listed.

    Args:
        before: Returns the rows of an earlier version, called only where objects that have an identity are to be read:
            an object that is still what one of them names keeps its digest and is not read again.

    Memory: pages of the listing, and what is read at a time; not the number of objects.
    """
    if checksum not in (True, False, BLAKE3):
        raise InvalidInput(f"checksum is True, False or {BLAKE3!r}, not {checksum!r}", code="invalid-checksum")
    inner = None if name is None else normal_inner_path(name)
    if checksum is False:
        # The text may name a version, so it is kept as it is and read again when it is fetched.
        plain = parse_uri(uri, literal=True)
        yield Entry(inner or last_segment(parse_uri(uri)), ref=plain.text).as_row()
        return
    parsed = parse_uri(uri)
    system = _system(parsed, storage_options)
    with told(parsed.text):
        found = system.look(parsed.version)
    if found is not None:
        entries = iter([_entry(inner or last_segment(parsed), parsed, found, parsed.version)])
    else:
        entries = _below(parsed, system, inner, MAX_OBJECTS if max_objects is None else max_objects)
    read_all = checksum == BLAKE3
    earlier = before() if before is not None and read_all else None

    def settled(entry: Entry) -> Entry:
        if entry.identity and not read_all:
            return entry
        digest = _digest_before(entry, earlier) if earlier is not None else None
        return _with_digest(entry, storage_options) if digest is None else msgspec.structs.replace(entry, digest=digest)

    first = next(entries)
    if first.identity and not read_all:
        # Handing a million entries that need nothing to other threads would be what takes the time.
        yield first.as_row()
        for entry in entries:
            yield settled(entry).as_row()
        return
    for entry in _in_parallel(settled, chain([first], entries)):
        yield entry.as_row()


def _entry(path: str, uri: Uri, found: Found, version: str | None = None) -> Entry:
    identity = found.identity
    if version is not None and version_of(identity) is None:
        identity = dict(sorted({**identity, "version": version}.items()))
    return Entry(path, found.size, None, uri.text, identity or None)


def _below(uri: Uri, system: System, inner: str | None, limit: int) -> Iterator[Entry]:
    base = uri.text.rstrip("/")
    count = 0
    for key, found in told_parts(uri.text, system.below()):
        count += 1
        if count > limit:
            raise InvalidInput(
                f"there are more than the {limit:,} objects allowed below {uri.text}; "
                "pass max_objects to allow more, or refer to a folder further down",
                code="too-many-objects",
            )
        path = inner_path(key, uri, inner)
        yield _entry(path, Uri(f"{base}/{key}", uri.protocol), found)
    if not count:
        raise NotFound(f"there is nothing at or below {uri.text}", code="reference-missing")


def _digest_before(entry: Entry, earlier: Rows) -> bytes | None:
    """Return the digest that an object had in an earlier version, if it is sure to be the same object still."""
    row = earlier.get(entry.path)
    known = None if row is None else Entry.from_row(row)
    if known is None or known.digest is None or (known.ref, known.size) != (entry.ref, entry.size):
        return None
    return known.digest if entry.size is not None and same_object(known.identity, entry.identity) else None


def _with_digest(entry: Entry, storage_options: Options) -> Entry:
    """Return the entry with the digest of its bytes."""
    return _reader(entry, storage_options, literal=True).digested(entry)


def _in_parallel(work: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """Yield ``work(item)`` in order, some items at a time; never a future for each of a million."""
    with ThreadPoolExecutor(MAX_TRANSFERS) as pool:
        waiting: deque[Future[_Out]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * MAX_TRANSFERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


# -- reading ------------------------------------------------------------------------------------------------------


def fetch_reference(entry: Entry, target: str, storage_options: Options = None) -> None:
    """Write the bytes that an entry refers to into the file ``target``, which is replaced in one step.

    The recorded version is read where one was recorded. Bytes are verified by the recorded digest; without one, the
    object's identity must be the recorded one before and after it is read. An entry without either is taken as it is.

    Args:
        entry: A reference.
        target: Absolute path, checked by the caller; its folder exists.
        storage_options: Passed to the file system.

    Raises:
        CorruptData: the object changed (code ``reference-changed``) or is gone (``reference-missing``); ``target`` is
            left as it was.
        Unsupported: the protocol is unknown, or a package for it is not installed.
        StorageFailure: it may not be read, its system did not answer, or ``target`` cannot be written.

    Cost: one pass, and one request before and after it; memory: `reference_systems.PART_BYTES`.
    """
    reader = _reader(entry, storage_options)
    with replacing(target) as temporary:
        reader.fetch(entry, temporary.descriptor)


def check_reference(entry: Entry, storage_options: Options = None) -> str | None:
    """Say what changed of the object that an entry refers to; ``None`` when it is what it was.

    An entry that records the URI alone gives nothing to compare with, so nothing is looked at.

    Raises:
        Unsupported: the protocol is unknown, or a package for it is not installed.
        StorageFailure: it may not be read, or its system did not answer.

    Cost: one request; the bytes are read only where the identity does not settle it and a digest was recorded.
    """
    if entry.digest is None and not entry.identity:
        return None
    reader = _reader(entry, storage_options)
    try:
        found = reader.still_there(entry)
    except CorruptData as err:
        return err.message
    changed = difference((entry.size, entry.identity), found)
    if entry.digest is None or (entry.identity and not changed) or changed_at_sight(entry, found):
        return changed
    return changed_by_content(entry, found, reader.read(found))


def _reader(entry: Entry, storage_options: Options, *, literal: bool = False) -> Reader:
    if entry.ref is None:
        raise InvalidInput(f"{entry.path!r} is a file, not a reference", code="not-a-reference")
    # Only where the URI alone was recorded may a part of it be the name of a version.
    uri = parse_uri(entry.ref, literal=literal or entry.identity is not None or entry.digest is not None)
    return Reader(uri, _system(uri, storage_options), uri.version or version_of(entry.identity))


# -- opening ------------------------------------------------------------------------------------------------------


def _system(uri: Uri, storage_options: Options) -> System:
    refuse_chain(uri)
    if uri.is_local:
        return LocalSystem(uri.local_path)
    options = {**(storage_options or {})}
    options.pop("version_aware", None)
    plain = _filesystem(uri, options)
    has_versions = uri.protocol in S3 | GCS | AZURE
    return RemoteSystem(uri, plain, _filesystem(uri, {**options, "version_aware": True}) if has_versions else plain)


def _filesystem(uri: Uri, options: dict[str, Any]) -> Any:
    """Return the file system of a URI; fsspec gives the same one again for the same options.

    Raises:
        Unsupported: the protocol is unknown, or a package for it is not installed.
    """
    import fsspec  # 45 to 96 ms, and s3fs or gcsfs up to 980 ms more; local paths need none of them

    try:
        system = fsspec.get_filesystem_class(uri.protocol)
    except ImportError as err:
        raise Unsupported(
            f"{uri.text} needs a package that is not installed ({err}): {_remedy(uri)}", code="missing-package"
        ) from err
    except ValueError as err:
        raise Unsupported(
            f"the protocol {uri.protocol!r} of {uri.text} is unknown; there are file, memory, http, s3, gs, az, and "
            "what installed packages register with fsspec",
            code="unknown-protocol",
        ) from err
    with told(uri.text):
        given = {key: value for key, value in system._get_kwargs_from_urls(uri.text).items() if key != "version_aware"}
        return fsspec.filesystem(uri.protocol, **{**given, **_defaults(uri, fsspec.config.conf), **options})


def _remedy(uri: Uri) -> str:
    extra = next((extra for protocols, extra in _EXTRAS if uri.protocol in protocols), None)
    return f"pip install 'forebear[{extra}]'" if extra else "install the package that fsspec names"


def _defaults(uri: Uri, configured: dict[str, Any]) -> dict[str, Any]:
    """Return options that a system gets unless the caller passes others."""
    if uri.protocol in GCS | AZURE:
        return {"use_listings_cache": False}
    if uri.protocol not in S3:
        return {}
    from botocore.config import Config  # s3fs has loaded it

    defaults: dict[str, Any] = {"use_listings_cache": False}
    if "response_checksum_validation" in Config.OPTION_DEFAULTS:
        # Some servers send the checksum of the whole object with a part of it, and botocore then refuses the part.
        given = configured.get(uri.protocol, {}).get("config_kwargs", {})
        defaults["config_kwargs"] = {"response_checksum_validation": "when_required", **given}
    return defaults
