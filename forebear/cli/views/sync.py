"""What ``sync`` answers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from forebear.cli.layout import Line, Span, flow, line
from forebear.cli.output import Screen, View
from forebear.cli.text import clean, count

if TYPE_CHECKING:
    from forebear.cli.views.copying import CopyView
    from forebear.tracking.recovery import Recovered


class SyncView(View):
    """What was recovered, journal by journal."""

    many = True

    def __init__(self, found: Sequence[Recovered], sent: CopyView | None = None) -> None:
        """Show journals, and ``sent`` where there was something that had been logged offline."""
        self.found = found
        self.sent = sent

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a journal, and one for what was sent."""
        for each in self.found:
            yield {
                "run": each.run,
                "journal": each.journal,
                "rows": each.rows,
                "crashed": each.crashed,
                "damage": [
                    {"offset": one.offset, "length": one.length, "reason": one.reason, "torn": one.torn}
                    for one in each.damage
                ],
                "notes": list(each.notes),
                "kept": None if each.kept is None else os.fspath(each.kept),
            }
        if self.sent is not None:
            yield from self.sent.records()

    def names(self) -> Iterator[str]:
        """Return the paths of runs that were recovered, and what was not sent."""
        return iter(dict.fromkeys([*(each.run for each in self.found), *(self.sent.names() if self.sent else ())]))

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return what was recovered, and what people should know about it."""
        if not self.found and self.sent is None:
            yield line("nothing to recover: no journal was left behind")
            return
        for each in self.found:
            ended = Span("  it has crashed", "red") if each.crashed else ""
            yield from flow(line(Span(each.run, "bold"), f"  {count(each.rows, 'row')} recovered", ended), screen.width)
            for words in each.words():
                yield from flow(line("  ", *_pieces(words)), screen.width)
        if self.sent is not None:
            yield from self.sent.lines(screen)


def _pieces(words: str) -> Iterator[Span]:
    """Yield a sentence word by word, so that it can be broken anywhere."""
    for position, word in enumerate(words.split(" ")):
        yield Span(clean(word if position == 0 else f" {word}"), "yellow")
