"""The files of a run: what a script saves, what it leaves in the run's folder, and what capture adds.

The bytes are blobs of the store. A small file goes through the run's journal, so saving it costs one write; a large
one goes into the store at once. Either way what `RunFiles.save` returned for is kept, whatever becomes of the process.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import stat
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO

from forebear.blobs.writer import SMALL_BYTES
from forebear.errors import ForebearError, InvalidInput, NotFound
from forebear.records.history import HistoryBatch, RunFile
from forebear.store.paths import SafeFolder, check_inner_path
from forebear.store.shared import active_scope, shared_store
from forebear.tracking.identity import run_folder
from forebear.tracking.journal.file import try_lock
from forebear.tracking.terminal import termwarn

if TYPE_CHECKING:
    from forebear.records.runs import RunRecord
    from forebear.store.store import Store
    from forebear.tracking.run import Run

NOW, LIVE, END = "now", "live", "end"
POLICIES = (NOW, LIVE, END)
#: Seconds between two looks at the files that are kept up to date.
LIVE_SECONDS = 30.0
#: Names that a message lists.
_LISTED = 10

#: Files that forebear itself makes in the folder of a run.
_OURS = re.compile(r"output(?:-[^/]*)?\.log|alerts\.jsonl")

#: Inode, bytes, mtime and ctime in nanoseconds: a file of which these stay is not read again.
_Look = tuple[int, int, int, int]


class FileJournal(Protocol):
    """The part of a run's journal that files need."""

    def blob(self, digest: bytes, content: bytes) -> Any:
        """Keep content."""
        ...

    def file(self, path: str, digest: bytes, size: int) -> Any:
        """Say that the run has a file of a content that is kept."""
        ...


class RunFiles:
    """Takes files of one run into its store. Safe for threads and forks."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        journal: FileJournal,
        *,
        tell: Callable[[str], None],
        run_key: int | None = None,
    ) -> None:
        """Take files for a run.

        Args:
            store: Where large files go.
            folder: The folder of the run; made when it is first asked for.
            journal: Where small files go, and the names of all.
            tell: Tells the person at the terminal something.
            run_key: Of the run that holds large files until its journal is taken; none does in tests.
        """
        self._store = store
        self._run_key = run_key
        self._folder = folder
        self._journal = journal
        self._tell = tell
        self._lock = threading.RLock()
        self._owner = self._lock_owner = os.getpid()
        self._live: list[_Pattern] = []
        self._late: list[_Pattern] = []
        #: Name → how the file looked when it was taken.
        self._taken: dict[str, _Look] = {}
        self._own: set[str] = set()
        self._over = threading.Event()
        self._watch: threading.Thread | None = None

    @property
    def folder(self) -> Path:
        """The folder of the run: whatever lies in it when the run ends is kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def add_bytes(self, name: str, content: bytes) -> None:
        """Keep content as a file. Raises `InvalidInput` where the name is no path of a file of a run."""
        check_inner_path(name)
        with self._guard():
            if len(content) >= SMALL_BYTES:
                intake = self._store.intake()
                digest = intake.add_bytes(content)
                intake.register()
                self._hold([digest])
                intake.abort()
            else:
                digest = self._keep_small(content)
            self._journal.file(name, digest, len(content))

    def add_file(self, name: str, path: str | os.PathLike[str]) -> None:
        """Keep a file under a name, as it is now.

        Raises:
            InvalidInput: it is not there, cannot be read or is no file, or the name is no path of a file of a run.
            Conflict: it changed while it was read.
        """
        check_inner_path(name)
        with self._guard():
            self._take({name: os.path.abspath(path)})

    def own(self, name: str) -> None:
        """Say that a file in the folder was made by forebear, so that it is taken away when it is kept."""
        self._own.add(name)

    def save(
        self,
        glob_str: str | bytes | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: str = LIVE,
    ) -> list[str]:
        """Keep the files that a path or pattern finds; a folder stands for all files below it.

        Args:
            glob_str: Path or pattern; ``**`` matches folders of any depth.
            base_path: Files are named by their path below this folder. By default that is the working folder, or for
                an absolute path or pattern the folder in front of its first wildcard.
            policy: ``live`` keeps the files now, when they change, and once more at the end; ``now`` keeps them as they
                are; ``end`` keeps them when the run ends. Files that are new by then are kept too.

        Returns:
            The names under which files are kept, sorted.

        Raises:
            InvalidInput: the policy is not known, a file cannot be read, or it is not below ``base_path``.
        """
        if policy not in POLICIES:
            raise InvalidInput(f"policy {policy!r} is unknown; there are {', '.join(POLICIES)}", code="invalid-policy")
        text = os.fsdecode(glob_str)
        if "://" in text:
            self._tell(f"save() keeps files of this machine; log {text} by add_reference() of an artifact")
            return []
        pattern = _pattern_of(text, base_path, self._folder)
        files = pattern.files()
        with self._guard():
            if policy != END:
                self._take(files)
            if policy != NOW:
                (self._live if policy == LIVE else self._late).append(pattern)
                self._keep_watching()
        if not files:
            later = "" if policy == NOW else "; what is there when the run ends will be kept"
            self._tell(f"save({text!r}) finds no file in {os.getcwd()}{later}")
        return sorted(files)

    def refresh(self) -> None:
        """Keep files of policy ``live`` that changed since they were kept. What goes wrong is left for the end."""
        for pattern in self._live[:]:
            with contextlib.suppress(ForebearError, OSError), self._guard():
                self._take(pattern.files())

    def finish(self) -> None:
        """Keep all that is to be kept at the end, and take away the folder if only forebear used it. Never raises."""
        self._over.set()
        if self._watch is not None:
            self._watch.join()
        wanted: dict[str, str] = {}
        for pattern in (*self._live, *self._late):
            with contextlib.suppress(InvalidInput):  # somebody moved what was there when it was saved
                wanted |= pattern.files()
        wanted |= dict(_below(self._folder, self._folder))
        self._take_each(wanted)
        self._live.clear()
        self._late.clear()
        clear_folder(self._folder, self._own)

    # -- how ----------------------------------------------------------------------------------------------------

    def _guard(self) -> threading.RLock:
        if os.getpid() != self._lock_owner:
            # Another thread of the parent may have held the lock when this child was forked.
            self._lock, self._lock_owner = threading.RLock(), os.getpid()
        return self._lock

    def _keep_watching(self) -> None:
        if self._watch is None and self._live and os.getpid() == self._owner:
            self._watch = threading.Thread(target=self._refresh_now_and_then, name="forebear-files", daemon=True)
            self._watch.start()

    def _refresh_now_and_then(self) -> None:
        while not self._over.wait(LIVE_SECONDS):
            self.refresh()

    def _take_each(self, files: dict[str, str]) -> None:
        try:
            with self._guard():
                self._take(files)
            return
        except (ForebearError, OSError):
            pass
        # One of them cannot be kept: that is no reason to lose the others, and the run is ending.
        for name, path in files.items():
            try:
                with self._guard():
                    self._take({name: path})
            except (ForebearError, OSError) as err:
                self._own.discard(name)
                self._tell(f"the file {name} of the run could not be kept: {err}")

    def _take(self, files: dict[str, str]) -> None:
        large: dict[str, tuple[str, _Look]] = {}
        for name, path in files.items():
            look = _look_at(path)
            if self._taken.get(name) == look:
                continue
            if look[1] >= SMALL_BYTES:
                large[name] = (path, look)
                continue
            content = _read(path)
            self._journal.file(name, self._keep_small(content), len(content))
            self._taken[name] = look
        if large:
            self._take_large(large)

    def _take_large(self, files: dict[str, tuple[str, _Look]]) -> None:
        intake = self._store.intake()
        rows = [intake.add_file(path, name) for name, (path, _) in files.items()]
        intake.register()
        self._hold([digest for _, _, digest in rows])
        intake.abort()
        intake.remember()
        for name, size, digest in rows:
            self._journal.file(name, digest, size)
            self._taken[name] = files[name][1]

    def _hold(self, digests: list[bytes]) -> None:
        """Let contents stay that only the journal names until it is taken, which may be long after this process."""
        if self._run_key is not None:
            self._store.catalog.hold(self._run_key, digests)

    def _keep_small(self, content: bytes) -> bytes:
        from forebear.blobs.digest import digest_of  # 3 ms, for runs that keep no file

        digest = digest_of(content)
        self._journal.blob(digest, content)
        return digest


class _Pattern(NamedTuple):
    """What was asked to be saved: an absolute pattern, and the folder that names are relative to."""

    text: str
    base: str
    folder: Path

    def files(self) -> dict[str, str]:
        """Return name → path of the files that it finds now."""
        found: dict[str, str] = {}
        for path in sorted(glob.glob(self.text, recursive=True, include_hidden=True)):
            path = os.path.normpath(path)
            if os.path.isdir(path):
                found |= {self._name_of(os.path.join(path, name)): file for name, file in _below(path, path)}
            elif os.path.isfile(path) or not glob.has_magic(self.text):
                found[self._name_of(path)] = path
        return found

    def _name_of(self, path: str) -> str:
        for base in (str(self.folder), self.base):
            name = os.path.relpath(path, base).replace(os.sep, "/")
            if name != ".." and not name.startswith("../"):
                return check_inner_path(name)
        raise InvalidInput(
            f"cannot save {path}: it is not below {self.base}; give another base_path", code="outside-base"
        )


def _pattern_of(text: str, base_path: str | os.PathLike[str] | None, folder: Path) -> _Pattern:
    text = os.path.expanduser(text)
    if base_path is not None:
        base = os.path.abspath(base_path)
    elif os.path.isabs(text):
        base = os.path.dirname(text)
        while glob.has_magic(base):
            base = os.path.dirname(base)
    else:
        base = os.getcwd()
    return _Pattern(os.path.join(os.getcwd(), text), os.path.normpath(base), folder)


def adopt_folder(store: Store, folder: Path) -> list[RunFile]:
    """Take into a store what a dead process left in the folder of its run; return the files for the catalog.

    Files are taken as they are. One that cannot be read is left out, and so is one that a living process has locked,
    as every process of a run locks its own log.
    """
    if not folder.is_dir():
        return []
    intake = store.intake()
    rows = []
    for name, path in _below(folder, folder):
        with contextlib.suppress(ForebearError, OSError):
            if _is_free(path):
                rows.append(intake.add_file(path, check_inner_path(name)))
    intake.register()
    at = datetime.now(UTC)
    return [RunFile(name, digest, size, at) for name, size, digest in rows]


def take_left_files(store: Store, run: RunRecord) -> list[str]:
    """Give a run that crashed the files that lie in its folder; return their names.

    What cannot be taken stays in the folder, for whoever looks there.
    """
    folder = run_folder(store.local, run.entity, run.project, run.id)
    lease = store.writer_lease()
    try:
        lease.announce()
        files = adopt_folder(store, folder)
        if files:
            # A batch of a journal that nobody has: the catalog takes files only with the journal that names them.
            journal = f"files-{os.urandom(16).hex()}"
            store.catalog.append_history(
                HistoryBatch(run_key=run.key, journal=journal, start=0, end=1, files=tuple(files))
            )
            store.catalog.forget_journals([journal])
    except (ForebearError, OSError):
        return []
    finally:
        lease.end()
    names = [file.path for file in files]
    clear_folder(folder, [name for name in names if _OURS.fullmatch(name)])
    return names


def clear_folder(folder: Path, names: Iterable[str]) -> None:
    """Take files away that are kept, then the folder and the one around it if they are empty."""
    for name in names:
        with contextlib.suppress(OSError):
            os.unlink(folder / name)
    with contextlib.suppress(OSError):
        os.rmdir(folder)
        os.rmdir(folder.parent)


_of_runs: weakref.WeakKeyDictionary[Run, RunFiles] = weakref.WeakKeyDictionary()


def files_of(run: Run) -> RunFiles:
    """Return what takes the files of a run; it takes those of the run's folder when the run ends."""
    files = _of_runs.get(run)
    if files is None:
        tell = _quiet if run.settings.silent else termwarn
        # Two threads may both come here first; one of theirs is kept, by one call of the dictionary.
        key = None if run.settings.mode == "disabled" else run._record.key
        made = RunFiles(run.store, Path(run.dir), run.journal, tell=tell, run_key=key)
        files = _of_runs.setdefault(run, made)
        run.at_end(files.finish)
    return files


def save(
    run: Run,
    glob_str: str | bytes | os.PathLike[str] | None = None,
    base_path: str | os.PathLike[str] | None = None,
    policy: str = LIVE,
) -> list[str]:
    """Keep files with a run. See `RunFiles.save`."""
    if glob_str is None:
        raise InvalidInput("save() needs the path or pattern of the files to keep", code="missing-path")
    return files_of(run).save(glob_str, base_path, policy)


def restore(
    run: Run | None,
    name: str,
    run_path: str | None = None,
    replace: bool = False,
    root: str | os.PathLike[str] | None = None,
) -> TextIO:
    """Put a file of a run below a folder, verified, and return it, open for reading.

    Args:
        run: The run that asks; ``None`` where there is none.
        name: Path of the file within its run.
        run_path: ``id``, ``project/id`` or ``entity/project/id`` of the run whose file it is, by default ``run``.
        replace: Write over a file that is there; otherwise that one is returned.
        root: Folder, by default that of ``run``, else the working folder.

    Raises:
        NotFound: there is no such run, or it has no such file; the message lists those that it has.
        InvalidInput: there is no run, and ``run_path`` does not say which.
        CorruptData: its bytes are missing or damaged.
    """
    if run is None and run_path is None:
        raise InvalidInput("say which run the file is of: run_path='project/id'", code="no-run")
    store = shared_store() if run is None else run.store
    target = root if root is not None else os.curdir if run is None else run.dir
    return restore_file(store, _key_of(run, run_path, store), name, target, replace=replace)


def _key_of(run: Run | None, run_path: str | None, store: Store) -> int:
    if run_path is None:
        assert run is not None
        run.mark_preempting()  # what was saved a moment ago may not be in the catalog yet
        return run.key
    entity, project = active_scope()
    *scope, run_id = run_path.strip("/").split("/")
    if len(scope) > 2:
        raise InvalidInput(f"{run_path!r} is no path of a run; write entity/project/id", code="invalid-path")
    entity, project = [entity, project][: 2 - len(scope)] + scope
    found = store.catalog.run(entity, project, run_id)
    if found is None:
        raise NotFound(f"there is no run {entity}/{project}/{run_id} in {store.url}", code="no-such-run")
    return found.key


def restore_file(
    store: Store, run_key: int, name: str, root: str | os.PathLike[str] = ".", *, replace: bool = False
) -> TextIO:
    """Put the file of the run with this key below ``root``; otherwise as `restore`."""
    path = SafeFolder(root).join(name)
    if replace or not os.path.exists(path):
        files = {file.path: file for file in store.catalog.run_files(run_key)}
        if name not in files:
            shown = ", ".join([*files][:_LISTED]) or "none"
            more = f" and {len(files) - _LISTED} more" if len(files) > _LISTED else ""
            raise NotFound(f"the run has no file {name!r}; it has {shown}{more}", code="no-such-file")
        store.checkout(os.fspath(root)).place([(name, files[name].size, files[name].digest)])
    return open(path, encoding="utf-8", errors="replace")


def _below(folder: str | os.PathLike[str], root: str | os.PathLike[str]) -> Iterator[tuple[str, str]]:
    """Yield name below ``root`` and path of each file in a folder, sorted; links to folders are not followed."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(parent, name)
            if os.path.isfile(path):
                yield os.path.relpath(path, root).replace(os.sep, "/"), path


def _look_at(path: str) -> _Look:
    try:
        status = os.stat(path)
    except OSError as err:
        raise InvalidInput(f"cannot save {path}: {err.strerror}", code="unreadable-file") from err
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput(f"cannot save {path}: it is not a file", code="not-a-file")
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as err:
        raise InvalidInput(f"cannot save {path}: {err.strerror}", code="unreadable-file") from err


def _is_free(path: str) -> bool:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        return try_lock(descriptor)
    finally:
        os.close(descriptor)


def _quiet(text: str) -> None:
    """Say nothing."""
