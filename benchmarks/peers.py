"""How do other tools do on the same files? DVC, MLflow, wandb, restic and borg, in turn with forebear.

``make bench-peers`` installs the first three and measures; what is not installed is left out, and said to be. A tool
that stores less durably or verifies less than forebear is not slowed down to its level. Needs 24 GiB of disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import large_file, small_files
from benchmarks.peer_tools import all_peers
from benchmarks.tools import CommandLine, Script, Tool

if TYPE_CHECKING:
    from benchmarks.harness import Bench, Quantity

#: Fewer than for forebear alone: there are many tools, and they differ by more than chance does.
ROUNDS = 3
OURS = ("script", "CLI")


def small(bench: Bench) -> list[Quantity]:
    """Ask everybody about many small files."""
    return small_files.compare(bench, everybody(), OURS)


def large(bench: Bench) -> list[Quantity]:
    """Ask everybody about one large file."""
    return large_file.compare(bench, everybody(), OURS)


def everybody() -> list[Tool]:
    """Return forebear and all others."""
    return [Script(), CommandLine(), *all_peers()]


if __name__ == "__main__":
    from benchmarks.__main__ import main

    main(["--peers"])
