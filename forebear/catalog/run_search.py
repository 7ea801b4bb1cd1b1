"""The part of the SQL catalog that answers questions about runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forebear.catalog.checked import converts
from forebear.catalog.driver import one
from forebear.catalog.leaves import NUMBER, TEXT, storable
from forebear.catalog.query_check import check_query
from forebear.catalog.run_query import (
    NOTHING,
    Sql,
    bounds_on,
    condition_sql,
    is_leaf,
    leaf_place,
    order_terms,
    sources,
)
from forebear.catalog.run_table import RunTable
from forebear.catalog.run_values import known_key_ids
from forebear.records.runs import DELETED, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forebear.records.queries import Condition, RunQuery

#: A condition that so many runs fulfil at most is worth starting from: they are all looked at in some 30 ms. Where
#: more do, going through the runs in the order asked for meets a page of them soon.
FEW = 20_000


class _Start(NamedTuple):
    """Which runs are looked at.

    Attributes:
        select: The runs; ``None`` for those of the scope.
        rest: What they must fulfil besides.
        few: Whether they are few.
    """

    select: Sql | None
    rest: Condition
    few: bool = False


class RunSearch(RunTable):
    """Filters and orders of runs. See `forebear.catalog.port.Catalog` for what each method promises."""

    @converts("a run")
    def find_runs(self, query: RunQuery) -> list[RunRecord]:
        """See `Catalog.find_runs`."""
        check_query(query)
        with self._db.reading():
            keys = self._found_keys(self._in_plain_words(query))
            records = self.runs_by_key(keys)
        return [records[key] for key in keys]

    def count_runs(self, query: RunQuery) -> int:
        """See `Catalog.count_runs`."""
        check_query(query)
        with self._db.reading():
            query = self._in_plain_words(query)
            where = self._where(query, self._smallest(query, None))
            row = one(self._db, f"SELECT count(*) FROM runs r WHERE {where.text}", where.params)
        assert row is not None
        return int(row[0])

    def _in_plain_words(self, query: RunQuery) -> RunQuery:
        """The question in the words that the database knows, inside the current snapshot."""
        return query

    def _found_keys(self, query: RunQuery) -> list[int]:
        """The keys of the runs asked for, in order."""
        if query.limit == 0:
            return []
        stop = None if query.limit is None else query.offset + query.limit
        # Who wants all of them has every one looked at, so starting from the smallest is always right.
        start = self._smallest(query, None if stop is None else FEW)
        by_value = not start.few and bool(query.order) and is_leaf(query.order[0].field)
        keys: list[int] = []
        for statement in self._by_value(query) if by_value else [self._sorted(query, start)]:
            left = -1 if stop is None else stop - len(keys)
            keys += [row[0] for row in self._db.rows(f"{statement.text} LIMIT ?", (*statement.params, left))]
            if stop is not None and len(keys) >= stop:
                break
        return keys[query.offset :]

    def _key_id(self, key: str) -> int | None:
        name = storable(key)
        return known_key_ids(self._db, [name]).get(name)

    # -- where to start from --------------------------------------------------------------------------------------

    def _smallest(self, query: RunQuery, limit: int | None) -> _Start:
        """The condition, or the scope, that the fewest runs fulfil; not few where each has more than ``limit``."""
        fewest = self._count_some(self._scope(query, "s", "SELECT s.key FROM runs s WHERE "), limit)
        best = _Start(None, query.where)
        for source, rest in sources(query.where, self._key_id):
            found = self._count_some(source, limit if fewest is None else fewest)
            if found is not None and (fewest is None or found < fewest):
                best, fewest = _Start(source, rest), found
        return best._replace(few=fewest is not None)

    def _count_some(self, select: Sql, limit: int | None) -> int | None:
        """How many rows a select has; ``None`` where they are more than ``limit``."""
        most = -1 if limit is None else limit + 1
        row = one(self._db, f"SELECT count(*) FROM ({select.text} LIMIT ?) AS found", (*select.params, most))
        assert row is not None
        return int(row[0]) if limit is None or row[0] <= limit else None

    def _scope(self, query: RunQuery, alias: str, head: str = "", sign: str = "") -> Sql:
        """What says that a run is of the entity and project asked for; with a ``sign`` no index is used for it."""
        if query.entity is None and query.project is None:
            return Sql(f"{head}TRUE")
        if query.entity is not None and query.project is not None:
            row = one(self._db, _PROJECT, (storable(query.entity), storable(query.project)))
            return Sql(f"{head}FALSE" if row is None else f"{head}{sign}{alias}.project_id = {row[0]}")
        column, value = ("name", query.project) if query.entity is None else ("entity", query.entity)
        return Sql(
            f"{head}{sign}{alias}.project_id IN (SELECT id FROM projects WHERE {column} = ?)", (storable(value or ""),)
        )

    def _where(self, query: RunQuery, start: _Start) -> Sql:
        """All that a run of the answer fulfils, begun from ``start``."""
        select = start.select
        scope = self._scope(query, "r", sign="" if select is None else "+")
        condition = condition_sql(start.rest, self._key_id)
        among = NOTHING if select is None else Sql(f"r.key IN ({select.text}) AND ", select.params)
        return Sql(
            f"{among.text}{scope.text} AND r.state <> '{DELETED}' AND {condition.text}",
            among.params + scope.params + condition.params,
        )

    # -- the statements -------------------------------------------------------------------------------------------

    def _sorted(self, query: RunQuery, start: _Start) -> Sql:
        """One statement that looks at every run of ``start``, and sorts them."""
        where = self._where(query, start)
        joins, terms = self._ordering(query, 0)
        return Sql(f"SELECT r.key FROM runs r {joins} WHERE {where.text} ORDER BY {terms}", where.params)

    def _by_value(self, query: RunQuery) -> Iterator[Sql]:
        """Statements that go along the index of values: runs with a number, with a text, and with neither.

        Their answers follow each other; who has enough of them asks no further.
        """
        first = query.order[0]
        side, key = leaf_place(first.field)
        key_id = self._key_id(key)
        where = self._where(query, _Start(None, query.where))
        bounds, kinds = bounds_on(first.field, query.where, self._key_id)
        joins, terms = self._ordering(query, 1)
        place = f"v.side = {side} AND v.key_id = {-1 if key_id is None else key_id}"
        within = "".join(f" AND {bound.text}" for bound in bounds)
        params = tuple(param for bound in bounds for param in bound.params) + where.params
        pieces = [(NUMBER, "v.number"), (TEXT, "v.text")]
        for kind, column in reversed(pieces) if first.descending else pieces:
            if kind in kinds:
                yield Sql(
                    # CROSS JOIN: the index is gone along, and each run looked up.
                    f"SELECT r.key FROM run_values v CROSS JOIN runs r {joins} WHERE r.key = v.run_key AND {place} "
                    f"AND {column} IS NOT NULL{within} AND {where.text} "
                    f"ORDER BY {column}{' DESC' if first.descending else ''}, {terms.replace('r.key', 'v.run_key')}",
                    params,
                )
        if len(kinds) > 1:
            none = f"NOT EXISTS (SELECT 1 FROM run_values v WHERE v.run_key = r.key AND {place} AND {_SCALAR})"
            yield Sql(f"SELECT r.key FROM runs r {joins} WHERE {where.text} AND {none} ORDER BY {terms}", where.params)

    def _ordering(self, query: RunQuery, skip: int) -> tuple[str, str]:
        """The joins and terms of the order, without its first ``skip`` fields; the run registered last comes first."""
        terms: list[str] = []
        joins: list[str] = []
        for number, order in enumerate(query.order[skip:]):
            found, join = order_terms(order.field, order.descending, self._key_id, f"o{number}")
            terms += found
            if join is not None:
                joins.append(join)
        return " ".join(joins), ", ".join([*terms, "r.key DESC"])


_PROJECT = "SELECT id FROM projects WHERE entity = ? AND name = ?"
_SCALAR = "(v.number IS NOT NULL OR v.text IS NOT NULL)"
