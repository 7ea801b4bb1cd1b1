"""The catalog port: what every catalog can do, whatever database is behind it.

Contract for all methods:

* Each call is atomic and isolated. What must be atomic is one method, never two calls in order.
* What a method returned, or wrote when it returned, is visible to every later call of every process. Methods marked
  *durable* also survive a power cut once they returned.
* Records handed out are snapshots; nobody changes them.
* A catalog may be used by several threads at once, and from a forked child (which gets connections of its own).
* Batches go in as iterables of any length and come out as iterators or dicts, because a remote catalog pays a round
  trip a call. A key given twice is answered once. An iterator may be left half read, and what is written meanwhile
  neither breaks it nor makes it leave out what was there when it started.
* Times of writing come from one clock and are kept to the microsecond; aliases and tags of a record are sorted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from forebear.catalog.collecting_port import CollectingPort
from forebear.records.history import Branch, HistoryBatch, HistoryBlock, HistoryView, KeyInfo, RunFile, Stream
from forebear.records.lineage import Direction, Edge, EdgeKind, FileUse, NodeInfo, StaleUse

if TYPE_CHECKING:
    from forebear.names import ArtifactRef
    from forebear.records.artifacts import AliasMove, Collection, Committed, NewVersion, Version
    from forebear.records.checks import Dangling
    from forebear.records.content import Location, Recipe, StoredObject
    from forebear.records.copies import Adopted, AdoptedVersion, AliasStep, Copy, WholeVersion
    from forebear.records.queries import RunQuery
    from forebear.records.runs import NewRun, Project, RunChanges, RunRecord
    from forebear.records.sweeps import (
        NewSweep,
        NewTrial,
        Offer,
        Standing,
        SweepChanges,
        SweepRecord,
        Taken,
        Trial,
        TrialEnding,
        TrialReport,
    )


class TipMoved(Exception):
    """The collection's tip is not the one a commit was computed against; compute again and retry.

    Internal to the packages above the catalog: it never reaches a user.
    """

    def __init__(self, tip: bytes | None) -> None:
        super().__init__("the tip of the collection moved")
        self.tip = tip


class MissingBlobs(Exception):
    """A commit needs blobs that the index does not know. Internal; callers store the blobs and retry."""

    def __init__(self, digests: list[bytes]) -> None:
        super().__init__(f"{len(digests)} blobs are not in the store")
        self.digests = digests


class Catalog(CollectingPort, Protocol):
    """Names, numbers and edges. See the module's text for what holds for every method."""

    @property
    def store_id(self) -> str:
        """Identity of the store, made once; the blobs carry the same."""
        ...

    def close(self) -> None:
        """Let go of every connection. A closed catalog may not be used again; closing twice is fine."""
        ...

    # -- the index of blobs -------------------------------------------------------------------------------------

    def known(self, digests: Iterable[bytes]) -> set[bytes]:
        """Return those of ``digests`` whose blob the store holds, as a slice or as a recipe."""
        ...

    def sizes_held(self, sizes: Iterable[int]) -> set[int]:
        """Return those of ``sizes`` (bytes) that some held loose object has: only such a file may be a duplicate."""
        ...

    def locate(self, digests: Iterable[bytes]) -> dict[bytes, Location | Recipe]:
        """Return where each blob is; a digest that is not held is left out.

        A blob with several copies is located in a loose object of its own, else in the slice that was registered last;
        a recipe is given where there is none.
        """
        ...

    def add_objects(
        self, objects: Iterable[StoredObject], *, lease: str | None = None, keep_lease: bool = False
    ) -> None:
        """Register objects with their slices and recipes (durable); one in the trash comes back.

        Of an object known already, the slices and recipes are added that are new. The lease under which they were
        written ends, unless it is to be kept.

        Raises:
            MissingBlobs: a part of a recipe is not held as a slice; nothing was registered.
            LeaseLost: the lease is gone; nothing was registered.
            BeingDeleted: an object is being deleted; nothing was registered.
        """
        ...

    def add_recipes(self, recipes: dict[bytes, Recipe]) -> None:
        """Register blobs that are made of slices known already (durable); recipes known already are skipped.

        Raises:
            MissingBlobs: a part is not held as a slice; no recipe was registered.
        """
        ...

    def large_objects(self, smallest: int, largest: int, limit: int) -> list[StoredObject]:
        """Return loose objects of ``smallest`` to ``largest`` bytes, the newest first, without their slices."""
        ...

    def objects(self) -> Iterator[StoredObject]:
        """Yield all objects in the order of their names, slices in the order of their offsets; no recipes."""
        ...

    def forget_objects(self, names: Iterable[str]) -> None:
        """Drop objects and their slices from the index (durable); names unknown are passed over.

        A blob that lies in another object too stays held; a recipe that lost a part is dropped with it.
        """
        ...

    # -- collections and versions -------------------------------------------------------------------------------

    def collection(self, entity: str, project: str, name: str) -> Collection | None:
        """Return the collection, or ``None``."""
        ...

    def collections(
        self, entity: str | None = None, project: str | None = None, type: str | None = None
    ) -> list[Collection]:
        """Return the collections that match, sorted by entity, project and name."""
        ...

    def commit_version(self, new: NewVersion) -> Committed:
        """Make a version appear, whole, with its aliases, objects and lineage edge (durable).

        In one transaction: the project and collection are made where missing; objects are registered; if a live
        version of the collection has the same root, that one is taken (created=False) and its description and
        metadata stay as they are, else the next number is given; ``latest`` and ``aliases`` move to it; tags are
        added; the run (if any) gets a *logged* edge to a new version, or a *reproduced* edge to one that was there
        before and is not its own. Where anything is raised, nothing was written.

        ``new.expect`` holds for every one of ``new.aliases`` but ``latest``, as in `move_alias`. The version's
        ``added_bytes`` are those of the objects that the index did not know before.

        Raises:
            Conflict: the collection has another type, or ``expect`` does not hold.
            NotFound: there is no run of key ``new.run_key``.
            TipMoved: the collection's tip is not ``new.tip`` and the root is new to the collection.
            MissingBlobs: a digest of ``new.needs``, or a part of a recipe of ``new.objects``, is neither held nor in
                the trash; or one of ``new.trusts`` is not held, or noted as garbage.
            LeaseLost, BeingDeleted: as in `add_objects`.
        """
        ...

    def resolve(self, entity: str, project: str, ref: ArtifactRef) -> Version:
        """Return the version that ``ref`` names; ``entity`` and ``project`` stand in for parts it leaves open.

        With ``ref.at`` the alias is read as it stood then, moves of that very moment included.

        Raises:
            NotFound: no such collection, alias, version or digest, or the version was deleted (also when an alias
                stood on it at that time); the message lists what there is.
            InvalidInput: a digest prefix fits several versions.
        """
        ...

    def versions(self, collection_id: int) -> list[Version]:
        """Return the live versions of a collection, highest number first; nothing for an unknown collection."""
        ...

    def versions_by_id(self, ids: Iterable[int]) -> dict[int, Version]:
        """Return versions by their catalog id, deleted ones too; unknown ids are left out."""
        ...

    def update_version(
        self,
        version_id: int,
        *,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        tags: tuple[str, ...] | None = None,
    ) -> Version:
        """Replace description, metadata or tags where given (``""`` clears a description).

        Raises:
            NotFound: there is no such live version.
        """
        ...

    def delete_version(self, version_id: int, *, delete_aliases: bool = False) -> None:
        """Mark a version deleted; its number is never given again, its lineage stays.

        Where ``latest`` stood on it, it falls back to the newest version that is left, by one move, or is taken away.

        Raises:
            Conflict: it is pinned, or has aliases other than ``latest`` and ``delete_aliases`` is false.
            NotFound: there is no such live version.
        """
        ...

    def move_alias(
        self, version_id: int, alias: str, *, expect: str | None = None, run_key: int | None = None
    ) -> AliasMove:
        """Let ``alias`` name this version from now on (durable).

        Args:
            expect: ``"v7"`` moves only if the alias stands on v7 now; ``""`` only if there is no such alias.

        Returns:
            The move as the history keeps it. Where the alias stands there already nothing is written, and the move
            that brought it there is returned.

        Raises:
            Conflict: ``expect`` does not hold.
            InvalidInput: ``expect`` is neither ``"v7"`` nor ``""``.
            NotFound: there is no such live version, or no run of key ``run_key``.
        """
        ...

    def remove_alias(
        self, collection_id: int, alias: str, *, expect: str | None = None, run_key: int | None = None
    ) -> AliasMove:
        """Take an alias away (durable).

        Raises:
            Conflict: ``expect`` does not hold, as in `move_alias`.
            NotFound: there is no such collection or alias, or no run of key ``run_key``.
        """
        ...

    def alias_moves(self, collection_id: int, alias: str | None = None) -> list[AliasMove]:
        """Return the history of one alias, or of all, oldest first."""
        ...

    def unrecorded_versions(self, limit: int) -> list[tuple[Version, str | None]]:
        """Return up to ``limit`` versions whose record beside the blobs is not there or out of date, with origins' ids.

        A record is out of date once the version was described anew, labelled or deleted, or got or lost an alias; but
        not where an alias moved on to another version, whose later record says so. Oldest first; deleted versions too,
        so that their numbers stay taken in a catalog made again from the records.
        """
        ...

    def mark_recorded(self, version_ids: Iterable[int]) -> None:
        """Say that the records of these versions are up to date; unknown ids are passed over."""
        ...

    # -- projects and runs --------------------------------------------------------------------------------------

    def projects(self, entity: str | None = None) -> list[Project]:
        """Return the projects, sorted by entity and name."""
        ...

    def add_run(self, run: NewRun) -> RunRecord:
        """Register a run in state *running*. Raises `AlreadyExists` if the project has a run of that id."""
        ...

    def update_run(self, key: int, changes: RunChanges) -> None:
        """Change fields of a run; unset fields stay. Raises `NotFound`."""
        ...

    def run(self, entity: str, project: str, run_id: str) -> RunRecord | None:
        """Return the run, or ``None``."""
        ...

    def runs(
        self, entity: str | None = None, project: str | None = None, states: Iterable[str] | None = None
    ) -> list[RunRecord]:
        """Return the runs that match, the one registered last first; no states at all match no run."""
        ...

    def runs_by_key(self, keys: Iterable[int]) -> dict[int, RunRecord]:
        """Return runs by key, what is left of deleted ones too; unknown keys are left out."""
        ...

    def find_runs(self, query: RunQuery) -> list[RunRecord]:
        """Return the runs that a query asks for, in its order.

        Raises:
            InvalidInput: a field or an operator is not known, or a pattern is no regular expression.

        Numbers compare as 64-bit floats, and a NaN equals nothing. A boolean is 0 or 1 to whoever asks for a number;
        who asks for a boolean finds booleans alone. Lists equal nothing. ``None`` equals null and what is not there.
        Config and summary texts of more than 500 characters are put in order by their beginnings.

        Cost: follows the index of config and summary values where a condition that must hold names one.
        """
        ...

    def count_runs(self, query: RunQuery) -> int:
        """Return how many runs a query finds without its limit and offset; errors as in `find_runs`."""
        ...

    def delete_run(self, key: int) -> None:
        """Remove a run with its history and files (durable); versions that it logged stay, and so do all its edges.

        Its node stays in the lineage, in state *deleted* and under its id followed by ``~`` and its key; `runs_by_key`
        still gives that, without values, notes and origin. Nothing else finds the run, and it takes nothing more. A
        history (with its files) that another run goes on from stays readable until that one is deleted too. The id may
        be given again.

        Raises:
            NotFound: there is no such run.
        """
        ...

    # -- history ------------------------------------------------------------------------------------------------

    def append_history(self, batch: HistoryBatch, *, durable: bool = False) -> bool:
        """Take what a journal held, in one transaction; false, and nothing is written, where another was before.

        That is the case if the catalog's position of that journal is not ``batch.start`` (0 for one unknown). A batch
        of no bytes (``start`` is ``end``) moves nothing and leaves no trace of its journal. Files replace those of the
        same path, and the run holds their content by itself no longer. Summary and config replace the run's, leaf by
        leaf in the index of values.

        Raises:
            NotFound: there is no such run.
        """
        ...

    def journal_position(self, journal: str) -> int:
        """Return how many bytes of a journal the catalog has taken; 0 for one unknown."""
        ...

    def forget_journals(self, journals: Iterable[str]) -> None:
        """Drop the positions of journals that are there no more."""
        ...

    def history(
        self,
        run_key: int,
        *,
        branch: int = 0,
        stream: Stream = Stream.HISTORY,
        keys: Iterable[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> HistoryView:
        """Return the blocks of one branch that touch steps ``min_step`` up to but not including ``max_step``.

        With ``keys``, only blocks that have one of them, and only those columns. Blocks come in the order of their
        first sequence number. All of the answer is of one moment.
        """
        ...

    def history_keys(self, run_keys: Iterable[int], *, keys: Iterable[str] | None = None) -> dict[int, list[KeyInfo]]:
        """Return the keys of each run's history over all branches, sorted by key; with ``keys``, these alone."""
        ...

    def history_blocks(
        self, run_key: int, *, ids: Iterable[int] | None = None, bare: bool = False
    ) -> Iterator[HistoryBlock]:
        """Yield all blocks of a run, of every branch and stream, in the order in which they were written.

        Args:
            ids: Only these.
            bare: Leave the columns out.
        """
        ...

    def replace_blocks(self, run_key: int, old: Iterable[int], new: Iterable[HistoryBlock]) -> bool:
        """Put new blocks in the place of old ones (ids), in one transaction.

        Returns:
            False, and nothing is written, where an old one is gone or is another run's.

        Raises:
            NotFound: there is no such run, and no other goes on from what was deleted of it.
        """
        ...

    def add_branch(self, run_key: int, branch: Branch, *, kind: EdgeKind) -> int:
        """Let the run go on in a new branch, and keep the edge (*forked* or *rewound*); return the branch's number.

        ``branch.number`` and ``branch.at`` are not read: the run's next free number is given, and the time is that of
        the catalog's clock. A run that has no rows and no branch yet and forks from another gets number 0.

        Raises:
            NotFound: one of the runs is not there.
        """
        ...

    def branches(self, run_key: int) -> list[Branch]:
        """Return where the branches of a run go on from, by number."""
        ...

    def run_files(self, run_key: int) -> list[RunFile]:
        """Return the files of a run, sorted by path."""
        ...

    def forget_run_files(self, run_key: int, paths: Iterable[str]) -> None:
        """Drop files from a run; paths unknown are passed over."""
        ...

    # -- sweeps -------------------------------------------------------------------------------------------------

    def add_sweep(self, new: NewSweep, trials: Iterable[NewTrial] = ()) -> SweepRecord:
        """Declare a sweep, in state *pending*, with what was tried before it, as by `add_trials`.

        Raises:
            AlreadyExists: the project has a sweep of that id.
        """
        ...

    def sweep(self, entity: str, project: str, sweep_id: str) -> SweepRecord | None:
        """Return the sweep, or ``None``."""
        ...

    def sweeps(
        self, entity: str | None = None, project: str | None = None, states: Iterable[str] | None = None
    ) -> list[SweepRecord]:
        """Return the sweeps that match, the one declared last first; no states at all match no sweep."""
        ...

    def update_sweep(self, key: int, changes: SweepChanges, *, expect: Iterable[str] | None = None) -> SweepRecord:
        """Change fields of a sweep; unset fields stay. One that becomes *cancelled* asks its running trials to stop.

        Args:
            expect: States of which the sweep must have one.

        Raises:
            NotFound: there is no such sweep.
            Conflict: it has another state than those expected.
        """
        ...

    def delete_sweep(self, key: int) -> None:
        """Remove a sweep and its trials; their runs stay. Raises `NotFound`."""
        ...

    def add_trials(self, key: int, trials: Iterable[NewTrial]) -> list[Trial]:
        """Add trials: under the number that they name, else under one below 0; a finished sweep is running again.

        Raises:
            NotFound: there is no such sweep.
            Conflict: a named number is not that of the next new trial, or is beyond the limit; none was added.
        """
        ...

    def take_trial(
        self, key: int, agent: str, offer: Offer, *, silent_seconds: float, gone: Iterable[str] = ()
    ) -> Taken:
        """Give an agent a trial: each to one agent at a time.

        First the trials are taken back whose agents are ``gone`` or were silent for ``silent_seconds`` by the
        catalog's clock: they wait again, or have crashed where that was tried often enough. A waiting trial comes
        before a new one, the lowest number first; a new one is made with what ``offer`` says for the next number. Only
        a sweep that is *pending* or *running* gives trials; the first makes it *running*, and it is *finished* when it
        is exhausted and no trial waits or is held.

        Raises:
            NotFound: there is no such sweep.

        Cost: does not grow with the trials.
        """
        ...

    def begin_trial(self, key: int, number: int, attempt: int, run_key: int) -> Standing:
        """Say which run executes a trial; nothing is written where the trial is not held."""
        ...

    def report_trial(self, key: int, number: int, attempt: int, reports: Iterable[tuple[int, float]] = ()) -> Standing:
        """Give a sign of life, with (iteration, value) pairs if there are; nothing is written if it is not held.

        Of two values of one iteration the later one counts.
        """
        ...

    def end_trial(self, key: int, number: int, attempt: int, ending: TrialEnding) -> Trial | None:
        """End a trial and return it; ``None``, and nothing is written, where it is not held.

        A trial that failed or crashed though nobody asked it to end waits again, as often as it may be retried.
        """
        ...

    def ask_trials(self, key: int, asked: str, numbers: Iterable[int] | None = None) -> int:
        """Ask running trials to end (`STOP` or `PRUNE`), all or some; return how many were asked now."""
        ...

    def rerun_trials(self, key: int, states: Iterable[str], numbers: Iterable[int] | None = None) -> int:
        """Let trials that ended in one of ``states`` wait again, all or some; return how many.

        A finished sweep is running again then. Raises `NotFound`.
        """
        ...

    def trials(
        self, key: int, *, states: Iterable[str] | None = None, numbers: Iterable[int] | None = None
    ) -> list[Trial]:
        """Return trials of a sweep by number; nothing for an unknown sweep."""
        ...

    def trial_counts(self, keys: Iterable[int]) -> dict[int, dict[str, int]]:
        """Return how many trials of each state the sweeps have; states without trials are left out."""
        ...

    def trial_reports(
        self, key: int, *, numbers: Iterable[int] | None = None, iterations: Iterable[int] | None = None
    ) -> list[TrialReport]:
        """Return what trials reported, by number and iteration; of a trial that is tried again, its last attempt."""
        ...

    # -- checking and mending -----------------------------------------------------------------------------------

    def integrity(self) -> list[str]:
        """Return what the database finds wrong with itself, as far as it can tell. Cost: it reads all of itself."""
        ...

    def dangling(self) -> list[Dangling]:
        """Return the rows that refer to what is not there, and collections that would give a number twice."""
        ...

    def drop_dangling(self) -> list[Dangling]:
        """Mend what `dangling` finds, and return it (durable): rows are dropped, next numbers put right."""
        ...

    def recipes(self) -> Iterator[tuple[bytes, Recipe]]:
        """Yield all recipes with the digests of their blobs, in no particular order."""
        ...

    def forget_recipes(self, digests: Iterable[bytes]) -> None:
        """Drop recipes (durable); blobs that have none are passed over. Their chunks stay."""
        ...

    def replace_objects(self, gone: Iterable[str], objects: Iterable[StoredObject]) -> None:
        """Forget objects and register others in one step (durable); of those known already, slices are replaced.

        A recipe whose parts lie in an object that comes stays; one that lost a part is dropped.

        Raises:
            MissingBlobs: as `add_objects`; nothing was changed.
        """
        ...

    def lost_run_files(self) -> list[bytes]:
        """Return the digests of files of runs that the store does not hold."""
        ...

    def runs_with_files(self, digests: Iterable[bytes]) -> dict[bytes, list[int]]:
        """Return the keys of the runs that have a file of each content; contents that no run has are left out."""
        ...

    # -- copying from another store ------------------------------------------------------------------------------
    #
    # ``source`` is the id of the store that something comes from. What was taken from there is known by the source's
    # keys ever after, so that taking it again changes nothing, and that what refers to it finds it.

    def whole_versions(self, collection_id: int) -> list[WholeVersion]:
        """Return all versions of a collection, deleted ones too, lowest number first."""
        ...

    def alias_steps(self, collection_id: int) -> list[AliasStep]:
        """Return all moves of a collection's aliases, oldest first."""
        ...

    def copies(self, source: str) -> dict[int, Copy]:
        """Return what became of the runs and versions of another store, by their nodes there."""
        ...

    def adopt_projects(self, projects: Iterable[Project]) -> None:
        """Make projects where there are none (durable); of two times the earlier one stays."""
        ...

    def adopt_run(self, source: str, run: RunRecord, branches: Iterable[Branch] = ()) -> int:
        """Make a run of another store appear, or bring the one that it became up to date; return its key here.

        All but its key is as in ``run``; history and files are left alone. A run of its id that began at the same
        moment is the same run, deleted or not. ``branches`` are added to those it has. A deleted run appears as
        `delete_run` leaves it. One that was deleted here stays so. What is known of it as a `Copy` has no print
        afterwards.

        Raises:
            AlreadyExists: the project has another run of that id.
            NotFound: a branch goes on from a run that is not here.
        """
        ...

    def adopt_version(self, source: str, new: AdoptedVersion) -> Adopted:
        """Make a version of another store appear, whole, with its times, tags and moves of aliases (durable).

        Its number is the same, or the collection's next one where that is higher. Where it was taken before, where the
        collection has one of the same root and moment, or a live one of the same root, it is that one, which gets the
        tags; else a *logged* edge from its origin is written, if that is here. Of a deleted version only number, root
        and edge are kept: the tip stays, and neither ``tip`` nor ``needs`` count. See `adopt_steps` for aliases.

        Raises:
            Conflict: the collection has another type here.
            TipMoved: the collection's tip is not ``new.tip`` and the version is new to the collection.
            MissingBlobs: as in `commit_version`.
        """
        ...

    def adopt_steps(self, source: str, collection_id: int, steps: Iterable[AliasStep]) -> int:
        """Put moves of aliases into the history of a collection here, by their times (durable); return how many.

        An alias stands then where its last move says. Those that are there, and those to versions that are not, are
        passed over.
        """
        ...

    def adopt_edges(self, source: str, edges: Iterable[Edge]) -> int:
        """Write edges of another store between what is here of it (durable); return how many are new.

        A *logged* edge to a version that has another origin here becomes *reproduced*; a use that would close a circle
        becomes *feedback*.
        """
        ...

    def adopt_sweep(
        self, source: str, sweep: SweepRecord, trials: Iterable[Trial], reports: Iterable[TrialReport]
    ) -> bool:
        """Make a sweep of another store appear, or bring the one of its id that began at the same moment up to date.

        Returns:
            False, and nothing is written, where the one here has more trials, or as many and more that ended.

        Raises:
            AlreadyExists: the project has another sweep of that id.
        """
        ...

    def mark_copied(self, source: str, prints: dict[int, bytes]) -> None:
        """Keep the prints of runs and versions, by their nodes in the source; nodes unknown are passed over."""
        ...

    # -- lineage ------------------------------------------------------------------------------------------------

    def add_use(self, run_key: int, version_id: int, use_as: str | None = None) -> EdgeKind:
        """Record that a run used a version; a use that would close a circle is kept as *feedback*.

        Recording the same use again changes nothing, not even its ``use_as``. A deleted version may be used: the run
        may have taken it before it was deleted. Returns the kind of the edge that is there now.

        Raises:
            NotFound: there is no such run or version.
        """
        ...

    def edges(self, nodes: Iterable[int], direction: Direction, kinds: Iterable[EdgeKind]) -> Iterator[Edge]:
        """Yield the edges that leave ``nodes`` in a direction (upstream: those that come in), in one pass, each once.

        An `Edge` always reads in the direction in which data flows, whichever way was asked.
        """
        ...

    def walk(
        self,
        start: int,
        direction: Direction,
        *,
        depth: int | None = None,
        kinds: Iterable[EdgeKind] = (EdgeKind.USED, EdgeKind.LOGGED),
    ) -> dict[int, int]:
        """Return the nodes reached from ``start`` and their distance in edges, nearest first, without ``start``."""
        ...

    def all_edges(self, kinds: Iterable[EdgeKind], before: datetime | None = None) -> Iterator[Edge]:
        """Yield every edge of these kinds, in the order of source and target; only those written before a time."""
        ...

    def describe(self, nodes: Iterable[int]) -> dict[int, NodeInfo]:
        """Return what people want to read about nodes; unknown keys are left out."""
        ...

    def stale_uses(self, collection_id: int | None = None) -> list[StaleUse]:
        """Return the uses of versions whose collection has a newer live one, in the order of run and version used.

        Only *used* edges count. A deleted version makes nothing stale; a use of one is stale as any other.
        """
        ...

    def file_uses(self, digest: bytes) -> list[FileUse]:
        """Return the versions whose files hold this content, by collection, oldest first.

        A stretch stays when versions in it are deleted; they are left out of its ``versions``. Cost follows the
        answer's size.
        """
        ...
