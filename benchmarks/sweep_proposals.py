"""What does a proposal of ``method: bayes`` cost after 10, 100, 1,000 and 10,000 trials? In SQLite, reading included.

``python -m benchmarks.sweep_proposals``; 100 trials: at most 200 ms, 1,000: at most 500 ms.
"""

from __future__ import annotations

from benchmarks.harness import PYTHON, ROOT, Bench, Command, Quantity, main

#: Milliseconds that a proposal may cost after so many trials.
MOST_MS = {10: None, 100: 200.0, 1_000: 500.0, 10_000: None}
PROBLEMS = ("Branin", "Hartmann6", "made-up training")
TIMES = 5


def measure(bench: Bench) -> list[Quantity]:
    lines = []
    for problem in PROBLEMS:
        for count, most in MOST_MS.items():
            line = Quantity(f"{problem} after {count:,} trials", "ms", at_most=most)
            words = [bench.fresh("store"), problem, str(bench.sized(count, 5)), str(bench.sized(TIMES))]
            line.samples += bench.answer(Command([PYTHON, "-m", "benchmarks.scripts.propose", *words], cwd=ROOT))
            lines.append(line)
    return lines


if __name__ == "__main__":
    main("sweep_proposals", __doc__ or "", measure)
