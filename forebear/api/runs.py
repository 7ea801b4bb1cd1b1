"""The runs that a question finds, fetched in pages as they are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import msgspec

from forebear.api import histories
from forebear.api.frames import frame
from forebear.api.recorded_run import RecordedRun
from forebear.api.run_values import flattened
from forebear.errors import InvalidInput

if TYPE_CHECKING:
    from forebear.records.queries import RunQuery
    from forebear.store.store import Store

#: Runs of a page at most; pages grow while somebody goes on, because a later page costs as much as all before it.
MAX_PAGE = 5_000
#: Columns of `Runs.to_dataframe` that every run has.
FIELDS = ("id", "name", "state", "entity", "project", "group", "job_type", "user", "tags", "notes", "created_at",
          "ended_at", "exit_code")  # fmt: skip


class Runs(Sequence[RecordedRun]):
    """Runs in an order, fetched when they are first looked at and kept then.

    ``len`` asks for the number alone. A run that comes to be meanwhile may or may not be among them; none comes twice.
    """

    def __init__(self, store: Store, query: RunQuery, *, per_page: int = 50) -> None:
        """Find what ``query`` asks for, ``per_page`` runs at first.

        Raises:
            InvalidInput: ``per_page`` is below 1.
        """
        if per_page < 1:
            raise InvalidInput(f"per_page={per_page}: a page has at least one run", code="invalid-input")
        self._store = store
        self.query = query
        self._page = per_page
        self._length: int | None = None
        self._runs: list[RecordedRun] = []
        self._keys: set[int] = set()
        #: Runs that were asked for already, also those that came twice.
        self._asked = 0
        self._complete = False

    def __len__(self) -> int:
        if self._complete:
            return len(self._runs)
        if self._length is None:
            found = self._store.catalog.count_runs(self.query)
            found = max(0, found - self.query.offset)
            self._length = found if self.query.limit is None else min(found, self.query.limit)
        return self._length

    @property
    def length(self) -> int:
        """The same as ``len``."""
        return len(self)

    @property
    def more(self) -> bool:
        """Whether there are runs that were not fetched yet."""
        return not self._complete

    def __iter__(self) -> Iterator[RecordedRun]:
        index = 0
        while self._has(index):
            yield self._runs[index]
            index += 1

    @overload
    def __getitem__(self, index: int) -> RecordedRun: ...

    @overload
    def __getitem__(self, index: slice) -> list[RecordedRun]: ...

    def __getitem__(self, index: int | slice) -> RecordedRun | list[RecordedRun]:
        if isinstance(index, slice):
            ends = (index.start, index.stop)
            forward = (index.step or 1) > 0 and index.stop is not None
            if not forward or any(end is not None and end < 0 for end in ends):
                self._fetch_all()
            else:
                self._has(index.stop - 1)
            return self._runs[index]
        if index < 0:
            self._fetch_all()
        elif not self._has(index):
            raise IndexError(f"there are {len(self._runs):,} runs, so none at {index}")
        return self._runs[index]

    def _has(self, index: int) -> bool:
        while len(self._runs) <= index and not self._complete:
            self._fetch()
        return len(self._runs) > index

    def _fetch_all(self) -> None:
        while not self._complete:
            self._page = MAX_PAGE
            self._fetch()

    def _fetch(self) -> None:
        """Fetch one page more; the next is twice as long."""
        left = None if self.query.limit is None else self.query.limit - self._asked
        size = self._page if left is None else min(self._page, left)
        query = msgspec.structs.replace(self.query, offset=self.query.offset + self._asked, limit=size)
        records = self._store.catalog.find_runs(query) if size > 0 else []
        self._asked += len(records)
        self._complete = len(records) < size or self._asked == self.query.limit
        self._page = max(self._page, min(MAX_PAGE, self._page * 2))
        for record in records:
            # A run registered meanwhile moves the others on by one, and the last of a page comes again.
            if record.key not in self._keys:
                self._keys.add(record.key)
                self._runs.append(RecordedRun(self._store, record))

    # -- as tables ----------------------------------------------------------------------------------------------

    def histories(
        self,
        samples: int = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        format: str = "default",
        stream: str = "default",
    ) -> Any:
        """Return the histories of all runs below one another, each sampled as `RecordedRun.history` does.

        Args:
            format: ``"default"`` for a list of dictionaries, ``"pandas"``, ``"polars"`` or ``"arrow"`` for a table.
                Each row says in ``run_id`` of which run it is.
        """
        kind = histories.stream_of(stream)
        tables = [(run.id, histories.sampled(self._store, run.record, samples, keys, x_axis, kind)) for run in self]
        if format == "default":
            return [{"run_id": run_id} | row for run_id, table in tables for row in table.rows()]
        return frame(histories.stacked(tables), format)

    def to_dataframe(self, kind: str = "pandas") -> Any:
        """Return a table with a row a run: `FIELDS`, then ``config.*`` and ``summary.*``, one column a value.

        Args:
            kind: ``"pandas"``, ``"polars"`` or ``"arrow"``.
        """
        self._fetch_all()
        columns: dict[str, list[Any]] = {name: [getattr(run, name) for run in self._runs] for name in FIELDS}
        for side in ("config", "summary"):
            values = [flattened(getattr(run.record, side)) for run in self._runs]
            for key in sorted(set().union(*values)):
                columns[f"{side}.{key}"] = [each.get(key) for each in values]
        return frame(columns, kind)

    def __repr__(self) -> str:
        return f"<Runs {len(self):,}>"
