"""How collections, versions and files look."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from forebear.cli.layout import Cell, Column, Line, Span, fields, flow, line, table
from forebear.cli.output import Screen, View
from forebear.cli.text import NOTHING, ago, clean, count, moment, size

if TYPE_CHECKING:
    from forebear.artifacts.transfer import Damage
    from forebear.records.artifacts import AliasMove, Collection, Version
    from forebear.records.content import Entry
    from forebear.records.runs import RunRecord

VERSION_STYLE = "bold cyan"
ALIAS_STYLE = "green"
#: Characters of a digest that people compare by eye.
SHORT_DIGEST = 12


def version_record(version: Version) -> dict[str, Any]:
    """Return a version as JSON has it everywhere."""
    return {
        "name": version.qualified_name,
        "version": f"v{version.number}",
        "type": version.type,
        "state": version.state,
        "digest": version.root.hex(),
        "files": version.file_count,
        "size": version.size,
        "added_bytes": version.added_bytes,
        "aliases": list(version.aliases),
        "tags": list(version.tags),
        "description": version.description,
        "metadata": version.metadata,
        "created_at": version.created_at,
    }


def digest_text(digest: bytes | None, screen: Screen) -> str:
    """Return a digest whole for a pipe, where it is worked with, and its beginning for the eye."""
    if digest is None:
        return ""
    return digest.hex() if screen.width is None else digest.hex()[:SHORT_DIGEST]


class CollectionRow(NamedTuple):
    """A collection and its live versions, newest first."""

    collection: Collection
    versions: list[Version]


class CollectionsView(View):
    """The collections of a project, or of all."""

    many = True

    def __init__(self, rows: Sequence[CollectionRow], *, where: str, qualified: bool) -> None:
        """Show ``rows``; ``where`` says where they were looked for, for the case that there are none."""
        self.rows = rows
        self.where = where
        self.qualified = qualified

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a collection."""
        for collection, versions in self.rows:
            newest = versions[0] if versions else None
            yield {
                "name": collection.qualified_name,
                "type": collection.type,
                "versions": len(versions),
                "newest": newest and f"v{newest.number}",
                "latest": _latest(versions),
                "aliases": sorted({alias for version in versions for alias in version.aliases}),
                "files": newest and newest.file_count,
                "size": newest and newest.size,
                "added_bytes": sum(version.added_bytes for version in versions),
                "created_at": collection.created_at,
                "updated_at": newest.created_at if newest else collection.created_at,
            }

    def names(self) -> Iterator[str]:
        """Return the names of the collections."""
        return (collection.qualified_name for collection, _ in self.rows)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table, or what to do while there is nothing in it."""
        if not self.rows:
            yield line(f"no artifacts yet in {self.where}; log one with:")
            yield line(Span("  forebear artifact put PATH --name NAME --type dataset", "bold"))
            return
        columns = (
            Column("NAME", shrink=True, style=VERSION_STYLE),
            Column("TYPE", shrink=True, drop=3),
            Column("VERSIONS", right=True, drop=4),
            Column("LATEST"),
            Column("SIZE", right=True),
            Column("UPDATED", drop=1, style="dim"),
            Column("ALIASES", shrink=True, drop=5, style=ALIAS_STYLE),
        )
        yield from table(columns, (self._row(row, screen) for row in self.rows), screen.width)

    def _row(self, row: CollectionRow, screen: Screen) -> tuple[Cell, ...]:
        collection, versions = row
        newest = versions[0] if versions else None
        others = sorted({alias for version in versions for alias in version.aliases if alias != "latest"})
        return (
            collection.qualified_name if self.qualified else collection.name,
            collection.type,
            f"{len(versions):,}",
            _latest(versions) or NOTHING,
            size(newest.size) if newest else NOTHING,
            ago(newest.created_at if newest else collection.created_at, screen.now),
            " ".join(others),
        )


def _latest(versions: Iterable[Version]) -> str | None:
    return next((f"v{version.number}" for version in versions if "latest" in version.aliases), None)


class VersionsView(View):
    """The versions of one collection, newest first."""

    many = True

    def __init__(self, name: str, versions: Sequence[Version]) -> None:
        self.name = name
        self.versions = versions

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a version."""
        return (version_record(version) for version in self.versions)

    def names(self) -> Iterator[str]:
        """Return the full names of the versions."""
        return (version.qualified_name for version in self.versions)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table."""
        if not self.versions:
            yield line(f"all versions of {self.name} were deleted; the next one put gets a new number")
            return
        columns = (
            Column("VERSION", style=VERSION_STYLE),
            Column("ALIASES", shrink=True, style=ALIAS_STYLE),
            Column("FILES", right=True, drop=2),
            Column("SIZE", right=True),
            Column("ADDED", right=True, drop=3),
            Column("CREATED", style="dim"),
            Column("DIGEST", drop=4, style="dim"),
            Column("TAGS", shrink=True, drop=5),
        )
        rows = (
            (
                f"v{version.number}",
                " ".join(version.aliases),
                f"{version.file_count:,}",
                size(version.size),
                size(version.added_bytes),
                ago(version.created_at, screen.now),
                digest_text(version.root, screen),
                " ".join(version.tags),
            )
            for version in self.versions
        )
        yield from table(columns, rows, screen.width)


class VersionView(View):
    """One version, with who made it and who used it."""

    def __init__(
        self, version: Version, *, origin: RunRecord | None, reproduced: Sequence[RunRecord], users: Sequence[RunRecord]
    ) -> None:
        self.version = version
        self.origin = origin
        self.reproduced = reproduced
        self.users = users

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {
            **version_record(self.version),
            "logged_by": self.origin and self.origin.qualified_name,
            "reproduced_by": [run.qualified_name for run in self.reproduced],
            "used_by": [run.qualified_name for run in self.users],
        }

    def names(self) -> Iterator[str]:
        """Return the full name of the version."""
        yield self.version.qualified_name

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return its fields."""
        version = self.version
        head = line(Span(version.label, VERSION_STYLE), f"  {version.type}", Span(f"  in {_scope(version)}", "dim"))
        yield from flow(head, screen.width)
        yield ()
        pairs: list[tuple[str, Cell | list[Line]]] = [
            ("description", clean(version.description or "")),
            ("aliases", Span(" ".join(version.aliases), ALIAS_STYLE)),
            ("tags", " ".join(version.tags)),
            ("content", f"{count(version.file_count, 'file')}, {size(version.size)}"),
            ("added", f"{size(version.added_bytes)} to the store"),
            ("created", f"{moment(version.created_at)}, {ago(version.created_at, screen.now)}"),
            ("digest", version.root.hex()),
            ("logged by", [run_line(self.origin)] if self.origin else Span("no run", "dim")),
            ("command", Span(command_text(self.origin.origin.command) if self.origin else "", "dim")),
            ("again by", [run_line(run) for run in self.reproduced]),
            ("used by", [run_line(run) for run in self.users] or Span("no run yet", "dim")),
            ("metadata", metadata_lines(version.metadata)),
        ]
        yield from fields(pairs, screen.width)


def _scope(version: Version) -> str:
    return f"{version.entity}/{version.project}"


def run_line(run: RunRecord) -> Line:
    """Return a run in few words."""
    kind = f"{run.job_type} " if run.job_type else "run "
    return line(Span(kind, "magenta"), clean(run.name), Span(f"  {run.id}", "dim"))


def command_text(words: Sequence[str]) -> str:
    """Return a command line as it was typed, as far as that is known."""
    if len(words) > 1 and os.path.basename(words[1]) == "forebear":
        words = ["forebear", *words[2:]]
    elif words:
        words = [os.path.basename(words[0]), *words[1:]]
    return clean(shlex.join(words))


def metadata_lines(values: dict[str, Any]) -> list[Line]:
    """Return one line a key; what is nested is written as JSON."""
    room = max((len(key) for key in values), default=0)
    return [line(Span(f"{clean(key):<{room}}  ", "dim"), value_text(value)) for key, value in values.items()]


def value_text(value: Any) -> str:
    """Return a JSON value for people: text without its quotes."""
    return clean(value if isinstance(value, str) else msgspec.json.encode(value).decode())


class FilesView(View):
    """The files of a version, sorted by path."""

    many = True

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a file."""
        return (entry_record(entry) for entry in self.entries)

    def names(self) -> Iterator[str]:
        """Return the paths."""
        return (entry.path for entry in self.entries)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table, with what it is altogether at its end."""
        if not self.entries:
            yield line("this version holds no files")
            return
        columns = (
            Column("PATH", shrink=True),
            Column("SIZE", right=True),
            Column("DIGEST", drop=1, style="dim"),
            Column("REFERS TO", shrink=True, drop=2, style="blue"),
        )
        rows = (
            (clean(entry.path), size(entry.size), digest_text(entry.digest, screen), clean(entry.ref or ""))
            for entry in self.entries
        )
        yield from table(columns, rows, screen.width)


def entry_record(entry: Entry) -> dict[str, Any]:
    """Return a file or reference as JSON has it everywhere."""
    return {
        "path": entry.path,
        "size": entry.size,
        "digest": entry.digest.hex() if entry.digest is not None else None,
        "ref": entry.ref,
        "identity": entry.identity,
    }


class GotView(View):
    """Where a version was put."""

    def __init__(self, version: Version, root: str, *, files: int, size: int, written: int, removed: int) -> None:
        """Say that ``files`` of ``size`` bytes are below ``root``, of which ``written`` had to be written."""
        self.version = version
        self.root = root
        self.files = files
        self.size = size
        self.written = written
        self.removed = removed

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {
            "name": self.version.qualified_name,
            "root": self.root,
            "files": self.files,
            "size": self.size,
            "written": self.written,
            "removed": self.removed,
        }

    def names(self) -> Iterator[str]:
        """Return the folder."""
        yield self.root

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line."""
        news = "nothing to write" if not self.written else f"{self.written:,} written"
        news += f", {count(self.removed, 'other file')} removed" if self.removed else ""
        what = f"  {count(self.files, 'file')}, {size(self.size)}"
        label = Span(self.version.label, VERSION_STYLE)
        yield from flow(line(label, f" → {clean(self.root)}", what, Span(f", {news}", "dim")), screen.width)


class LabelsView(View):
    """A version after its aliases or tags changed."""

    def __init__(self, version: Version) -> None:
        self.version = version

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield version_record(self.version)

    def names(self) -> Iterator[str]:
        """Return the full name of the version."""
        yield self.version.qualified_name

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line."""
        version = self.version
        aliases = [Span("  aliases ", "dim"), Span(" ".join(version.aliases) or NOTHING, ALIAS_STYLE)]
        tags = [Span("  tags ", "dim"), Span(" ".join(version.tags) or NOTHING)]
        yield from flow(line(Span(version.label, VERSION_STYLE), *aliases, *tags), screen.width)


class MovesView(View):
    """The history of aliases, oldest first."""

    many = True

    def __init__(self, name: str, moves: Sequence[AliasMove]) -> None:
        self.name = name
        self.moves = moves

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a move; ``version`` is null where the alias was taken away."""
        for move in self.moves:
            version = None if move.number is None else f"v{move.number}"
            yield {"name": self.name, "alias": move.alias, "version": version, "at": move.at, "run": move.run_id}

    def names(self) -> Iterator[str]:
        """Return alias and version of each move."""
        return (f"{move.alias} v{move.number}" for move in self.moves if move.number is not None)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table."""
        if not self.moves:
            yield line(f"no alias of {self.name} was ever given")
            return
        columns = (
            Column("WHEN", style="dim"),
            Column("ALIAS", shrink=True, style=ALIAS_STYLE),
            Column("VERSION"),
            Column("RUN", drop=1, style="dim"),
        )
        rows = (
            (
                moment(move.at),
                move.alias,
                Span("taken away", "dim") if move.number is None else Span(f"v{move.number}", VERSION_STYLE),
                move.run_id or "",
            )
            for move in self.moves
        )
        yield from table(columns, rows, screen.width)


class RemovedView(View):
    """A version that was deleted."""

    def __init__(self, version: Version) -> None:
        self.version = version

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {"name": self.version.qualified_name, "deleted": True, "aliases_removed": list(self.version.aliases)}

    def names(self) -> Iterator[str]:
        """Return the full name of the version."""
        yield self.version.qualified_name

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line."""
        label, rest = Span(self.version.label, VERSION_STYLE), Span(", its lineage stays known", "dim")
        yield from flow(line(label, "  deleted", Span("; its number stays taken", "dim"), rest), screen.width)


class VerifiedView(View):
    """Whether a version is whole, in the store or in a folder."""

    def __init__(self, version: Version, damage: Sequence[Damage], root: str | None) -> None:
        self.version = version
        self.damage = damage
        self.root = root

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {
            "name": self.version.qualified_name,
            "root": self.root,
            "ok": not self.damage,
            "files": self.version.file_count,
            "size": self.version.size,
            "damaged": [
                {"path": item.path, "problem": item.problem, "affected": list(item.affected)} for item in self.damage
            ],
        }

    def names(self) -> Iterator[str]:
        """Return the paths of damaged files."""
        return (item.path for item in self.damage)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line, and for damage one more a file."""
        version = self.version
        where = "the store" if self.root is None else clean(self.root)
        label = Span(version.label, VERSION_STYLE)
        if not self.damage:
            what = f"  {count(version.file_count, 'file')}, {size(version.size)} in {where}"
            yield from flow(line(label, Span("  whole", "bold green"), Span(what, "dim")), screen.width)
            return
        hit = f"  {count(len(self.damage), 'file')} of {version.file_count:,} not as logged, in {where}"
        yield from flow(line(label, Span("  damaged", "bold red"), hit), screen.width)
        yield ()
        columns = (Column("FILE", shrink=True), Column("PROBLEM", shrink=True), Column("ALSO IN", shrink=True, drop=1))
        rows = (
            (
                clean(item.path),
                Span(clean(item.problem), "red"),
                " ".join(name for name in item.affected if name != version.label),
            )
            for item in self.damage
        )
        yield from table(columns, rows, screen.width)
