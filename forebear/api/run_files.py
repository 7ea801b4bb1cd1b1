"""Files of a run: what it saved, and its log. Their bytes are blobs of the store, verified when they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, overload

from forebear.errors import AlreadyExists, InvalidInput, NotFound
from forebear.records.history import HistoryBatch, RunFile
from forebear.records.runs import RUNNING
from forebear.store.paths import SafeFolder, normal_inner_path
from forebear.tracking.identity import run_folder

if TYPE_CHECKING:
    from forebear.records.runs import RunRecord
    from forebear.store.store import Store


#: What a run printed.
LOG_FILE = "output.log"


class File:
    """One file of a run."""

    def __init__(self, store: Store, run: RunRecord, record: RunFile) -> None:
        self._store = store
        self._run = run
        self.record = record

    @property
    def name(self) -> str:
        """Path within the run, such as ``media/images/a.png``."""
        return self.record.path

    @property
    def size(self) -> int:
        """Bytes."""
        return self.record.size

    @property
    def digest(self) -> str:
        """BLAKE3-256 of the content in hexadecimal, as ``b3sum`` prints it."""
        return self.record.digest.hex()

    @property
    def updated_at(self) -> datetime:
        """When it was saved, aware UTC."""
        return self.record.at

    def read(self) -> bytes:
        """Return the content, verified. Raises `CorruptData`."""
        return self._store.read(self.record.digest)

    def download(self, root: str | os.PathLike[str] = ".", replace: bool = False, exist_ok: bool = False) -> str:
        """Put the file below ``root``, verified; return its path there.

        Args:
            replace: Write over a file that is there.
            exist_ok: Leave a file that is there as it is.

        Raises:
            AlreadyExists: there is a file, and neither ``replace`` nor ``exist_ok`` was said.
            CorruptData: the bytes are damaged in the store.
        """
        path = SafeFolder(root).join(self.name)
        if os.path.lexists(path) and not replace:
            if exist_ok:
                return path
            raise AlreadyExists(f"{path} is there already; say replace=True or exist_ok=True", code="file-exists")
        self._store.checkout(os.fspath(root)).place([(self.name, self.size, self.record.digest)])
        return path

    def delete(self) -> None:
        """Take the file away from its run."""
        self._store.catalog.forget_run_files(self._run.key, [self.name])

    def __repr__(self) -> str:
        return f"<File {self.name} of {self._run.qualified_name}>"


class Files(Sequence[File]):
    """The files of a run, sorted by name."""

    def __init__(self, files: Iterable[File]) -> None:
        self._files = list(files)

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> File: ...

    @overload
    def __getitem__(self, index: slice) -> list[File]: ...

    def __getitem__(self, index: int | slice) -> File | list[File]:
        return self._files[index]

    def __repr__(self) -> str:
        return f"<Files {len(self._files)}>"


def files_of(store: Store, run: RunRecord, names: Iterable[str] | None = None, pattern: str | None = None) -> Files:
    """Return the files of a run: those with one of ``names``, or whose name ``pattern`` fits.

    In a pattern ``*`` and ``%`` stand for any text.

    Raises:
        InvalidInput: both are given.
    """
    if names is not None and pattern is not None:
        raise InvalidInput("files are chosen by names or by a pattern, not by both", code="invalid-input")
    wanted = None if names is None else {names} if isinstance(names, str) else set(names)
    fits = re.compile(_regex(pattern), re.DOTALL).fullmatch if pattern is not None else None
    return Files(
        File(store, run, record)
        for record in store.catalog.run_files(run.key)
        if (wanted is None or record.path in wanted) and (fits is None or fits(record.path))
    )


def _regex(pattern: str) -> str:
    return "".join(".*" if char in "*%" else re.escape(char) for char in pattern)


def file_of(store: Store, run: RunRecord, name: str) -> File:
    """Return one file of a run.

    Raises:
        NotFound: there is none; the message lists what there is.
    """
    found = files_of(store, run)
    for file in found:
        if file.name == name:
            return file
    listed = ", ".join(file.name for file in found[:12]) or "none"
    more = f" and {len(found) - 12} more" if len(found) > 12 else ""
    raise NotFound(f"run {run.qualified_name} has no file {name!r}; it has {listed}{more}", code="file-not-found")


def live_path(store: Store, run: RunRecord, name: str) -> Path | None:
    """Return where a run that was not finished writes a file on this machine; ``None`` where there is none.

    Raises:
        InvalidInput: the name would leave the folder of the run.
    """
    path = Path(SafeFolder(run_folder(store.local, run.entity, run.project, run.id)).find(name))
    return path if run.state == RUNNING and path.is_file() else None


def upload(store: Store, run: RunRecord, path: str | os.PathLike[str], root: str | os.PathLike[str] = ".") -> File:
    """Keep a file with a run, under its path below ``root``; a file of that name is replaced.

    Raises:
        InvalidInput: there is no such file, or it is not below ``root``.
    """
    full = os.path.abspath(path)
    name = os.path.relpath(full, os.path.abspath(root)).replace(os.sep, "/")
    name = normal_inner_path(name)
    intake = store.intake()
    _, size, digest = intake.add_file(full, name)
    intake.register()
    intake.remember()
    record = RunFile(name, digest, size, datetime.now(UTC))
    keep_files(store, run, [record])
    intake.abort()
    return File(store, run, record)


def keep_files(store: Store, run: RunRecord, files: Iterable[RunFile]) -> None:
    """Let files whose bytes the store holds belong to a run."""
    # The catalog takes what a journal held; this one is made up, has no bytes, and is forgotten at once.
    journal = f"upload-{os.urandom(16).hex()}"
    store.catalog.append_history(HistoryBatch(run.key, journal, 0, 0, files=tuple(files)), durable=True)
    store.catalog.forget_journals([journal])
