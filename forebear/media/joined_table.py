"""`JoinedTable`: two tables and the column that says which of their rows belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from forebear.errors import InvalidInput
from forebear.media.base import Keep, Media, Read
from forebear.media.partitioned_table import PartitionedTable
from forebear.media.registry import revive
from forebear.media.table import Table

if TYPE_CHECKING:
    from forebear.media.table_columns import Column


class JoinedTable(Media):
    """Two tables joined on a key; both are kept whole, and rows without a partner are kept too."""

    kind = "joined-table"

    def __init__(
        self,
        table1: Table | PartitionedTable,
        table2: Table | PartitionedTable,
        join_key: Column | Sequence[Column],
    ) -> None:
        """Join two tables.

        Args:
            join_key: Column that both have, or a pair: the column of each.

        Raises:
            InvalidInput: an argument is no table, or ``join_key`` names no columns.
            NotFound: a table lacks the column.
        """
        for table in (table1, table2):
            if not isinstance(table, (Table, PartitionedTable)):
                raise InvalidInput(f"a JoinedTable joins two tables, not a {type(table).__name__}", code="joined-table")
        keys = [join_key, join_key] if isinstance(join_key, (str, int)) else list(join_key)
        if len(keys) != 2:
            raise InvalidInput(
                f"join_key is a column or a pair of columns, one of each table, not {join_key!r}", code="joined-table"
            )
        self.table1, self.table2 = table1, table2
        self.join_key = keys
        for table, key in zip((table1, table2), keys, strict=True):
            table.get_column(key)

    def iterrows(self) -> Iterator[tuple[Any, list[Any] | None, list[Any] | None]]:
        """Yield a key and its rows in both tables, ``None`` where a table has none; in the order of the first table.

        A key that stands several times yields each of its pairs.
        """
        others: dict[Any, list[list[Any]]] = {}
        for key, row in _keyed(self.table2, self.join_key[1]):
            others.setdefault(key, []).append(row)
        met = set()
        for key, row in _keyed(self.table1, self.join_key[0]):
            met.add(key)
            for other in others.get(key, [None]):
                yield key, row, other
        for key, rows in others.items():
            if key not in met:
                yield from ((key, None, row) for row in rows)

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return both tables, after handing their files to ``keep``."""
        return {
            "_type": self.kind,
            "table1": self.table1.to_json(keep),
            "table2": self.table2.to_json(keep),
            "join_key": self.join_key,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the tables that `to_json` kept."""
        first, second = (revive(value[name], read) for name in ("table1", "table2"))
        return cls(first, second, value["join_key"])  # type: ignore[arg-type]  # the constructor looks

    def __repr__(self) -> str:
        return f"JoinedTable({self.table1!r}, {self.table2!r}, {self.join_key!r})"


def _keyed(table: Table | PartitionedTable, key: Column) -> Iterator[tuple[Any, list[Any]]]:
    place = table.columns.index(key)
    return ((_hashable(row[place]), row) for _, row in table.iterrows())


def _hashable(key: Any) -> Any:
    return repr(key) if isinstance(key, (list, dict)) else key
