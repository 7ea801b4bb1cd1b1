"""What differs in where two versions came from: data, code and configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import zip_longest
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.lineage.model import AncestryDiff, CodeState, ConfigChange, DataChange, RunChange
from forebear.lineage.queries import Lineage
from forebear.records.lineage import Direction, Node, NodeInfo

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog
    from forebear.records.runs import RunRecord


def diff_ancestry(catalog: Catalog, old: int, new: int, *, before: datetime | None = None) -> AncestryDiff:
    """Compare everything upstream of two nodes, the nodes themselves left out.

    Versions are matched by collection. Runs are matched by role, which is the job type, else the program, else the
    name; several runs of one role are paired nearest first.

    Raises:
        NotFound: a node does not exist.

    Cost: two walks upstream, and what is known of the nodes that only one of them found.
    """
    lineage = Lineage(catalog, before=before)
    above_old, above_new = (lineage.reach([node], Direction.UPSTREAM) for node in (old, new))
    shared = above_old.keys() & above_new.keys()
    infos = lineage.describe({old, new, *above_old, *above_new} - shared)
    # Nearest first, so that runs of one role pair up in the order in which they stand before the result.
    lost, gained = (
        [infos[key] for key in sorted(above, key=lambda k: (above[k], k)) if key in infos]
        for above in (above_old, above_new)
    )
    return AncestryDiff(
        old=lineage.info(old),
        new=lineage.info(new),
        data=tuple(_data_changes(lost, gained)),
        runs=tuple(_run_changes(catalog, lost, gained)),
        shared=len(shared),
    )


def _data_changes(lost: list[NodeInfo], gained: list[NodeInfo]) -> Iterator[DataChange]:
    sides: dict[str, tuple[list[NodeInfo], list[NodeInfo]]] = {}
    for side, nodes in enumerate((lost, gained)):
        for node in nodes:
            if node.kind == "artifact":
                collection = node.id.rpartition(":")[0]
                sides.setdefault(collection, ([], []))[side].append(node)
    for collection in sorted(sides):
        old, new = sides[collection]
        yield DataChange(collection, tuple(old), tuple(new))


def _run_changes(catalog: Catalog, lost: list[NodeInfo], gained: list[NodeInfo]) -> Iterator[RunChange]:
    keys = {Node(node.key).row_id for node in (*lost, *gained) if node.kind == "run"}
    records = catalog.runs_by_key(keys)
    sides: dict[str, tuple[list[NodeInfo], list[NodeInfo]]] = {}
    for side, nodes in enumerate((lost, gained)):
        for node in nodes:
            record = records.get(Node(node.key).row_id) if node.kind == "run" else None
            if record is not None:
                sides.setdefault(_role(record), ([], []))[side].append(node)
    for role in sorted(sides):
        for old, new in zip_longest(*sides[role]):
            yield _run_change(role, old, new, records)


def _role(record: RunRecord) -> str:
    program = record.origin.program
    return record.job_type or (PurePath(program).name if program else record.name)


def _run_change(role: str, old: NodeInfo | None, new: NodeInfo | None, records: dict[int, RunRecord]) -> RunChange:
    was, now = (records[Node(node.key).row_id] if node else None for node in (old, new))
    return RunChange(
        role=role,
        old=old,
        new=new,
        old_code=_code(was),
        new_code=_code(now),
        config=tuple(_config_changes(was.config, now.config)) if was and now else (),
    )


def _code(record: RunRecord | None) -> CodeState | None:
    if record is None:
        return None
    return CodeState(record.origin.git_commit, record.origin.git_dirty, record.origin.program)


def _config_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ConfigChange]:
    was, now = dict(_leaves(old)), dict(_leaves(new))
    for key in sorted(was.keys() | now.keys()):
        before, after = was.get(key, msgspec.UNSET), now.get(key, msgspec.UNSET)
        # 1, 1.0 and True are equal to Python, and a different setting to whoever looks for a difference.
        if before != after or type(before) is not type(after):
            yield ConfigChange(key, before, after)


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
