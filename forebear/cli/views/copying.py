"""What copies of stores answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.cli.layout import Line, Span, flow, line
from forebear.cli.output import Screen, View
from forebear.cli.text import clean, count, size

if TYPE_CHECKING:
    from forebear.api.copying.report import Copied, Renumbered

#: Versions with other numbers that are listed; the records have them all.
_LISTED = 20
_COLOURS = {"conflict": "red", "damaged": "red"}


class CopyView(View):
    """What a copy brought, and what people should know about it."""

    def __init__(self, copied: Copied, source: str, target: str) -> None:
        self.copied = copied
        self.source = source
        self.target = target

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        counts: dict[str, Any] = msgspec.to_builtins(self.copied)
        yield {"source": self.source, "target": self.target, **counts}

    def names(self) -> Iterator[str]:
        """Return what was left out."""
        return iter(trouble.name for trouble in self.copied.troubles)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return what was copied, which numbers changed, and what was left out."""
        copied = self.copied
        parts = list(_parts(copied))
        done = "would copy" if copied.dry else "copied"
        if parts:
            sent = f" ({size(copied.bytes)}{'' if copied.dry else ' sent'})" if copied.bytes else ""
            yield from flow(line(Span(f"{done} ", "bold"), *_words(f"{', '.join(parts)}{sent}")), screen.width)
        else:
            yield line("nothing to copy: all of it is there")
        same = [
            count(number, word)
            for number, word in ((copied.runs_same, "run"), (copied.versions_same, "version"))
            if number
        ]
        if same and parts:
            yield line(Span(f"{' and '.join(same)} there already", "dim"))
        for each in copied.renumbered[:_LISTED]:
            yield line("  ", clean(_renumbered(each)))
        if len(copied.renumbered) > _LISTED:
            yield line(f"  … and {len(copied.renumbered) - _LISTED} more have another number there; --json lists them")
        for trouble in copied.troubles:
            words = line(
                "  ", Span(clean(trouble.name), _COLOURS.get(trouble.kind, "yellow")), *_words(f" {trouble.words}")
            )
            yield from flow(words, screen.width)


def _parts(copied: Copied) -> Iterator[str]:
    for number, word in (
        (copied.runs, "run"),
        (copied.versions, "version"),
        (copied.sweeps, "sweep"),
        (copied.edges, "edge"),
        (copied.moves, "move of aliases"),
    ):
        if number:
            yield count(number, word) if word != "move of aliases" else f"{number:,} alias moves"
    for number, word in ((copied.runs_changed, "run"), (copied.versions_changed, "version")):
        if number:
            yield f"changes of {count(number, word)}"


def _renumbered(each: Renumbered) -> str:
    return f"{each.collection}:v{each.number} is v{each.number_there} there"


def _words(text: str) -> Iterator[Span]:
    """Yield a sentence word by word, so that it can be broken anywhere."""
    for position, word in enumerate(text.split(" ")):
        yield Span(clean(word if position == 0 else f" {word}"))
