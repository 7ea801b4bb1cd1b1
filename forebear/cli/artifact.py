"""``forebear artifact``: versions of data and models."""

from __future__ import annotations

import os
import sys
from typing import Annotated

from forebear.cli import putting
from forebear.cli.completing import collections
from forebear.cli.declare import Argument, Group, Option
from forebear.cli.diff import NewRef, OldRef, PathOption, StatFlag, TextFlag, show_diff
from forebear.cli.progress import Watch
from forebear.cli.session import Session
from forebear.cli.views import artifacts as views
from forebear.errors import CorruptData, ForebearError, InvalidInput, NotFound
from forebear.names import parse_ref

entry = Group("artifact", "Put, get, list, compare and label versions of data and models.")

Ref = Annotated[
    str,
    Argument(
        "REF",
        "A version: name:v3, name:alias, name:alias@2026-01-31 or name@digest; entity/project/ may come first.",
        collections,
    ),
]
Prefix = Annotated[str | None, Option("Only files whose path begins so.", metavar="PATH")]
Type = Annotated[str | None, Option("Only artifacts of this type.", ("--type", "-t"), metavar="TYPE")]


@entry.command("put")
def put(
    session: Session,
    path: Annotated[str, Argument("PATH", "A file, a folder, or a URI to refer to.")],
    name: Annotated[
        str | None,
        Option("Name of the artifact; by default that of the file or folder.", ("--name", "-n"), metavar="NAME"),
    ] = None,
    type: Annotated[
        str | None,
        Option("Type, such as dataset or model; by default the one it has.", ("--type", "-t"), metavar="TYPE"),
    ] = None,
    alias: Annotated[
        list[str] | None,
        Option("Alias to move to this version; may come again.", ("--alias", "-a"), metavar="ALIAS"),
    ] = None,
    tag: Annotated[list[str] | None, Option("Label for this version; may come again.", metavar="TAG")] = None,
    description: Annotated[str | None, Option("Free text.", ("--description", "-d"), metavar="TEXT")] = None,
    metadata: Annotated[
        list[str] | None, Option("Metadata; may come again.", ("--metadata", "-m"), metavar="KEY=VALUE")
    ] = None,
    link: Annotated[bool, Option("Hard-link large files into the store; they become read-only.", ("--link",))] = False,
    compress: Annotated[
        bool, Option("Compress large files if they shrink, such as weights; slower to read.", ("--compress",))
    ] = False,
    expect: Annotated[
        str | None,
        Option("Move aliases only from this version (v7), or from none (an empty word).", metavar="VERSION"),
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
        compress=compress,
        expect=expect,
    )


@entry.command("get")
def get(
    session: Session,
    ref: Ref,
    root: Annotated[
        str | None,
        Option("Folder to put the files in; by default artifacts/NAME:VERSION.", ("--root", "-r"), metavar="FOLDER"),
    ] = None,
    prefix: Prefix = None,
    link: Annotated[bool, Option("Hard-link large files, read-only, instead of copying.", ("--link",))] = False,
    clean: Annotated[
        bool, Option("Delete what the folder holds besides, so that it is exactly the version.", ("--clean",))
    ] = False,
) -> None:
    """Put the files of a version in a folder, verified.

    Files that are there and unchanged are not touched. Nothing is recorded as a use: a script that says
    run.use_artifact does that.
    """
    from forebear.cli.getting import fetch

    session.output.show(fetch(session, ref, root, prefix, link=link, clean=clean))


@entry.command("ls")
def ls(
    session: Session,
    collection: Annotated[
        str | None,
        Argument("COLLECTION", "List the versions of this one.", collections),
    ] = None,
    type: Annotated[str | None, Option("Only artifacts of this type.", ("--type", "-t"), metavar="TYPE")] = None,
    everywhere: Annotated[bool, Option("Of every project.", ("--all",))] = False,
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


@entry.command("show")
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


@entry.command("files")
def files(session: Session, ref: Ref, prefix: Prefix = None) -> None:
    """List the files of a version."""
    artifact = session.api.artifact(ref)
    entries = [file.entry for file in artifact.files() if file.path.startswith(prefix or "")]
    if prefix and not entries:
        raise NotFound(f"no file of {artifact.name} begins with {prefix!r}", code="path-not-found")
    session.output.show(views.FilesView(entries))


@entry.command("diff")
def diff(
    session: Session, old: OldRef, new: NewRef, stat: StatFlag = False, path: PathOption = None, text: TextFlag = False
) -> None:
    """Show which files differ between two versions; the same as forebear diff."""
    show_diff(session, old, new, stat=stat, path=path, text=text)


@entry.command("alias")
def alias(
    session: Session,
    ref: Ref,
    names: Annotated[list[str] | None, Argument("NAME", "Aliases to move here.")] = None,
    remove: Annotated[bool, Option("Take the aliases away instead.", ("--remove",))] = False,
    expect: Annotated[
        str | None,
        Option("Only if they stand on this version now (v7), or on none (an empty word).", metavar="VERSION"),
    ] = None,
    history: Annotated[bool, Option("Show every move, of these aliases or of all.", ("--history",))] = False,
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


@entry.command("tag")
def tag(
    session: Session,
    ref: Ref,
    tags: Annotated[list[str], Argument("TAG", "Labels to put on the version.")],
    remove: Annotated[bool, Option("Take the labels away instead.", ("--remove",))] = False,
) -> None:
    """Put labels on a version, or take them away."""
    artifact = session.api.artifact(ref)
    kept = [label for label in artifact.tags if label not in tags]
    artifact.tags = kept if remove else [*kept, *dict.fromkeys(tags)]
    artifact.save()
    session.output.show(views.LabelsView(artifact.record))


@entry.command("rm")
def rm(
    session: Session,
    ref: Ref,
    aliases: Annotated[bool, Option("Also if aliases stand on it; they are taken away.", ("--aliases",))] = False,
    yes: Annotated[bool, Option("Do not ask.", ("--yes", "-y"))] = False,
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
    print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


@entry.command("policy")
def policy(
    session: Session,
    collection: Annotated[str, Argument("COLLECTION", "Whose versions.", collections)],
    keep_last: Annotated[
        int | None, Option("Keep so many of the newest versions.", ("--keep-last",), metavar="NUMBER", least=1)
    ] = None,
    max_age: Annotated[
        str | None, Option("Keep versions that are no older, such as 30d or 12h.", ("--max-age",), metavar="TIME")
    ] = None,
    aliased_too: Annotated[
        bool, Option("Take versions that have an alias, too, but never latest.", ("--aliased-too",))
    ] = False,
    clear: Annotated[bool, Option("Keep all versions from now on.", ("--clear",))] = False,
) -> None:
    """Say which versions are kept, or show what is said and what it would take.

    A version goes when nothing keeps it: not among the newest, too old, without an alias, not pinned. It goes when the
    store is collected next, by itself or by forebear gc, and may come back by forebear undelete until its files are
    deleted.
    """
    from forebear.cli.keeping import change_policy

    session.output.show(
        change_policy(session, collection, keep_last=keep_last, max_age=max_age, aliased_too=aliased_too, clear=clear)
    )


@entry.command("pin")
def pin(
    session: Session,
    ref: Ref,
    remove: Annotated[bool, Option("Let go of it instead.", ("--remove",))] = False,
) -> None:
    """Pin a version, so that neither a policy nor a person deletes it."""
    from forebear.cli.views.keeping import PinView

    (session.api.unpin if remove else session.api.pin)(ref)
    session.output.show(PinView(session.api.artifact(ref).record, pinned=not remove))


@entry.command("verify")
def verify(
    session: Session,
    ref: Ref,
    root: Annotated[
        str | None, Option("Look at this folder instead of at the store.", ("--root", "-r"), metavar="FOLDER")
    ] = None,
) -> int:
    """Prove that a version is whole, in the store or in a folder; name every file that is not."""
    artifact = session.api.artifact(ref)
    folder = None if root is None else os.path.abspath(root)
    with Watch(f"reading {artifact.name}", hidden=session.output.quiet):
        damage = artifact.damage(folder)
    session.output.show(views.VerifiedView(artifact.record, damage, folder))
    return CorruptData.exit_status if damage else 0
