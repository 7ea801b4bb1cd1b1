"""Measures forebear, one question after the other.

``make bench``, or ``make bench BENCH_ARGS='--only startup lineage'``; ``make bench-peers`` puts other tools beside it.
Everything is asked at full size; do it on a machine that does nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import (
    harness,
    images,
    large_file,
    lineage,
    many_files,
    million_files,
    near_equal,
    near_equal_cases,
    pack_bound,
    peers,
    postgres,
    reading_back,
    references,
    remote_small_files,
    run_filters,
    small_files,
    startup,
    sweep_early_stopping,
    sweep_handout,
    sweep_proposals,
    sweep_quality,
    team_costs,
    tracking_log,
)

if TYPE_CHECKING:
    import argparse

    from benchmarks.harness import Measure, Quantity


class Question(NamedTuple):
    """What is asked: under which title, and by which function."""

    about: str
    measure: Measure


QUESTIONS = {
    "startup": Question(startup.__doc__ or "", startup.measure),
    "small_files": Question(small_files.__doc__ or "", small_files.measure),
    "large_file": Question(large_file.__doc__ or "", large_file.measure),
    "near_equal": Question(near_equal.__doc__ or "", near_equal.measure),
    "near_equal_cases": Question(near_equal_cases.__doc__ or "", near_equal_cases.measure),
    "remote_small_files": Question(remote_small_files.__doc__ or "", remote_small_files.measure),
    "postgres": Question(postgres.__doc__ or "", postgres.measure),
    "team_costs": Question(team_costs.__doc__ or "", team_costs.measure),
    "references": Question(references.__doc__ or "", references.measure),
    "lineage": Question(lineage.__doc__ or "", lineage.measure),
    "tracking_log": Question(tracking_log.__doc__ or "", tracking_log.measure),
    "images": Question(images.__doc__ or "", images.measure),
    "run_filters": Question(run_filters.__doc__ or "", run_filters.measure),
    "reading_back": Question(reading_back.__doc__ or "", reading_back.measure),
    "many_files": Question(many_files.__doc__ or "", many_files.measure),
    "million_files": Question(million_files.__doc__ or "", million_files.measure),
    "pack_bound": Question(pack_bound.__doc__ or "", pack_bound.measure),
    "sweep_handout": Question(sweep_handout.__doc__ or "", sweep_handout.measure),
    "sweep_early_stopping": Question(sweep_early_stopping.__doc__ or "", sweep_early_stopping.measure),
    "sweep_proposals": Question(sweep_proposals.__doc__ or "", sweep_proposals.measure),
    "sweep_quality": Question(sweep_quality.__doc__ or "", sweep_quality.measure),
}
PEER_QUESTIONS = {
    "small_files": Question(small_files.__doc__ or "", peers.small),
    "large_file": Question(large_file.__doc__ or "", peers.large),
    "near_equal": Question(near_equal.__doc__ or "", near_equal.measure_peers),
    "near_equal_cases": Question(near_equal_cases.__doc__ or "", near_equal_cases.measure_peers),
    "remote_small_files": Question(remote_small_files.__doc__ or "", remote_small_files.compare),
    "tracking_log": Question(tracking_log.__doc__ or "", tracking_log.compare),
}


def main(words: Sequence[str] | None = None) -> None:
    """Run what the options say; ends with status 1 if something could not be run, whatever the numbers are."""
    given = _options(words)
    questions = PEER_QUESTIONS if given.peers else QUESTIONS
    prefix = "peers_" if given.peers else ""
    tables: dict[str, list[Quantity]] = {}
    failed: list[str] = []
    for name in given.only or questions:
        try:
            tables[name] = harness.ask(prefix + name, *questions[name], given)
        except SystemExit as err:
            print(f"{name} could not be measured: {err}", file=sys.stderr)
            failed.append(name)
    print(summary(tables, failed, given.scale))
    sys.exit(1 if failed else 0)


def summary(tables: dict[str, list[Quantity]], failed: Sequence[str], scale: int) -> str:
    """Return what was missed, in a few lines."""
    lines = [f"{name}: could not be measured" for name in failed]
    if scale > 1:
        return "\n".join([*lines, "Sizes were divided, so no target is judged."])
    judged = [(name, line) for name, table in tables.items() for line in table if line.reached is not None]
    missed = [(name, line) for name, line in judged if not line.reached]
    lines += [f"{name}: {line.what} is {line.outcome}, target {line.target}" for name, line in missed]
    return "\n".join([*lines, f"{len(judged) - len(missed)} of {len(judged)} targets reached."])


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    options = harness.parser(__doc__ or "", rounds=None)
    options.add_argument("--peers", action="store_true", help="put other tools beside forebear; 3 rounds, else 5")
    options.add_argument("--only", nargs="+", choices=QUESTIONS, metavar="NAME", help=f"of {', '.join(QUESTIONS)}")
    given = options.parse_args(words)
    if given.rounds is None:
        given.rounds = peers.ROUNDS if given.peers else harness.ROUNDS
    strange = [name for name in given.only or () if given.peers and name not in PEER_QUESTIONS]
    if strange:
        options.error(f"no other tool is asked {', '.join(strange)}; there are {', '.join(PEER_QUESTIONS)}")
    return given


if __name__ == "__main__":
    main()
