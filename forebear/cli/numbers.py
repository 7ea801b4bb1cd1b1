"""Values of configs, summaries and metrics as people read them: short, and never less exact than the eye."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from forebear.cli.text import NOTHING, clean

#: Digits of a number that count; more make a column wide and tell nothing.
DIGITS = 5
#: And so many of a difference, of which people want to know its sign and size.
_CHANGE_DIGITS = 3
#: Numbers from here on up and down are written with an exponent.
_HUGE, _TINY = 1e7, 1e-4


def value_text(value: Any) -> str:
    """Return any value on one line: numbers shortly, text as it is, the rest as JSON; a dash for none."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return clean(value)
    return clean(msgspec.json.encode(value).decode())


def number(value: float, digits: int = DIGITS) -> str:
    """Return a number with so many digits that count: ``0.93215``, ``12``, ``1.5e-7``, ``nan``, ``inf``."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    size = abs(value)
    if not _TINY <= size < _HUGE:
        factor, _, power = f"{value:.{max(0, digits - 2)}e}".partition("e")
        return f"{_trimmed(factor)}e{int(power)}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    return _trimmed(f"{value:.{decimals}f}")


def _trimmed(digits: str) -> str:
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def change_text(old: float, new: float) -> str:
    """Return how far ``new`` is from ``old``: ``+0.012``, ``-35``; nothing where they are equal or no numbers."""
    step = new - old
    if step == 0 or math.isnan(step):
        return ""
    return f"{'+' if step > 0 else ''}{number(step, _CHANGE_DIGITS)}"
