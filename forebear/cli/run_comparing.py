"""The work of ``forebear run compare``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from forebear.api.run_values import flattened
from forebear.cli.curves import matching, metrics_of
from forebear.cli.views.run_compare import CompareView, Line, Section
from forebear.cli.views.runs import HIDDEN
from forebear.errors import InvalidInput

if TYPE_CHECKING:
    from forebear.api.api import Api
    from forebear.api.recorded_run import RecordedRun

#: What of the run itself is compared, and how it is found.
_OWN: dict[str, Callable[[RecordedRun], Any]] = {
    "state": lambda run: run.state,
    "job type": lambda run: run.job_type,
    "group": lambda run: run.group,
    "tags": lambda run: " ".join(run.tags) or None,
    "commit": lambda run: (run.commit or "")[:12] or None,
    "uncommitted": lambda run: run.origin.git_dirty,
    "command": lambda run: " ".join(run.origin.command[1:]) or None,
    "host": lambda run: run.origin.host,
    "python": lambda run: run.origin.python,
    "inputs": lambda run: " ".join(artifact.name for artifact in run.used_artifacts()) or None,
}


def comparison(api: Api, ids: Sequence[str], *, everything: bool) -> CompareView:
    """Return what differs between runs.

    Raises:
        InvalidInput: there are fewer than two.
        NotFound: there is no such run.
    """
    if len(ids) < 2:
        raise InvalidInput("name two runs or more to compare; forebear run show ID shows one", code="invalid-input")
    runs = [api.run(path) for path in ids]
    keys = sorted(set().union(*(matching(run.history_keys, ()) for run in runs)))
    curves = [{metric.key: metric for metric in metrics_of(run, keys)} for run in runs]
    sections = [
        Section("run", [Line(name, [read(run) for run in runs]) for name, read in _OWN.items()]),
        Section("config", _lines([flattened(run.record.config) for run in runs])),
        Section("summary", _lines([flattened(run.record.summary) for run in runs])),
    ]
    return CompareView(
        [run.record for run in runs],
        sections,
        {key: [found.get(key) for found in curves] for key in keys},
        everything=everything,
    )


def _lines(values: Sequence[dict[str, Any]]) -> list[Line]:
    keys = sorted(set().union(*values) - HIDDEN)
    return [Line(key, [found.get(key) for found in values]) for key in keys]
