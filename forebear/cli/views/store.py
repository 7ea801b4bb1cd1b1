"""How a store looks: when it was made, and when it is examined."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from forebear.cli.layout import Cell, Column, Line, Span, fields, line, table
from forebear.cli.output import Screen, View
from forebear.cli.text import NOTHING, clean, count, size


class InitView(View):
    """A store that is ready."""

    def __init__(self, folder: str, store: str, store_id: str, *, created: bool, config: str | None) -> None:
        """Say where it is; ``config`` is the file of settings that was written, if one was."""
        self.folder = folder
        self.store = store
        self.store_id = store_id
        self.created = created
        self.config = config

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {
            "folder": self.folder,
            "store": self.store,
            "id": self.store_id,
            "created": self.created,
            "config": self.config,
        }

    def names(self) -> Iterator[str]:
        """Return where the store is."""
        yield self.store

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return where the store is, and what to type next."""
        done = "made a store at" if self.created else "there is a store already at"
        yield line(f"{done} ", Span(clean(self.store), "bold"))
        if self.config:
            yield line(Span(f"settings are in {clean(self.config)}", "dim"))
        yield ()
        yield line("type next:")
        yield line(Span("  forebear artifact put PATH --name NAME --type dataset", "bold"))
        yield line(Span("  forebear artifact ls", "bold"))


#: Source of a setting that nobody made.
DEFAULT_SOURCE = "default"


class Setting(msgspec.Struct, frozen=True):
    """A setting in force and where it was found."""

    name: str
    value: Any
    source: str


class Totals(msgspec.Struct, frozen=True):
    """What a store holds."""

    projects: int
    collections: int
    versions: int
    runs: int
    objects: int
    object_bytes: int
    loose_objects: int
    packs: int
    leftovers: int
    leftover_bytes: int
    unrecorded_versions: int
    kept_journals: int


class Halves(msgspec.Struct, frozen=True):
    """Both halves of a store that are apart, and the cache between them.

    Attributes:
        server: What serves the catalog; ``None`` where it is a file.
        catalog_writable: Whether this user may write to the catalog.
        blobs_writable: Whether objects can be put beside the blobs and deleted again.
        cache_bytes: What this machine keeps of the blobs; ``None`` where they are in a folder.
        cache_limit: What it keeps at most.
        findings: What somebody should know or do.
    """

    server: str | None
    catalog_writable: bool
    blobs_writable: bool
    cache_bytes: int | None
    cache_limit: int | None
    findings: tuple[str, ...] = ()


class Checkup(msgspec.Struct, frozen=True):
    """What `forebear doctor` found. ``totals`` and what is beside it are ``None`` where there is no store.

    Attributes:
        catalog: File or database of the catalog.
        blobs: Folder or URL of the blobs.
        local: Folder of this machine for what is on its way into the store.
        halves: More about catalog and blobs where they are apart.
        findings: What somebody should know or do; empty when all is well.
    """

    forebear: str
    python: str
    store: str
    catalog: str
    blobs: str
    local: str
    exists: bool
    id: str | None
    format: int
    schema: int
    sqlite: str
    wal_sound: bool
    file_system: str | None
    writable: bool
    totals: Totals | None
    settings: tuple[Setting, ...]
    findings: tuple[str, ...]
    halves: Halves | None = None


class CheckupView(View):
    """What `forebear doctor` found."""

    def __init__(self, checkup: Checkup, *, everything: bool = False) -> None:
        """Show a checkup; with ``everything`` also the settings that nobody made. In JSON they are always there."""
        self.checkup = checkup
        self.everything = everything

    def records(self) -> Iterator[Checkup]:
        """Return one object."""
        yield self.checkup

    def names(self) -> Iterator[str]:
        """Return what was found."""
        return iter(self.checkup.findings)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return what is there, what it holds, which settings are in force, and what was found."""
        found = self.checkup
        yield from fields(self._store(), screen.width)
        if found.totals is not None:
            yield ()
            yield from fields(_holds(found.totals), screen.width)
        yield ()
        yield from self._settings(screen)
        yield ()
        if not found.findings:
            yield line(Span("all is well", "bold green"))
        yield from fields((("!", Span(clean(finding), "yellow")) for finding in found.findings), screen.width)

    def _settings(self, screen: Screen) -> Iterator[Line]:
        made = [each for each in self.checkup.settings if self.everything or each.source != DEFAULT_SOURCE]
        if made:
            columns = (Column("SETTING"), Column("VALUE", shrink=True), Column("FROM", shrink=True, style="dim"))
            rows = [(setting.name, clean(_value(setting.value)), clean(setting.source)) for setting in made]
            yield from table(columns, rows, screen.width)
        left = len(self.checkup.settings) - len(made)
        if left:
            yield line(Span(f"{count(left, 'setting')} as they come; --all shows them", "dim"))

    def _store(self) -> list[tuple[str, Cell | list[Line]]]:
        found = self.checkup
        wal = (
            Span("write-ahead log sound", "green")
            if found.wal_sound
            else Span("too old for a write-ahead log", "yellow")
        )
        return [
            ("forebear", f"{found.forebear}, Python {found.python}"),
            ("store", Span(clean(found.store), "bold")),
            *self._halves(),
            ("id", found.id or ""),
            ("format", f"{found.format}, catalog schema {found.schema}"),
            ("SQLite", line(f"{found.sqlite}, ", wal)),
            ("file system", f"{found.file_system or 'unknown'}, {'writable' if found.writable else 'not writable'}"),
        ]

    def _halves(self) -> list[tuple[str, Cell | list[Line]]]:
        """Return where the parts of a store are that is not whole in one folder."""
        found, halves = self.checkup, self.checkup.halves
        if found.blobs == found.store:
            return []
        catalog, blobs = [line(clean(found.catalog))], [line(clean(found.blobs))]
        local = [line(clean(found.local))]
        if halves is not None:
            server = f"{halves.server}, " if halves.server else ""
            catalog.append(line(server, _writable(halves.catalog_writable)))
            blobs.append(line(_writable(halves.blobs_writable)))
        if halves is not None and halves.cache_bytes is not None and halves.cache_limit is not None:
            local.append(line(f"{size(halves.cache_bytes)} of what was read, at most {size(halves.cache_limit)}"))
        return [("catalog", catalog), ("blobs", blobs), ("this machine", local)]


def _writable(yes: bool) -> Span:
    return Span("writable", "green") if yes else Span("not writable", "yellow")


def _holds(totals: Totals) -> list[tuple[str, Cell | list[Line]]]:
    left = f"{count(totals.leftovers, 'file')}, {size(totals.leftover_bytes)}" if totals.leftovers else "none"
    kinds = f"{count(totals.packs, 'pack')}, {totals.loose_objects:,} loose"
    return [
        ("holds", f"{count(totals.projects, 'project')}, {count(totals.runs, 'run')}"),
        ("artifacts", f"{totals.collections:,}, with {count(totals.versions, 'version')}"),
        ("objects", f"{totals.objects:,} ({kinds}), {size(totals.object_bytes)}"),
        ("leftovers", left),
        (
            "journals",
            f"{count(totals.kept_journals, 'journal')} put aside" if totals.kept_journals else "none put aside",
        ),
        ("unrecorded", count(totals.unrecorded_versions, "version") if totals.unrecorded_versions else "none"),
    ]


def _value(value: Any) -> str:
    if value is None or value == ():
        return NOTHING
    return ", ".join(value) if isinstance(value, tuple) else str(value)
