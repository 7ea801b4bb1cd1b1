"""``forebear lineage``: what came from what."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

from forebear.cli.completing import collections
from forebear.cli.declare import Argument, Group, Option
from forebear.cli.session import Session
from forebear.cli.views import lineage as views
from forebear.cli.views.tree import Marks, joined
from forebear.errors import InvalidInput, NotFound
from forebear.names import parse_time
from forebear.records.lineage import Direction

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData
    from forebear.lineage.queries import Lineage

entry = Group("lineage", "Ask what a version was made from, and what came of it.")

_REF_HELP = "A version such as model:prod, or a run as run:ID."
NodeRef = Annotated[str, Argument("REF", _REF_HELP, collections)]
FromRef = Annotated[str, Argument("A", _REF_HELP, collections)]
ToRef = Annotated[str, Argument("B", _REF_HELP, collections)]
Depth = Annotated[
    int | None,
    Option("Go no further than so many steps; run and version are one each.", ("--depth",), metavar="STEPS", least=1),
]
Types = Annotated[
    list[str] | None,
    Option("Only artifacts of this type and runs of this job type; may come again.", ("--type", "-t"), metavar="TYPE"),
]
AsOf = Annotated[str | None, Option("As it stood then: 2026-01-31, or with T12:00.", ("--as-of",), metavar="TIME")]


@entry.command("show")
def show(session: Session, ref: NodeRef, depth: Depth = None, as_of: AsOf = None) -> None:
    """Show everything above and below a version or run, as a tree."""
    lineage, node = session.api.lineage(as_of), session.api.node(ref)
    walks = [lineage.upstream(node, depth=depth), lineage.downstream(node, depth=depth)]
    session.output.show(views.AroundView(walks, _marks(lineage, joined(walks))))


@entry.command("up")
def up(session: Session, ref: NodeRef, depth: Depth = None, type: Types = None, as_of: AsOf = None) -> None:
    """Show what a version or run was made from."""
    _walk(session, Direction.UPSTREAM, ref, depth, type, as_of)


@entry.command("down")
def down(session: Session, ref: NodeRef, depth: Depth = None, type: Types = None, as_of: AsOf = None) -> None:
    """Show what was made from a version, or by a run and what followed."""
    _walk(session, Direction.DOWNSTREAM, ref, depth, type, as_of)


def _walk(
    session: Session, direction: Direction, ref: str, depth: int | None, types: list[str] | None, as_of: str | None
) -> None:
    lineage, node = session.api.lineage(as_of), session.api.node(ref)
    ask = lineage.upstream if direction == Direction.UPSTREAM else lineage.downstream
    whole = ask(node, depth=depth)
    # Staleness is carried along runs and versions that a filter hides, so it is looked for in the whole walk.
    shown = ask(node, depth=depth, types=types) if types else whole
    session.output.show(views.WalkView(shown, _marks(lineage, whole.graph), whole=not types))


def _marks(lineage: Lineage, graph: GraphData) -> Marks:
    """Return which nodes of a graph to warn of: those made from an old version, and the old versions."""
    marked = lineage.mark_stale(graph)
    return Marks(marked.stale, marked.outdated)


@entry.command("path")
def path(
    session: Session,
    first: FromRef,
    second: ToRef,
    every: Annotated[bool, Option("Every path, not only a shortest one.", ("--all",))] = False,
    as_of: AsOf = None,
) -> None:
    """Show how one version led to another; the order of the two does not matter."""
    from forebear.lineage import graph  # with networkx 350 ms, and only here and in export

    a, b = session.api.node(first), session.api.node(second)
    catalog, before = session.api.store.catalog, parse_time(as_of) if as_of else None
    if every:
        found = list(graph.all_paths(catalog, a, b, before=before))
    else:
        shortest = graph.shortest_path(catalog, a, b, before=before)
        found = [shortest] if shortest else []
    if not found:
        common = [node.label for node in graph.common_ancestors(catalog, a, b, before=before).nearest]
        both = f"both come from {', '.join(common)}" if common else "they have nothing in common"
        raise NotFound(f"neither {first} nor {second} was made from the other; {both}", code="no-path")
    session.output.show(views.PathsView(found))


@entry.command("impact")
def impact(
    session: Session,
    what: Annotated[str, Argument("FILE-OR-DIGEST", "A file on disk, or the digest that b3sum prints.")],
    as_of: AsOf = None,
) -> None:
    """Show which versions hold a file, which runs touched those, and what was made from them."""
    digest, file = _digest_of(what)
    session.output.show(views.ImpactView(session.api.lineage(as_of).impact(digest), file))


def _digest_of(what: str) -> tuple[bytes, str | None]:
    """Return the digest meant, and the file it was taken of; a file on disk counts more than a digest of its name."""
    from forebear.blobs.digest import digest_of_file  # 5 ms with blake3
    from forebear.records.content import DIGEST_BYTES

    if os.path.isfile(what):
        return digest_of_file(what)[0], what
    try:
        digest = bytes.fromhex(what)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_BYTES:
        found = "a folder; name one of its files" if os.path.isdir(what) else "neither a file"
        rest = "" if os.path.isdir(what) else f" nor a digest of {2 * DIGEST_BYTES} hexadecimal characters"
        raise InvalidInput(f"{what!r} is {found}{rest}", code="invalid-digest")
    return digest, None


@entry.command("stale")
def stale(
    session: Session,
    collection: Annotated[
        str | None,
        Argument("COLLECTION", "Only what was made from old versions of this.", collections),
    ] = None,
    everywhere: Annotated[bool, Option("Of every project.", ("--all",))] = False,
    as_of: AsOf = None,
) -> None:
    """List what was made from an old version of something that has a newer one."""
    api, settings = session.api, session.api.settings
    scope = {} if everywhere or collection else {"entity": settings.entity, "project": settings.project}
    narrowed = None if collection is None else api.collection(collection).id
    where = collection or ("every project" if everywhere else f"project {settings.entity}/{settings.project}")
    found = api.lineage(as_of).stale(collection_id=narrowed, **scope)
    session.output.show(views.StaleView(found, where))


@entry.command("diff")
def diff(session: Session, old: FromRef, new: ToRef, as_of: AsOf = None) -> None:
    """Show what differs in where two versions came from: data, code and settings."""
    from forebear.lineage.ancestry import diff_ancestry

    before = parse_time(as_of) if as_of else None
    a, b = session.api.node(old), session.api.node(new)
    session.output.show(views.AncestryDiffView(diff_ancestry(session.api.store.catalog, a, b, before=before)))


@entry.command("export")
def export(
    session: Session,
    ref: Annotated[
        str | None,
        Argument("REF", _REF_HELP + " Its whole lineage is written.", collections),
    ] = None,
    everything: Annotated[bool, Option("The graph of the whole store.", ("--all",))] = False,
    format: Annotated[
        str | None,
        Option(
            "mermaid, dot, graphml, gexf, node-link, cytoscape, csv, svg or png; "
            "by default what the name of the file says, else mermaid.",
            ("--format", "-f"),
            metavar="FORMAT",
        ),
    ] = None,
    output: Annotated[
        str | None, Option("Write here, not to the terminal.", ("--output", "-o"), metavar="FILE")
    ] = None,
    depth: Depth = None,
    as_of: AsOf = None,
) -> None:
    """Write the lineage as a picture, a diagram or a graph for other programs."""
    from forebear.cli.exporting import chosen_format, graph_of_all, write
    from forebear.lineage.export.registry import export as exported

    if (ref is None) != everything:
        raise InvalidInput("name one version or run to export, or say --all", code="invalid-setting")
    kind = chosen_format(format, output)
    lineage = session.api.lineage(as_of)
    if ref is None:
        graph = graph_of_all(session.api, as_of)
    else:
        node = session.api.node(ref)
        graph = joined([lineage.upstream(node, depth=depth), lineage.downstream(node, depth=depth)])
    write(session, exported(lineage.mark_stale(graph), kind.name), kind, output, graph)
