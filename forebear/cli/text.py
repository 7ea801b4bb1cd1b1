"""Words and numbers as people read them, in cells of a terminal."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta

ELLIPSIS = "…"
NOTHING = "–"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
#: Beyond this many days a date says more than a distance.
_DAYS_AGO = 60
#: Share of a shortened name that its end gets: the ends of paths and versions tell more than their beginnings.
_TAIL = 0.6


def clean(text: str) -> str:
    """Return ``text`` on one line with nothing in it that a terminal would obey; such characters are written out."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )


def cells(text: str) -> int:
    """Return how many cells of a terminal ``text`` takes: none for a combining mark, two for a wide character."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(char) for char in text)


def _cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, room: int) -> str:
    """Return ``text`` in at most ``room`` cells, its middle left out where it is longer."""
    if cells(text) <= room:
        return text
    if room <= 1:
        return ELLIPSIS[:room]
    tail = int((room - 1) * _TAIL)
    return _first(text, room - 1 - tail) + ELLIPSIS + _first(text[::-1], tail)[::-1]


def _first(text: str, room: int) -> str:
    used = 0
    for index, char in enumerate(text):
        used += _cells_of(char)
        if used > room:
            return text[:index]
    return text


def size(count: int | None) -> str:
    """Return bytes in binary units: ``512 B``, ``4.2 MiB``; a dash for an unknown size."""
    if count is None:
        return NOTHING
    value, unit = float(abs(count)), 0
    # 1023.96 KiB would be shown as 1024.0 KiB.
    while value >= (1024 if unit == 0 else 1023.95) and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    sign = "-" if count < 0 else ""
    return f"{sign}{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{sign}{value:.1f} {_UNITS[unit]}"


def count(number: int, thing: str) -> str:
    """Return ``1 file`` or ``1,797 files``; the plural ends in s."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago ``moment`` was (``5 min ago``), or its date if that is long ago."""
    seconds = (now - moment).total_seconds()
    if seconds < 45:
        return "just now"
    if seconds < 90 * 60:
        return f"{max(1, round(seconds / 60))} min ago"
    if seconds < 36 * 3600:
        return f"{round(seconds / 3600)} h ago"
    if seconds < _DAYS_AGO * 86400:
        return f"{round(seconds / 86400)} days ago"
    return moment.astimezone().strftime("%Y-%m-%d")


def moment(value: datetime) -> str:
    """Return a time of the local clock to the second, with its offset."""
    local = value.astimezone()
    return local.strftime("%Y-%m-%d %H:%M:%S ") + (local.strftime("%z") if local.utcoffset() else "UTC")


def duration(span: timedelta) -> str:
    """Return ``0.4 s``, ``12 s``, ``3 min 20 s``, ``5 h 2 min`` or ``3 days 4 h``."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{count(whole // 86400, 'day')} {whole % 86400 // 3600} h"


def ranges(numbers: list[int]) -> str:
    """Return version numbers shortly: ``v0–v4, v7``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"v{a}" if a == b else f"v{a}–v{b}" for a, b in runs)
