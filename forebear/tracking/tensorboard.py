"""Following what a script writes for TensorBoard, so that it becomes the run's history without a change to the script.

Writers of `torch.utils.tensorboard`, `tensorboardX`, `tensorboard` and TensorFlow are watched to learn which folders
they write to; the event files themselves are read (`forebear.tracking.event_files`), so what a child process writes is
seen too. A value is logged at the step that it was written with, and the step also as ``global_step``.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.errors import ForebearError
from forebear.tracking.event_files import EventFile, Histogram, Picture, Point
from forebear.tracking.terminal import termwarn

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from forebear.tracking.run import Run

#: Seconds between two looks at the files.
POLL_SECONDS = 1.0
#: Seconds that the end of a run waits for what is being read.
_JOIN_SECONDS = 10.0
_MARK = "tfevents"


class _Writer(NamedTuple):
    """Where a library begins to write: a class or function of a module, and how its folder is named."""

    module: str
    name: str
    folder: str


#: What all their writers come down to. TensorFlow's own is a function.
_WRITERS = (
    _Writer("tensorboard.summary.writer.event_file_writer", "EventFileWriter", "logdir"),
    _Writer("tensorboardX.event_file_writer", "EventFileWriter", "logdir"),
    _Writer("tensorflow.python.ops.summary_ops_v2", "create_file_writer_v2", "logdir"),
)


class Follower:
    """Logs what is written below folders to one run, from `start` to `stop`."""

    def __init__(self, run: Run, root: str | os.PathLike[str] | None = None) -> None:
        """Prepare.

        Args:
            run: The run that values are logged to.
            root: Folder that names are relative to: what is written to ``root/train`` is named ``train/…``. By default
                that is the folder of the first writer.
        """
        self._run = run
        self._root = None if root is None else os.path.abspath(root)
        self._folders: dict[str, None] = {}
        #: Files that were there before anybody wrote for this run.
        self._foreign: set[str] = set()
        self._files: dict[str, EventFile] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._owner = os.getpid()

    def start(self) -> None:
        """Begin to look for what is written."""
        self._thread = threading.Thread(target=self._poll, name="forebear-tensorboard", daemon=True)
        self._thread.start()
        if self._root is not None:
            self.add(self._root)

    def add(self, folder: str) -> None:
        """Follow a folder, from what is written to it after this call."""
        folder = os.path.abspath(folder)
        if os.getpid() != self._owner:
            return
        with self._lock:
            self._root = self._root or folder
            if not any(_is_below(folder, known) for known in self._folders):
                self._foreign |= set(_event_files(folder)) - self._files.keys()
                self._folders[folder] = None

    def stop(self) -> None:
        """Log what was written until now, and end."""
        if self._thread is None or os.getpid() != self._owner:
            return
        self._over.set()
        self._thread.join(_JOIN_SECONDS)
        self._thread = None

    def _poll(self) -> None:
        while True:
            over = self._over.wait(POLL_SECONDS)
            self.read()
            if over:
                return

    def read(self) -> None:
        """Log what was written since the last look."""
        with self._lock:
            folders = list(self._folders)
        for path in sorted({path for folder in folders for path in _event_files(folder)} - self._foreign):
            file = self._files.setdefault(path, EventFile(Path(path)))
            with contextlib.suppress(OSError):  # it is gone, or not readable now; the next look may find more
                self._log(file.read(), self._prefix_of(os.path.dirname(path)))

    def _log(self, points: Iterator[Point], prefix: str) -> None:
        row: dict[str, Any] = {}
        step = None
        for point in points:
            name = prefix + point.tag
            if row and (point.step != step or name in row):
                self._log_row(step, row)
                row = {}
            step = point.step
            if (value := _value_of(point.value)) is not None:
                row[name] = value
        if row:
            self._log_row(step, row)

    def _log_row(self, step: int | None, row: dict[str, Any]) -> None:
        try:
            self._run.log({**row, "global_step": step}, step=step)
        except (ForebearError, TypeError) as err:
            termwarn(f"what was written for TensorBoard at step {step} is not kept: {err}", repeat=False)

    def _prefix_of(self, folder: str) -> str:
        root = self._root or folder
        if folder == root:
            return ""
        name = os.path.relpath(folder, root) if _is_below(folder, root) else os.path.basename(folder)
        return f"{name.replace(os.sep, '/')}/"


def _value_of(value: float | Histogram | Picture) -> Any:
    if isinstance(value, float):
        return value
    try:
        if isinstance(value, Histogram):
            from forebear.media.histogram import Histogram as HistogramMedia  # loads numpy, 80 ms

            return HistogramMedia(np_histogram=(value.counts, value.edges))
        from forebear.media.image import Image  # loads Pillow, 30 ms

        return Image(value.content)
    except (ForebearError, ImportError) as err:
        termwarn(f"an image or histogram that was written for TensorBoard is not kept: {err}", repeat=False)
        return None


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _event_files(folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            if _MARK in name:
                yield os.path.join(parent, name)


# -- learning where scripts write --------------------------------------------------------------------------------

_followers: list[Follower] = []
_hooked: set[str] = set()
#: Root that was given before there was a run.
_given_root: str | None = None


def patch(
    *, save: bool = True, tensorboard_x: bool | None = None, pytorch: bool | None = None, root_logdir: str = ""
) -> None:
    """Follow what is written for TensorBoard in the runs that begin from now on, and in the current one.

    Args:
        save: Accepted for older scripts.
        tensorboard_x: Likewise; all libraries are watched.
        pytorch: Likewise.
        root_logdir: Folder that the names of values are relative to.
    """
    global _given_root
    from forebear.tracking.current import current_run

    _given_root = root_logdir or None
    _watch_writers()
    run = current_run()
    if run is not None:
        sync(run)


def sync(run: Run) -> Follower:
    """Follow what is written for TensorBoard until the run ends; a second call for a run changes nothing."""
    for known in _followers:
        if known._run is run:
            return known
    _watch_writers()
    follower = Follower(run, _given_root)
    _followers.append(follower)
    follower.start()
    run.at_end(functools.partial(_leave, follower))
    return follower


def _leave(follower: Follower) -> None:
    follower.stop()
    if follower in _followers:
        _followers.remove(follower)


def _tell_folder(folder: Any) -> None:
    # The newest run is the one that the script is in.
    if _followers and isinstance(folder, str | os.PathLike):
        _followers[-1].add(os.fspath(folder))


def _watch_writers() -> None:
    """Watch the writers of libraries that are loaded, and of those that will be."""
    for writer in _WRITERS:
        module = sys.modules.get(writer.module)
        if module is not None:
            _hook(module, writer)
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _hook(module: ModuleType, writer: _Writer) -> None:
    target = getattr(module, writer.name, None)
    if target is None or writer.module in _hooked:
        return
    _hooked.add(writer.module)
    if isinstance(target, type):
        target.__init__ = _telling(target.__init__, writer.folder, 1)  # type: ignore[misc]
    else:
        setattr(module, writer.name, _telling(target, writer.folder, 0))


def _telling(function: Callable[..., Any], folder: str, position: int) -> Callable[..., Any]:
    @functools.wraps(function)
    def telling(*args: Any, **options: Any) -> Any:
        # Before the writer makes its file, so that the file counts as new.
        _tell_folder(options[folder] if folder in options else args[position] if len(args) > position else None)
        return function(*args, **options)

    return telling


class _Finder(importlib.abc.MetaPathFinder):
    """Lets other finders find the modules of writers, and hooks them when they are loaded."""

    def __init__(self) -> None:
        self._searching = False

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Return the spec that others find, with a loader that hooks the module."""
        writer = next((one for one in _WRITERS if one.module == name), None)
        if writer is None or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _hook(module, writer)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
