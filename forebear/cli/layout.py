"""Lines of styled text, tables and lists of fields, laid out for a width in cells; nothing here prints.

A style is a word that both `rich` and a reader of the code understand: ``bold``, ``dim``, ``green``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from forebear.cli.text import cells, shorten

GAP = "  "
#: A column that may shrink keeps so many cells before another column is left out for it.
COMFORTABLE = 16
#: And so many whatever happens.
LEAST = 6


class Span(NamedTuple):
    """Text of one style."""

    text: str
    style: str = ""


#: One line, without its end.
Line = tuple[Span, ...]
#: What a cell of a table may be.
Cell = str | Span | Line


def line(*parts: str | Span) -> Line:
    """Return a line of parts; plain text has no style."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts)


def plain(spans: Line) -> str:
    """Return the text of a line."""
    return "".join(span.text for span in spans)


def width_of(spans: Line) -> int:
    """Return how many cells a line takes."""
    return sum(cells(span.text) for span in spans)


def fit(spans: Line, width: int | None, keep: int = 1) -> Line:
    """Return a line in at most ``width`` cells: parts behind the first ``keep`` go first, then those are shortened."""
    if width is None:
        return spans
    kept = list(spans)
    while len(kept) > keep and width_of(tuple(kept)) > width:
        kept.pop()
    while kept and width_of(tuple(kept)) > width:
        before = sum(cells(span.text) for span in kept[:-1])
        last = kept.pop()
        if before < width:
            kept.append(Span(shorten(last.text, width - before), last.style))
            break
    return tuple(kept)


def flow(spans: Line, width: int | None) -> Iterator[Line]:
    """Yield a line, broken between its parts where it is wider than the terminal; what follows is indented."""
    current: list[Span] = []
    for span in spans:
        if current and width is not None and width_of((*current, span)) > width:
            yield tuple(current)
            current = [Span(GAP), Span(span.text.lstrip(",; "), span.style)]
        else:
            current.append(span)
    yield tuple(current)


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        shrink: Whether its cells may be shortened in the middle.
        drop: Columns with a higher number are left out sooner on a narrow terminal; 0 never is.
    """

    title: str
    right: bool = False
    shrink: bool = False
    drop: int = 0
    style: str = ""


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], width: int | None) -> Iterator[Line]:
    """Yield a head line and the rows, aligned; ``width`` is that of the terminal, ``None`` for no limit.

    A column without content is left out.
    """
    body = [[_as_line(cell, column.style) for cell, column in zip(row, columns, strict=True)] for row in rows]
    widths = [_natural_width(column, [row[index] for row in body]) for index, column in enumerate(columns)]
    shown = [index for index, natural in enumerate(widths) if natural]
    if width is not None:
        shown, widths = _squeezed(columns, shown, widths, width)
    head = [line(Span(column.title, "dim")) for column in columns]
    for row in (head, *body):
        yield _row([(row[index], widths[index], columns[index]) for index in shown])


def _natural_width(column: Column, content: list[Line]) -> int:
    """Return the cells that a column takes if nothing is shortened; 0 if nothing is in it."""
    widest = max(map(width_of, content), default=0)
    return max(widest, cells(column.title)) if widest else 0


def _as_line(cell: Cell, style: str) -> Line:
    if isinstance(cell, Span):
        return (cell,)
    return (Span(cell, style),) if isinstance(cell, str) else cell


def _squeezed(
    columns: Sequence[Column], shown: list[int], widths: list[int], width: int
) -> tuple[list[int], list[int]]:
    """Leave out columns, then shrink others, until a row takes no more than ``width`` cells."""
    while True:
        needed = sum(min(widths[i], COMFORTABLE) if columns[i].shrink else widths[i] for i in shown)
        needed += len(GAP) * (len(shown) - 1)
        droppable = [i for i in shown if columns[i].drop]
        if needed <= width or not droppable:
            break
        shown = [i for i in shown if i != max(droppable, key=lambda i: columns[i].drop)]
    widths = list(widths)
    while sum(widths[i] for i in shown) + len(GAP) * (len(shown) - 1) > width:
        widest = max((i for i in shown if columns[i].shrink and widths[i] > LEAST), key=lambda i: widths[i], default=-1)
        if widest < 0:
            break
        widths[widest] -= 1
    return shown, widths


def _row(parts: list[tuple[Line, int, Column]]) -> Line:
    spans: list[Span] = []
    for position, (cell, width, column) in enumerate(parts):
        if position:
            spans.append(Span(GAP))
        content = fit(cell, width)
        padding = Span(" " * (width - width_of(content)))
        last = position == len(parts) - 1
        spans += [padding, *content] if column.right else [*content, *([] if last else [padding])]
    while spans and not spans[-1].text.strip():
        spans.pop()  # an empty last column leaves nothing but blanks
    return tuple(spans)


def fields(pairs: Iterable[tuple[str, Cell | list[Line]]], width: int | None) -> Iterator[Line]:
    """Yield ``label  value`` lines, the values in one column and folded to the width; an empty value is left out."""
    rows = [(label, _value_lines(value)) for label, value in pairs]
    rows = [(label, lines) for label, lines in rows if any(plain(item) for item in lines)]
    indent = max((cells(label) for label, _ in rows), default=0) + len(GAP)
    for label, lines in rows:
        room = None if width is None else max(LEAST, width - indent)
        folded = [piece for item in lines for piece in _folded(item, room)]
        for position, piece in enumerate(folded):
            head = label if position == 0 else ""
            yield (Span(head + " " * (indent - cells(head)), "dim"), *piece)


def _value_lines(value: Cell | list[Line]) -> list[Line]:
    return value if isinstance(value, list) else [_as_line(value, "")]


def _folded(spans: Line, room: int | None) -> list[Line]:
    if room is None or width_of(spans) <= room:
        return [spans]
    if len(spans) > 1:
        return [fit(spans, room)]
    # Folding counts characters, so text that holds wide ones is shortened instead.
    text, style = spans[0]
    if cells(text) != len(text):
        return [fit(spans, room)]
    return [(Span(piece, style),) for piece in textwrap.wrap(text, room, break_on_hyphens=False)]
