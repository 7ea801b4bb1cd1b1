"""The error tree of forebear.

::

    ForebearError
    ├── NotFound (KeyError)         what was named does not exist
    ├── AlreadyExists               a name is taken and may not be taken twice
    ├── Conflict                    the state changed, or forbids what was asked
    ├── InvalidInput (ValueError)   what was given cannot be accepted as it is
    ├── CorruptData                 stored bytes are not the bytes that were stored
    ├── StorageFailure (OSError)    the disk, server or network did not do its part
    └── Unsupported                 the store or platform cannot do what was asked

Every error has a ``code``: a stable, machine-readable word that finer tools may switch on, while people read the
message. A message says what was asked, what was found, and which limit or choice applies.
"""

from __future__ import annotations

from typing import ClassVar


class ForebearError(Exception):
    """Base of every error that forebear raises on purpose."""

    default_code: ClassVar[str] = "error"
    #: Exit status of the command line for this class of error.
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code

    def __str__(self) -> str:
        # KeyError would print the repr of the message, quotes and all.
        return self.message


class NotFound(ForebearError, KeyError):
    """What was named does not exist; the message lists what there is."""

    default_code = "not-found"
    exit_status = 3


class AlreadyExists(ForebearError):
    """The name is taken and its owner may not be replaced."""

    default_code = "already-exists"
    exit_status = 5


class Conflict(ForebearError):
    """Somebody changed the state in between, or the state forbids the operation."""

    default_code = "conflict"
    exit_status = 5


class InvalidInput(ForebearError, ValueError):
    """The input cannot be accepted; the message names the value and the rule."""

    default_code = "invalid-input"
    exit_status = 2


class CorruptData(ForebearError):
    """Stored bytes are missing or differ from what was stored. ``digest`` is that of the blob that was wanted."""

    default_code = "corrupt-data"
    exit_status = 4

    def __init__(self, message: str, *, code: str | None = None, digest: bytes | None = None) -> None:
        super().__init__(message, code=code)
        self.digest = digest


class StorageFailure(ForebearError, OSError):
    """The storage below did not do its part: full, read-only, unreachable."""

    default_code = "storage-failure"
    exit_status = 1


class Unsupported(ForebearError):
    """The store, file system or platform cannot do what was asked."""

    default_code = "unsupported"
    exit_status = 1
