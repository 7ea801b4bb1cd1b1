"""A dictionary inside a config or a summary: a plain one, that tells when it is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

#: Told where a change happened (names from the top), and what is there now; `GONE` if nothing is.
Changed = Callable[[tuple[str, ...], Any], None]


class Gone:
    """Stands for a value that was taken out."""


GONE = Gone()


class Nested(dict[str, Any]):
    """A copy of a dictionary whose changes, at any depth, are told to the object it was read from.

    Everything that takes a dictionary takes it: JSON, ``**``, equality. Keys are attributes too, where they are no
    methods of a dictionary.
    """

    def __init__(self, values: Mapping[str, Any], path: tuple[str, ...], changed: Changed) -> None:
        """Copy ``values``, which lie at ``path``."""
        super().__init__({key: nested(value, (*path, key), changed) for key, value in values.items()})
        vars(self).update(_path=path, _changed=changed)

    _path: tuple[str, ...]
    _changed: Changed

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, nested(value, (*self._path, key), self._changed))
        self._changed((*self._path, key), value)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._changed((*self._path, key), GONE)

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"there is no {'.'.join((*self._path, key))!r}; there are {', '.join(self)}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        del self[key]

    def update(self, *values: Any, **named: Any) -> None:
        """Take in several values."""
        for key, value in dict(*values, **named).items():
            self[key] = value

    def __ior__(self, values: Any) -> Nested:  # type: ignore[override,misc]
        self.update(values)
        return self

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return what stands at a key, after putting ``default`` there if nothing does."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, *default: Any) -> Any:
        """Take a value out and return it."""
        if key not in self and default:
            return default[0]
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take the last value out and return it with its key."""
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Take everything out."""
        for key in list(self):
            del self[key]

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (plain(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        import copy  # 1 ms

        return copy.deepcopy(plain(self), memo)


def nested(value: Any, path: tuple[str, ...], changed: Changed) -> Any:
    """Return a value as it is read: a dictionary as one that tells of its changes."""
    return Nested(value, path, changed) if isinstance(value, dict) else value


def plain(value: Any) -> Any:
    """Return a value with plain dictionaries in it, copied."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def put(tree: dict[str, Any], path: Iterable[str], value: Any) -> None:
    """Put a value at a path of a tree of dictionaries, or with `GONE` take it out; what is no dictionary gives way."""
    *above, last = path
    for name in above:
        below = tree.get(name)
        if not isinstance(below, dict):
            if value is GONE:
                return
            below = tree[name] = {}
        tree = below
    if value is GONE:
        tree.pop(last, None)
    else:
        tree[last] = value
