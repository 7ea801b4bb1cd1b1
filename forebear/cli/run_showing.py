"""The work of ``forebear run show``."""

from __future__ import annotations

from forebear.api.recorded_run import RecordedRun
from forebear.cli.curves import matching, metrics_of
from forebear.cli.views.runs import RunView

#: Metrics, and files or folders of them, shown where not all are asked for.
SHOWN = 20


def view_of(run: RecordedRun, *, everything: bool) -> RunView:
    """Return one run with all that belongs to it. Cost: reads the columns of the metrics that are shown."""
    keys = matching(run.history_keys, ())
    shown = keys if everything else keys[:SHOWN]
    return RunView(
        run.record,
        run.state,
        inputs=[artifact.record for artifact in run.used_artifacts()],
        outputs=[artifact.record for artifact in run.logged_artifacts()],
        metrics=metrics_of(run, shown),
        more_metrics=keys[len(shown) :],
        files=[file.record for file in run.files()],
        most_files=None if everything else SHOWN,
    )
