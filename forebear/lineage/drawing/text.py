"""Estimates of the width of text, since no font is at hand where a drawing is made."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import accumulate, takewhile

ELLIPSIS = "…"
#: Widths in em after DejaVu Sans, one of the widest fonts that a viewer may fall back to.
_WIDTHS = {
    **dict.fromkeys("iIjl|'.,:;!", 0.34),
    **dict.fromkeys('ftr()[]{}/\\ -`"', 0.42),
    **dict.fromkeys("mwMW@%—…", 1.0),
    **dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZ&#+=<>~^", 0.78),
}
_OTHER = 0.64
_WIDE = 1.1
_EMOJI = 1.4
_BOLD = 1.1


@lru_cache(maxsize=4096)
def _char_width(char: str) -> float:
    if char in _WIDTHS:
        return _WIDTHS[char]
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0.0
    if ord(char) >= 0x1F000:
        return _EMOJI
    if unicodedata.east_asian_width(char) in "WF":
        return _WIDE
    return _OTHER if char.isascii() or char.islower() else 0.85


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return an upper estimate of the width of ``text`` at a font size, both in pixels."""
    return sum(map(_char_width, text)) * size * (_BOLD if bold else 1.0)


def fit(text: str, width: float, size: float, *, bold: bool = False, keep: str = "") -> str:
    """Return ``text`` cut with an ellipsis so that it is no wider than ``width`` pixels.

    Args:
        keep: An ending of ``text`` that stays, such as ``:v12``; the cut is made before it.
    """
    # The half pixel is for sums of the same numbers in another order.
    if text_width(text, size, bold=bold) <= width + 0.5:
        return text
    room = width - text_width(ELLIPSIS + keep, size, bold=bold)
    if keep and room < size:
        return fit(text, width, size, bold=bold)
    widths = accumulate(text_width(char, size, bold=bold) for char in text.removesuffix(keep))
    end = sum(1 for _ in takewhile(lambda width: width <= room, widths))
    return text[:end].rstrip(" .-_") + ELLIPSIS + keep
