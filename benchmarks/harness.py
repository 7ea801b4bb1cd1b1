"""What all benchmarks share: timing whole processes, alternating with yardsticks, and the table at the end.

A sample is the wall time of one process from start to end, interpreter and imports included. Before each, dirty pages
are written out, so that nobody pays for the writes of another. Yardsticks are measured in turn with what they measure,
because seconds do not travel from machine to machine, and on a busy one not from minute to minute.

Nothing large is deleted between samples: ext4 without a journal creates files up to 30 times slower after that.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SCRIPTS = ROOT / "benchmarks" / "scripts"
PYTHON = sys.executable
#: Variables that would change what is timed: users compile a module once, and have their settings in no benchmark.
_FOREIGN = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONPROFILEIMPORTTIME", "PYTHONTRACEMALLOC", "PYTHONDEVMODE")
_FOREIGN_PREFIXES = ("FOREBEAR_", "WANDB_", "MLFLOW_", "DVC_", "RESTIC_", "BORG_", "GIT_", "XDG_")
_WIDTH = 118
#: Present where Linux can give free memory back to a host (Documentation/mm/free_page_reporting.rst), and when it has.
_PAGE_REPORTING = Path("/sys/module/page_reporting")
_GIVEN_BACK_SECONDS = 3
#: Samples of each quantity, unless somebody says.
ROUNDS = 5


class Command(NamedTuple):
    """A process to start, and others that have to run before it and are not timed."""

    argv: Sequence[str | Path]
    cwd: Path | None = None
    env: Mapping[str, str] = {}
    before: Sequence[Command] = ()


class Sample(NamedTuple):
    """What one process took: wall time in seconds, and the most memory it held at once in bytes."""

    seconds: float
    peak: int


@dataclass(eq=False)
class Quantity:
    """One line of a table: what was measured, against what, and what it should be.

    Attributes:
        unit: Of the samples: ``s``, ``ms``, ``MiB``, ….
        yardstick: What the ratio is to; a target with ``at_most_times`` is a bound of that ratio.
        at_most: Target, in ``unit``.
        note: Where there are no samples, why.
    """

    what: str
    unit: str = "s"
    yardstick: Quantity | None = None
    at_most: float | None = None
    at_most_times: float | None = None
    samples: list[float] = field(default_factory=list)
    note: str = ""

    def add(self, value: float) -> None:
        """Add a sample."""
        self.samples.append(value)

    @property
    def median(self) -> float:
        """Median of the samples."""
        return statistics.median(self.samples)

    @property
    def ratio(self) -> float | None:
        """Median over the median of the yardstick."""
        if self.yardstick is None or not self.yardstick.samples or not self.samples:
            return None
        return self.median / self.yardstick.median

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; ``None`` where there is none or nothing was measured."""
        if not self.samples:
            return None
        if self.at_most is not None:
            return self.median <= self.at_most
        return None if self.at_most_times is None or self.ratio is None else self.ratio <= self.at_most_times

    @property
    def outcome(self) -> str:
        """What the target is compared with, in words: the ratio or the median."""
        if self.at_most is None and self.ratio is not None and self.yardstick is not None:
            return f"{self.ratio:.2f} × {self.yardstick.what}"
        return _figure(self.median, self.unit)

    @property
    def target(self) -> str:
        """The target in words."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g} {self.unit}"
        if self.at_most_times is not None and self.yardstick is not None:
            return f"≤ {self.at_most_times:g} × {self.yardstick.what}"
        return ""


@dataclass(eq=False)
class Bench:
    """What a question is asked with.

    Attributes:
        scale: Sizes are divided by this; above 1 the numbers mean nothing, they only show that everything runs.
        rounds: Samples of each quantity.
        place: Folder for everything that is made, deleted at the very end.
    """

    scale: int
    rounds: int
    place: Path

    def sized(self, count: int, least: int = 1) -> int:
        """Return a number of files, bytes or nodes, divided by the scale."""
        return max(count // self.scale, least)

    def fresh(self, name: str) -> Path:
        """Return the path of something that is not there yet."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.place)) / name

    def run(self, command: Command) -> Sample:
        """Run a process to its end and return what it took.

        Raises:
            SystemExit: it failed; its last words are shown.
        """
        for earlier in command.before:
            self.run(earlier)
        with tempfile.TemporaryFile() as words, tempfile.TemporaryFile() as result:
            timer = [PYTHON, "-I", "-S", str(SCRIPTS / "timed.py"), str(result.fileno())]
            os.sync()
            done = subprocess.run(
                [*timer, *map(str, command.argv)],
                cwd=command.cwd or self.place,
                env={**self._environment(), **command.env},
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                pass_fds=[result.fileno()],
                check=False,
            )
            result.seek(0)
            taken = result.read().split()
            if done.returncode != 0 or int(taken[2]) != 0:
                words.seek(0)
                text = words.read()[-4000:].decode(errors="replace")
                raise SystemExit(f"{' '.join(map(str, command.argv))} failed:\n{text}")
        return Sample(float(taken[0]), int(taken[1]) * 1024)

    def answer(self, command: Command) -> Any:
        """Run a process that prints one line of JSON, and return that."""
        done = subprocess.run(
            [*map(str, command.argv)],
            cwd=command.cwd or self.place,
            env={**self._environment(), **command.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command.argv))} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def touch_memory(self, size: int) -> None:
        """Let the machine have ``size`` bytes of free memory at hand: a guest may have given its own back.

        A guest of a host that wants free memory back gives it two seconds after something was freed. What was freed by
        the sample before is waited for, else it would take along what is touched here, in the middle of the next one.
        """
        if _PAGE_REPORTING.exists():
            os.sync()
            time.sleep(_GIVEN_BACK_SECONDS)
        self.run(Command([sys.executable, "-c", f"b'x' * {size}"]))

    def _environment(self) -> dict[str, str]:
        home = self.place / "home"
        home.mkdir(exist_ok=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN_PREFIXES)}
        for name in _FOREIGN:
            kept.pop(name, None)
        return kept | {"HOME": str(home)}


Measure = Callable[[Bench], list[Quantity]]


def main(question: str, about: str, measure: Measure, words: Sequence[str] | None = None) -> None:
    """Run one benchmark as a program."""
    ask(question, about, measure, parser(about).parse_args(words))


def ask(question: str, about: str, measure: Measure, given: argparse.Namespace) -> list[Quantity]:
    """Measure as the options say, print the table, keep the results if asked to, and return them."""
    root = given.folder or ROOT / ".cache" / "bench"
    root.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f"{question}-", dir=root)).resolve()
    try:
        lines = measure(Bench(given.scale, given.rounds, place))
    finally:
        if given.folder is None:
            shutil.rmtree(place, ignore_errors=True)
    title = about.strip().splitlines()[0]
    print_table(title, lines, given.rounds, given.scale)
    if given.save is not None:
        save(given.save, question, lines, given, file_system(root))
    return lines


def parser(about: str, rounds: int | None = ROUNDS) -> argparse.ArgumentParser:
    """Return the options that every benchmark has; ``rounds`` is how many there are unless somebody says."""
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=rounds, help="samples of each quantity")
    options.add_argument("--scale", type=int, default=1, help="divide all sizes, only to see whether everything runs")
    options.add_argument("--folder", type=Path, help="work here and leave what was made; else in .cache, and clean up")
    options.add_argument(
        "--save", type=Path, nargs="?", const=RESULTS, metavar="FOLDER", help="keep the results as JSON"
    )
    return options


# -- what comes out -------------------------------------------------------------------------------------------------


def print_table(title: str, lines: Sequence[Quantity], rounds: int, scale: int) -> None:
    """Print the medians, ratios and targets."""
    from rich.console import Console
    from rich.table import Table

    sizes = "" if scale == 1 else f", sizes / {scale}: the numbers mean nothing"
    table = Table(title=f"{title}\n{rounds} rounds{sizes}", title_justify="left", title_style="bold")
    table.add_column("what")
    for column in ("median", "best", "ratio"):
        table.add_column(column, justify="right")
    table.add_column("target")
    table.add_column("")
    for line in lines:
        table.add_row(*_cells(line, judged=scale == 1))
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)


def _cells(line: Quantity, *, judged: bool) -> tuple[str, ...]:
    if not line.samples:
        return line.what, "–", "–", "", line.target, line.note or "not measured"
    ratio = "" if line.ratio is None or line.yardstick is None else f"{line.ratio:.2f} × {line.yardstick.what}"
    verdict = {True: "[green]reached[/green]", False: "[red]missed[/red]", None: ""}[line.reached if judged else None]
    figures = (_figure(line.median, line.unit), _figure(min(line.samples), line.unit))
    return line.what, *figures, ratio, line.target, ", ".join(filter(None, (verdict, line.note)))


def _figure(value: float, unit: str) -> str:
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 100 else 0
    return f"{value:,.{digits}f} {unit}"


def save(folder: Path, question: str, lines: Sequence[Quantity], given: argparse.Namespace, kind: str) -> Path:
    """Write the results to ``FOLDER/DATE-QUESTION.json``; neither names of hosts nor paths are in it."""
    from forebear import __version__

    folder.mkdir(parents=True, exist_ok=True)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    kept = {
        "question": question,
        "date": today,
        "forebear": __version__,
        "hardware": hardware() | {"file_system": kind},
        "rounds": given.rounds,
        "scale": given.scale,
        "lines": [
            {
                "what": line.what,
                "unit": line.unit,
                "median": line.median if line.samples else None,
                "samples": [round(sample, 6) for sample in line.samples],
                "yardstick": line.yardstick.what if line.yardstick else None,
                "ratio": line.ratio,
                "target": line.target or None,
                "reached": line.reached if given.scale == 1 else None,
                "note": line.note or None,
            }
            for line in lines
        ],
    }
    file = folder / f"{today}-{question}.json"
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def hardware() -> dict[str, Any]:
    """Return what kind of machine this is, without naming it."""
    model = platform.processor() or platform.machine()
    with suppress(OSError, StopIteration):
        information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        found = next(line for line in information.splitlines() if line.startswith("model name"))
        model = found.partition(":")[2].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu": model,
        "memory_gib": round(memory / 1024**3),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def file_system(path: Path) -> str:
    """Return the kind of the file system that holds ``path``."""
    from forebear.store.opening import file_system_of

    return file_system_of(path) or "unknown"
