"""Whom a loss hits: versions, the names under which people get them, and runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from forebear.api.checking.report import LISTED, Trouble
from forebear.records.lineage import Direction, EdgeKind, Node

if TYPE_CHECKING:
    from forebear.api.checking.walking import Lost
    from forebear.catalog.port import Catalog
    from forebear.records.artifacts import Version

#: Edges between a run and versions that it made or used.
_KINDS = tuple(kind for kind in EdgeKind if kind not in {EdgeKind.FORKED, EdgeKind.REWOUND})


class _Hit(NamedTuple):
    version: Version
    lost: Lost


class Hits:
    """What is hit, by the digest of what is lost."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._hits: dict[bytes, list[_Hit]] = {}
        self._runs: dict[bytes, list[int]] = {}

    def add(self, version: Version, lost: Iterable[Lost]) -> None:
        """Say what a version has lost."""
        for each in lost:
            self._hits.setdefault(each.digest, []).append(_Hit(version, each))

    def add_files_of_runs(self, digests: Iterable[bytes]) -> None:
        """Find which runs have files of these contents."""
        self._runs |= self._catalog.runs_with_files(digests)

    def digests(self) -> set[bytes]:
        """What hits anybody."""
        return self._hits.keys() | self._runs.keys()

    def trouble(self, kind: str, name: str, words: str, digests: Iterable[bytes]) -> Trouble:
        """Return a trouble with all that the loss of ``digests`` hits."""
        wanted = list(digests)
        hits = [hit for digest in wanted for hit in self._hits.get(digest, ())]
        versions = {hit.version.id: hit.version for hit in hits}
        files = [f"{hit.lost.path} of {hit.version.label}" for hit in hits if hit.lost.path is not None]
        return Trouble(
            kind,
            name,
            words,
            versions=tuple(version.qualified_name for version in versions.values()),
            aliases=tuple(
                f"{version.qualified_name.rpartition(':')[0]}:{alias}"
                for version in versions.values()
                for alias in version.aliases
            ),
            runs=self._names_of_runs(versions, {key for digest in wanted for key in self._runs.get(digest, ())}),
            files=tuple(files[:LISTED]),
            more_files=max(0, len(files) - LISTED),
        )

    def _names_of_runs(self, versions: Iterable[int], keys: set[int]) -> tuple[str, ...]:
        nodes = [Node.of_version(version).key for version in versions]
        if nodes:
            for direction in Direction:
                for edge in self._catalog.edges(nodes, direction, _KINDS):
                    keys |= {Node(node).row_id for node in (edge.source, edge.target) if Node(node).is_run}
        return tuple(sorted(run.qualified_name for run in self._catalog.runs_by_key(keys).values())) if keys else ()
