"""``forebear fsck``: is the store sound, and what of it can be mended?"""

from __future__ import annotations

from typing import Annotated

from forebear.cli.declare import Command, Option
from forebear.cli.session import Session


def fsck(
    session: Session,
    read_data: Annotated[bool, Option("Also read and hash every byte.", ("--read-data",))] = False,
    read_data_subset: Annotated[
        str | None,
        Option("Read a part of the objects: 5% at random, or 1/7, the first of seven parts.", metavar="SHARE"),
    ] = None,
    repair: Annotated[bool, Option("Mend what can be mended; damaged objects are put aside.", ("--repair",))] = False,
    rebuild_index: Annotated[
        bool, Option("First make the index of blobs again from the objects.", ("--rebuild-index",))
    ] = False,
    source: Annotated[
        str | None,
        Option("With --repair: another store, such as a backup, to take lost content from.", ("--from",), "URL"),
    ] = None,
) -> int:
    """Hold catalog, objects, manifests and records of the store against each other.

    Each trouble is told with the versions, aliases, runs and files that it hits. Others may use the store meanwhile.
    Without --read-data the size and the index of each object are looked at, and every manifest is read; with it
    every byte is hashed.

    With --repair damaged objects are put aside (below quarantine/), what is sound in them gets a new place, and what is
    lost is taken from objects that no index knew, or from another store that has it. Logging the same files again
    heals as well.

    It exits with 0 where nothing is wrong, or everything could be mended, and with 4 where something is wrong.
    """
    from forebear.cli.checking import check

    return check(
        session,
        read_data=read_data_subset or read_data,
        repair=repair,
        rebuild_index=rebuild_index,
        source=source,
    )


entry = Command("fsck", fsck)
