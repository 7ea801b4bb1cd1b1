"""Beginning to take down what is not logged: output, machine, code, environment. Each can be switched off.

What a run waits for is the console alone, and a few names; all else is done by threads, which end with the run.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from forebear.errors import ForebearError
from forebear.records.runs import RunChanges
from forebear.tracking.capture import console as console_module
from forebear.tracking.capture.console import Console
from forebear.tracking.files import RunFiles, files_of, restore_file
from forebear.tracking.terminal import be_silent, termwarn

if TYPE_CHECKING:
    from forebear.records.runs import RunOrigin
    from forebear.settings import Settings
    from forebear.tracking.run import Run

#: Seconds that the end of a run waits for what is found out in the background.
WAIT_SECONDS = 5.0


def start_capture(run: Run) -> None:
    """Begin to capture for a run, as its settings say; its end ends it. Never raises."""
    settings = run.settings
    if settings.silent:
        be_silent(True)
        run.at_end(partial(be_silent, False))
    if run.disabled:
        return
    files = files_of(run)  # first of all, so that its end comes last: by then the others have written their files
    if settings.console != console_module.OFF:
        _start_console(run, files)
    if not settings.x_disable_stats and settings.x_stats_sampling_interval > 0:
        _start_monitor(run)
    if not settings.x_disable_meta:
        background = Background(run, files)
        background.start()
        run.at_end(background.stop)
    if settings.save_code and settings.code_dir and not settings.disable_code:
        _log_code(run, settings.code_dir)


def _start_console(run: Run, files: RunFiles) -> None:
    label = run.settings.x_label
    name = f"{Path(console_module.FILE_NAME).stem}-{_plain(label)}.log" if label else console_module.FILE_NAME
    if run.resumed:
        _bring_back(run, files, name)
    console = Console(files.folder / name, run.settings.console)
    try:
        console.start()
    except OSError as err:
        _warn(run.settings, f"what the run prints is not kept: {err}")
        return
    files.own(console.file_name)
    run.at_end(console.stop)


def _log_code(run: Run, folder: str) -> None:
    from forebear.tracking.capture.code import log_code  # 2 ms, only where it was asked for

    try:
        log_code(run, folder)
    except (ForebearError, OSError) as err:
        _warn(run.settings, f"the code in {folder} is not kept: {err}")


def _bring_back(run: Run, files: RunFiles, name: str) -> None:
    """Let a run that is resumed write on in the log that it had."""
    if (files.folder / name).exists() or not any(one.path == name for one in run.store.catalog.run_files(run.key)):
        return
    try:
        restore_file(run.store, run.key, name, files.folder).close()
    except (ForebearError, OSError) as err:
        _warn(run.settings, f"what the run printed before is not in its log any more: {err}")


def _start_monitor(run: Run) -> None:
    from forebear.tracking.capture.system import SystemMonitor  # 1 ms, for those who switched it off

    def take(values: dict[str, float]) -> None:
        run.journal.system_row(run.runtime_us(), values)

    monitor = SystemMonitor(take, run.store.local, interval=run.settings.x_stats_sampling_interval)
    monitor.start()
    run.at_end(monitor.stop)


class Background:
    """Finds out in a thread what takes a while: changes of the code, packages, GPUs.

    It speaks to store and journal alone: the end of a run waits for it, and holds the run's own lock meanwhile.
    """

    def __init__(self, run: Run, files: RunFiles) -> None:
        """Prepare; `start` begins, and the end of the run waits a while for it."""
        self._store, self._key = run.store, run.key
        self._settings = run.settings
        self._origin = run.record.origin
        self._files = files
        self._folder = os.getcwd()
        self._thread = threading.Thread(target=self._work, name="forebear-capture", daemon=True)
        #: Nothing may be added once the run has ended.
        self._over = False

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for what is under way, but not for ever."""
        self._thread.join(WAIT_SECONDS)
        self._over = True

    def _work(self) -> None:
        settings = self._settings
        parts = (
            (self._keep_changes, not settings.disable_git),
            (self._find_gpus, not settings.x_disable_machine_info),
            (self._keep_requirements, settings.x_save_requirements),
            (self._keep_program, settings.save_code and not settings.disable_code),
        )
        for part, wanted in parts:
            if wanted and not self._over:
                try:
                    part()
                except (ForebearError, OSError) as err:
                    _warn(settings, f"something about how the run was started could not be kept: {err}")

    def _keep_changes(self) -> None:
        if self._origin.git_commit is None:
            return
        from forebear.tracking.capture.patch import FILE_NAME, changes  # 1 ms, only inside a repository

        found = changes(Path(self._folder))
        if found.note:
            _warn(self._settings, found.note)
        if found.patch and not self._settings.disable_code:
            self._add(FILE_NAME, found.patch)
        if found.dirty is not None:
            self._change_origin(msgspec.structs.replace(self._origin, git_dirty=found.dirty))

    def _find_gpus(self) -> None:
        from forebear.tracking.capture.system import gpu_probe  # 1 ms

        gpus = gpu_probe()
        if gpus is not None:
            self._change_origin(msgspec.structs.replace(self._origin, gpu=gpus.name, gpu_count=gpus.count))

    def _keep_requirements(self) -> None:
        from forebear.tracking.capture.environment import CONDA, REQUIREMENTS, conda_packages, requirements  # 1 ms

        for name, text in ((REQUIREMENTS, requirements()), (CONDA, conda_packages())):
            if text:
                self._add(name, text.encode("utf-8", "replace"))

    def _keep_program(self) -> None:
        from forebear.tracking.capture.code import save_program  # 2 ms

        save_program(self._files)

    def _add(self, name: str, content: bytes) -> None:
        if not self._over:
            self._files.add_bytes(name, content)

    def _change_origin(self, origin: RunOrigin) -> None:
        self._origin = origin
        self._store.catalog.update_run(self._key, RunChanges(origin=origin))


def _plain(label: str) -> str:
    return "".join(character if character.isalnum() or character in "-_" else "_" for character in label)


def _warn(settings: Settings, text: str) -> None:
    if not settings.silent:
        termwarn(text)
