"""``forebear recover``: makes a lost catalog again."""

from __future__ import annotations

from forebear.cli.declare import Command
from forebear.cli.session import Session


def recover(session: Session) -> int:
    """Make the catalog of a store again from the objects and the records beside them, or add what only they know.

    Names, types, numbers, digests, descriptions, metadata, tags and aliases of versions come back, and the ids of the
    runs that logged them. Configs and histories of runs, and who used what, are in the catalog alone: prefer a backup
    where there is one, put it back, and recover adds the versions that are newer.

    A catalog in a folder that cannot be read is kept under another name. It exits with 4 where something is damaged.
    """
    from forebear.cli.checking import recovered

    return recovered(session)


entry = Command("recover", recover)
