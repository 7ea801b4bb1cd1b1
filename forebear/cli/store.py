"""``forebear store``: stores as a whole."""

from __future__ import annotations

from typing import Annotated

from forebear.cli.declare import Argument, Group, Option
from forebear.cli.session import Session

entry = Group("store", "Copy one store into another: from a folder to a team, or back.")


@entry.command("copy")
def copy(
    session: Session,
    source: Annotated[str, Argument("SRC", "Folder or URL of the store that is copied.")],
    target: Annotated[
        str, Argument("DST", "Folder or URL of the store that it is copied to; made where it is missing.")
    ],
    dry_run: Annotated[bool, Option("Only say what would be copied.", ("--dry-run", "-n"))] = False,
) -> int:
    """Copy what is new in one store to another, as it was: ids, numbers, aliases, times and lineage.

    Nothing is deleted, and copying again copies what is new since; so does the copy after one that was cut off. All
    bytes are verified on the way. Where a version's number is taken by other content it gets the next free one, and
    that is told; a run whose id is taken by another one is left out. With --project or --entity only those are copied.

    It exits with 5 where something was left out, and with 4 where something was damaged.
    """
    from forebear.cli.copying import copy_stores

    return copy_stores(session, source, target, dry_run=dry_run)
