"""The summary of a run: what it came to. A dictionary whose keys are also attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from forebear.errors import NotFound
from forebear.tracking.journal.frames import SummaryChange
from forebear.tracking.nested import GONE, nested, plain

if TYPE_CHECKING:
    import threading

    from forebear.tracking.summarize import Path, Summarizer


class Summary(MutableMapping[str, Any]):
    """Final values by name: what rows brought, and over it what was set here.

    A nested value is reached by ``summary["a"]["b"]`` or ``summary["a.b"]``, however it came in.
    """

    def __init__(
        self,
        summarizer: Summarizer,
        lock: Callable[[], threading.RLock],
        write: Callable[[SummaryChange], None],
        to_plain: Callable[[str, Any], Any],
    ) -> None:
        """Show what a summarizer holds.

        Args:
            lock: Gives the lock that whoever feeds ``summarizer`` holds.
            write: Writes a change down.
            to_plain: Turns a value of a key into one that can be written down.
        """
        vars(self).update(_summarizer=summarizer, _lock=lock, _write=write, _to_plain=to_plain)

    _summarizer: Summarizer
    _lock: Callable[[], threading.RLock]
    _write: Callable[[SummaryChange], None]
    _to_plain: Callable[[str, Any], Any]

    def as_dict(self) -> dict[str, Any]:
        """Return a plain copy."""
        with self._lock():
            copied: dict[str, Any] = plain(self._summarizer.value())
        return copied

    _as_dict = as_dict

    def __getitem__(self, key: str) -> Any:
        if not isinstance(key, str):
            raise KeyError(key)
        with self._lock():
            value = self._summarizer.get(key, GONE)
            if value is GONE:
                value = _found(self._summarizer.value(), key)
        if value is GONE:
            raise NotFound(f"the summary has no {key!r}; it has {_listed(self)}", code="no-summary-key")
        return nested(value, (key,), self._changed)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or ``default`` where there is none."""
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str):
            return False
        with self._lock():
            return self._summarizer.get(key, GONE) is not GONE or _found(self._summarizer.value(), key) is not GONE

    def __setitem__(self, key: str, value: Any) -> None:
        self._change({self._path(key): value})

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise NotFound(f"the summary has no {key!r}; it has {_listed(self)}", code="no-summary-key")
        self._change({self._path(key): GONE})

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def __len__(self) -> int:
        return len(self.as_dict())

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__") or key not in self:
            raise AttributeError(f"the summary has no {key!r}; it has {_listed(self)}")
        return self[key]

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        del self[key]

    def update(self, *values: Any, **named: Any) -> None:
        """Take in several values at once."""
        given = dict(*values, **named)
        self._change({self._path(key): value for key, value in given.items()})

    def _path(self, key: str) -> Path:
        """Where a key lies: below another one if it is dotted and its beginning holds a dictionary."""
        with self._lock():
            whole = self._summarizer.value()
        if key in whole or "." not in key:
            return (key,)
        head, _, rest = key.partition(".")
        return (head, *rest.split(".")) if isinstance(whole.get(head), dict) else (key,)

    def _changed(self, path: Path, value: Any) -> None:
        """Called by a nested dictionary that was read from here."""
        dotted = ".".join(path)
        with self._lock():
            flat = dotted in self._summarizer.value()
        self._change({(dotted,) if flat else path: value})

    def _change(self, changes: dict[Path, Any]) -> None:
        gone = [path for path, value in changes.items() if value is GONE]
        there = [
            (path, self._to_plain(".".join(path), plain(value))) for path, value in changes.items() if value is not GONE
        ]
        with self._lock():
            self._write(SummaryChange(set=there, delete=gone))
            self._summarizer.change(there, gone)

    def __repr__(self) -> str:
        return repr(self.as_dict())


def _found(whole: dict[str, Any], key: str) -> Any:
    """Return what a key means that is none of the root: a way into a nested value, or the beginning of dotted keys."""
    head, dot, rest = key.partition(".")
    while dot:
        below = whole.get(head)
        if isinstance(below, dict):
            inner = below[rest] if rest in below else _found(below, rest)
            if inner is not GONE:
                return inner
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    tree: dict[str, Any] = {}
    for name, value in whole.items():
        if name.startswith(f"{key}."):
            *above, last = name[len(key) + 1 :].split(".")
            inner = tree
            for part in above:
                inner = inner.setdefault(part, {}) if isinstance(inner.setdefault(part, {}), dict) else {}
            inner[last] = value
    return tree or GONE


def _listed(summary: Summary) -> str:
    keys = [key for key in summary.as_dict() if not key.startswith("_")]
    return ", ".join(keys[:20]) + (", …" if len(keys) > 20 else "") or "nothing"
