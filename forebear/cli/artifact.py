"""``forebear artifact``: versions of data and models."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from forebear.cli import putting
from forebear.cli.diff import NewRef, OldRef, PathOption, StatFlag, TextFlag, show_diff
from forebear.cli.options import Ref, command, new_group, ref_names
from forebear.cli.progress import Watch
from forebear.cli.session import Session
from forebear.cli.views import artifacts as views
from forebear.errors import CorruptData, ForebearError, InvalidInput, NotFound
from forebear.names import parse_ref

group = new_group("Put, get, list, compare and label versions of data and models.")

Prefix = Annotated[str | None, typer.Option(metavar="PATH", help="Only files whose path begins so.")]


def add_to(app: typer.Typer) -> None:
    """Add the group to the command line."""
    app.add_typer(group, name="artifact")


@command(group, "put")
def put(
    session: Session,
    path: Annotated[str, typer.Argument(help="A file, a folder, or a URI to refer to.", metavar="PATH")],
    name: Annotated[
        str | None,
        typer.Option(
            "--name", "-n", metavar="NAME", help="Name of the artifact; by default that of the file or folder."
        ),
    ] = None,
    type: Annotated[
        str | None,
        typer.Option("--type", "-t", metavar="TYPE", help="Type, such as dataset or model; by default the one it has."),
    ] = None,
    alias: Annotated[
        list[str] | None,
        typer.Option("--alias", "-a", metavar="ALIAS", help="Alias to move to this version; may come again."),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Label for this version; may come again.")
    ] = None,
    description: Annotated[str | None, typer.Option("--description", "-d", metavar="TEXT", help="Free text.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option("--metadata", "-m", metavar="KEY=VALUE", help="Metadata; may come again.")
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Hard-link large files into the store; they become read-only.")
    ] = False,
    expect: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="Move aliases only from this version (v7), or from none (an empty word)."),
    ] = None,
) -> None:
    """Log a file, a folder or a URI as a version.

    The same content as before gives the same version again; other content gives the next one. The command is recorded
    as a run of job type cli, so that lineage knows where the version came from.
    """
    putting.put(
        session,
        path,
        name=name,
        type=type,
        alias=alias,
        tag=tag,
        description=description,
        metadata=metadata,
        link=link,
        expect=expect,
    )


@command(group, "get")
def get(
    session: Session,
    ref: Ref,
    root: Annotated[
        str | None,
        typer.Option(
            "--root", "-r", metavar="FOLDER", help="Folder to put the files in; by default artifacts/NAME:VERSION."
        ),
    ] = None,
    prefix: Prefix = None,
    link: Annotated[bool, typer.Option("--link", help="Hard-link large files, read-only, instead of copying.")] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Delete what the folder holds besides, so that it is exactly the version.")
    ] = False,
) -> None:
    """Put the files of a version in a folder, verified.

    Files that are there and unchanged are not touched. Nothing is recorded as a use: a script that says
    run.use_artifact does that.
    """
    from forebear.cli.getting import fetch

    session.output.show(fetch(session, ref, root, prefix, link=link, clean=clean))


@command(group, "ls")
def ls(
    session: Session,
    collection: Annotated[
        str | None,
        typer.Argument(help="List the versions of this one.", metavar="COLLECTION", autocompletion=ref_names),
    ] = None,
    type: Annotated[
        str | None, typer.Option("--type", "-t", metavar="TYPE", help="Only artifacts of this type.")
    ] = None,
    everywhere: Annotated[bool, typer.Option("--all", help="Of every project.")] = False,
) -> None:
    """List artifacts, or the versions of one."""
    api = session.api
    if collection is not None:
        versions = [artifact.record for artifact in api.artifacts(collection, type=type)]
        session.output.show(views.VersionsView(collection, versions))
        return
    found = api.collections("*" if everywhere else None, type=type)
    rows = [views.CollectionRow(each, api.store.catalog.versions(each.id)) for each in found]
    where = "any project" if everywhere else f"project {api.settings.entity}/{api.settings.project}"
    session.output.show(views.CollectionsView(rows, where=where, qualified=everywhere))


@command(group, "show")
def show(session: Session, ref: Ref) -> None:
    """Show one version: what it holds, who made it, who used it, what it added to the store."""
    artifact = session.api.artifact(ref)
    origin = artifact.logged_by()
    view = views.VersionView(
        artifact.record,
        origin=origin.record if origin else None,
        reproduced=[run.record for run in session.api.reproduced_by(ref)],
        users=[run.record for run in artifact.used_by()],
    )
    session.output.show(view)


@command(group, "files")
def files(session: Session, ref: Ref, prefix: Prefix = None) -> None:
    """List the files of a version."""
    artifact = session.api.artifact(ref)
    entries = [file.entry for file in artifact.files() if file.path.startswith(prefix or "")]
    if prefix and not entries:
        raise NotFound(f"no file of {artifact.name} begins with {prefix!r}", code="path-not-found")
    session.output.show(views.FilesView(entries))


@command(group, "diff")
def diff(
    session: Session, old: OldRef, new: NewRef, stat: StatFlag = False, path: PathOption = None, text: TextFlag = False
) -> None:
    """Show which files differ between two versions; the same as forebear diff."""
    show_diff(session, old, new, stat=stat, path=path, text=text)


@command(group, "alias")
def alias(
    session: Session,
    ref: Ref,
    names: Annotated[list[str] | None, typer.Argument(help="Aliases to move here.", metavar="NAME")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the aliases away instead.")] = False,
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION", help="Only if they stand on this version now (v7), or on none (an empty word)."
        ),
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Show every move, of these aliases or of all.")] = False,
) -> None:
    """Move aliases to a version, take them away, or show where they stood."""
    api, names = session.api, names or []
    if history:
        collection = str(parse_ref(ref)).partition(":")[0].partition("@")[0]
        moves = [move for move in api.alias_history(collection) if not names or move.alias in names]
        session.output.show(views.MovesView(collection, moves))
        return
    for name in names:
        if remove:
            api.remove_alias(api.artifact(ref).record.qualified_name.rpartition(":")[0], name, expect=expect)
        else:
            api.move_alias(ref, name, expect=expect)
    session.output.show(views.LabelsView(api.artifact(ref).record))


@command(group, "tag")
def tag(
    session: Session,
    ref: Ref,
    tags: Annotated[list[str], typer.Argument(help="Labels to put on the version.", metavar="TAG")],
    remove: Annotated[bool, typer.Option("--remove", help="Take the labels away instead.")] = False,
) -> None:
    """Put labels on a version, or take them away."""
    artifact = session.api.artifact(ref)
    kept = [label for label in artifact.tags if label not in tags]
    artifact.tags = kept if remove else [*kept, *dict.fromkeys(tags)]
    artifact.save()
    session.output.show(views.LabelsView(artifact.record))


@command(group, "rm")
def rm(
    session: Session,
    ref: Ref,
    aliases: Annotated[
        bool, typer.Option("--aliases", help="Also if aliases stand on it; they are taken away.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Delete a version; its number is never used again, its lineage stays known."""
    artifact = session.api.artifact(ref)
    record = artifact.record
    if not (yes or _agreed(f"delete {record.qualified_name}?")):
        session.output.note("nothing was deleted")
        return ForebearError.exit_status
    artifact.delete(delete_aliases=aliases)
    session.output.show(views.RemovedView(record))
    return 0


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise InvalidInput(f"{question} There is no terminal to ask; say --yes", code="not-confirmed")
    return typer.confirm(question, err=True)


@command(group, "verify")
def verify(
    session: Session,
    ref: Ref,
    root: Annotated[
        str | None, typer.Option("--root", "-r", metavar="FOLDER", help="Look at this folder instead of at the store.")
    ] = None,
) -> int:
    """Prove that a version is whole, in the store or in a folder; name every file that is not."""
    artifact = session.api.artifact(ref)
    folder = None if root is None else os.path.abspath(root)
    with Watch(f"reading {artifact.name}", hidden=session.output.quiet):
        damage = artifact.damage(folder)
    session.output.show(views.VerifiedView(artifact.record, damage, folder))
    return CorruptData.exit_status if damage else 0
