"""Records of what is wrong inside a catalog."""

from __future__ import annotations

from typing import NamedTuple


class Dangling(NamedTuple):
    """A row that refers to what is not there.

    Attributes:
        table: Of the catalog.
        name: What people know the row by.
        words: What is wrong with it.
    """

    table: str
    name: str
    words: str
