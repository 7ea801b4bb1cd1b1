"""What a run has written and no catalog has yet: the ends of its journals, as blocks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NamedTuple

from forebear.errors import StorageFailure
from forebear.tracking.history.blocks import Origin, RowBuffer
from forebear.tracking.journal.place import SUFFIX, journal_folder, journals_in
from forebear.tracking.journal.reader import JournalReader

if TYPE_CHECKING:
    from forebear.records.history import HistoryBlock, HistoryView
    from forebear.records.runs import RunRecord
    from forebear.store.store import Store

_PIECE_BYTES = 512 * 1024
#: Rows that are in memory before they are packed.
_PACK_ROWS = 16_384
#: Journals that end while they are looked at; more in a row means that something is wrong.
_ATTEMPTS = 50


class Snapshot(NamedTuple):
    """What a catalog has, and what of the journals it did not have at that moment."""

    view: HistoryView
    fresh: list[HistoryBlock]


def snapshot(store: Store, run: RunRecord, look: Callable[[], HistoryView]) -> Snapshot:
    """Return what ``look`` finds in the catalog, and everything that the journals of the run hold beyond it.

    A journal that is taken whole and deleted meanwhile might be counted twice or not at all, so then all is done again.

    Raises:
        StorageFailure: journals keep vanishing.
    """
    folder = journal_folder(store.local, run.entity, run.project, run.id)
    for _ in range(_ATTEMPTS):
        with ExitStack() as stack:
            readers = []
            for path in journals_in(folder):
                with suppress(FileNotFoundError):
                    reader = JournalReader(path)
                    stack.callback(reader.close)
                    readers.append(reader)
            view = look()
            fresh = [block for reader in readers for block in _beyond(reader, view, run, store.id)]
            if not any(reader.file.gone for reader in readers):
                return Snapshot(view, fresh)
    raise StorageFailure(f"the journals in {folder} change faster than they can be read", code="journals-change")


def _beyond(reader: JournalReader, view: HistoryView, run: RunRecord, store_id: str) -> list[HistoryBlock]:
    position = view.positions.get(reader.file.path.name.removesuffix(SUFFIX), 0)
    reader.stand_at(position)
    buffer, blocks = RowBuffer(), []
    while not (piece := reader.read(_PIECE_BYTES)).empty:
        session = reader.session
        if session is None or session.run_key != run.key or session.store_id not in {"", store_id}:
            return []
        for rows in piece.rows:
            buffer.add(rows)
        if buffer.rows >= _PACK_ROWS:
            blocks += buffer.take(Origin.of(session))
    if buffer and reader.session is not None:
        blocks += buffer.take(Origin.of(reader.session))
    return blocks
