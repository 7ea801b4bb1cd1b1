"""What a row of a database must be before a record is made of it.

A database is a file that somebody may have sent, and SQLite keeps text in a column of numbers if it is asked to. Rows
are looked at where they become records, so that what is wrong is told as damage of the catalog, and not as an accident
of whoever works with the record later.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, ParamSpec, TypeVar

from forebear.errors import CorruptData, ForebearError

_Given = ParamSpec("_Given")
_Record = TypeVar("_Record")

NONE = type(None)
INT = (int,)
TEXT = (str,)
#: PostgreSQL's driver may give a view.
BLOB = (bytes, memoryview)
INT_OR_NONE = (int, NONE)
TEXT_OR_NONE = (str, NONE)
BLOB_OR_NONE = (bytes, memoryview, NONE)

#: What goes wrong with values of another kind, form or size. Some errors of forebear are of these kinds too.
UNFIT = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


def damaged(what: str, err: BaseException | str) -> NoReturn:
    """Raise the error for a row that is none of ours."""
    words = f"the catalog is damaged: {what} in it is none ({err}); restore it from a backup"
    raise CorruptData(words, code="corrupt-catalog") from (err if isinstance(err, BaseException) else None)


def converts(what: str) -> Callable[[Callable[_Given, _Record]], Callable[_Given, _Record]]:
    """Let a function that makes records of rows raise `CorruptData` where a row is none; ``what`` names the record."""

    def decorate(convert: Callable[_Given, _Record]) -> Callable[_Given, _Record]:
        @functools.wraps(convert)
        def converted(*args: _Given.args, **named: _Given.kwargs) -> _Record:
            try:
                return convert(*args, **named)
            except ForebearError:  # NotFound is a KeyError
                raise
            except UNFIT as err:
                damaged(what, err)

        return converted

    return decorate


class Kinds:
    """The types that the values of a row may have, column by column."""

    def __init__(self, *columns: tuple[type, ...]) -> None:
        self._columns = columns
        #: Rows that were found to fit, by their types: there are few ways to leave columns empty.
        self._known: set[tuple[type, ...]] = set()

    def check(self, row: Sequence[Any]) -> None:
        """Raise `TypeError` for a row that does not fit. Cost: 0.5 µs."""
        types = tuple(map(type, row))
        if types in self._known:
            return
        for place, (found, allowed) in enumerate(zip(types, self._columns, strict=True)):
            if found not in allowed:
                raise TypeError(f"column {place} holds {row[place]!r:.40}")
        self._known.add(types)


def blob(value: Any) -> bytes:
    """Return the bytes of a column of bytes. Raises `CorruptData`: of a number ``bytes`` would make as many zeros."""
    if type(value) not in BLOB:
        damaged("a value of bytes", f"{value!r:.40}")
    return bytes(value)


def mapping(value: Any) -> dict[str, Any]:
    """Return ``value`` if it is an object of JSON. Raises `TypeError`."""
    if type(value) is not dict:
        raise TypeError(f"{value!r:.40} stands where a JSON object should")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """Return ``value`` as a tuple if it is a list of texts. Raises `TypeError`."""
    if type(value) is not list or not all(type(item) is str for item in value):
        raise TypeError(f"{value!r:.40} stands where a list of texts should")
    return tuple(value)
