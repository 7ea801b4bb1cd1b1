"""`Classes`: the names behind the numbers of boxes, masks and labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from forebear.errors import InvalidInput
from forebear.media.base import Keep, Media, Read


class Classes(Media):
    """A list of classes, each with an ``id`` (a whole number), a ``name`` and maybe a ``color``."""

    kind = "classes"

    def __init__(self, class_set: Iterable[Mapping[str, Any]]) -> None:
        """Hold the classes.

        Args:
            class_set: One mapping a class, such as ``{"id": 0, "name": "cat"}``.

        Raises:
            InvalidInput: a class lacks its id or name, or two have the same id.
        """
        self.class_set = [_checked(number, item) for number, item in enumerate(class_set)]
        if len(self.names) != len(self.class_set):
            ids = [item["id"] for item in self.class_set]
            twice = sorted({number for number in ids if ids.count(number) > 1})
            raise InvalidInput(
                f"the class id {twice[0]} is given twice; every class has an id of its own", code="classes"
            )

    @classmethod
    def from_names(cls, names: Mapping[int, str] | Iterable[str]) -> Self:
        """Return classes of ``names``: numbered in order, or a mapping from id to name."""
        pairs = names.items() if isinstance(names, Mapping) else enumerate(names)
        return cls({"id": number, "name": name} for number, name in pairs)

    @property
    def names(self) -> dict[int, str]:
        """Name of each id."""
        return {item["id"]: item["name"] for item in self.class_set}

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return the classes as JSON; no file is kept."""
        return {"_type": self.kind, "class_set": self.class_set}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the classes that `to_json` gave."""
        return cls(value["class_set"])

    def __len__(self) -> int:
        return len(self.class_set)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.class_set)

    def __repr__(self) -> str:
        return f"Classes({self.class_set!r})"


def _checked(number: int, item: Any) -> dict[str, Any]:
    if not isinstance(item, Mapping) or "id" not in item or "name" not in item:
        raise InvalidInput(
            f'class {number} is {item!r}; a class is a mapping such as {{"id": 0, "name": "cat"}}', code="classes"
        )
    try:
        # Numpy's whole numbers are whole numbers too; true and 1.5 are not.
        identity = item["id"].__index__() if not isinstance(item["id"], bool) else None
    except AttributeError:
        identity = None
    if identity is None:
        raise InvalidInput(f"class {number} has the id {item['id']!r}; an id is a whole number", code="classes")
    return {"id": identity, "name": str(item["name"])} | ({"color": str(item["color"])} if "color" in item else {})
