"""The settings of a run: a dictionary whose keys are also attributes, kept as they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from forebear.artifacts.artifact import Artifact
from forebear.errors import Conflict
from forebear.tracking.configuration import config_from
from forebear.tracking.nested import nested, plain


class Config(MutableMapping[str, Any]):
    """Settings by name. Every change is told to the run, which writes them down; also one inside a nested dictionary.

    A setting that has a value is not given another one unless that is allowed, so that what is written down is what
    the run was made with.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        changed: Callable[[], None],
        *,
        allow_val_change: bool = False,
        use: Callable[[Artifact, str], None] | None = None,
    ) -> None:
        """Begin with settings that are written down already.

        Args:
            changed: Called after each change.
            allow_val_change: Whether settings may be given other values.
            use: Called with each artifact that becomes a setting, and its key.
        """
        vars(self).update(_values={}, _changed=changed, _allow=allow_val_change, _use=use, _locked={}, _note=None)
        self._take(values)

    _values: dict[str, Any]
    _changed: Callable[[], None]
    _allow: bool
    _use: Callable[[Artifact, str], None] | None
    _locked: Mapping[str, Any]
    _note: Callable[[str], None] | None

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._merge({key: value}, self._allow)

    def __delitem__(self, key: str) -> None:
        if key in self._locked:
            self._merge({key: None}, True)
            return
        del self._values[key]
        self._changed()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, key: str) -> Any:
        try:
            return self._values[key]
        except KeyError:
            raise AttributeError(f"the config has no {key!r}; it has {', '.join(self._values) or 'nothing'}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        if key not in self._values:
            raise AttributeError(f"the config has no {key!r}")
        del self[key]

    def update(self, values: Any = None, /, allow_val_change: bool | None = None, **named: Any) -> None:
        """Take in several settings at once, from anything that `init` takes for ``config``.

        Args:
            allow_val_change: Whether settings that have a value may be given another one; by default as `init` said.

        Raises:
            Conflict: a setting has another value, and that may not be changed; nothing was taken in.
        """
        pairs = values is None or isinstance(values, Mapping) or not isinstance(values, (list, tuple))
        given = config_from(values if pairs else dict(values)) | named
        self._merge(given, self._allow if allow_val_change is None else allow_val_change)

    def setdefaults(self, values: Any) -> None:
        """Take in the settings that are not there yet."""
        self._merge({key: value for key, value in config_from(values).items() if key not in self._values}, True)

    def lock(self, values: Mapping[str, Any], note: Callable[[str], None]) -> None:
        """Keep these settings as they are from now on: whoever changes one is told by ``note`` that it stays."""
        vars(self).update(_locked=values, _note=note)

    def as_dict(self) -> dict[str, Any]:
        """Return a plain copy."""
        copied: dict[str, Any] = plain(self._values)
        return copied

    def _merge(self, values: Mapping[str, Any], allow: bool) -> None:
        given = self._without_locked(config_from(values))
        if not allow:
            self._refuse_changes(given)
        if given:
            self._take(given)
            self._changed()

    def _refuse_changes(self, given: Mapping[str, Any]) -> None:
        for key, value in given.items():
            if key in self._values and self._values[key] != value:
                raise Conflict(
                    f"config {key!r} is {_short(self._values[key])} and would become {_short(value)}; if that is "
                    "meant, pass allow_val_change=True to config.update() or to init()",
                    code="config-change",
                )

    def _take(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            if self._use is not None:
                for artifact in _artifacts(value):
                    self._use(artifact, key)
            self._values[key] = nested(value, (key,), self._inner_change)

    def _without_locked(self, given: dict[str, Any]) -> dict[str, Any]:
        """What of given settings may be taken: those that are locked come as they are."""
        if not self._locked:
            return given
        merged = {key: locked_into(value, self._locked[key]) if key in self._locked else value
                  for key, value in given.items()}  # fmt: skip
        kept = [key for key in given if merged[key] != given[key]]
        if kept and self._note is not None:
            self._note(f"config {', '.join(kept)} stays as the sweep chose it")
        return {
            key: value for key, value in merged.items() if key not in self._locked or value != self._values.get(key)
        }

    def _inner_change(self, path: tuple[str, ...], value: Any) -> None:
        if path[0] in self._locked:
            now = plain(self._values[path[0]])
            kept = locked_into(now, self._locked[path[0]])
            if kept != now:
                self._take({path[0]: kept})
                if self._note is not None:
                    self._note(f"config {'.'.join(path)} stays as the sweep chose it")
        self._changed()

    def __repr__(self) -> str:
        return repr(self._values)


def _artifacts(value: Any) -> Iterator[Artifact]:
    if isinstance(value, Artifact):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _artifacts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _artifacts(item)


def locked_into(value: Any, locked: Any) -> Any:
    """Return a value with what is locked of it: all of it, or of dictionaries some keys."""
    if not isinstance(locked, Mapping):
        return locked
    base = value if isinstance(value, Mapping) else {}
    return {**base, **{key: locked_into(base.get(key), item) for key, item in locked.items()}}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
