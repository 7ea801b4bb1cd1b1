"""What ``doctor --scan-secrets`` answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from forebear.cli.layout import Column, Line, Span, flow, line, table
from forebear.cli.output import Screen, View
from forebear.cli.text import clean, count

if TYPE_CHECKING:
    from forebear.cli.secret_scan import Scan

_ADVICE = (
    "A secret that was written down is known to all who read the store: make a new one where it opens a door, then "
    "change the setting or the note, or remove the run with: forebear run rm PATH"
)


class SecretsView(View):
    """Secrets that were found, one a line; none of them is shown."""

    many = True

    def __init__(self, scan: Scan) -> None:
        self.scan = scan

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a secret."""
        return (finding._asdict() for finding in self.scan.findings)

    def names(self) -> Iterator[str]:
        """Return the paths of what holds secrets, each once."""
        return iter(dict.fromkeys(finding.path for finding in self.scan.findings))

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table, and what to do."""
        looked = f"{count(self.scan.runs, 'run')} and {count(self.scan.versions, 'version')}"
        if not self.scan.findings:
            yield line(f"no secrets found in {looked}")
            return
        columns = (
            Column("WHERE", shrink=True, style="bold"),
            Column("FIELD", shrink=True),
            Column("WHAT", drop=1, style="dim"),
            Column("SECRET", style="yellow"),
        )
        rows = (
            (clean(finding.path), clean(finding.field), finding.what, clean(finding.shown))
            for finding in self.scan.findings
        )
        yield from table(columns, rows, screen.width)
        yield line()
        found = f"{count(len(self.scan.findings), 'secret')} in {looked}. "
        pieces = (Span(word if number == 0 else f" {word}") for number, word in enumerate((found + _ADVICE).split()))
        yield from flow(tuple(pieces), screen.width)
