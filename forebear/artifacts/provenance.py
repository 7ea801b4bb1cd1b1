"""A run as the store knows it, seen from an artifact: who made it, who used it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from forebear.records.lineage import Direction, EdgeKind, Node
from forebear.store.liveness import real_state

if TYPE_CHECKING:
    from forebear.records.artifacts import Version
    from forebear.records.runs import RunOrigin, RunRecord
    from forebear.store.store import Store

A = TypeVar("A")

_INPUTS = (EdgeKind.USED, EdgeKind.FEEDBACK)
_OUTPUTS = (EdgeKind.LOGGED, EdgeKind.REPRODUCED)


class StoredRun(Generic[A]):
    """A recorded run: read-only, a snapshot of the moment it was looked up."""

    def __init__(self, store: Store, record: RunRecord, artifact_of: Callable[[Store, Version], A]) -> None:
        self._store = store
        self._artifact_of = artifact_of
        self.record = record

    @property
    def id(self) -> str:
        """Identity within the project."""
        return self.record.id

    @property
    def name(self) -> str:
        """Display name."""
        return self.record.name

    @property
    def entity(self) -> str:
        """Person or team."""
        return self.record.entity

    @property
    def project(self) -> str:
        """Project of the run."""
        return self.record.project

    @property
    def path(self) -> list[str]:
        """Entity, project and id."""
        return [self.record.entity, self.record.project, self.record.id]

    @property
    def job_type(self) -> str | None:
        """Role of the run in its pipeline."""
        return self.record.job_type

    @property
    def group(self) -> str | None:
        """Group of the run."""
        return self.record.group

    @property
    def state(self) -> str:
        """``running``, ``finished``, ``failed``, ``crashed`` or ``killed``; a run whose process is gone has crashed."""
        return real_state(self.record)

    @property
    def config(self) -> dict[str, Any]:
        """Settings that the run was started with."""
        return dict(self.record.config)

    @property
    def tags(self) -> list[str]:
        """Free labels."""
        return list(self.record.tags)

    @property
    def notes(self) -> str | None:
        """Free text."""
        return self.record.notes

    @property
    def created_at(self) -> datetime:
        """Start of the run, aware UTC."""
        return self.record.created_at

    @property
    def ended_at(self) -> datetime | None:
        """End of the run, aware UTC."""
        return self.record.ended_at

    @property
    def origin(self) -> RunOrigin:
        """Command line, git commit, host: where and how the run was started."""
        return self.record.origin

    @property
    def commit(self) -> str | None:
        """Git commit of the code."""
        return self.record.origin.git_commit

    def used_artifacts(self) -> list[A]:
        """Return the versions that the run used, in the order of first use."""
        return self._neighbours(Direction.UPSTREAM, _INPUTS)

    def logged_artifacts(self) -> list[A]:
        """Return the versions that the run logged, also those that were there before, in the order of logging."""
        return self._neighbours(Direction.DOWNSTREAM, _OUTPUTS)

    def _neighbours(self, direction: Direction, kinds: tuple[EdgeKind, ...]) -> list[A]:
        edges = sorted(
            self._store.catalog.edges([Node.of_run(self.record.key).key], direction, kinds), key=lambda edge: edge.at
        )
        keys = [edge.source if direction is Direction.UPSTREAM else edge.target for edge in edges]
        ids = [Node(key).row_id for key in keys]
        versions = self._store.catalog.versions_by_id(ids)
        return [self._artifact_of(self._store, versions[version_id]) for version_id in dict.fromkeys(ids)]

    def __repr__(self) -> str:
        return f"<Run {self.record.qualified_name} {self.state}>"

    def _repr_html_(self) -> str:
        rows = [
            ("state", self.state),
            ("job type", self.job_type or "–"),
            ("started", f"{self.created_at:%Y-%m-%d %H:%M:%S} UTC"),
            *((f"config.{key}", str(value)) for key, value in self.record.config.items()),
        ]
        return html_card(f"run {self.name}", self.record.qualified_name, rows)


def html_card(title: str, subtitle: str, rows: list[tuple[str, str]]) -> str:
    """Return a small table for notebooks; every text is escaped."""
    from html import escape  # 4 ms, only for notebooks

    lines = "".join(
        f"<tr><td style='opacity:.65;padding-right:1em;text-align:left'>{escape(key)}</td>"
        f"<td style='text-align:left'>{escape(value)}</td></tr>"
        for key, value in rows
    )
    return (
        "<div style='display:inline-block;border:1px solid #8884;border-radius:8px;padding:.6em 1em'>"
        f"<b>{escape(title)}</b> <span style='opacity:.65'>{escape(subtitle)}</span>"
        f"<table style='margin-top:.4em'>{lines}</table></div>"
    )
