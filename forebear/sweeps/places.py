"""Finding a sweep: what people write for one, and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forebear.errors import InvalidInput, NotFound
from forebear.settings import load_settings
from forebear.store.shared import shared_store

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord
    from forebear.settings import Settings
    from forebear.store.store import Store

#: Sweeps that a message names at most.
_LISTED = 8


class Found(NamedTuple):
    """A sweep, the store that it is in, and the settings by which that was found."""

    store: Store
    sweep: SweepRecord
    settings: Settings


def find_sweep(path: str, *, entity: str | None = None, project: str | None = None, create: bool = True) -> Found:
    """Return the sweep that ``[[entity/]project/]id`` names in the store of the settings.

    An id alone is looked for in the project of the settings, then in the whole store.

    Raises:
        NotFound: there is no such sweep; the message lists those that there are.
        InvalidInput: the path has another form, or the id alone names several.
    """
    settings = load_settings({"entity": entity, "project": project})
    store = shared_store(settings.store, create=create)
    return Found(store, sweep_at(store, path, settings, said=project is not None or entity is not None), settings)


def sweep_at(store: Store, path: str, settings: Settings, *, said: bool = False) -> SweepRecord:
    """Return the sweep that a path names in a store; errors as in `find_sweep`.

    Args:
        said: Entity or project of the settings were asked for, so that no other will do.
    """
    parts = str(path).strip("/").split("/")
    if len(parts) == 4 and parts[2] == "sweeps":
        del parts[2]
    if len(parts) > 3 or not all(parts):
        raise InvalidInput(f"{path!r} is not of the form [[entity/]project/]sweep", code="invalid-ref")
    entity, project, sweep_id = (*[settings.entity, settings.project][: 3 - len(parts)], *parts)
    found = store.catalog.sweep(entity, project, sweep_id)
    if found is not None:
        return found
    everywhere = store.catalog.sweeps()
    named = [sweep for sweep in everywhere if sweep.id == sweep_id]
    if len(parts) == 1 and not said and len(named) == 1:
        return named[0]
    if len(parts) == 1 and not said and named:
        names = ", ".join(sweep.qualified_name for sweep in named)
        raise InvalidInput(f"{sweep_id!r} names several sweeps: {names}; write one of them", code="ambiguous-sweep")
    listed = named or everywhere
    names = ", ".join(sweep.qualified_name for sweep in listed[:_LISTED]) or "no sweep at all"
    raise NotFound(
        f"no sweep {sweep_id!r} in project {entity}/{project}; the store {store.url} has {names}",
        code="sweep-not-found",
    )
