"""What libraries raise while objects are far away, told as errors of forebear, without secrets.

Every file system raises errors of its own classes. They are told apart by what they carry (an HTTP status, a word of
the service, a class of the standard library, the name of the class), so that no library need be imported for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from forebear.errors import ForebearError, NotFound, StorageFailure
from forebear.records.redaction import HIDDEN, redact_output

#: Causes of causes that are looked at.
_MAX_DEPTH = 8
#: Characters of a library's message that are passed on.
_MAX_REASON = 200
#: Values shorter than this are no secrets, and hiding them would make messages unreadable.
_LEAST_SECRET = 4
#: Options whose values are secrets, by their names; fsspec's ``key`` of S3 is half of one.
_SECRET_NAME = re.compile(r"(?i)key|token|secret|passw|passphrase|credential|sas|connection_string|auth|sig")
_ACCESS = {
    "s3": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, of somebody who may {do} objects there",
    "gs": "log in with 'gcloud auth application-default login' as somebody who may {do} objects there",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY of somebody who may {do} blobs there",
}
_MAKING = {
    "s3": "make it with 'aws s3 mb s3://{bucket}', or correct the URL of the store",
    "gs": "make it with 'gcloud storage buckets create gs://{bucket}', or correct the URL of the store",
    "az": "make it with 'az storage container create --name {bucket}', or correct the URL of the store",
}
_ALIASES = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az"}
_DENIED_NAMES = ("Credential", "Forbidden", "AuthError", "AuthenticationError", "RefreshError", "TokenRetrieval")
_UNREACHABLE_NAMES = (
    "Connect", "Endpoint", "Timeout", "ServiceRequestError", "ServiceResponseError", "TransportError", "ProxyError",
    "ServerDisconnected", "ResponseStreamingError", "HTTPClientError",
    "ResponseParserError", "ChecksumError", "FlexibleChecksumError",
)  # fmt: skip
#: Answers that broke off; some of them carry the status of a bad request, which they are not.
_BROKEN_NAMES = {"ClientPayloadError", "ContentLengthError", "TransferEncodingError", "IncompleteRead"}
#: Words by which services say that they are busy, whatever the status.
_BUSY_WORDS = {"SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError", "ServerBusy", "Throttling"}
_NO_BUCKET_WORDS = {"NoSuchBucket", "ContainerNotFound"}


class Unreachable(StorageFailure):
    """A system that is away, busy or slow: the same call may succeed later.

    Attributes:
        retry_after: Seconds that the system asks to wait, where it says so.
    """

    default_code = "storage-unreachable"

    def __init__(self, message: str, *, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class Doing(NamedTuple):
    """What was tried: for the message, and because who reads misses an object, and who writes or lists a bucket.

    Attributes:
        verb: ``read``, ``write``, ``list`` or ``delete``.
        what: Address of the object, without credentials.
        protocol: Of the file system, such as ``s3``.
        bucket: First segment of the path.
    """

    verb: str
    what: str
    protocol: str
    bucket: str


class Redactor:
    """Takes secrets out of texts: those of the options of one file system, and what has the form of one."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        # Longest first, for a secret may contain another.
        self._secrets = sorted(set(_secrets_in(options)), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return redact_output(text)

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"


def _secrets_in(options: Mapping[str, Any], inside: bool = False) -> Iterator[str]:
    for name, value in options.items():
        secret = inside or bool(_SECRET_NAME.search(str(name)))
        if isinstance(value, Mapping):
            yield from _secrets_in(value, secret)
        elif secret and isinstance(value, str) and len(value) >= _LEAST_SECRET:
            yield value


def is_there_already(err: BaseException) -> bool:
    """Whether a write was refused because the name exists: for objects named by their content, a success."""
    chain = list(_chain(err))
    return any(isinstance(each, FileExistsError) for each in chain) or 412 in map(_status, chain)


def is_past_the_end(err: BaseException) -> bool:
    """Whether a range was refused because it begins at or after the end of the object."""
    chain = list(_chain(err))
    return 416 in map(_status, chain) or any(_word(each) == "InvalidRange" for each in chain)


def is_missing(err: BaseException) -> bool:
    """Whether an object is not there; a bucket that is not there is another matter."""
    chain = list(_chain(err))
    return _kind_of(chain) == "missing" and not any(_word(each) in _NO_BUCKET_WORDS for each in chain)


def failure(err: Exception, doing: Doing, redacted: Redactor) -> ForebearError:
    """Return forebear's error for what a library raised."""
    if isinstance(err, ForebearError):
        return err
    chain = list(_chain(err))
    last = chain[-1]
    reason = redacted(" ".join(str(last).split()))[:_MAX_REASON] or type(last).__name__
    kind = _kind_of(chain)
    # An upload and a listing name no object that could be missing.
    in_bucket = doing.verb in ("write", "list")
    if kind == "missing" and (in_bucket or any(_word(each) in _NO_BUCKET_WORDS for each in chain)):
        return StorageFailure(
            f"cannot {doing.verb} {doing.what}: there is no bucket {doing.bucket!r}; {_making(doing)}",
            code="bucket-missing",
        )
    if kind == "missing":
        return NotFound(f"object {doing.what} is missing", code="object-missing")
    if kind == "denied":
        return StorageFailure(
            f"may not {doing.verb} {doing.what} ({reason}); {_access(doing)}", code="storage-forbidden"
        )
    if kind == "unreachable":
        return Unreachable(
            f"cannot {doing.verb} {doing.what}: its system does not answer as it should ({reason}); check the network "
            "and the endpoint, then repeat: what arrived is not sent again",
            retry_after=next(filter(None, map(_retry_after, chain)), None),
        )
    return StorageFailure(f"cannot {doing.verb} {doing.what}: {type(last).__name__}: {reason}", code="storage-failure")


def is_harmless(err: BaseException, redacted: Redactor) -> bool:
    """Whether an error and its causes may be shown as they are, in a traceback for example."""
    return all(redacted(text := str(each)) == text for each in _chain(err))


def _chain(err: BaseException) -> Iterable[BaseException]:
    found: BaseException | None = err
    for _ in range(_MAX_DEPTH):
        if found is None:
            return
        yield found
        found = found.__cause__


def _kind_of(chain: list[BaseException]) -> str:
    if any(_word(each) in _BUSY_WORDS or type(each).__name__ in _BROKEN_NAMES for each in chain):
        return "unreachable"
    statuses = [status for each in chain if (status := _status(each)) is not None]
    if statuses:
        return _kind_of_status(statuses[0])
    return next(filter(None, map(_kind_of_class, reversed(chain))), "failed")


def _status(err: BaseException) -> int | None:
    """Return the HTTP status that an error carries: aiohttp, azure, gcsfs, botocore."""
    for name in ("status", "status_code", "code"):
        value = getattr(err, name, None)
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    status = _answer(err).get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status if isinstance(status, int) and status >= 400 else None


def _answer(err: BaseException) -> dict[str, Any]:
    response = getattr(err, "response", None)
    return response if isinstance(response, dict) else {}


def _word(err: BaseException) -> str | None:
    """Return the word by which a service says what is the matter: S3's and Azure's."""
    word = _answer(err).get("Error", {}).get("Code") or getattr(err, "error_code", None)
    return str(getattr(word, "value", word)) if word is not None else None


def _retry_after(err: BaseException) -> float | None:
    """Return the seconds that an answer asks to wait; its header may also name a time."""
    headers: Any = _answer(err).get("ResponseMetadata", {}).get("HTTPHeaders") or getattr(err, "headers", None)
    headers = headers or getattr(getattr(err, "response", None), "headers", None)
    if not isinstance(headers, Mapping):
        return None
    text = str(headers.get("retry-after") or headers.get("Retry-After") or "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(text)
        sent = parsedate_to_datetime(str(headers.get("date") or headers.get("Date") or ""))
    except ValueError:
        return None
    return max(0.0, (when - sent).total_seconds())


def _kind_of_status(status: int) -> str:
    if status in {404, 410}:
        return "missing"
    if status in {401, 403, 407}:
        return "denied"
    return "unreachable" if status in {408, 425, 429} or (status >= 500 and status != 501) else "failed"


def _kind_of_class(err: BaseException) -> str | None:
    name = type(err).__name__
    if isinstance(err, PermissionError) or any(part in name for part in _DENIED_NAMES):
        return "denied"
    if isinstance(err, OSError) and str(err).startswith("Forbidden"):  # so says gcsfs
        return "denied"
    if isinstance(err, ConnectionError | TimeoutError) or any(part in name for part in _UNREACHABLE_NAMES):
        return "unreachable"
    return "missing" if isinstance(err, FileNotFoundError | NotADirectoryError | IsADirectoryError) else None


def _access(doing: Doing) -> str:
    protocol = _ALIASES.get(doing.protocol, doing.protocol)
    advice = _ACCESS.get(protocol, "give the credentials of somebody who may {do} there, as its file system takes them")
    return advice.format(do=doing.verb)


def _making(doing: Doing) -> str:
    protocol = _ALIASES.get(doing.protocol, doing.protocol)
    return _MAKING.get(protocol, "make it, or correct the URL of the store").format(bucket=doing.bucket)
