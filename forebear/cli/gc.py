"""``forebear gc``: let go of what no version and no run names."""

from __future__ import annotations

from typing import Annotated

from forebear.cli.declare import Command, Option
from forebear.cli.session import Session


def gc(
    session: Session,
    dry_run: Annotated[bool, Option("Say only what would go, and how large it is.", ("--dry-run", "-n"))] = False,
    now: Annotated[bool, Option("Wait for no grace: what nobody names goes to the trash at once.", ("--now",))] = False,
    grace: Annotated[
        str | None,
        Option("Content is garbage for so long before it goes to the trash; 1d unless said.", metavar="TIME"),
    ] = None,
    trash: Annotated[
        str | None,
        Option("It is in the trash for so long before it is deleted; 7d unless said.", metavar="TIME"),
    ] = None,
) -> None:
    """Apply the policies, and let go of what no version and no run names.

    Others may log, read and delete meanwhile: nothing goes that they count on. Content is noted as garbage first; when
    it still is a day later it goes to the trash, from which it comes back by itself if somebody logs it again, and a
    week later it is deleted. Versions go only by forebear artifact rm, or by a policy (forebear artifact policy); they
    may come back by forebear undelete.

    Runs do the same by themselves once a day, for two seconds at most, unless FOREBEAR_GC=off.
    """
    from forebear.cli.keeping import days_in
    from forebear.cli.progress import Watch
    from forebear.cli.views.keeping import CollectedView

    given = {"grace_days": days_in(grace, "--grace"), "trash_days": days_in(trash, "--trash")}
    options = {name: days for name, days in given.items() if days is not None}
    with Watch("looking at what is named", hidden=session.output.quiet):
        report = session.api.collect(dry_run=dry_run, at_once=now, **options)
    session.output.show(CollectedView(report))


entry = Command("gc", gc)
