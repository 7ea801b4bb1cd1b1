"""How files of runs look, and what runs printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from forebear.cli.layout import Column, Line, Span, flow, line, table
from forebear.cli.output import Screen, View
from forebear.cli.text import ago, clean, count, size
from forebear.cli.views.artifacts import digest_text
from forebear.cli.views.runs import file_record

if TYPE_CHECKING:
    from forebear.api.run_files import File
    from forebear.records.history import RunFile
    from forebear.records.runs import RunRecord


class RunFilesView(View):
    """The files of a run, sorted by name."""

    many = True

    def __init__(self, run: RunRecord, files: Sequence[File]) -> None:
        self.run = run
        self.files = files

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a file."""
        return (file_record(file.record) for file in self.files)

    def names(self) -> Iterator[str]:
        """Return the names of the files."""
        return (file.name for file in self.files)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table."""
        if not self.files:
            yield line(f"run {self.run.id} kept no files; run.save(path) keeps one")
            return
        columns = (
            Column("FILE", shrink=True, style="bold"),
            Column("SIZE", right=True),
            Column("SAVED", drop=1, style="dim"),
            Column("DIGEST", drop=2, style="dim"),
        )
        rows = (
            (
                clean(file.name),
                size(file.size),
                ago(file.updated_at, screen.now),
                digest_text(file.record.digest, screen),
            )
            for file in self.files
        )
        yield from table(columns, rows, screen.width)


class RestoredView(View):
    """Files of a run that were put into a folder."""

    def __init__(self, run: RunRecord, folder: str, files: Sequence[RunFile]) -> None:
        self.run = run
        self.folder = folder
        self.files = files

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {
            "run": self.run.qualified_name,
            "folder": self.folder,
            "files": [file.path for file in self.files],
            "size": sum(file.size for file in self.files),
        }

    def names(self) -> Iterator[str]:
        """Return the folder."""
        yield self.folder

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line."""
        total = sum(file.size for file in self.files)
        what = f"  {count(len(self.files), 'file')}, {size(total)}"
        yield from flow(line(Span(self.folder, "bold"), what, Span(f"  of run {self.run.id}", "dim")), screen.width)


class LogView(View):
    """What a run printed, line by line."""

    many = True

    def __init__(self, run: RunRecord, printed: Sequence[str]) -> None:
        self.run = run
        self.printed = printed

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a line."""
        return ({"run": self.run.qualified_name, "log": text} for text in self.printed)

    def names(self) -> Iterator[str]:
        """Return the lines."""
        return map(clean, self.printed)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return the lines as they were printed, but for what a terminal would obey."""
        return (line(clean(text.expandtabs())) for text in self.printed)
