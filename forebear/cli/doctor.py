"""``forebear doctor``: whether a store is well."""

from __future__ import annotations

from typing import Annotated

from forebear.cli.declare import Command, Option
from forebear.cli.session import Session
from forebear.cli.views.store import CheckupView
from forebear.errors import ForebearError, NotFound


def doctor(
    session: Session,
    everything: Annotated[bool, Option("Also settings that are as they come.", ("--all",))] = False,
    secrets: Annotated[
        bool, Option("Instead look for passwords and keys in what runs and versions say.", ("--scan-secrets",))
    ] = False,
) -> int:
    """Show where the store is, whether it is sound, what it holds, and which settings somebody made.

    With --scan-secrets it looks through configs, command lines, addresses of repositories, summaries, notes and
    metadata for what has the form or the name of a secret, names where it stands, and shows none; with --project or
    --entity only there. It exits with 1 where it finds one.
    """
    if secrets:
        return _scan(session)
    from forebear.cli.checkup import examine  # 60 ms that --help is spared

    checkup = examine(session)
    session.output.show(CheckupView(checkup, everything=everything))
    return 0 if checkup.exists else NotFound.exit_status


def _scan(session: Session) -> int:
    from forebear.cli.secret_scan import scan  # 60 ms that --help is spared
    from forebear.cli.views.secrets import SecretsView

    found = scan(session, session.options["entity"], session.options["project"])
    session.output.show(SecretsView(found))
    return ForebearError.exit_status if found.findings else 0


entry = Command("doctor", doctor)
