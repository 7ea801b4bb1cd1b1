"""What is known of metrics beside their values: axis, summary, goal. Made with `define_metric`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from forebear.errors import InvalidInput

#: What a summary may keep of a metric. ``copy`` is the last value itself, as without a definition.
SUMMARIES = ("min", "max", "mean", "last", "first", "best", "copy", "none")
GOALS = ("minimize", "maximize")


class Metric(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was said of a metric, or of all whose names begin so, where the name ends in ``*``.

    Attributes:
        step_metric: The metric that is its x-axis.
        step_sync: Whether a row that lacks the x-axis gets its last value.
        hidden: Not to be shown unasked.
        summary: What the summary keeps; nothing said means the last value.
        goal: ``minimize`` or ``maximize``, for ``best``.
    """

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: tuple[str, ...] = ()
    goal: str | None = None

    @property
    def syncs_step(self) -> bool:
        """Whether rows get the x-axis; they do unless that was declined."""
        return self.step_metric is not None and self.step_sync is not False

    def merged_into(self, older: Metric | None) -> Metric:
        """Return this definition, with what only an older one of the same name says."""
        if older is None:
            return self
        said = {field: getattr(self, field) for field in self.__struct_fields__}
        return msgspec.structs.replace(
            older, **{field: value for field, value in said.items() if value not in (None, ())}
        )


def new_metric(
    name: Any,
    step_metric: Any = None,
    step_sync: bool | None = None,
    hidden: bool | None = None,
    summary: Any = None,
    goal: str | None = None,
) -> Metric:
    """Return a definition.

    Raises:
        InvalidInput: the name is no text or has a ``*`` that is not its end, or a word is unknown.
    """
    axis = step_metric.name if isinstance(step_metric, Metric) else step_metric
    for what, text in (("name", name), ("step_metric", axis)):
        if text is not None and (not isinstance(text, str) or not text):
            raise InvalidInput(f"the {what} of a metric is a text, not {text!r}", code="invalid-metric")
    if name is None or "*" in name[:-1]:
        raise InvalidInput(
            f"the name of a metric may have a '*' at its end only, unlike {name!r}", code="invalid-metric"
        )
    if axis is not None and "*" in axis:
        raise InvalidInput(f"an x-axis is one metric, so {axis!r} cannot have a '*'", code="invalid-metric")
    words = _words(summary)
    for what, given, allowed in (("summary", words, SUMMARIES), ("goal", (goal,) if goal else (), GOALS)):
        unknown = [word for word in given if word not in allowed]
        if unknown:
            raise InvalidInput(
                f"{what} {unknown[0]!r} is unknown; there are {', '.join(allowed)}", code="invalid-metric"
            )
    return Metric(name, axis, step_sync, hidden, words, goal)


def _words(summary: Any) -> tuple[str, ...]:
    if summary is None:
        return ()
    items: Iterable[Any] = summary.split(",") if isinstance(summary, str) else summary
    return tuple(dict.fromkeys(str(item).strip().lower() for item in items))


class Metrics:
    """The definitions of a run. Of several that fit a name, its own counts, else that with the longest beginning."""

    def __init__(self, stored: Mapping[str, Any] | None = None) -> None:
        """Begin with the definitions that `to_json` gave."""
        self._by_name: dict[str, Metric] = {}
        #: Of how many values the mean of a metric was in earlier sessions.
        self.counts: dict[str, int] = {}
        for name, value in (stored or {}).items():
            self._by_name[name] = msgspec.convert({**value, "name": name}, Metric)
            self.counts |= value.get("counts", {})
        self._found: dict[str, Metric | None] = {}
        #: Whether some definition asks for another summary than the last value, and whether some has an x-axis.
        self.summarize = self.sync = False
        self._look()

    def _look(self) -> None:
        self._found.clear()
        self.summarize = any(metric.summary not in {(), ("copy",)} for metric in self._by_name.values())
        self.sync = any(metric.syncs_step for metric in self._by_name.values())

    def define(self, metric: Metric, *, overwrite: bool = False) -> Metric:
        """Take in a definition, over what is known of the name, or with ``overwrite`` instead of it; return the sum."""
        older = None if overwrite else self._by_name.get(metric.name)
        whole = self._by_name[metric.name] = metric.merged_into(older)
        self._look()
        return whole

    def of(self, key: str) -> Metric | None:
        """Return the definition that holds for a key. Cost: that of a dictionary after the first time."""
        try:
            return self._found[key]
        except KeyError:
            found = self._found[key] = self._search(key)
            return found

    def _search(self, key: str) -> Metric | None:
        own = self._by_name.get(key)
        if own is not None or key.startswith("_"):
            return own
        fitting = [
            metric
            for name, metric in self._by_name.items()
            if name.endswith("*") and key.startswith(name[:-1]) and key != metric.step_metric
        ]
        return max(fitting, key=lambda metric: len(metric.name), default=None)

    def to_json(self, counts: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Return all definitions by name, as JSON values.

        Args:
            counts: Of how many values the mean of each metric is; kept with the definition that holds for it.
        """
        found: dict[str, Any] = {}
        for name, metric in self._by_name.items():
            found[name] = msgspec.to_builtins(metric)
            del found[name]["name"]
        for key, count in (self.counts if counts is None else counts).items():
            fitting = self.of(key)
            if fitting is not None:
                found[fitting.name].setdefault("counts", {})[key] = count
        return found
