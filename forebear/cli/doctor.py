"""``forebear doctor``: whether a store is well."""

from __future__ import annotations

from typing import Annotated

from forebear.cli.declare import Command, Option
from forebear.cli.session import Session
from forebear.cli.views.store import CheckupView
from forebear.errors import NotFound


def doctor(
    session: Session,
    everything: Annotated[bool, Option("Also settings that are as they come.", ("--all",))] = False,
) -> int:
    """Show where the store is, whether it is sound, what it holds, and which settings somebody made."""
    from forebear.cli.checkup import examine  # 60 ms that --help is spared

    checkup = examine(session)
    session.output.show(CheckupView(checkup, everything=everything))
    return 0 if checkup.exists else NotFound.exit_status


entry = Command("doctor", doctor)
