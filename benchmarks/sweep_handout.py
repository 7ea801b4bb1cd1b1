"""How many trials a second does a sweep hand out? One agent, 32 agents, the 10,000th trial, and agents that wait.

``python -m benchmarks.sweep_handout``; agents are processes, on SQLite and on a PostgreSQL server of this machine. A
trial is taken and ended, so two transactions are counted as one.
"""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from typing import Any

from benchmarks.harness import PYTHON, ROOT, Bench, Quantity, main
from benchmarks.scripts.places import catalog_at
from forebear.records.sweeps import TRIAL_FINISHED, NewSweep, TrialEnding
from forebear.sweeps.declaration import declare
from tests.servers import postgres

AGENTS = 32
SECONDS = 3.0
#: Trials each taking so many seconds show what more agents gain.
PAUSE, WAITING_AGENTS = 0.05, 8
#: How many times one agent's trials so many together must have.
LEAST_GAIN = 7.5
LATE, SAMPLE = 10_000, 300
SPACES: dict[str, dict[str, Any]] = {
    "random": {"lr": {"min": 1e-4, "max": 0.1}, "batch": {"values": [16, 32, 64]}, "epochs": {"min": 1, "max": 9}},
    "grid": {"a": {"min": 1, "max": 100}, "b": {"min": 1, "max": 100}, "c": {"min": 1, "max": 100}},
}


def measure(bench: Bench) -> list[Quantity]:
    with postgres(quick=False) as server:
        lines = [*_many(bench, "SQLite", None, 700, 500), *_many(bench, "PostgreSQL", server.url, None, 300)]
    return [*lines, *_late(bench), *_waiting(bench)]


def _many(bench: Bench, name: str, url: str | None, alone: float | None, together: float) -> list[Quantity]:
    """Milliseconds of a trial by one agent and by many, so that less is better as everywhere."""
    one = Quantity(f"a trial by one agent, {name}", "ms", at_most=None if alone is None else 1000 / alone)
    crowd = Quantity(f"a trial by {AGENTS} agents together, {name}", "ms", one, at_most=1000 / together)
    longest = Quantity(f"the longest that one of those waited, {name}")
    for _ in range(bench.rounds):
        for line, agents in ((one, 1), (crowd, AGENTS)):
            found = _taken(_place(bench, url), agents, SECONDS / bench.scale, 0.0)
            line.add(1000 * SECONDS / bench.scale / max(sum(agent["taken"] for agent in found), 1))
        longest.add(max(agent["longest"] for agent in found))
    return [one, crowd, longest]


def _waiting(bench: Bench) -> list[Quantity]:
    """What more agents gain where a trial waits for something: milliseconds of a trial by one agent and by eight."""
    one = Quantity(f"a trial that waits {PAUSE * 1000:.0f} ms, by one agent", "ms")
    crowd = Quantity(f"the same by {WAITING_AGENTS} agents together", "ms", one, at_most_times=1 / LEAST_GAIN)
    for _ in range(bench.rounds):
        for line, agents in ((one, 1), (crowd, WAITING_AGENTS)):
            found = _taken(_place(bench, None), agents, SECONDS / bench.scale, PAUSE)
            line.add(1000 * SECONDS / bench.scale / max(sum(agent["taken"] for agent in found), 1))
    return [one, crowd]


def _late(bench: Bench) -> list[Quantity]:
    """The first trials of a sweep, and those after ten thousand."""
    lines = []
    late_number = bench.sized(LATE, 10)
    for method, space in SPACES.items():
        first = Quantity(f"one of the first {SAMPLE} trials, {method}", "ms")
        late = Quantity(f"one after {late_number:,}, {method}", "ms", first, at_most_times=2)
        for _ in range(bench.rounds):
            catalog = catalog_at(_place(bench, None))
            declaration = declare({"method": method, "parameters": space, "seed": 1})
            sweep = catalog.add_sweep(_new(declaration.config, None))

            def one_after_the_other(count: int) -> float:
                began = time.perf_counter()
                for _ in range(count):
                    taken = catalog.take_trial(sweep.key, "a", declaration.point, silent_seconds=120)  # noqa: B023
                    assert taken.trial is not None
                    catalog.end_trial(sweep.key, taken.trial.number, 1, TrialEnding(TRIAL_FINISHED, {"loss": 1.0}))  # noqa: B023
                return (time.perf_counter() - began) / count * 1000

            first.add(one_after_the_other(SAMPLE))
            one_after_the_other(late_number)
            late.add(one_after_the_other(SAMPLE))
            catalog.close()
        lines += [first, late]
    return lines


def _new(config: dict[str, Any], limit: int | None) -> NewSweep:
    return NewSweep("bench", "p", "s", None, config, limit)


def _place(bench: Bench, url: str | None) -> str:
    return str(bench.fresh("catalog")) if url is None else f"{url}?schema=bench_{uuid.uuid4().hex}"


def _taken(place: str, agents: int, seconds: float, pause: float) -> list[dict[str, float]]:
    """Let agents take trials of a new sweep at one moment; return what each had."""
    catalog = catalog_at(place)
    catalog.add_sweep(_new(declare({"method": "random", "parameters": SPACES["random"]}).config, None))
    words = [PYTHON, "-m", "benchmarks.scripts.take_trials", place, "s", str(seconds), str(pause)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [subprocess.Popen(words, **pipes) for _ in range(agents)]  # type: ignore[call-overload]
    for process in processes:
        if process.stdout.readline() != "ready\n":
            raise SystemExit("an agent has failed")
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
    numbers = [trial.number for trial in catalog.trials(1)]
    catalog.close()
    if len(numbers) != sum(agent["taken"] for agent in found):
        raise SystemExit("a trial was lost or given twice")
    return found


if __name__ == "__main__":
    main("sweep_handout", __doc__ or "", measure)
