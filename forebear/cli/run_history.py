"""The work of ``forebear run history``: rows on the screen, or in a file."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from forebear.api import histories
from forebear.api.frames import frame, json_text
from forebear.cli.curves import matching
from forebear.cli.views.run_history import HistoryView, WrittenView
from forebear.errors import InvalidInput, NotFound
from forebear.records.history import Stream

if TYPE_CHECKING:
    from forebear.api.histories import HistoryTable
    from forebear.api.recorded_run import RecordedRun
    from forebear.cli.session import Session

#: Rows that people are shown where they do not say how many.
ROWS = 20
_ENDINGS = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}


class Rows(NamedTuple):
    """Which rows of a history, and which metrics of them; ``samples`` is ``None`` where nobody said."""

    keys: Sequence[str] = ()
    samples: int | None = None
    min_step: int | None = None
    max_step: int | None = None
    system: bool = False

    @property
    def stream(self) -> Stream:
        """What the rows are about."""
        return Stream.SYSTEM if self.system else Stream.HISTORY


def show_history(session: Session, run: RecordedRun, rows: Rows, format: str | None, output: str | None) -> None:
    """Show rows, or write them to a file or to standard output.

    Raises:
        NotFound: the run logged no such metric.
        InvalidInput: two formats are asked for, or Parquet and no file.
    """
    format = _format(format, output, as_json=session.output.as_json)
    table = table_of(run, rows, whole=format is not None or session.output.as_json)
    if output is not None and format is not None:
        path = Path(output)
        _write(table, format, path)
        session.output.show(WrittenView(run.record, str(path), format, len(table), path.stat().st_size))
    elif format == "csv":
        _write_csv(table, sys.stdout)
        sys.stdout.flush()
    elif format == "parquet":
        raise InvalidInput("Parquet is binary; name a file with --output", code="binary-output")
    else:
        session.output.show(HistoryView(run.record, table))


def _format(format: str | None, output: str | None, *, as_json: bool) -> str | None:
    if format is not None and as_json and output is None:
        raise InvalidInput(f"--json and --{format} are two formats; choose one", code="invalid-input")
    if format is None and output is not None:
        format = _ENDINGS.get(Path(output).suffix.lower(), "json" if as_json else None)
        if format is None:
            raise InvalidInput(
                f"{output} does not end in one of {', '.join(_ENDINGS)}; say --csv or --parquet", code="unknown-format"
            )
    return format


def table_of(run: RecordedRun, rows: Rows, *, whole: bool) -> HistoryTable:
    """Return the rows that were asked for; where nobody said how many, ``whole`` gives all."""
    there = histories.keys(run.store, run.record, rows.stream)
    keys = matching(there, rows.keys) if rows.keys else []
    if rows.keys and not keys:
        listed = ", ".join(there[:12]) or "nothing"
        raise NotFound(f"run {run.id} logged no {', '.join(rows.keys)}; it logged {listed}", code="metric-not-found")
    table = histories.arranged(
        run.store, run.record, keys, stream=rows.stream, min_step=rows.min_step, max_step=rows.max_step
    )
    if rows.samples is None and not whole:
        return table.taken(spread(len(table), ROWS))
    return histories.thinned(table, rows.samples) if rows.samples else table


def spread(total: int, wanted: int) -> list[int]:
    """Return about ``wanted`` of ``total`` rows, evenly spread, the first and the last among them."""
    if total <= wanted:
        return list(range(total))
    return sorted({place * (total - 1) // (wanted - 1) for place in range(wanted)})


def _write(table: HistoryTable, format: str, path: Path) -> None:
    if format == "csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            _write_csv(table, stream)
    elif format == "json":
        path.write_text("".join(f"{json_text(row)}\n" for row in table.rows()), encoding="utf-8")
    else:
        found = frame(table.columns, "arrow")
        from pyarrow import parquet  # 40 ms, only for this format

        parquet.write_table(found, path)


def _write_csv(table: HistoryTable, stream: TextIO) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(_cells(values) for values in zip(*table.columns.values(), strict=True))


def _cells(values: Iterable[Any]) -> list[Any]:
    return [json_text(value) if isinstance(value, (dict, list)) else value for value in values]
