"""Ask a catalog about its graph and print what each answer took: ``ask_lineage.py FOLDER VERSIONS ROUNDS``.

Prints one line of JSON: question → samples in seconds, size of the answer, and the most memory the process has held
by then in bytes. The start of the interpreter is in no sample: whoever asks about a graph asks more than once.
"""

import json
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.scripts.generate_lineage import DIGEST_NARROW, DIGEST_WIDE
from forebear.catalog.sqlite import SqliteCatalog
from forebear.catalog.sqlite_driver import SqliteDriver
from forebear.errors import Unsupported
from forebear.lineage.export.registry import FORMATS, export
from forebear.lineage.model import GraphData, Walk
from forebear.lineage.queries import Lineage
from forebear.records.lineage import Direction, Node

HOPS = 5
#: Walks of a few hops start at that many versions, anywhere in the graph.
STARTS = 20
#: One node for so many versions is exported, so 10,000 at full size.
EXPORTED = 50
LEAST_EXPORTED = 20
#: One of so many versions is newer than the one that "records of many" starts from.
MANY = 10
#: An answer that took longer than this, in seconds, is not asked for again.
PATIENCE = 10
#: What SQLite itself needs to find everything downstream: the least that a walk can cost.
FLOOR = (
    "WITH RECURSIVE walk (node) AS (SELECT ? UNION SELECT e.target FROM walk w "
    "JOIN edges e ON e.source = w.node WHERE e.kind IN (0, 1)) SELECT count(*) FROM walk"
)


class Answers:
    """What was asked, how long it took and how large the answer was."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}

    def ask(self, name: str, question: Callable[[], Any], size: Callable[[Any], int], times: int = 1) -> None:
        """Ask, and measure."""
        entry = self.found.setdefault(name, {"samples": [], "size": 0})
        for _ in range(times):
            begun = time.perf_counter()
            answer = question()
            entry["samples"].append(time.perf_counter() - begun)
            entry["size"] = max(entry["size"], size(answer))
            del answer
            if entry["samples"][-1] > PATIENCE:
                break
        entry["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def leave(self, name: str, reason: str) -> None:
        """Say why something was not asked."""
        self.found[name] = {"samples": [], "size": 0, "peak": 0, "note": reason}


def main(folder: Path, versions: int, rounds: int) -> None:
    catalog = SqliteCatalog(folder / "catalog.db", create=False)
    lineage = Lineage(catalog)
    answers = Answers()
    # From small answers to large ones, because the most memory held only ever grows.
    ask_near(answers, lineage, versions)
    answers.ask("impact", lambda: lineage.impact(DIGEST_NARROW), lambda impact: len(impact.versions), rounds)
    answers.ask("holders", lambda: catalog.file_uses(DIGEST_WIDE), _count_holders, rounds)
    ask_everything(answers, lineage, folder, rounds)
    ask_exports(answers, lineage, versions, rounds)
    ask_records(answers, lineage, versions, rounds)
    catalog.close()
    print(json.dumps(answers.found))


def ask_near(answers: Answers, lineage: Lineage, versions: int) -> None:
    numbers = random.Random(5)
    for node in [Node.of_version(numbers.randrange(1, versions + 1)).key for _ in range(STARTS)]:
        answers.ask("hops up", lambda node=node: lineage.upstream(node, depth=HOPS), _count_steps)  # type: ignore[misc]
        answers.ask("hops down", lambda node=node: lineage.downstream(node, depth=HOPS), _count_steps)  # type: ignore[misc]


def ask_everything(answers: Answers, lineage: Lineage, folder: Path, rounds: int) -> None:
    first = Node.of_version(1).key
    driver = SqliteDriver(folder / "catalog.db")
    for _ in range(rounds):
        answers.ask("floor", lambda: driver.rows(FLOOR, (first,)), lambda rows: int(rows[0][0]) - 1)
        answers.ask("keys of everything", lambda: lineage.reach([first], Direction.DOWNSTREAM), len)
    driver.close()


def ask_exports(answers: Answers, lineage: Lineage, versions: int, rounds: int) -> None:
    count = max(versions // EXPORTED, LEAST_EXPORTED)
    graph = _first(lineage.downstream(Node.of_version(versions - count).key).graph, count)
    for name in FORMATS:
        try:
            answers.ask(f"export {name}", lambda name=name: export(graph, name), lambda _: len(graph.nodes), rounds)  # type: ignore[misc]
        except Unsupported as err:
            answers.leave(f"export {name}", err.args[0])


def ask_records(answers: Answers, lineage: Lineage, versions: int, rounds: int) -> None:
    near_the_end = Node.of_version(versions - versions // MANY).key
    answers.ask("records of many", lambda: lineage.downstream(near_the_end), _count_steps, rounds)
    answers.ask("records of everything", lambda: lineage.downstream(Node.of_version(1).key), _count_steps, rounds)
    answers.ask("impact in full", lambda: lineage.impact(DIGEST_WIDE), lambda impact: len(impact.graph.nodes))


def _first(graph: GraphData, count: int) -> GraphData:
    """Return the part of a graph that its first nodes make."""
    nodes = graph.nodes[:count]
    keys = {node.key for node in nodes}
    edges = tuple(edge for edge in graph.edges if edge.source in keys and edge.target in keys)
    return GraphData(nodes, edges, graph.focus)


def _count_steps(walk: Walk) -> int:
    return len(walk.steps)


def _count_holders(uses: Any) -> int:
    return sum(len(use.versions) for use in uses)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
