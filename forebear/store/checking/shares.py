"""Which objects are read where not all of them are."""

from __future__ import annotations

import os
import re

from forebear.blobs.digest import digest_of
from forebear.errors import InvalidInput

_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")
_PART = re.compile(r"(\d+)/(\d+)")
_WHOLE = 2**64


class Share:
    """A part of all objects: a random one, another each time; or one of equal parts, which together are all of them."""

    def __init__(self, text: str) -> None:
        """Read ``5%`` or ``1/7``.

        Raises:
            InvalidInput: it is neither, or not between nothing and all.
        """
        self.text = text
        percent, part = _PERCENT.fullmatch(text), _PART.fullmatch(text)
        self._limit = self._part = self._parts = 0
        self._salt = os.urandom(16)
        if percent and 0 < float(percent[1]) <= 100:
            self._limit = int(_WHOLE * float(percent[1]) / 100)
        elif part and 1 <= int(part[1]) <= int(part[2]):
            self._part, self._parts = int(part[1]) - 1, int(part[2])
        else:
            raise InvalidInput(
                f"a part of the data is written 5% (a random one) or 1/7 (the first of seven), not {text!r}",
                code="invalid-share",
            )

    def __repr__(self) -> str:
        return f"Share({self.text!r})"

    def has(self, name: str) -> bool:
        """Whether an object is in it."""
        if self._parts:
            return int.from_bytes(digest_of(name.encode())[:8], "big") % self._parts == self._part
        return int.from_bytes(digest_of(self._salt + name.encode())[:8], "big") < self._limit
