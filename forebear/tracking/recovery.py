"""Taking the journals of processes that are gone: nothing that a killed run wrote is lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from forebear.blobs.local import storage_failure
from forebear.errors import ForebearError, NotFound
from forebear.records.runs import CRASHED, RUNNING, RunChanges, RunRecord
from forebear.store.liveness import process_is_gone
from forebear.tracking.journal.file import try_lock
from forebear.tracking.journal.frames import SEQ_PER_MICROSECOND, Kind, Session
from forebear.tracking.journal.place import SUFFIX, all_folders, journal_folder, journals_in, run_of, time_of
from forebear.tracking.journal.reader import Damage, JournalReader

if TYPE_CHECKING:
    from forebear.store.store import Store

#: Suffixes of journals that are kept, and looked at no more: damaged in the middle, of no run, of a newer form.
DAMAGED, ORPHANED, NEWER = ".damaged", ".orphaned", ".newer"
#: What goes wrong with values that a journal should not have.
_NOT_OURS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)
#: Bytes read in one piece.
_PIECE_BYTES = 512 * 1024
#: How opening a file fails where that says nothing of the file: to pass over it would lose what it holds from sight.
_SAYS_NOTHING = frozenset({errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM})


class Recovered(msgspec.Struct, frozen=True):
    """What became of one abandoned journal.

    Attributes:
        run: ``entity/project/id``, as far as it is known.
        rows: Rows that were taken now.
        frames: Sound frames of the journal.
        damage: Where the journal was damaged.
        unknown: Frames of kinds that only a newer forebear knows; they were passed over.
        notes: What could not be done as the run asked for it.
        crashed: The run was found to have crashed.
        kept: Where the journal is now, if it was not deleted.
    """

    run: str
    journal: str
    rows: int = 0
    frames: int = 0
    damage: tuple[Damage, ...] = ()
    unknown: int = 0
    notes: tuple[str, ...] = ()
    crashed: bool = False
    kept: Path | None = None

    def words(self) -> list[str]:
        """Return what people should know, a sentence each; nothing where all went as it should."""
        found = [*self.notes, *map(self._of_damage, self.damage)]
        if self.unknown:
            found.append(
                f"the journal {self.journal} of run {self.run} has {self.unknown} frames that a newer forebear wrote; "
                "they were passed over"
            )
        if self.kept is not None:
            found.append(f"the journal is kept at {self.kept}")
        return found

    def _of_damage(self, damage: Damage) -> str:
        before, after = damage.frames_before, self.frames - damage.frames_before
        safe = f"{before} frames before it and {after} after it are safe"
        if damage.torn:
            safe = f"it was being written when the run ended; {before} frames before it are safe"
        return (
            f"the journal {self.journal} of run {self.run} is damaged: {damage.reason} in {damage.length} bytes from "
            f"byte {damage.offset} on; {safe}"
        )


def recover_journals(store: Store, *, run: tuple[str, str, str] | None = None) -> list[Recovered]:
    """Take every journal whose writer is gone, and find out which runs crashed.

    Args:
        run: Entity, project and id: look for journals of this run alone.

    Raises:
        StorageFailure: the catalog cannot be written; journals stay where they are.

    Cost: a look into one folder a run that has journals. Journals that are being written, or taken by another process
    at this moment, are left alone.
    """
    folders = all_folders(store.local) if run is None else [journal_folder(store.local, *run)]
    return [found for folder in folders for found in take_abandoned(store, folder)]


def kept_journals(store: Store) -> list[Path]:
    """Return the journals that were put aside: those that were damaged, of no run, or of a newer form."""
    found = [path for folder in all_folders(store.local) for path in folder.glob(f"*{SUFFIX}.*")]
    return sorted(path for path in found if path.suffix in {DAMAGED, ORPHANED, NEWER})


def take_abandoned(store: Store, folder: Path) -> list[Recovered]:
    """Take the journals of one run's folder whose writers are gone; see `recover_journals`."""
    found = []
    for path in journals_in(folder):
        with _locked(path) as ours:
            if ours:
                found.append(_take(store, path))
    if found:
        with suppress(OSError):
            os.rmdir(folder)
    return found


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold the lock of a journal, and say whether that succeeded: nobody writes or takes it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as err:
        if err.errno in _SAYS_NOTHING:
            raise storage_failure(err, f"open {path}") from err
        yield False  # deleted meanwhile, or not ours to write
        return
    try:
        yield try_lock(descriptor)
    finally:
        os.close(descriptor)


def _take(store: Store, path: Path) -> Recovered:
    name = path.name.removesuffix(SUFFIX)
    reader = JournalReader(path, store.catalog.journal_position(name), look_back=False)
    try:
        return _take_from(store, reader, name)
    finally:
        reader.close()


def _take_from(store: Store, reader: JournalReader, name: str) -> Recovered:
    path = reader.file.path
    run = "/".join(part or "?" for part in run_of(path.parent))
    if reader.file.size == 0:
        _delete(store, path, name)
        return Recovered(run, name)
    reader.look_around()
    if reader.newer:
        return Recovered(run, name, kept=_keep(path, NEWER), notes=(f"upgrade forebear to take the journal {name}",))
    record = _run_of(store, reader)
    if record is None:
        return _orphan(path, run, name)
    try:
        return _take_into(store, reader, name, record)
    except NotFound:  # deleted at this very moment
        return _orphan(path, run, name)
    except ForebearError:
        raise
    except _NOT_OURS as err:  # nobody's journal may keep those of others from being taken
        words = f"the journal {name} of run {run} says what no forebear writes ({type(err).__name__}: {err})"
        return Recovered(run, name, kept=_keep(path, DAMAGED), notes=(words,))


def _run_of(store: Store, reader: JournalReader) -> RunRecord | None:
    """Return whose journal it is; what its first frame no longer tells, its place tells."""
    session = reader.session
    if session is not None:
        record = store.catalog.runs_by_key([session.run_key]).get(session.run_key)
        names = (session.entity, session.project, session.run_id)
        same = record is not None and names == (record.entity, record.project, record.id)
        return record if same and session.store_id in {"", store.id} else None
    entity, project, run_id = run_of(reader.file.path.parent)
    if entity is None or project is None or run_id is None:
        return None
    record = store.catalog.run(entity, project, run_id)
    if record is not None:
        begun = time_of(reader.file.path)
        reader.session = Session(
            entity=entity, project=project, run_id=run_id, run_key=record.key, branch=record.branch,
            time_base=begun, first_seq=begun * SEQ_PER_MICROSECOND,
        )  # fmt: skip
    return record


def _take_into(store: Store, reader: JournalReader, name: str, record: RunRecord) -> Recovered:
    from forebear.tracking.taking import JournalTaker, Standing  # 30 ms, only where there is a journal to take

    assert reader.session is not None
    standing = Standing(record, reader.session)
    for change in reader.values_before(Kind.SUMMARY):
        standing.take_change(change)
    taker = JournalTaker(store, record.key, reader, standing, name)
    while taker.read(_PIECE_BYTES, final=True):
        if taker.full:
            taker.commit()
    taker.commit(durable=True)
    path = reader.file.path
    crashed = _mark_crashed(store, record.key, path)
    kept = None if all(one.torn for one in reader.damage) else _keep(path, DAMAGED)
    _delete(store, path, name)
    return Recovered(
        record.qualified_name,
        name,
        rows=taker.rows,
        frames=reader.frames,
        damage=tuple(reader.damage),
        unknown=reader.unknown.total(),
        notes=tuple(taker.notes),
        crashed=crashed,
        kept=kept,
    )


def _mark_crashed(store: Store, run_key: int, path: Path) -> bool:
    """Let a run that says *running* have crashed if its process is gone; it ended when its journal did."""
    record = store.catalog.runs_by_key([run_key])[run_key]
    if record.state != RUNNING or not process_is_gone(record.origin):
        return False
    ended = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    store.catalog.update_run(run_key, RunChanges(state=CRASHED, ended_at=ended))
    from forebear.tracking.files import take_left_files  # 5 ms, only where a run crashed

    take_left_files(store, record)
    return True


def _orphan(path: Path, run: str, name: str) -> Recovered:
    words = f"the journal {name} belongs to the run {run}, which is not in this store"
    return Recovered(run, name, kept=_keep(path, ORPHANED), notes=(words,))


def _keep(path: Path, suffix: str) -> Path:
    """Put a journal aside, so that nobody looks at it again."""
    kept = path.with_name(path.name + suffix)
    os.replace(path, kept)
    return kept


def _delete(store: Store, path: Path, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
    store.catalog.forget_journals([name])
