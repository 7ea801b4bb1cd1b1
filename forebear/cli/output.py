"""The one place that prints: a result for people, as JSON, or only its names."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import msgspec

from forebear.cli.layout import Line, plain

if TYPE_CHECKING:
    from rich.text import Text


class Screen(NamedTuple):
    """What a result is laid out for. ``width`` is in cells, ``None`` for a pipe or a file, which have no edge."""

    width: int | None
    now: datetime


class View:
    """A result that can be shown. Each gives records for machines, names for scripts and lines for people."""

    #: Whether it is a list, which becomes one JSON record a line, or one object.
    many = False

    def records(self) -> Iterable[Any]:
        """Return the JSON records; the only one if it is not a list. Field names are stable."""
        raise NotImplementedError

    def names(self) -> Iterable[str]:
        """Return what ``--quiet`` prints, one a line."""
        raise NotImplementedError

    def lines(self, screen: Screen) -> Iterable[Line]:
        """Return what people read."""
        raise NotImplementedError


class Output:
    """Shows views on standard output and notes on standard error."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    def show(self, view: View) -> None:
        """Print a result in the way that was asked for."""
        if self.as_json:
            _write(_json(record) for record in view.records())
        elif self.quiet:
            _write(view.names())
        elif sys.stdout.isatty():
            _paint(view, sys.stdout)
        else:
            _write(plain(spans) for spans in view.lines(Screen(None, datetime.now(UTC))))

    def note(self, text: str) -> None:
        """Tell people something that is not the result; machines and quiet people are not told."""
        if not (self.as_json or self.quiet):
            print(f"forebear: {text}", file=sys.stderr)


def _write(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{text}\n" for text in lines)
    # A reader that went away is noticed here, where it can be handled, and not while the interpreter ends.
    sys.stdout.flush()


def _json(record: Any) -> str:
    return msgspec.json.encode(record).decode()


def _paint(view: View, stream: TextIO) -> None:
    from rich.console import Console  # 60 ms that pipes and scripts are spared

    console = Console(file=stream, highlight=False, markup=False, soft_wrap=True)
    for text in _painted(view, console.width):
        console.print(text)
    stream.flush()


def _painted(view: View, width: int) -> Iterator[Text]:
    from rich.text import Text  # see above

    for spans in view.lines(Screen(width, datetime.now(UTC))):
        yield Text.assemble(*((span.text, span.style) for span in spans))


def painted(view: View, width: int) -> Text:
    """Return what people read in ``width`` cells, all of it, for a terminal that is drawn anew again and again."""
    from rich.text import Text  # 60 ms that pipes and scripts are spared

    return Text("\n", no_wrap=True, overflow="ellipsis").join(_painted(view, width))
