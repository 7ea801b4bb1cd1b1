"""Questions about runs as SQL: what a condition is in a statement, and which index finds the runs fastest.

A statement's only foreign parts are parameters and integers: no name or value of a question ever becomes part of its
text. ``r`` is the row of the run in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from forebear.catalog.leaves import BOOLEAN, NULL, NUMBER, TEXT, TEXT_KEPT, as_float, leaf_of, shortened, storable
from forebear.catalog.query_check import split_field
from forebear.catalog.run_values import CONFIG, DOCUMENTS, ORIGIN, SUMMARY
from forebear.records.queries import And, Compare, Condition, Not, Or

#: Number of a key, or ``None`` for one that no run has.
KeyIds = Callable[[str], int | None]

_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_SIDES = {"config": CONFIG, "summary": SUMMARY}
_ORIGIN_FIELDS = {"user": "user", "host": "host", "program": "program", "commit": "git_commit"}
#: Fields with a column: its expression, and whether it is a number.
_COLUMNS = {
    "id": ("r.id", False),
    "name": ("r.name", False),
    "state": ("r.state", False),
    "group": ("r.run_group", False),
    "job_type": ("r.job_type", False),
    "notes": ("r.notes", False),
    "sweep": ("r.sweep", False),
    "created_at": ("r.created_at", True),
    "ended_at": ("r.ended_at", True),
    "exit_code": ("r.exit_code", True),
    "entity": ("(SELECT p.entity FROM projects p WHERE p.id = r.project_id)", False),
    "project": ("(SELECT p.name FROM projects p WHERE p.id = r.project_id)", False),
}
#: Columns that are always there, so that an index on them gives their order.
_ALWAYS = frozenset({"id", "name", "state", "created_at", "entity", "project"})


class Sql(NamedTuple):
    """A piece of a statement and the values of its parameters, in order."""

    text: str
    params: tuple[Any, ...] = ()


NOTHING = Sql("")
FALSE = Sql("FALSE")
_NONE = Sql("SELECT s.key AS run_key FROM runs s WHERE FALSE")
TRUE = Sql("TRUE")


class Operand(NamedTuple):
    """What a field is in a statement.

    Attributes:
        number: Expression of its number, ``None`` where it never is one.
        text: Likewise of its text.
        kept: What a text that is compared with ``text`` is written as there.
        whole: Its text in full, where ``text`` may be shortened.
        boolean: Expression of 0 or 1 where the value is a boolean, else NULL.
        within: What a comparison of them is put into; it is never NULL.
        there: Whether the run has the field.
        nothing: Whether the run does not have it, or it is null.
    """

    number: str | None
    text: str | None
    kept: Callable[[str], str]
    whole: Sql
    boolean: str | None
    within: str
    there: Sql
    nothing: Sql


# -- conditions -------------------------------------------------------------------------------------------------------


def condition_sql(condition: Condition, key_ids: KeyIds) -> Sql:
    """The condition as an expression that is true or false, never NULL."""
    match condition:
        case Compare():
            return _compare(condition, key_ids)
        case Not(part):
            return negated(condition_sql(part, key_ids))
        case And(parts):
            return joined("AND", [condition_sql(part, key_ids) for part in parts], TRUE)
        case Or(parts):
            return joined("OR", [condition_sql(part, key_ids) for part in parts], FALSE)


def negated(part: Sql) -> Sql:
    """The contrary."""
    return Sql(f"NOT ({part.text})", part.params)


def joined(word: str, parts: Sequence[Sql], of_none: Sql) -> Sql:
    """The parts with a word between them, as a balanced tree: databases limit the depth of an expression."""
    if len(parts) < 2:
        return parts[0] if parts else of_none
    half = len(parts) // 2
    left, right = joined(word, parts[:half], of_none), joined(word, parts[half:], of_none)
    return Sql(f"({left.text} {word} {right.text})", left.params + right.params)


def _compare(comparison: Compare, key_ids: KeyIds) -> Sql:
    field, op, value = comparison.field, comparison.op, comparison.value
    operand = operand_of(field, key_ids)
    if op == "exists":
        return operand.there if value else negated(operand.there)
    if op == "ne":
        return negated(_among(operand, [value]))
    if op == "nin":
        return negated(_among(operand, value))
    if op in ("eq", "in"):
        return _among(operand, [value] if op == "eq" else value)
    if op == "regex":
        return _matches(operand, value)
    inner = _ordered(operand, op, value)
    return FALSE if inner is None else _within(operand, inner)


def _within(operand: Operand, inner: Sql) -> Sql:
    return Sql(operand.within.replace("{}", inner.text), inner.params)


def _among(operand: Operand, values: Iterable[Any]) -> Sql:
    """Whether the field equals one of the values."""
    values = list(values)
    inner = _equalities(operand, values)
    parts = [_within(operand, inner)] if inner is not None else []
    if any(value is None for value in values):
        parts.append(operand.nothing)
    return joined("OR", parts, FALSE)


def _equalities(operand: Operand, values: Sequence[Any]) -> Sql | None:
    """The comparisons with those of ``values`` that something can equal, to be put ``within``."""
    texts = {operand.kept(value) for value in values if isinstance(value, str)}
    leaves = {leaf_of(value) for value in values if isinstance(value, (bool, int, float))}
    numbers = {leaf.number for leaf in leaves if leaf.kind == NUMBER}
    booleans = {leaf.number for leaf in leaves if leaf.kind == BOOLEAN}
    parts = [
        Sql(f"{expression} IN ({','.join('?' * len(found))})", tuple(found))
        for expression, found in ((operand.number, numbers), (operand.boolean, booleans), (operand.text, texts))
        if expression is not None and found
    ]
    return joined("OR", parts, FALSE) if parts else None


def _ordered(operand: Operand, op: str, value: Any) -> Sql | None:
    """The comparison with a bound, to be put ``within``; ``None`` where the bound is neither number nor text."""
    if isinstance(value, (int, float)) and not math.isnan(as_float(value)):
        return Sql(f"{operand.number} {_SIGNS[op]} ?", (as_float(value),)) if operand.number else None
    if isinstance(value, str):
        return Sql(f"{operand.text} {_SIGNS[op]} ?", (operand.kept(value),)) if operand.text else None
    return None


def _matches(operand: Operand, pattern: str) -> Sql:
    if operand.text is None:
        return FALSE
    # As bytes, because SQLite's functions see a text only up to its first zero.
    text = f"CAST({operand.whole.text} AS BLOB) REGEXP ?"
    return _within(operand, Sql(text, (*operand.whole.params, pattern.encode("utf-8", "surrogatepass"))))


# -- fields -----------------------------------------------------------------------------------------------------------


def operand_of(field: str, key_ids: KeyIds) -> Operand:
    """What a field is in a statement. The field is known: see `query_check`."""
    if field == "tags":
        return _TAGS
    if field in _COLUMNS:
        return _column(*_COLUMNS[field])
    side, key = leaf_place(field)
    return _leaf(side, key, key_ids(key))


def leaf_place(field: str) -> tuple[int, str]:
    """Return (side, key) of a field that is a row of ``run_values``."""
    side, key = split_field(field)
    return (_SIDES[side], key) if side else (ORIGIN, _ORIGIN_FIELDS[field])


def is_leaf(field: str) -> bool:
    """Whether the field is a row of ``run_values``."""
    return field != "tags" and field not in _COLUMNS


def column_of(field: str) -> tuple[str, bool]:
    """Return the expression of a field that has a column, and whether it is a number."""
    return _COLUMNS[field]


def _column(expression: str, is_number: bool) -> Operand:
    return Operand(
        number=expression if is_number else None,
        text=None if is_number else expression,
        kept=storable,
        whole=Sql(expression),
        boolean=None,
        within="coalesce({}, FALSE)",
        there=Sql(f"({expression} IS NOT NULL)"),
        nothing=Sql(f"({expression} IS NULL)"),
    )


_TAGS = Operand(
    number=None,
    text="t.tag",
    kept=storable,
    whole=Sql("t.tag"),
    boolean=None,
    within="(EXISTS (SELECT 1 FROM run_tags t WHERE t.run_key = r.key AND ({}))) IS TRUE",
    there=Sql("EXISTS (SELECT 1 FROM run_tags t WHERE t.run_key = r.key)"),
    nothing=Sql("NOT EXISTS (SELECT 1 FROM run_tags t WHERE t.run_key = r.key)"),
)


def _leaf(side: int, key: str, key_id: int | None) -> Operand:
    of_side = f"SELECT 1 FROM run_values v WHERE v.run_key = r.key AND v.side = {side}"
    # "IS TRUE" keeps SQLite from making a join of it, whose order it would choose without knowing how many rows fit.
    here = f"(EXISTS ({of_side} AND v.key_id = {-1 if key_id is None else key_id} AND ({{}}))) IS TRUE"
    # A key whose value is an object has no row of its own, those below it have.
    below = storable(key)
    there = Sql(
        f"(EXISTS ({of_side} AND v.key_id IN (SELECT k.id FROM keys k WHERE k.name = ? "
        "OR (k.name >= ? AND k.name < ?)))) IS TRUE",
        (below, f"{below}.", f"{below}/"),
    )
    null = here.replace("{}", f"v.kind = {NULL}")
    return Operand(
        number="v.number",
        text="v.text",
        kept=shortened,
        whole=Sql(
            f"CASE WHEN length(v.text) > {TEXT_KEPT} THEN leaf_text(r.{DOCUMENTS[side]}, ?) ELSE v.text END",
            (below.encode(),),
        ),
        boolean=f"CASE v.kind WHEN {BOOLEAN} THEN v.number END",
        within=here,
        there=there,
        nothing=Sql(f"(NOT ({there.text}) OR {null})", there.params),
    )


# -- which index ------------------------------------------------------------------------------------------------------


def conjuncts(condition: Condition) -> Iterator[Condition]:
    """Yield the conditions that must all hold."""
    if isinstance(condition, And):
        for part in condition.parts:
            yield from conjuncts(part)
    else:
        yield condition


def sources(condition: Condition, key_ids: KeyIds) -> Iterator[tuple[Sql, Condition]]:
    """Yield selects of run keys (column ``run_key``) that an index gives, and what else must hold of each run."""
    parts = list(conjuncts(condition))
    for number, part in enumerate(parts):
        if isinstance(part, Compare):
            found = _source(part, key_ids)
            if found is not None:
                yield found, And((*parts[:number], *parts[number + 1 :]))


def _source(comparison: Compare, key_ids: KeyIds) -> Sql | None:
    """The runs of which a comparison holds, these and no others; ``None`` where no index has them."""
    field, op, value = comparison.field, comparison.op, comparison.value
    values = [value] if op == "eq" else list(value) if op == "in" else None
    if values is not None and any(each is None for each in values):
        return None
    if field == "state" and values is not None:
        return _state_source(values)
    if field != "tags" and not is_leaf(field):
        return None
    operand = operand_of(field, key_ids)
    if values is not None:
        inner = _equalities(operand, values)
    else:
        inner = _ordered(operand, op, value) if op in _SIGNS else None
        if inner is None:
            return None
    return _select(field, inner, key_ids)


def _select(field: str, inner: Sql | None, key_ids: KeyIds) -> Sql:
    if inner is None:  # nothing equals such values
        return _NONE
    if field == "tags":
        return Sql(f"SELECT t.run_key FROM run_tags t WHERE {inner.text}", inner.params)
    side, key = leaf_place(field)
    id_ = key_ids(key)
    place = f"v.side = {side} AND v.key_id = {-1 if id_ is None else id_}"
    return Sql(f"SELECT v.run_key FROM run_values v WHERE {place} AND ({inner.text})", inner.params)


def _state_source(values: Sequence[Any]) -> Sql:
    texts = [storable(value) for value in values if isinstance(value, str)]
    if not texts:
        return _NONE
    return Sql(f"SELECT s.key AS run_key FROM runs s WHERE s.state IN ({','.join('?' * len(texts))})", tuple(texts))


def bounds_on(field: str, condition: Condition, key_ids: KeyIds) -> tuple[list[Sql], set[int]]:
    """Return the comparisons that every answer's ``field``, as row ``v``, fulfils, and the kinds it may have."""
    bounds: list[Sql] = []
    kinds = {NUMBER, TEXT, NULL}
    operand = operand_of(field, key_ids)
    for part in conjuncts(condition):
        if not isinstance(part, Compare) or part.field != field:
            continue
        if part.op in _SIGNS:
            bound = _ordered(operand, part.op, part.value)
            if bound is not None:
                bounds.append(bound)
                kinds &= {TEXT if isinstance(part.value, str) else NUMBER}
    return bounds, kinds


# -- order ------------------------------------------------------------------------------------------------------------


def order_terms(field: str, descending: bool, key_ids: KeyIds, alias: str) -> tuple[list[str], str | None]:
    """Return the terms of an ORDER BY, and the join (as row ``alias``) that they need.

    Numbers come before texts, and a run without either last; the other way round numbers and texts change places.
    """
    down = " DESC" if descending else ""
    if field == "tags":
        least = "(SELECT min(t.tag) FROM run_tags t WHERE t.run_key = r.key)"
        return [f"({least} IS NULL)", f"{least}{down}"], None
    if field in _COLUMNS:
        expression = _COLUMNS[field][0]
        return [*([] if field in _ALWAYS else [f"({expression} IS NULL)"]), f"{expression}{down}"], None
    side, key = leaf_place(field)
    id_ = key_ids(key)
    if id_ is None:
        return [], None
    number, text = f"{alias}.number", f"{alias}.text"
    terms = [f"({number} IS NULL AND {text} IS NULL)", f"({number} IS NULL){down}", f"{number}{down}", f"{text}{down}"]
    place = f"{alias}.run_key = r.key AND {alias}.side = {side} AND {alias}.key_id = {id_}"
    return terms, f"LEFT JOIN run_values {alias} ON {place}"
