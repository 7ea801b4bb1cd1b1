"""How the difference of two versions looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.cli.layout import Cell, Column, Line, Span, line, table
from forebear.cli.output import Screen, View
from forebear.cli.text import NOTHING, clean, count, shorten, size
from forebear.cli.views.artifacts import VERSION_STYLE, entry_record

if TYPE_CHECKING:
    from forebear.artifacts.diff import VersionDiff
    from forebear.cli.tables import TableColumn, TableShape
    from forebear.records.artifacts import Version
    from forebear.records.content import Entry

#: What happened to a file → sign and style.
SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow"), "renamed": (">", "blue")}
#: Folders that ``--stat`` lists.
_FOLDERS = 12


class DiffView(View):
    """Files added, removed, changed and renamed from one version to another."""

    def __init__(self, diff: VersionDiff, *, stat: bool) -> None:
        """Show every file, or with ``stat`` only how many."""
        self.diff = diff
        self.stat = stat

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        diff = self.diff
        answer = {
            "old": diff.old.qualified_name,
            "new": diff.new.qualified_name,
            "equal": diff.is_empty,
            "files": {"old": diff.old.file_count, "new": diff.new.file_count},
            "size": {"old": diff.old.size, "new": diff.new.size},
            "counts": {kind: len(getattr(diff, kind)) for kind in SIGNS},
        }
        if not self.stat:
            answer |= {
                "added": [entry_record(entry) for entry in diff.added],
                "removed": [entry_record(entry) for entry in diff.removed],
                "changed": [
                    {"path": item.path, "old": entry_record(item.old), "new": entry_record(item.new)}
                    for item in diff.changed
                ],
                "renamed": [
                    {"old_path": item.old.path, "new_path": item.new.path, "size": item.new.size}
                    for item in diff.renamed
                ],
            }
        yield answer

    def names(self) -> Iterator[str]:
        """Return the paths that differ, those of the newer version where there are two."""
        return (row.path for row in _rows(self.diff))

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return the head, the files or their numbers, and a sum."""
        diff = self.diff
        yield line(
            Span(_name(diff.old, diff.new), VERSION_STYLE), " → ", Span(_name(diff.new, diff.old), VERSION_STYLE)
        )
        files = f"{diff.old.file_count:,} → {count(diff.new.file_count, 'file')}"
        yield line(Span(f"{files}, {size(diff.old.size)} → {size(diff.new.size)}", "dim"))
        yield ()
        if diff.is_empty:
            yield line("the same files with the same content")
            return
        if self.stat:
            yield from self._stat(screen)
            return
        columns = (Column(""), Column("FILE", shrink=True), Column("SIZE", right=True))
        yield from table(columns, (self._row(row, screen) for row in _rows(diff)), screen.width)
        yield ()
        yield _sum(diff)

    def _row(self, row: _Row, screen: Screen) -> tuple[Cell, ...]:
        sign, style = SIGNS[row.kind]
        path = clean(row.path)
        if row.kind == "renamed":
            # Either name is shortened for itself, so that both can still be recognised.
            room = 10_000 if screen.width is None else max(8, (screen.width - 18) // 2)
            path = f"{shorten(clean(row.before or ''), room)} → {shorten(path, room)}"
        return Span(sign, style), Span(path, style), Span(row.size, "dim")

    def _stat(self, screen: Screen) -> Iterator[Line]:
        diff = self.diff
        rows: list[tuple[Cell, ...]] = []
        for kind, (sign, style) in SIGNS.items():
            items = getattr(diff, kind)
            if items:
                rows.append((Span(f"{sign} {kind}", style), f"{len(items):,}", _bytes_of(diff, kind)))
        columns = (Column("FILES"), Column("COUNT", right=True), Column("SIZE", right=True))
        yield from table(columns, rows, screen.width)
        folders = _by_folder(diff)
        if len(folders) > 1:
            yield ()
            yield from _folder_table(folders, screen)


class _Row(NamedTuple):
    kind: str
    path: str
    size: str
    before: str | None = None


def _rows(diff: VersionDiff) -> list[_Row]:
    rows = [_Row("added", entry.path, size(entry.size)) for entry in diff.added]
    rows += [_Row("removed", entry.path, size(entry.size)) for entry in diff.removed]
    rows += [_Row("changed", item.path, _change(item.old, item.new)) for item in diff.changed]
    rows += [_Row("renamed", item.new.path, size(item.new.size), item.old.path) for item in diff.renamed]
    return sorted(rows, key=lambda row: (row.path, row.kind))


def _change(old: Entry, new: Entry) -> str:
    return size(new.size) if old.size == new.size else f"{size(old.size)} → {size(new.size)}"


def _name(version: Version, other: Version) -> str:
    near = (version.entity, version.project) == (other.entity, other.project)
    return version.label if near else version.qualified_name


def _sum(diff: VersionDiff) -> Line:
    spans: list[Span] = []
    for kind, (_, style) in SIGNS.items():
        number = len(getattr(diff, kind))
        if number:
            spans += [Span(", " if spans else ""), Span(f"{number:,} {kind}", style)]
    growth = diff.growth
    spans.append(Span(f"  ({'+' if growth >= 0 else ''}{size(growth)})", "dim"))
    return tuple(spans)


def _bytes_of(diff: VersionDiff, kind: str) -> str:
    if kind == "changed":
        old, new = (sum(getattr(item, side).size or 0 for item in diff.changed) for side in ("old", "new"))
        return size(new) if old == new else f"{size(old)} → {size(new)}"
    entries = [item.new for item in diff.renamed] if kind == "renamed" else getattr(diff, kind)
    return size(sum(entry.size or 0 for entry in entries))


def _by_folder(diff: VersionDiff) -> dict[str, Counter[str]]:
    folders: dict[str, Counter[str]] = {}
    for row in _rows(diff):
        folders.setdefault(row.path.rpartition("/")[0] or ".", Counter())[row.kind] += 1
    return folders


def _folder_table(folders: dict[str, Counter[str]], screen: Screen) -> Iterator[Line]:
    most = sorted(folders, key=lambda folder: (-folders[folder].total(), folder))
    columns = (
        Column("FOLDER", shrink=True),
        *(Column(sign, right=True, style=style) for sign, style in SIGNS.values()),
    )
    rows = [
        (clean(folder), *(f"{folders[folder][kind]:,}" if folders[folder][kind] else "" for kind in SIGNS))
        for folder in most[:_FOLDERS]
    ]
    yield from table(columns, rows, screen.width)
    if len(most) > _FOLDERS:
        yield line(Span(f"and {count(len(most) - _FOLDERS, 'other folder')}", "dim"))


class TextDiffView(View):
    """What changed in one text file; ``changes`` is a unified diff, ``None`` for binary content."""

    def __init__(self, pair: tuple[Entry | None, Entry | None], changes: Sequence[str] | None) -> None:
        self.old, self.new = pair
        self.changes = changes

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {
            "old": self.old and entry_record(self.old),
            "new": self.new and entry_record(self.new),
            "binary": self.changes is None,
            "diff": None if self.changes is None else "".join(f"{text}\n" for text in self.changes),
        }

    def names(self) -> Iterator[str]:
        """Return the path if the file differs."""
        if self.changes is None or self.changes:
            yield (self.new or self.old).path  # type: ignore[union-attr]

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return the diff, coloured."""
        if self.changes is None:
            old, new = (size(entry.size) if entry else "absent" for entry in (self.old, self.new))
            yield line(f"binary content: {old} → {new}")
        elif not self.changes:
            yield line("the same content in both")
        for text in self.changes or ():
            yield line(Span(clean(text.expandtabs()), _diff_style(text)))


def _diff_style(text: str) -> str:
    if text.startswith(("+++", "---")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(text[:1], "")


class TableDiffView(View):
    """Schema and row counts of a table in two versions, side by side."""

    def __init__(
        self, pair: tuple[Entry | None, Entry | None], shapes: tuple[TableShape | None, TableShape | None]
    ) -> None:
        self.old_entry, self.new_entry = pair
        self.old, self.new = shapes

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {
            "old": self.old_entry and entry_record(self.old_entry),
            "new": self.new_entry and entry_record(self.new_entry),
            "old_table": self.old,
            "new_table": self.new,
            "columns": [
                {"name": name, "change": _column_change(old, new), "old": old, "new": new}
                for name, old, new in self._columns()
            ],
        }

    def names(self) -> Iterator[str]:
        """Return the columns that differ."""
        return (name for name, old, new in self._columns() if old != new)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return both tables' columns side by side."""
        columns = (
            Column(""),
            Column("COLUMN", shrink=True),
            Column("BEFORE", shrink=True),
            Column("AFTER", shrink=True),
        )
        rows = [self._row(*each) for each in self._columns()]
        sums = [("rows", _rows_of(self.old), _rows_of(self.new)), ("columns", _width_of(self.old), _width_of(self.new))]
        rows += [(Span("=", "dim"), Span(name, "bold"), old, new) for name, old, new in sums]
        yield from table(columns, rows, screen.width)

    def _row(self, name: str, old: TableColumn | None, new: TableColumn | None) -> tuple[Cell, ...]:
        change = _column_change(old, new)
        sign, style = SIGNS.get(change, ("", ""))
        return Span(sign, style), Span(clean(name), style), _column_text(old), _column_text(new)

    def _columns(self) -> Iterator[tuple[str, TableColumn | None, TableColumn | None]]:
        """Yield name and both sides of each column, in the order of the newer table; those gone come last."""
        old = {column.name: column for column in (self.old.columns if self.old else ())}
        new = {column.name: column for column in (self.new.columns if self.new else ())}
        for name in dict.fromkeys([*new, *old]):
            yield name, old.get(name), new.get(name)


def _column_change(old: TableColumn | None, new: TableColumn | None) -> str:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    return "same" if old == new else "changed"


def _column_text(column: TableColumn | None) -> str:
    if column is None:
        return NOTHING
    return f"{column.type}, {column.empty:,} empty" if column.empty else column.type


def _rows_of(shape: TableShape | None) -> str:
    return f"{shape.rows:,}" if shape else NOTHING


def _width_of(shape: TableShape | None) -> str:
    return f"{len(shape.columns):,}" if shape else NOTHING
