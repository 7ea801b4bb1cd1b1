"""Where a run begins: anew, where an earlier process stopped, at a step of its own past, or at one of another run's."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from forebear.errors import AlreadyExists, Conflict, ForebearError, InvalidInput, NotFound
from forebear.names import check_run_id
from forebear.records.history import Branch
from forebear.records.lineage import EdgeKind
from forebear.records.runs import FINISHED, RUNNING, NewRun, RunChanges, RunOrigin, RunRecord
from forebear.store.liveness import real_state
from forebear.tracking.journal.place import journal_folder, journals_in
from forebear.tracking.metrics import Metrics
from forebear.tracking.naming import new_run_id, new_run_name
from forebear.tracking.origin import current_origin
from forebear.tracking.sessions import Start
from forebear.tracking.summarize import Summarizer
from forebear.tracking.terminal import termwarn

if TYPE_CHECKING:
    from forebear.settings import Settings
    from forebear.store.store import Store

ALLOW, MUST, NEVER, AUTO = "allow", "must", "never", "auto"
SHARED = "shared"
#: Folder of a store that remembers, folder by folder, the last run that was begun with ``resume="auto"``.
REMEMBERED = "resume"
_MOMENT = re.compile(r"(?P<id>[^?]+)\?_step=(?P<step>\d+)\Z")
#: Random ids drawn before an id that is taken is taken for something else than chance.
_DRAWS = 5


class Begun(NamedTuple):
    """A run that is registered, and from where it goes on."""

    record: RunRecord
    start: Start


class Moment(NamedTuple):
    """A step of a run: what ``id?_step=N`` says."""

    run_id: str
    step: int


def begin(store: Store, settings: Settings, config: dict[str, Any]) -> Begun:
    """Register a run, or take up one that is there, as the settings say.

    Args:
        config: Settings of the run; they replace those of a run that is taken up, key by key.

    Raises:
        AlreadyExists: the id is taken, and nothing was said about resuming.
        NotFound: the run that must be there is not.
        InvalidInput: the settings contradict each other, or a step is beyond the end of a history.
    """
    said = [name for name in ("resume_from", "fork_from") if getattr(settings, name)]
    if settings.resume not in {None, NEVER}:
        said.insert(0, "resume")
    if len(said) > 1:
        raise InvalidInput(f"give one of {' and '.join(said)}: each says by itself where to begin", code="resume-twice")
    if settings.resume_from:
        return _rewind(store, settings, config)
    if settings.fork_from:
        return _fork(store, settings, config)
    if settings.mode == SHARED and settings.resume is None:
        return _join(store, settings, config)
    return _begin_or_resume(store, settings, config)


def _begin_or_resume(store: Store, settings: Settings, config: dict[str, Any]) -> Begun:
    run_id = settings.run_id
    if settings.resume == AUTO and run_id is None:
        run_id = _remembered(store, settings)
    record = _find(store, settings, run_id) if settings.resume in {ALLOW, MUST, AUTO} and run_id else None
    if settings.resume == MUST and record is None:
        wanted = f"run {run_id!r}" if run_id else "a run whose id is not said"
        raise NotFound(
            f"resume='must' asks for {wanted}, and project {settings.entity}/{settings.project} has none; "
            "give the id of a run that is there, or resume='allow'",
            code="run-not-found",
        )
    if record is None:
        begun = Begun(_register(store, settings, config, run_id), Start())
    else:
        begun = _resume(store, record, settings, config)
    if settings.resume == AUTO:
        _remember(store, settings, begun.record.id)
    return begun


def _register(store: Store, settings: Settings, config: dict[str, Any], run_id: str | None) -> RunRecord:
    origin = origin_of(settings)
    for draw in range(_DRAWS):
        new = NewRun(
            entity=settings.entity,
            project=settings.project,
            id=check_run_id(run_id or new_run_id()),
            name=settings.name or new_run_name(),
            job_type=settings.job_type,
            group=settings.group,
            notes=settings.notes,
            tags=settings.tags,
            config=config,
            origin=origin,
            sweep=settings.sweep_id,
        )
        try:
            return store.catalog.add_run(new)
        except AlreadyExists:
            if run_id is not None or draw == _DRAWS - 1:
                raise
    raise NotFound("no free run id was found", code="run-id")


def origin_of(settings: Settings) -> RunOrigin:
    """Return how this process was started, without what the settings want left out."""
    origin = current_origin(git=not (settings.disable_git or settings.disable_code))
    if settings.x_disable_meta:
        # What tells whether the process is still there is no description of it.
        return RunOrigin(host=origin.host, pid=origin.pid, pid_started=origin.pid_started)
    if settings.x_disable_machine_info:
        return msgspec.structs.replace(origin, os=None, cpu_count=None)
    return origin


def _find(store: Store, settings: Settings, run_id: str) -> RunRecord | None:
    return store.catalog.run(settings.entity, settings.project, run_id)


# -- going on ---------------------------------------------------------------------------------------------------------


def _resume(store: Store, record: RunRecord, settings: Settings, config: dict[str, Any]) -> Begun:
    recover(store, record)
    if real_state(record) == RUNNING and not _begun_here(record):
        _share(store, record, settings)
    record = _taken_up(store, record, settings, config)
    return Begun(record, start_of(record.summary, resumed=True))


def _begun_here(record: RunRecord) -> bool:
    return (record.origin.host, record.origin.pid) == (socket.gethostname(), os.getpid())


def _share(store: Store, record: RunRecord, settings: Settings) -> None:
    """Go on with a run that somebody else may still write: of rows with one step both are kept, under two labels."""
    origin = record.origin
    words = f"run {record.name} ({record.id}) is still running, in process {origin.pid} on {origin.host}"
    # Of another host nothing is certain, but a journal that its owner holds tells.
    if settings.x_label is None and (origin.host == socket.gethostname() or _journals(store, record)):
        settings.x_label = f"{socket.gethostname()}-{os.getpid()}"
        words += f"; what both log is kept, that of this process under the label {settings.x_label}"
    if not settings.silent:
        termwarn(f"{words}. Use mode='shared' where several processes are meant to log to one run")


def _journals(store: Store, record: RunRecord) -> list[Path]:
    return journals_in(journal_folder(store.local, record.entity, record.project, record.id))


def _join(store: Store, settings: Settings, config: dict[str, Any]) -> Begun:
    """Several processes write to one run: whoever comes first registers it."""
    if settings.run_id is None:
        return Begun(_register(store, settings, config, None), Start())
    try:
        return Begun(_register(store, settings, config, settings.run_id), Start())
    except AlreadyExists:
        record = _find(store, settings, settings.run_id)
        assert record is not None
    if settings.x_primary and record.state != RUNNING:
        record = _taken_up(store, record, settings, config)
    elif config:
        store.catalog.update_run(record.key, RunChanges(config=record.config | config))
        record = store.catalog.runs_by_key([record.key])[record.key]
    return Begun(record, Start())


def _taken_up(store: Store, record: RunRecord, settings: Settings, config: dict[str, Any]) -> RunRecord:
    """Say that this process executes a run from now on."""
    changes = RunChanges(
        state=RUNNING,
        ended_at=None,
        exit_code=None,
        error=None,
        origin=origin_of(settings),
        config=record.config | config,
        **_renamed(settings),
    )
    store.catalog.update_run(record.key, changes)
    return store.catalog.runs_by_key([record.key])[record.key]


def _renamed(settings: Settings) -> dict[str, Any]:
    said = {name: getattr(settings, name) for name in ("name", "notes", "tags", "group", "job_type")}
    return {name: value for name, value in said.items() if value}


def start_of(summary: dict[str, Any], *, resumed: bool) -> Start:
    """Return the start that follows a summary."""
    step, runtime = summary.get("_step"), summary.get("_runtime")
    return Start(
        resumed=resumed,
        first_step=step + 1 if isinstance(step, int) else 0,
        runtime=int(runtime * 1e6) if isinstance(runtime, (int, float)) else 0,
        summary=summary,
    )


def recover(store: Store, record: RunRecord | None = None) -> None:
    """Take in what processes that are gone have left, of one run or of all; trouble with it is no trouble of ours."""
    from forebear.tracking.recovery import recover_journals  # 5 ms, only where there are journals

    with contextlib.suppress(ForebearError):
        recover_journals(store, run=None if record is None else (record.entity, record.project, record.id))


# -- going back -------------------------------------------------------------------------------------------------------


def moment_of(text: str, what: str) -> Moment:
    """Read ``id?_step=N``.

    Raises:
        InvalidInput: it has another form.
    """
    match = _MOMENT.match(text)
    if match is None:
        raise InvalidInput(f"{what}={text!r} is not of the form 'id?_step=100'", code="invalid-moment")
    return Moment(check_run_id(match["id"]), int(match["step"]))


def _past(store: Store, settings: Settings, what: str) -> tuple[RunRecord, Moment, RunChanges]:
    """Return the run that a setting names, the step, and summary and definitions as they stood then."""
    moment = moment_of(getattr(settings, what), what)
    record = _find(store, settings, moment.run_id)
    if record is None:
        raise NotFound(
            f"{what} names run {moment.run_id!r}, which project {settings.entity}/{settings.project} does not have",
            code="run-not-found",
        )
    recover(store, record)
    record = store.catalog.runs_by_key([record.key])[record.key]
    last = record.summary.get("_step", -1)
    if moment.step > last:
        raise InvalidInput(
            f"{what} asks for step {moment.step} of run {moment.run_id!r}, whose last step is {last}",
            code="step-beyond",
        )
    return record, moment, _as_it_stood(store, record, moment.step)


def _as_it_stood(store: Store, record: RunRecord, step: int) -> RunChanges:
    """Return what brings a run to the summary that it had after a step. Cost: reads its history up to there."""
    from forebear.tracking.history.reading import read_rows  # 5 ms, only for runs that go back

    metrics = Metrics(record.metrics)
    metrics.counts.clear()
    summarizer = Summarizer(metrics)
    for row in read_rows(store, record, max_step=step + 1):
        at, runtime = int(row.pop("_step")), row.pop("_runtime", 0.0)
        row.pop("_timestamp", None)
        summarizer.row(at, int(runtime * 1e6), row)
    return RunChanges(summary=summarizer.value() | {"_step": step}, metrics=metrics.to_json(summarizer.counts()))


def _rewind(store: Store, settings: Settings, config: dict[str, Any]) -> Begun:
    record, moment, then = _past(store, settings, "resume_from")
    if settings.run_id not in {None, record.id}:
        raise InvalidInput(
            f"resume_from names run {record.id!r} and id={settings.run_id!r} another; fork_from begins a new run there",
            code="resume-twice",
        )
    if real_state(record) == RUNNING and record.origin.pid != os.getpid():
        raise Conflict(
            f"run {record.id!r} is running, in process {record.origin.pid} on {record.origin.host}; "
            "end it before it is rewound",
            code="run-running",
        )
    branch = Branch(0, record.key, record.branch, moment.step, datetime.now(UTC))
    store.catalog.add_branch(record.key, branch, kind=EdgeKind.REWOUND)
    store.catalog.update_run(record.key, then)
    record = _taken_up(store, record, settings, config)
    return Begun(record, start_of(record.summary, resumed=True))


def _fork(store: Store, settings: Settings, config: dict[str, Any]) -> Begun:
    parent, moment, then = _past(store, settings, "fork_from")
    if settings.run_id == parent.id:
        raise InvalidInput(
            f"a run cannot be forked from itself: give another id than {parent.id!r}, or resume_from",
            code="resume-twice",
        )
    record = _register(store, settings, parent.config | config, settings.run_id)
    branch = Branch(0, parent.key, parent.branch, moment.step, datetime.now(UTC))
    store.catalog.add_branch(record.key, branch, kind=EdgeKind.FORKED)
    store.catalog.update_run(record.key, then)
    record = store.catalog.runs_by_key([record.key])[record.key]
    return Begun(record, start_of(record.summary, resumed=False))


# -- remembering ------------------------------------------------------------------------------------------------------


class _Remembered(msgspec.Struct):
    run_id: str


def _memory(store: Store, settings: Settings) -> Path:
    place = "\n".join((os.path.realpath(settings.dir or os.getcwd()), settings.entity, settings.project))
    return Path(store.local, REMEMBERED, hashlib.sha256(place.encode()).hexdigest()[:32] + ".json")


def _remember(store: Store, settings: Settings, run_id: str) -> None:
    file = _memory(store, settings)
    with contextlib.suppress(OSError):  # the run goes on; a later one cannot find it by itself
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(msgspec.json.encode(_Remembered(run_id)))
        os.replace(temporary, file)


def _remembered(store: Store, settings: Settings) -> str | None:
    """Return the run that was begun last from this folder, if it did not come to a good end."""
    try:
        run_id = msgspec.json.decode(_memory(store, settings).read_bytes(), type=_Remembered).run_id
    except (OSError, msgspec.MsgspecError):
        return None
    record = _find(store, settings, run_id)
    if record is None or real_state(record) in {FINISHED, RUNNING}:
        return None
    return run_id
