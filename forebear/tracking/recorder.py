"""The recorder: a thread that takes what the journal holds into the catalog while the run goes on.

It is in no hurry. The journal is the buffer, and readers look into it, so the thread sleeps nearly all the time, works
in pieces short enough that a training loop does not feel them, and leaves the rest to the end of the run.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from forebear.errors import NotFound, StorageFailure
from forebear.records.history import HistoryBatch
from forebear.tracking.journal.place import journals_in, new_name
from forebear.tracking.journal.reader import JournalReader
from forebear.tracking.working import TakenByAnother, no_pause

if TYPE_CHECKING:
    from forebear.store.store import Store
    from forebear.tracking.history.merging import SmallBlocks
    from forebear.tracking.journal.file import JournalFile
    from forebear.tracking.journal.writer import JournalWriter
    from forebear.tracking.taking import JournalTaker, Standing

#: Seconds from one round of the thread to the next: the first, how they grow, and the most.
FIRST_WAIT, WAIT_GROWTH, LONGEST_WAIT = 3.0, 1.5, 15.0
#: Bytes of the journal that are read in one piece while the run goes on: about 0.15 ms.
PIECE_BYTES = 8 * 1024
#: The thread rests after so many seconds of work, for so many times as long as it worked, and never shorter than this.
LONGEST_WORK, _REST, _LEAST_REST = 0.000_15, 12, 0.002
#: Bytes read in one piece when nobody is disturbed.
DRAIN_BYTES = 512 * 1024
#: Small blocks that are merged while the run goes on.
_MERGE_AT = 64

_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


class Recorder:
    """Takes the journal of one run of this process into the catalog. Safe for threads.

    A forked child forgets what its parent's recorder did, and takes its own journal.
    """

    def __init__(self, store: Store, run_key: int, journal: JournalWriter, *, warn: Callable[[str], None]) -> None:
        """Stand by; nothing is done before `wake`.

        Args:
            warn: Told once when the catalog takes nothing, and what could not be done as it was asked.
        """
        self._store = store
        self._run_key = run_key
        self._journal = journal
        self._warn = warn
        self._begin()
        _recorders.add(self)

    def _begin(self) -> None:
        #: Held by whoever takes something, and by whoever makes the thread.
        self._work, self._starting = threading.Lock(), threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        #: Somebody waits for what the thread is at.
        self._hurry = False
        #: Nothing is recorded any more; the catalog has all that the files hold; and they are gone too.
        self._over = self._taken = self._done = False
        #: The last round failed, and that was told.
        self._failing = False
        self._working_since = 0.0
        self._standing: Standing | None = None
        self._small: SmallBlocks | None = None
        #: The files that are taken now, by name.
        self._takers: dict[str, JournalTaker] = {}

    # -- for the run --------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Make sure that the thread is there. Cost: nearly nothing where it is; call it with each row."""
        if self._thread is None and not self._over:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="forebear-recorder", daemon=True)
                    self._thread.start()

    def flush(self) -> None:
        """Return once the catalog has everything that was written before.

        Raises:
            StorageFailure: the catalog cannot be written; the journal keeps what it has not taken.
        """
        with self._hurrying(), self._work:
            self._take_all()

    def stop(self, *, durable: bool = True) -> None:
        """Seal the journal, let the catalog take the rest of it, and delete it. Stopping twice does nothing more.

        Journals of the same run that forked children left are taken too.

        Args:
            durable: What was taken survives a power cut when this returns.

        Raises:
            StorageFailure: the catalog cannot be written. This may be tried again; else the journal is taken by
                whoever finds it once the process is gone.
        """
        self._over = True
        self._stop.set()
        if self._done:
            return
        with self._hurrying():
            if self._thread is not None and self._thread is not threading.current_thread():
                self._thread.join()
            with self._work:
                self._finish(durable)

    @contextmanager
    def _hurrying(self) -> Iterator[None]:
        self._hurry = True
        try:
            yield
        except StorageFailure:
            raise
        except OSError as err:
            raise StorageFailure(
                f"cannot take what the run logged from {self._journal.folder}: {err.strerror or err}; repeat this once "
                "the folder can be reached",
                code="storage-unreachable",
            ) from err
        finally:
            self._hurry = False

    # -- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        wait = FIRST_WAIT
        while not self._stop.wait(wait):
            with self._work:
                self._try_round()
            wait = min(wait * WAIT_GROWTH, LONGEST_WAIT)

    def _try_round(self) -> None:
        self._working_since = time.perf_counter()
        try:
            self._take_all(pause=self._rest)
            small = self._small
            if small is not None and small.count >= _MERGE_AT:
                self._merge(self._rest)
            self._failing = False
        except NotFound as err:
            self._stop.set()
            self._warn(f"{err}; what it logs stays in {self._journal.folder}")
        except Exception as err:
            # A thread has nobody to raise to. The next round tries again, and the end of the run raises.
            # Of a disk that is full the journal has told already.
            if not self._failing and not any(self._journal.waiting):
                self._failing = True
                self._warn(f"the catalog takes nothing for now: {err}. What the run logs waits in its journal")

    def _rest(self) -> None:
        """Let others have the interpreter, if this thread had it for a while."""
        worked = time.perf_counter() - self._working_since
        if worked < LONGEST_WORK or self._hurry:
            return
        time.sleep(max(worked * _REST, _LEAST_REST))
        self._working_since = time.perf_counter()

    # -- taking -------------------------------------------------------------------------------------------------

    def _take_all(self, *, final: bool = False, durable: bool = True, pause: Callable[[], None] = no_pause) -> None:
        """Take what stands in the files now into the catalog, and delete files that nobody writes any more.

        Args:
            final: None of them is written any more.
            durable: Files are deleted only when what they held would survive a power cut.
        """
        for file in self._journal.files():
            sealed = final or file.name != self._journal.name
            self._take(file, sealed, sealed and durable, pause)
            if sealed and not final:
                self._delete([file])

    def _take(self, file: JournalFile, sealed: bool, durable: bool, pause: Callable[[], None]) -> None:
        end, taker = file.size, self._taker(file)
        try:
            if taker.full:  # an earlier attempt failed
                self._commit(taker, pause)
            while taker.position < end and taker.read(
                DRAIN_BYTES if self._hurry else PIECE_BYTES, final=sealed, pause=pause
            ):
                pause()
                if taker.full:
                    self._commit(taker, pause)
            if durable or taker.due or (self._hurry and taker.waiting):
                self._commit(taker, pause, durable=durable)
        except TakenByAnother:
            self._drop(file.name)
            self._take(file, sealed, durable, pause)

    def _commit(self, taker: JournalTaker, pause: Callable[[], None], *, durable: bool = False) -> None:
        blocks = taker.commit(durable=durable, pause=pause)
        if self._small is not None:
            self._small.note(blocks)
        while taker.notes:
            self._warn(taker.notes.pop(0))

    def _taker(self, file: JournalFile) -> JournalTaker:
        taker = self._takers.get(file.name)
        if taker is None:
            # 30 ms that neither `init` nor the first call of `log` should take.
            from forebear.tracking.history.merging import SmallBlocks
            from forebear.tracking.taking import JournalTaker, Standing

            catalog = self._store.catalog
            if self._standing is None:
                record = catalog.runs_by_key([self._run_key]).get(self._run_key)
                if record is None:
                    raise NotFound("the run was deleted", code="run-not-found")
                self._standing = Standing(record, self._journal.session)
                self._small = SmallBlocks()
            reader = JournalReader(file.path, catalog.journal_position(file.name))
            taker = self._takers[file.name] = JournalTaker(
                self._store, self._run_key, reader, self._standing, file.name
            )
        return taker

    def _drop(self, name: str) -> None:
        taker = self._takers.pop(name, None)
        if taker is not None:
            taker.close()

    def _merge(self, pause: Callable[[], None] = no_pause) -> None:
        if self._small is not None:
            self._small.merge(self._store.catalog, self._run_key, self._journal.session, pause)

    # -- the end ------------------------------------------------------------------------------------------------

    def _finish(self, durable: bool) -> None:
        if self._done:
            return
        if not self._taken:  # else an earlier attempt failed when some files were deleted already
            self._take_rest(durable)
            self._taken = True
        self._delete(self._journal.files())
        self._journal.close()
        self._done = True
        self._take_children()

    def _take_rest(self, durable: bool) -> None:
        written = self._journal.seal()
        self._take_all(final=True, durable=durable)
        if not written:
            # The catalog found room, so the journal may find some now.
            if self._journal.seal():
                self._take_all(final=True, durable=durable)
            self._journal.give_up()
        self._keep_lost()
        self._merge()

    def _keep_lost(self) -> None:
        rows, blobs = self._journal.take_lost()
        if not rows and not blobs:
            return
        self._warn(f"no disk took {rows} rows and {blobs} files of the run until its end; they are lost")
        name = new_name()
        self._store.catalog.append_history(HistoryBatch(self._run_key, name, 0, 0, lost_rows=rows))
        self._store.catalog.forget_journals([name])

    def _delete(self, files: list[JournalFile]) -> None:
        """Delete files that the catalog has taken whole, before it forgets how far it was."""
        for file in files:
            with suppress(OSError):
                os.unlink(file.path)
            self._drop(file.name)
            self._journal.let_go(file.name)
        self._store.catalog.forget_journals([file.name for file in files])
        with suppress(OSError):
            os.rmdir(self._journal.folder)

    def _take_children(self) -> None:
        if journals_in(self._journal.folder):
            from forebear.tracking.recovery import take_abandoned  # with what the recorder loaded before

            for found in take_abandoned(self._store, self._journal.folder):
                for words in found.words():
                    self._warn(words)

    def _forget_parent(self) -> None:
        for taker in self._takers.values():
            taker.close()
        over, taken, done = self._over, self._taken, self._done
        self._begin()
        self._over, self._taken, self._done = over, taken, done


def _forget_parents() -> None:
    for recorder in list(_recorders):
        recorder._forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)
