"""How lineage looks: trees, lists, paths and differences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.cli.layout import Cell, Column, Line, Span, fit, flow, line, table
from forebear.cli.output import Screen, View
from forebear.cli.text import ago, clean, count, ranges, size
from forebear.cli.views.artifacts import ALIAS_STYLE, VERSION_STYLE, value_text
from forebear.cli.views.tree import Marks, node_line, scope_of, short_name, tree_lines
from forebear.records.lineage import Direction, Edge, EdgeKind, NodeInfo

if TYPE_CHECKING:
    from forebear.lineage.model import AncestryDiff, CodeState, GraphData, Impact, RunChange, Stale, Step, Walk

_TITLES = {Direction.UPSTREAM: "made from", Direction.DOWNSTREAM: "led to"}
_NOTHING = {Direction.UPSTREAM: "made from nothing that is known", Direction.DOWNSTREAM: "led to nothing yet"}
#: What an edge says, read upward from the run or version above.
_VERBS = {
    EdgeKind.USED: "used by",
    EdgeKind.LOGGED: "logged",
    EdgeKind.REPRODUCED: "reproduced",
    EdgeKind.FEEDBACK: "fed back to",
    EdgeKind.FORKED: "forked",
    EdgeKind.REWOUND: "rewound to",
}


def node_record(node: NodeInfo) -> dict[str, Any]:
    """Return a node as JSON has it everywhere."""
    return {
        "id": node.id,
        "kind": node.kind,
        "label": node.label,
        "type": node.type,
        "state": node.state,
        "created_at": node.created_at,
        "aliases": list(node.aliases),
        "sweep": node.sweep,
    }


def step_record(step: Step, marks: Marks) -> dict[str, Any]:
    """Return a node and how far away it was found; ``aside`` names the edge over which alone it was."""
    return {
        **node_record(step.node),
        "distance": step.distance,
        "aside": None if step.aside is None else step.aside.name.lower(),
        "stale": step.node.key in marks.stale,
        "outdated": step.node.key in marks.outdated,
    }


def edge_records(edges: Sequence[Edge], nodes: Sequence[NodeInfo]) -> list[dict[str, Any]]:
    """Return edges with the ids of their ends."""
    ids = {node.key: node.id for node in nodes}
    return [
        {
            "source": ids[edge.source],
            "target": ids[edge.target],
            "kind": edge.kind.name.lower(),
            "at": edge.at,
            "use_as": edge.use_as,
        }
        for edge in edges
    ]


class AroundView(View):
    """A node with everything above and below it."""

    def __init__(self, walks: Sequence[Walk], marks: Marks) -> None:
        """Show ``walks`` from one node, upstream first."""
        self.walks = walks
        self.marks = marks

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        nodes = {step.node.key: step.node for walk in self.walks for step in walk.steps}
        start = self.walks[0].start
        edges = list({edge: None for walk in self.walks for edge in walk.edges})
        yield {
            "node": {
                **node_record(start),
                "stale": start.key in self.marks.stale,
                "outdated": start.key in self.marks.outdated,
            },
            **{
                walk.direction.name.lower(): [step_record(step, self.marks) for step in walk.steps]
                for walk in self.walks
            },
            "edges": edge_records(edges, [start, *nodes.values()]),
        }

    def names(self) -> Iterator[str]:
        """Return the ids of all nodes but the first."""
        return (step.node.id for walk in self.walks for step in walk.steps)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return two trees."""
        start = self.walks[0].start
        yield fit(node_line(start, scope_of(start), self.marks), screen.width)
        for walk in self.walks:
            yield ()
            yield from _walk_lines(walk, self.marks, screen)


class WalkView(View):
    """What a walk found: a tree, or a list where some of it is hidden."""

    many = True

    def __init__(self, walk: Walk, marks: Marks, *, whole: bool) -> None:
        """Show ``walk``; without its hidden nodes it hangs together no more, so a part of it is listed."""
        self.walk = walk
        self.marks = marks
        self.whole = whole

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a node, nearest first."""
        return (step_record(step, self.marks) for step in self.walk.steps)

    def names(self) -> Iterator[str]:
        """Return the ids, nearest first."""
        return (step.node.id for step in self.walk.steps)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a tree or a table."""
        walk = self.walk
        yield fit(node_line(walk.start, scope_of(walk.start), self.marks), screen.width)
        if self.whole or not walk.steps:
            yield from _walk_lines(walk, self.marks, screen)
            return
        yield line(Span(_TITLES[walk.direction], "bold"))
        yield from step_table(walk.steps, scope_of(walk.start), self.marks, screen)


def _walk_lines(walk: Walk, marks: Marks, screen: Screen) -> Iterator[Line]:
    if not walk.steps:
        yield line(Span(_NOTHING[walk.direction], "dim"))
        yield from tree_lines(walk, marks, screen.width)
        return
    versions = sum(step.node.kind == "artifact" for step in walk.steps)
    runs = len(walk.steps) - versions
    yield line(
        Span(_TITLES[walk.direction], "bold"), Span(f"  {count(versions, 'version')}, {count(runs, 'run')}", "dim")
    )
    yield from tree_lines(walk, marks, screen.width)


def step_table(steps: Sequence[Step], scope: str, marks: Marks, screen: Screen) -> Iterator[Line]:
    """Yield nodes as a table, nearest first."""
    columns = (
        Column("STEPS", right=True, style="dim"),
        Column("NAME", shrink=True),
        Column("TYPE", shrink=True, drop=1),
        Column("STATE", drop=3, style="dim"),
        Column("CREATED", drop=2, style="dim"),
        Column("ALIASES", shrink=True, drop=4, style=ALIAS_STYLE),
    )
    yield from table(columns, (_step_row(step, scope, marks, screen) for step in steps), screen.width)


def _step_row(step: Step, scope: str, marks: Marks, screen: Screen) -> tuple[Cell, ...]:
    node = step.node
    name = Span(clean(short_name(node, scope)), VERSION_STYLE if node.kind == "artifact" else "magenta")
    state = marks.word(node.key) or (node.state.lower() if node.kind == "run" else "")
    return (
        str(step.distance),
        name,
        clean(node.type or node.kind),
        state,
        ago(node.created_at, screen.now),
        " ".join(node.aliases),
    )


class PathsView(View):
    """Paths between two nodes, each listed upstream first."""

    many = True

    def __init__(self, paths: Sequence[GraphData]) -> None:
        self.paths = paths

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a path."""
        for path in self.paths:
            yield {
                "length": len(path.edges),
                "nodes": [node_record(node) for node in path.nodes],
                "edges": edge_records(path.edges, path.nodes),
            }

    def names(self) -> Iterator[str]:
        """Return the ids of each path on one line."""
        return (" ".join(node.id for node in path.nodes) for path in self.paths)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return each path downwards."""
        for number, path in enumerate(self.paths):
            if number:
                yield ()
            scope = scope_of(path.nodes[0])
            for position, node in enumerate(path.nodes):
                verb = _VERBS[path.edges[position - 1].kind] if position else ""
                head = Span("  " if position == 0 else "↓ ", "dim")
                room = None if screen.width is None else screen.width - 2
                tail = (Span(f"  {verb}", "dim"),) if verb == "reproduced" else ()
                yield (head, *fit((*node_line(node, scope, Marks()), *tail), room))


class ImpactView(View):
    """Who has to do with one file."""

    def __init__(self, impact: Impact, file: str | None) -> None:
        """Show ``impact``; ``file`` is the path that was hashed, if one was."""
        self.impact = impact
        self.file = file

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        impact = self.impact
        yield {
            "digest": impact.digest.hex(),
            "file": self.file,
            "collections": [
                {
                    "name": use.collection,
                    "first": f"v{use.first}",
                    "until": None if use.until is None else f"v{use.until}",
                }
                for use in impact.holders
            ],
            "versions": [node_record(node) for node in impact.versions],
            "runs": [
                {**node_record(touch.run), "how": touch.kind.name.lower(), "version": touch.version.id}
                for touch in impact.touches
            ],
            "downstream": [step_record(step, Marks()) for step in impact.reached],
        }

    def names(self) -> Iterator[str]:
        """Return the versions that hold it."""
        return (node.id for node in self.impact.versions)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return who holds it, who touched it and what came of it."""
        impact = self.impact
        digest = impact.digest.hex()
        name = [Span(clean(self.file), "bold"), Span("  ")] if self.file else []
        yield fit((*name, Span(digest, "dim")), screen.width, keep=len(name) + 1)
        yield ()
        if not impact.versions:
            yield line("no version holds this file")
            return
        yield line(Span("held by", "bold"))
        rows = [
            (
                Span(name, VERSION_STYLE),
                ranges([_number(node) for node in impact.versions if _collection(node) == name]),
            )
            for name in sorted({_collection(node) for node in impact.versions})
        ]
        yield from _indented(
            table((Column("COLLECTION", shrink=True), Column("VERSIONS", shrink=True)), rows, _less(screen))
        )
        yield ()
        yield line(Span("runs", "bold"))
        yield from _indented(self._runs(screen))
        if impact.reached:
            yield ()
            yield line(Span("made from it", "bold"))
            yield from _indented(step_table(impact.reached, "", Marks(), screen._replace(width=_less(screen))))

    def _runs(self, screen: Screen) -> Iterator[Line]:
        columns = (
            Column("RUN", shrink=True, style="magenta"),
            Column("TYPE", drop=1),
            Column("DID"),
            Column("VERSION", shrink=True),
        )
        rows = [
            (
                clean(touch.run.label),
                clean(touch.run.type or ""),
                touch.kind.name.lower(),
                Span(touch.version.label, VERSION_STYLE),
            )
            for touch in self.impact.touches
        ]
        yield from table(columns, rows, _less(screen))


def _collection(node: NodeInfo) -> str:
    return node.id.rpartition(":")[0]


def _number(node: NodeInfo) -> int:
    return int(node.id.rpartition(":v")[2])


def _less(screen: Screen) -> int | None:
    return None if screen.width is None else screen.width - 2


def _indented(lines: Iterator[Line]) -> Iterator[Line]:
    return ((Span("  "), *spans) for spans in lines)


class StaleView(View):
    """What is built on an old version."""

    many = True

    def __init__(self, stale: Sequence[Stale], where: str) -> None:
        self.stale = stale
        self.where = where

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a run or version, nearest to the cause first."""
        for item in self.stale:
            yield {
                **node_record(item.node),
                "distance": item.distance,
                "direct": item.direct,
                "reasons": [
                    {"run": reason.run.id, "used": reason.used.id, "newest": reason.newest.id}
                    for reason in item.reasons
                ],
            }

    def names(self) -> Iterator[str]:
        """Return the ids."""
        return (item.node.id for item in self.stale)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table of what is stale and why."""
        if not self.stale:
            well = Span("nothing is stale", "bold green")
            rest = f": everything in {self.where} was made from the newest versions"
            yield from flow(line(well, rest), screen.width)
            return
        columns = (
            Column("STALE", shrink=True),
            Column("TYPE", shrink=True, drop=2),
            Column("MADE FROM", shrink=True),
            Column("NEWEST"),
            Column("CREATED", drop=3, style="dim"),
            Column("ALIASES", shrink=True, drop=4, style=ALIAS_STYLE),
        )
        yield from table(columns, (self._row(item, screen) for item in self.stale), screen.width)

    def _row(self, item: Stale, screen: Screen) -> tuple[Cell, ...]:
        node, first = item.node, item.reasons[0]
        more = f" +{len(item.reasons) - 1}" if len(item.reasons) > 1 else ""
        return (
            Span(clean(node.label), VERSION_STYLE if node.kind == "artifact" else "magenta"),
            clean(node.type or node.kind),
            Span(first.used.label + more, "yellow"),
            f"v{_number(first.newest)}",
            ago(node.created_at, screen.now),
            " ".join(node.aliases),
        )


class AncestryDiffView(View):
    """What differs in where two nodes came from."""

    def __init__(self, diff: AncestryDiff) -> None:
        self.diff = diff

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        diff = self.diff
        yield {
            "old": diff.old.id,
            "new": diff.new.id,
            "shared": diff.shared,
            "data": [
                {
                    "collection": item.collection,
                    "change": item.change,
                    "old": [node.id for node in item.old],
                    "new": [node.id for node in item.new],
                }
                for item in diff.data
            ],
            "runs": [
                {
                    "role": item.role,
                    "old": item.old and item.old.id,
                    "new": item.new and item.new.id,
                    "code_changed": item.code_changed,
                    "old_code": item.old_code,
                    "new_code": item.new_code,
                    "config": [_config_record(each) for each in item.config],
                }
                for item in diff.runs
            ],
        }

    def names(self) -> Iterator[str]:
        """Return the collections and roles that differ."""
        yield from (item.collection for item in self.diff.data)
        yield from (item.role for item in self.diff.runs)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return data, code and settings that differ."""
        diff = self.diff
        scope = scope_of(diff.old)
        yield line(*node_line(diff.old, scope, Marks())[:1], " → ", *node_line(diff.new, scope, Marks())[:1])
        yield line(Span(f"{diff.shared:,} runs and versions are behind both", "dim"))
        if not diff.data and not diff.runs:
            yield ()
            yield line("both came from the same runs and versions")
            return
        if diff.data:
            yield ()
            yield line(Span("data", "bold"))
            yield from _indented(self._data(screen, scope))
        if diff.runs:
            yield ()
            yield line(Span("runs", "bold"))
            yield from _indented(self._runs(screen))
        settings = [(item.role, each) for item in diff.runs for each in item.config]
        if settings:
            yield ()
            yield line(Span("config", "bold"))
            columns = (Column("RUN", shrink=True, style="magenta"), Column("SETTING", shrink=True), *_SIDES)
            rows = [(clean(role), clean(each.key), _side(each.old), _side(each.new)) for role, each in settings]
            yield from _indented(table(columns, rows, _less(screen)))

    def _data(self, screen: Screen, scope: str) -> Iterator[Line]:
        columns = (Column("COLLECTION", shrink=True, style=VERSION_STYLE), *_SIDES)
        rows = [
            (
                item.collection.removeprefix(scope),
                ranges([_number(n) for n in item.old]),
                ranges([_number(n) for n in item.new]),
            )
            for item in self.diff.data
        ]
        yield from table(columns, [(name, old or "–", new or "–") for name, old, new in rows], _less(screen))

    def _runs(self, screen: Screen) -> Iterator[Line]:
        columns = (Column("RUN", shrink=True, style="magenta"), *_SIDES, Column("CODE", shrink=True))
        rows = [
            (clean(item.role), _run_name(item.old), _run_name(item.new), _code_words(item)) for item in self.diff.runs
        ]
        yield from table(columns, rows, _less(screen))


_SIDES = (Column("BEFORE", shrink=True), Column("AFTER", shrink=True))


def _config_record(change: Any) -> dict[str, Any]:
    """Return a changed setting; a side that lacks it is left out."""
    sides = {"old": change.old, "new": change.new}
    return {"key": change.key, **{side: value for side, value in sides.items() if value is not msgspec.UNSET}}


def _side(value: Any) -> str:
    return "–" if value is msgspec.UNSET else value_text(value)


def _run_name(node: NodeInfo | None) -> str:
    return clean(node.label) if node else "–"


def _code_words(change: RunChange) -> Cell:
    old, new = change.old_code, change.new_code
    if old is None or new is None:
        return ""
    if not change.code_changed:
        return Span("the same" if old.commit else "no git commit", "dim")
    if _commit(old) != _commit(new):
        return Span(f"{_commit(old)} → {_commit(new)}", "yellow")
    return Span("another program", "yellow")


def _commit(code: CodeState) -> str:
    return (code.commit or "none")[:7] + ("+" if code.dirty else "")


class ExportView(View):
    """A graph that was written to a file."""

    def __init__(self, output: str, format: str, graph: GraphData, written: int) -> None:
        self.output = output
        self.format = format
        self.graph = graph
        self.written = written

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {
            "output": self.output,
            "format": self.format,
            "nodes": len(self.graph.nodes),
            "edges": len(self.graph.edges),
            "size": self.written,
        }

    def names(self) -> Iterator[str]:
        """Return the file."""
        yield self.output

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line."""
        what = f"  {count(len(self.graph.nodes), 'node')}, {count(len(self.graph.edges), 'edge')}, {size(self.written)}"
        yield line(Span(clean(self.output), "bold"), Span(what, "dim"))


class TextView(View):
    """A graph as text, to be read by another program."""

    def __init__(self, text: str, format: str, graph: GraphData) -> None:
        self.text = text
        self.format = format
        self.graph = graph

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object with the text in it."""
        nodes, edges = len(self.graph.nodes), len(self.graph.edges)
        yield {"format": self.format, "nodes": nodes, "edges": edges, "text": self.text}

    def names(self) -> Iterator[str]:
        """Return the text itself."""
        return iter(self.text.splitlines())

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return the text itself."""
        return (line(text) for text in self.text.splitlines())
