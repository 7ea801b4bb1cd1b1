"""A progress bar for work that takes long, where somebody watches."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from forebear.cli.text import count
from forebear.cli.text import size as size_text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: Work that is over sooner shows no bar, in seconds.
PATIENCE = 0.5


class Watch:
    """Counts files and bytes while its block runs; call it with what was done since the last call.

    The bar is drawn on standard error, only on a terminal, and only once `PATIENCE` has run out. It goes away with the
    block, so that what stays on the screen is the result.
    """

    def __init__(self, doing: str, *, bytes_total: int | None = None, unit: str = "file", hidden: bool = False) -> None:
        """Say what is done; ``bytes_total`` is the whole of it, where that is known, and ``unit`` what is counted."""
        self._doing = doing
        self._unit = unit
        self._total = bytes_total
        self._files = 0
        self._bytes = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        if not hidden and sys.stderr.isatty():
            # The timer shows that something happens even while a single large file gives no call.
            self._timer = threading.Timer(PATIENCE, self._begin)
            self._timer.daemon = True

    def __enter__(self) -> Watch:
        if self._timer is not None:
            self._timer.start()
        return self

    def __call__(self, files: int, size: int) -> None:
        """Count ``files`` and bytes that were done since the last call."""
        self._files += files
        self._bytes += size
        self._draw()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._timer = None
            if self._bar is not None:
                self._bar.stop()
                self._bar = None

    def _begin(self) -> None:
        from rich.console import Console  # 120 ms that work without a bar is spared
        from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        if self._total:
            columns.append(BarColumn(bar_width=24))
        columns.append(TimeElapsedColumn())
        with self._lock:
            if self._timer is None:
                return
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._doing, total=self._total)
            self._bar.start()
        self._draw()

    def _draw(self) -> None:
        with self._lock:
            if self._bar is not None and self._task is not None:
                parts = [self._doing]
                if self._files:
                    whole = f" of {size_text(self._total)}" if self._total else ""
                    parts += [count(self._files, self._unit), f"{size_text(self._bytes)}{whole}"]
                self._bar.update(self._task, completed=self._bytes, description=" · ".join(parts))
