"""What ``artifact put`` answers; apart from the other views because it must load at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from forebear.cli.layout import Line, Span, flow, line
from forebear.cli.output import Screen, View
from forebear.cli.text import count, size

if TYPE_CHECKING:
    from forebear.records.artifacts import Version


class PutView(View):
    """A version that was just logged, or that was there before with the same content."""

    def __init__(self, version: Version, *, created: bool, run: str) -> None:
        self.version = version
        self.created = created
        self.run = run

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        version = self.version
        yield {
            "name": version.qualified_name,
            "version": f"v{version.number}",
            "type": version.type,
            "digest": version.root.hex(),
            "files": version.file_count,
            "size": version.size,
            "added_bytes": version.added_bytes if self.created else 0,
            "aliases": list(version.aliases),
            "tags": list(version.tags),
            "created": self.created,
            "run": self.run,
        }

    def names(self) -> Iterator[str]:
        """Return the full name of the version."""
        yield self.version.qualified_name

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line."""
        version = self.version
        what = f"  {count(version.file_count, 'file')}, {size(version.size)}"
        news = f", {size(version.added_bytes)} added" if self.created else ", unchanged: it has this content already"
        names = Span(f"  {' '.join(version.aliases)}", "green")
        yield from flow(line(Span(version.label, "bold cyan"), what, Span(news, "dim"), names), screen.width)
