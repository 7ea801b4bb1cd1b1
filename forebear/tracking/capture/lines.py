"""What a stream of characters looks like on a screen: carriage returns and cursor moves applied, colours left out.

A progress bar writes its line a thousand times; a person sees its last state, and so does `Screen`. Only what programs
that write logs and bars really use is known (ECMA-48: CR, LF, BS, CUU, CUD, CUF, CUB, CHA, EL, ED); all other control
sequences are left out. A line longer than `MAX_LINE` goes on in the next row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

#: Characters of a row; a script that prints megabytes without a new line must not hold them all.
MAX_LINE = 32_768
#: Rows above the cursor that a bar can still change; more than the bars of any script.
MAX_ROWS = 64
#: Characters of a control sequence that is not finished yet, before it is taken for something else.
_MAX_SEQUENCE = 4_096

#: Anything but printable characters, tabs and new lines.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x9b]")
#: One step: text without control characters, a whole control sequence (CSI, OSC, other), or one control character.
_STEP = re.compile(
    r"(?P<text>[^\x00-\x08\x0a-\x1f\x7f\x9b]+)"
    r"|(?:\x1b\[|\x9b)(?P<numbers>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
    r"|(?P<control>[\x00-\x08\x0a-\x1f\x7f\x9b])",
)
#: A sequence that more characters may complete.
_UNFINISHED = re.compile(r"(?:(?:\x1b\[|\x9b)[0-?]*[ -/]*|\x1b\][^\x07\x1b]*\x1b?|\x1b[ -/]*)\Z")

#: Takes the number of a row (``None`` for one that was never handed on) and its text; returns its number.
Settle = Callable[[int | None, str], int]


class _Row:
    __slots__ = ("kept", "number", "text")

    def __init__(self) -> None:
        self.text = ""
        #: The text as it was handed on last; a row that says the same again is not handed on.
        self.kept: str | None = None
        self.number: int | None = None


class Screen:
    """The last rows of one stream. Rows are handed on when the cursor leaves them downwards, and again if they change.

    Not safe for threads.
    """

    def __init__(self, settle: Settle, settle_many: Callable[[str], None]) -> None:
        """Hand rows to ``settle``, and plain text of whole lines that nothing can change to ``settle_many``."""
        self._settle = settle
        self._settle_many = settle_many
        self._rows = [_Row()]
        self._row = 0
        self._column = 0
        self._unfinished = ""

    def write(self, text: str) -> None:
        """Show text."""
        if self._unfinished:
            text, self._unfinished = self._unfinished + text, ""
        if _CONTROL.search(text) is None and self._at_the_end():
            self._write_plain(text)
            return
        cut = _UNFINISHED.search(text)
        if cut is not None and len(cut.group()) < _MAX_SEQUENCE:
            text, self._unfinished = text[: cut.start()], cut.group()
        for step in _STEP.finditer(text):
            if step["text"]:
                self._put(step["text"])
            elif step["final"]:
                self._move(step["final"], step["numbers"])
            elif step["control"]:
                self._control(step["control"])

    def flush(self) -> None:
        """Hand on the rows that are not finished, as they stand now."""
        for row in self._rows:
            if row.text or row.kept is not None:
                self._hand_on(row)

    # -- plain text: nearly everything that is ever printed ------------------------------------------------------

    def _at_the_end(self) -> bool:
        return self._row == len(self._rows) - 1 and self._column == len(self._rows[-1].text)

    def _write_plain(self, text: str) -> None:
        lines = text.split("\n")
        if len(lines) > MAX_ROWS + 1:
            # Lines that the cursor cannot climb back to need no rows.
            self._put(lines[0])
            self._line_feed()
            self._settle_many("\n".join(_wrapped(lines[1:-MAX_ROWS])))
            self._rows = [_Row()]
            self._row = self._column = 0
            lines = lines[-MAX_ROWS:]
        for line in lines[:-1]:
            self._put(line)
            self._line_feed()
        self._put(lines[-1])

    # -- single steps --------------------------------------------------------------------------------------------

    def _put(self, text: str) -> None:
        while text:
            room = MAX_LINE - self._column
            if room <= 0:
                self._line_feed()
                continue
            part, text = text[:room], text[room:]
            row = self._rows[self._row]
            before = row.text
            if self._column == len(before):
                row.text = before + part
            else:
                row.text = before[: self._column].ljust(self._column) + part + before[self._column + len(part) :]
            self._column += len(part)

    def _control(self, control: str) -> None:
        if control == "\n":
            self._line_feed()
        elif control == "\r":
            self._column = 0
        elif control == "\b":
            self._column = max(0, self._column - 1)

    def _line_feed(self) -> None:
        self._hand_on(self._rows[self._row])
        self._go_down(1)
        self._column = 0

    def _go_down(self, count: int) -> None:
        for _ in range(min(count, MAX_ROWS)):
            self._row += 1
            if self._row == len(self._rows):
                self._rows.append(_Row())
        surplus = len(self._rows) - MAX_ROWS
        if surplus > 0:
            for row in self._rows[:surplus]:
                self._hand_on(row)
            del self._rows[:surplus]
            self._row = max(0, self._row - surplus)

    def _hand_on(self, row: _Row) -> None:
        if row.text != row.kept:
            row.number = self._settle(row.number, row.text)
            row.kept = row.text

    def _move(self, final: str, numbers: str) -> None:
        count = _number(numbers)
        if final == "A":
            self._row = max(0, self._row - max(1, count))
        elif final == "B":
            self._go_down(max(1, count))
        elif final == "C":
            self._column = min(MAX_LINE, self._column + max(1, count))
        elif final == "D":
            self._column = max(0, self._column - max(1, count))
        elif final == "G":
            self._column = min(MAX_LINE, max(1, count) - 1)
        elif final == "K":
            self._erase_in_line(count)
        elif final == "J":
            self._erase_below(count)

    def _erase_in_line(self, what: int) -> None:
        row = self._rows[self._row]
        if what == 0:
            row.text = row.text[: self._column]
        elif what == 1:
            row.text = " " * min(self._column + 1, len(row.text)) + row.text[self._column + 1 :]
        else:
            row.text = ""

    def _erase_below(self, what: int) -> None:
        # A log keeps what a screen that is wiped as a whole would lose, so 2 and 3 erase only what stands below.
        self._erase_in_line(0)
        for row in self._rows[self._row + 1 :]:
            row.text = ""


def _number(numbers: str) -> int:
    first = numbers.split(";", 1)[0]
    return min(int(first), MAX_LINE) if first.isdecimal() else 0


def _wrapped(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if len(line) <= MAX_LINE:
            yield line
        else:
            yield from (line[at : at + MAX_LINE] for at in range(0, len(line), MAX_LINE))
