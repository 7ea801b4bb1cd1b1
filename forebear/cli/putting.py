"""The work of ``forebear artifact put``. People put the same folder again and again, so it loads nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.cli.progress import Watch
from forebear.cli.session import Session
from forebear.cli.views.puts import PutView
from forebear.errors import InvalidInput
from forebear.names import check_alias, check_tag

if TYPE_CHECKING:
    from forebear.artifacts.artifact import Artifact

#: Type of a collection that is new, where none is given.
DEFAULT_TYPE = "dataset"
#: Job type of the run that a put from the command line is recorded as.
JOB_TYPE = "cli"


def put(
    session: Session,
    path: str,
    *,
    name: str | None = None,
    type: str | None = None,
    alias: list[str] | None = None,
    tag: list[str] | None = None,
    description: str | None = None,
    metadata: list[str] | None = None,
    link: bool = False,
    compress: bool = False,
    expect: str | None = None,
) -> None:
    """Log a file, folder or URI as a version, by a run of its own."""
    from forebear.artifacts.artifact import Artifact
    from forebear.tracking.init import init
    from forebear.tracking.naming import new_run_id

    name = name or _name_of(path)
    if name.count("/") > 2:
        raise InvalidInput(f"{name!r} is not of the form [[entity/]project/]name", code="invalid-name")
    kind = type or _type_of(session, name) or DEFAULT_TYPE
    # Mistakes in words are found before a run is begun, so that none is recorded for them.
    artifact = Artifact(name.rpartition("/")[2], kind, description, read_metadata(metadata or ()))
    aliases, tags = [check_alias(each) for each in alias or ()], [check_tag(each) for each in tag or ()]
    _check_there(path)
    settings = {"mode": "online", "silent": True}
    with (
        init(job_type=JOB_TYPE, id=new_run_id(), reinit="create_new", settings=settings, **session.scope(name)) as run,
        Watch(f"adding {os.path.basename(path.rstrip('/'))}", hidden=session.output.quiet) as watch,
    ):
        _fill(artifact, path, watch, link=link, compress=compress)
        created = artifact.commit(
            run.store, run.entity, run.project, aliases=aliases, tags=tags, run_key=run.key, expect=expect
        )
    session.output.show(PutView(artifact.record, created=created, run=run.path))


def _fill(artifact: Artifact, path: str, watch: Watch, *, link: bool, compress: bool) -> None:
    if "://" in path:
        artifact.add_reference(path)
    elif os.path.isdir(path):
        artifact.add_dir(path, link=link, progress=watch, compress=compress)
    else:
        artifact.add_file(path, link=link, compress=compress)


def _check_there(path: str) -> None:
    if "://" not in path and not os.path.exists(path):
        raise InvalidInput(f"cannot put {path}: there is no such file or folder", code="unreadable-file")


def _name_of(path: str) -> str:
    base = os.path.basename(os.path.abspath(path) if "://" not in path else path.rstrip("/"))
    if not base:
        raise InvalidInput(f"cannot tell a name from {path}; give one with --name", code="invalid-name")
    return base


def _type_of(session: Session, name: str) -> str | None:
    """Return the type that a collection of this name has already."""
    from forebear.settings import load_settings
    from forebear.store.shared import shared_store

    settings = load_settings(session.scope(name))
    catalog = shared_store(settings.store).catalog
    found = catalog.collection(settings.entity, settings.project, name.rpartition("/")[2])
    return found.type if found else None


def read_metadata(pairs: Iterable[str]) -> dict[str, Any]:
    """Return ``key=value`` pairs as metadata; a value that is JSON is taken as that, any other as text.

    Raises:
        InvalidInput: a pair has no ``=`` or no key.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key:
            raise InvalidInput(f"metadata is given as key=value, not {pair!r}", code="invalid-metadata")
        try:
            found[key] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            found[key] = text
    return found
