"""What tests of journals share: a session, a writer, and everything that a file says."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from forebear.tracking.journal.frames import Session
from forebear.tracking.journal.reader import JournalReader
from forebear.tracking.journal.writer import JournalWriter

if TYPE_CHECKING:
    from pathlib import Path

SESSION = Session(entity="ada", project="digits", run_id="r1", run_key=7, time_base=1_000_000)


def open_writer(folder: Path, session: Session = SESSION, warnings: list[str] | None = None) -> JournalWriter:
    return JournalWriter(folder, session, warn=(warnings if warnings is not None else []).append)


class Said:
    """Everything that a journal says, and the reader that read it."""

    def __init__(self, path: Path, *, position: int = 0, final: bool = True, limit: int = 1 << 20) -> None:
        self.rows: list[tuple[bool, int, int, dict[str, Any]]] = []
        self.values: list[tuple[int, Any]] = []
        self.pieces = 0
        with closing(JournalReader(path, position)) as reader:
            while not (piece := reader.read(limit, final=final)).empty:
                self.pieces += 1
                found = [
                    (seq, (rows.system, row[1], row[2], dict(zip(rows.keys, row[3:], strict=True))))
                    for rows in piece.rows
                    for seq, row in zip(rows.seqs, rows.rows, strict=True)
                ]
                self.rows += [row for _, row in sorted(found, key=lambda pair: pair[0])]
                self.values += piece.values
            self.reader = reader

    @property
    def named(self) -> list[dict[str, Any]]:
        """Values of the rows."""
        return [row[3] for row in self.rows]
