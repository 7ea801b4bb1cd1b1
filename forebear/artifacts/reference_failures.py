"""What libraries raise while a reference is read, told as errors of forebear.

Every file system raises errors of its own classes. They are told apart by what they carry (an HTTP status, a class of
the standard library, the class's name), so that no library need be imported to understand its errors.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TypeVar

from forebear.errors import ForebearError, NotFound, StorageFailure
from forebear.records.redaction import redact_output

#: Causes of causes that are looked at.
_MAX_DEPTH = 8
#: Characters of a library's message that are passed on.
_MAX_REASON = 200
_ADVICE = {
    "file": "check who owns it and that you may read it",
    "s3": "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or storage_options={'anon': True} if public",
    "gs": "log in with 'gcloud auth application-default login', or storage_options={'token': 'anon'} if it is public",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or pass them in storage_options",
}
_ALIASES = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "abfs": "az", "abfss": "az", "adl": "az"}
_Part = TypeVar("_Part")
_DENIED_NAMES = ("Credential", "Forbidden", "AuthError", "AuthenticationError", "RefreshError", "TokenRetrieval")
_UNREACHABLE_NAMES = ("Connect", "Endpoint", "Timeout", "ServiceRequestError", "TransportError", "ServerDisconnected")


@contextlib.contextmanager
def told(uri: str) -> Iterator[None]:
    """Tell whatever the block raises while it reads ``uri`` as an error of forebear.

    Raises:
        NotFound: the object or its bucket does not exist.
        StorageFailure: it may not be read, or its system did not answer.
    """
    try:
        yield
    except ForebearError:
        raise
    except Exception as err:  # libraries raise what they like, and each kind is reported here
        raise _failure(err, uri) from err


def told_parts(uri: str, parts: Iterator[_Part]) -> Iterator[_Part]:
    """Yield ``parts``; what reading them raises is told as `told` does, what their consumer raises is not."""
    while True:
        with told(uri):
            part = next(parts, None)
        if part is None:
            return
        yield part


def _failure(err: Exception, uri: str) -> ForebearError:
    chain = list(_chain(err))
    statuses = [status for each in chain if (status := _status(each)) is not None]
    # HTTPFileSystem calls every failure a missing file; what was the matter is in the cause, so that is asked first.
    kind = _kind_of_status(statuses[0]) if statuses else next(filter(None, map(_kind_of_class, chain[::-1])), "failed")
    reason = redact_output(" ".join(str(chain[-1]).split()))[:_MAX_REASON] or type(chain[-1]).__name__
    if kind == "missing":
        return NotFound(f"there is nothing at {uri}", code="reference-missing")
    if kind == "denied":
        return StorageFailure(f"may not read {uri} ({reason}); {_advice(uri)}", code="storage-forbidden")
    if kind == "unreachable":
        return StorageFailure(
            f"cannot reach the system of {uri} ({reason}); check the network and the endpoint, then repeat",
            code="storage-unreachable",
        )
    return StorageFailure(f"cannot read {uri}: {type(chain[-1]).__name__}: {reason}", code="storage-failure")


def _chain(err: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = err
    for _ in range(_MAX_DEPTH):
        if found is None:
            return
        yield found
        found = found.__cause__


def _status(err: BaseException) -> int | None:
    """Return the HTTP status that an error carries: aiohttp, azure and huggingface, gcsfs, botocore."""
    for name in ("status", "status_code", "code"):
        value = getattr(err, name, None)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    response = getattr(err, "response", None)
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status if isinstance(status, int) and status >= 400 else None
    return None


def _kind_of_status(status: int) -> str:
    if status in {404, 410}:
        return "missing"
    if status in {401, 403, 407}:
        return "denied"
    return "unreachable" if status in {408, 429} or status >= 500 else "failed"


def _kind_of_class(err: BaseException) -> str | None:
    name = type(err).__name__
    if isinstance(err, PermissionError) or any(part in name for part in _DENIED_NAMES):
        return "denied"
    if isinstance(err, OSError) and str(err).startswith("Forbidden"):  # so says gcsfs
        return "denied"
    if isinstance(err, ConnectionError | TimeoutError) or any(part in name for part in _UNREACHABLE_NAMES):
        return "unreachable"
    return "missing" if isinstance(err, FileNotFoundError | NotADirectoryError) else None


def _advice(uri: str) -> str:
    protocol = uri.partition("://")[0]
    return _ADVICE.get(_ALIASES.get(protocol, protocol), "pass what it wants to know of you in storage_options")
