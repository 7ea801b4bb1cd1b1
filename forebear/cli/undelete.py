"""``forebear undelete``: bring deleted versions back."""

from __future__ import annotations

from typing import Annotated

from forebear.cli.completing import collections
from forebear.cli.declare import Argument, Command
from forebear.cli.session import Session


def undelete(
    session: Session,
    ref: Annotated[
        str, Argument("REF", "A deleted version, such as name:v3; a name lists what there is.", collections)
    ],
) -> None:
    """Let a deleted version be live again, or list the deleted versions of an artifact.

    That works until its files are deleted for good, a week or more after the version: see forebear gc. Aliases stay
    where they are.
    """
    from forebear.cli.views.keeping import DeletedView, UndeletedView

    api = session.api
    if ":" in ref:
        session.output.show(UndeletedView(api.undelete(ref)))
    else:
        collection = api.collection(ref)
        times = dict(api.store.catalog.deleted_versions(collection.id))
        session.output.show(DeletedView(collection.name, [(one, times[one.id]) for one in api.deleted(ref)]))


entry = Command("undelete", undelete)
