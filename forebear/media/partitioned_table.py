"""`PartitionedTable`: tables of the same columns, kept apart and read as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from forebear.errors import InvalidInput
from forebear.media.base import Keep, Media, Read
from forebear.media.table import Table

if TYPE_CHECKING:
    from forebear.media.table_columns import Column


class PartitionedTable(Media):
    """Parts of one table. Several processes can each write a part, and no part is written again for another."""

    kind = "partitioned-table"

    def __init__(self, parts: Iterable[Table]) -> None:
        """Hold the parts, in their order.

        Raises:
            InvalidInput: there is none, or two have different columns.
        """
        self.parts = list(parts)
        if not self.parts:
            raise InvalidInput("a PartitionedTable has one part or more; got none", code="partitioned-table")
        for number, part in enumerate(self.parts):
            if part.columns != self.columns:
                raise InvalidInput(
                    f"part {number} has the columns {part.columns}, but part 0 has {self.columns}",
                    code="partitioned-table",
                )

    @property
    def columns(self) -> list[Column]:
        """Names of the columns, which all parts share."""
        return self.parts[0].columns

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield the rows of all parts, numbered through."""
        return enumerate(row for part in self.parts for row in part.data)

    def get_column(self, name: Column) -> list[Any]:
        """Return the cells of a column in all parts.

        Raises:
            NotFound: there is no such column.
        """
        return [cell for part in self.parts for cell in part.get_column(name)]

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return the parts, after handing their files to ``keep``."""
        return {"_type": self.kind, "parts": [part.to_json(keep) for part in self.parts]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the parts that `to_json` kept."""
        return cls(Table.from_json(part, read) for part in value["parts"])

    def __repr__(self) -> str:
        return f"PartitionedTable({len(self.parts)} parts, {len(self)} rows, columns={self.columns})"
