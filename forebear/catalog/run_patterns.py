"""Regular expressions in questions about runs, for databases whose expressions are not Python's.

Each comparison with a pattern becomes one with the texts that Python finds it in, among all that the field has in the
store. Cost: follows the different texts of the field; a database that sifts them roughly makes that few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from forebear.catalog.codec import text_at
from forebear.catalog.leaves import TEXT_KEPT, storable
from forebear.catalog.query_check import pattern_of
from forebear.catalog.run_query import column_of, is_leaf, leaf_place
from forebear.catalog.run_values import DOCUMENTS, known_key_ids
from forebear.records.queries import And, Compare, Condition, Not, Or, RunQuery

if TYPE_CHECKING:
    from forebear.catalog.driver import Driver

#: Gives a condition on an expression, with its parameters, that all texts fulfil in which a pattern is found.
Sift = Callable[[str, str], tuple[str, tuple[str, ...]]]


def without_patterns(driver: Driver, query: RunQuery, sift: Sift) -> RunQuery:
    """Return a question that is answered as ``query`` is in the same snapshot, and has no patterns in it."""
    return replace(query, where=_plain(driver, query.where, sift))


def _plain(driver: Driver, condition: Condition, sift: Sift) -> Condition:
    match condition:
        case And(parts):
            return And(tuple(_plain(driver, part, sift) for part in parts))
        case Or(parts):
            return Or(tuple(_plain(driver, part, sift) for part in parts))
        case Not(part):
            return Not(_plain(driver, part, sift))
        case Compare(field, "regex", value):
            search = pattern_of(value).search
            return Compare(field, "in", [text for text in _texts(driver, field, value, sift) if search(text)])
        case _:
            return condition


def _texts(driver: Driver, field: str, pattern: str, sift: Sift) -> Iterator[str]:
    """Yield the texts of a field, each once or more often."""
    if field == "tags":
        return _different(driver, "t.tag", "run_tags t WHERE TRUE", pattern, sift)
    if not is_leaf(field):
        expression, is_number = column_of(field)
        return iter(()) if is_number else _different(driver, expression, "runs r WHERE TRUE", pattern, sift)
    return _values(driver, field, pattern, sift)


def _values(driver: Driver, field: str, pattern: str, sift: Sift) -> Iterator[str]:
    side, key = leaf_place(field)
    name = storable(key)
    id_ = known_key_ids(driver, [name]).get(name)
    if id_ is None:
        return
    place = f"v.side = {side} AND v.key_id = {id_} AND v.text IS NOT NULL"
    short = f"run_values v WHERE {place} AND length(v.text) <= {TEXT_KEPT}"
    yield from _different(driver, "v.text", short, pattern, sift)
    long = f"run_values v JOIN runs r ON r.key = v.run_key WHERE {place} AND length(v.text) > {TEXT_KEPT}"
    for (document,) in driver.rows(f"SELECT r.{DOCUMENTS[side]} FROM {long}"):
        text = text_at(document, name)
        if text is not None:
            yield text


def _different(driver: Driver, expression: str, source: str, pattern: str, sift: Sift) -> Iterator[str]:
    condition, params = sift(expression, pattern)
    rows = driver.rows(
        f"SELECT DISTINCT {expression} FROM {source} AND {expression} IS NOT NULL AND {condition}", params
    )
    return (row[0] for row in rows)
