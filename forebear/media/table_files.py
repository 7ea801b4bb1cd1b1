"""What logging a table in a run writes.

A table that is logged becomes a version of an artifact of type ``run_table`` and a value of the run's history. Its
files are kept like those of all media of the run, and the artifact has them under the same paths, so that one table
reads equally from the run and from the artifact; beside them the artifact has the table as ``<key>.table.json``.

By the table's ``log_mode``:

- ``IMMUTABLE``: the first log writes it; logging the same object again at the same place writes nothing, and a note
  says so when it has changed in between.
- ``MUTABLE``: every log writes it as it is.
- ``INCREMENTAL``: a log writes the rows added since the last one, as a part that names the part before it; reading the
  newest part reads them all as one table. The version begins with the files of the version before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.errors import Conflict
from forebear.media.base import Keep, Kept, file_json

if TYPE_CHECKING:
    from forebear.media.table import Table

#: Type of the artifacts that logged tables become.
ARTIFACT_TYPE = "run_table"
IMMUTABLE = "IMMUTABLE"
MUTABLE = "MUTABLE"
INCREMENTAL = "INCREMENTAL"
LOG_MODES = (IMMUTABLE, MUTABLE, INCREMENTAL)
#: Folder of the files of tables, and the end of their names.
FOLDER = "tables"
SUFFIX = ".table.json"


class LoggedTable(NamedTuple):
    """What a log of a table has to write.

    Attributes:
        value: Value of the history row, and of the summary.
        entries: Files of the new version by their paths in it; empty when nothing is to be written.
        metadata: Metadata of the version.
        incremental: The version begins with the files of the newest one; ``entries`` come on top.
        note: What the person who logs it should be told, if anything.
    """

    value: dict[str, Any]
    entries: dict[str, Kept]
    metadata: dict[str, Any]
    incremental: bool = False
    note: str | None = None


class Logs:
    """What was logged of one table, by place: a run and a key in it."""

    def __init__(self) -> None:
        self._last: dict[str, _Last] = {}

    def __bool__(self) -> bool:
        return bool(self._last)

    def last(self, place: str) -> _Last | None:
        """Return what was logged last at a place."""
        return self._last.get(place)

    def note(self, place: str, last: _Last) -> None:
        """Remember what was logged last at a place."""
        self._last[place] = last


class _Last(NamedTuple):
    """A table when it was logged."""

    value: dict[str, Any]
    #: Rows of the table object, rows of the table with all earlier parts, and count of changes at that time.
    rows: int
    nrows: int
    changes: int


def log_table(
    table: Table, key: str, keep: Keep, *, run: str = "", artifact: str = "", earlier: Any = None
) -> LoggedTable:
    """Write a table that is logged under ``key``: its files go to ``keep``, the rest is returned.

    Args:
        keep: Keeps a file among the media of the run.
        run: Identity of the run; the same table may be logged in several.
        artifact: Name of the artifact that the entries become a version of; goes into the history value.
        earlier: What the run's summary has under ``key``. A new INCREMENTAL table goes on from there, as it must when a
            run is resumed.

    Raises:
        InvalidInput: a row or cell that somebody put into ``table.data`` does not fit.
        Conflict: rows of an INCREMENTAL table that are logged were taken away.

    Cost: one pass over the rows to be written, 25 ns a number and 15 bytes a number of memory for a moment.
    """
    place = f"{run}\n{key}"
    last = table.logs.last(place)
    if last is not None and table.log_mode == IMMUTABLE:
        return LoggedTable(last.value, {}, {}, note=_ignored(key) if last.changes != table.changes else None)
    written: dict[str, Kept] = {}

    def keep_and_note(content: bytes | Path, folder: str, suffix: str) -> Kept:
        kept = keep(content, folder, suffix)
        written[kept.path] = kept
        return kept

    part = _Part(0, 0, None)
    if table.log_mode == INCREMENTAL:
        part = _next_part(table, last, earlier)
        if last is not None and part.first == len(table.data):
            return LoggedTable(last.value, {}, {})
    before = None if part.before is None else (part.before, part.nrows)
    file = keep(table.encoded(keep_and_note, part.first, before), FOLDER, SUFFIX)
    entry = entry_name(key)
    entries = written | {entry: file}
    if table.log_mode == INCREMENTAL:
        # The next part names this one by the path that it has in the run.
        entries[file.path] = file
    nrows = part.nrows + len(table.data) - part.first
    metadata = {"ncols": len(table.columns), "nrows": nrows, "log_mode": table.log_mode, "key": key}
    value = file_json(table.kind, file) | {
        "ncols": len(table.columns),
        "nrows": nrows,
        "log_mode": table.log_mode,
        "artifact_path": f"{artifact}/{entry}" if artifact else entry,
    }
    table.logs.note(place, _Last(value, len(table.data), nrows, table.changes))
    return LoggedTable(value, entries, metadata, incremental=part.before is not None)


class _Part(NamedTuple):
    """Where the next part of a table begins."""

    first: int
    #: Rows of all parts before it, and path of the last of them.
    nrows: int
    before: str | None


def _next_part(table: Table, last: _Last | None, earlier: Any) -> _Part:
    if last is None:
        if isinstance(earlier, Mapping) and earlier.get("log_mode") == INCREMENTAL and "path" in earlier:
            return _Part(0, int(earlier["nrows"]), str(earlier["path"]))
        return _Part(0, 0, None)
    if last.rows > len(table.data):
        raise Conflict(
            f"this INCREMENTAL table has {len(table.data)} rows, but {last.rows} of it are logged; what is logged "
            "stays, so log a new table",
            code="incremental-table",
        )
    return _Part(last.rows, last.nrows, last.value["path"])


def _ignored(key: str) -> str:
    return (
        f"the table logged as {key!r} has changed since, but it is IMMUTABLE, so this log keeps it as it was; "
        "make it with log_mode='MUTABLE' to log it anew, or 'INCREMENTAL' to log the rows that were added"
    )


def entry_name(key: str) -> str:
    """Return the path of a table logged under ``key`` in its artifact; rare characters become ``_``."""
    parts = [re.sub(r"[^\w.,=+@() -]", "_", part).strip() or "_" for part in key.split("/")]
    return "/".join("_" if part in (".", "..") else part for part in parts) + SUFFIX
