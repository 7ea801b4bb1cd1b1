"""Questions about runs, as a catalog understands them: a tree of conditions, an order and a piece of the answer.

Fields are ``config.<key>``, ``summary.<key>`` (dotted where nested) and the run's own, `RUN_FIELDS`. Times compare as
integer microseconds. ``tags`` compares with each tag: a condition holds if it holds for one of them.
"""

from __future__ import annotations

from typing import Any

import msgspec

#: ``eq ne gt gte lt lte in nin exists regex``; ``nin`` and ``ne`` also hold where the field is not there.
OPERATORS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "exists", "regex")
RUN_FIELDS = (
    "id", "name", "state", "group", "job_type", "notes", "tags", "created_at", "ended_at", "user", "host", "program",
    "commit", "sweep", "exit_code", "entity", "project",
)  # fmt: skip


class Compare(msgspec.Struct, frozen=True, tag=True):
    """A field compared with a value. Numbers compare as numbers, text as text; neither ever equals the other."""

    field: str
    op: str
    value: Any


class And(msgspec.Struct, frozen=True, tag=True):
    """All hold; of none, it holds."""

    parts: tuple[Condition, ...]


class Or(msgspec.Struct, frozen=True, tag=True):
    """One holds; of none, it does not."""

    parts: tuple[Condition, ...]


class Not(msgspec.Struct, frozen=True, tag=True):
    """It does not hold."""

    part: Condition


Condition = Compare | And | Or | Not


class Order(msgspec.Struct, frozen=True):
    """What to sort by; runs that have no such field come last either way."""

    field: str
    descending: bool = False


class RunQuery(msgspec.Struct, frozen=True):
    """Which runs, in which order, and which piece of the answer; ``None`` as scope means all, as ``limit`` all.

    Runs that compare equal come with the one registered last first, so that pieces fit together.
    """

    entity: str | None = None
    project: str | None = None
    where: Condition = And(())
    order: tuple[Order, ...] = (Order("created_at", descending=True),)
    limit: int | None = None
    offset: int = 0
