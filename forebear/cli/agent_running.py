"""The work of ``forebear agent``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from forebear.cli.sweep_reading import find
from forebear.errors import ForebearError, InvalidInput

if TYPE_CHECKING:
    from forebear.cli.session import Session

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d)?")
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """Return the seconds that ``90``, ``90s``, ``1.5m``, ``2h`` or ``1d`` are.

    Raises:
        InvalidInput: it is of another form, or nothing at all.
    """
    found = _SPAN.fullmatch(text.strip())
    span = float(found[1]) * _SECONDS[found[2] or "s"] if found else 0.0
    if not 0 < span < float("inf"):
        raise InvalidInput(f"{text!r} is no time; write 90s, 30m or 2h", code="invalid-time")
    return span


def run(
    session: Session,
    sweep: str,
    *,
    count: int | None,
    jobs: int,
    timeout: str | None,
    grace: str,
    on: str | None,
    agents: int | None,
) -> int:
    """Execute trials here, or begin agents on a cluster; return the exit status."""
    limit, patience = None if timeout is None else seconds(timeout), seconds(grace)
    found = find(session, sweep)
    if on is not None:
        if limit is not None:
            raise InvalidInput("--timeout holds for trials that are executed here, not with --on", code="invalid-input")
        from forebear.sweeps import engines

        place = found.sweep.qualified_name
        engines.launch(on, place, agents=agents or 1, count=count, jobs=jobs, settings=found.settings)
        return 0
    if agents is not None:
        raise InvalidInput("--agents says how many are begun with --on; here, say --jobs", code="invalid-input")
    from forebear.sweeps.commands import CommandAgent, Options

    echo = not (session.output.as_json or session.output.quiet)
    agent = CommandAgent(found, Options(count=count, jobs=jobs, timeout=limit, grace=patience, echo=echo))
    agent.run()
    from forebear.cli.views.sweeps import AgentView

    session.output.show(AgentView(found.sweep, agent.executed, agent.why))
    return ForebearError.exit_status if agent.gave_up else 0
