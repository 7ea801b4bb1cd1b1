"""The demo: a search for a good classifier of the digits, from the data to the best model and back.

The data is the artifact ``digits`` of ``examples/digits``; every trial uses its newest version and logs its model. All
is in the folder ``out``, which is made afresh each time.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
CHART = "sweep.svg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=12, help="how many to execute, at least 5")
    trials = parser.parse_args().trials

    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    heading("The data")
    run("forebear init --project digits --quiet")
    run("python ../../digits/ingest.py")

    heading("The search: declared once, then executed by any number of agents")
    run("forebear sweep ../digits.yaml")
    sweep = answer("forebear sweep ls --quiet")
    name = sweep.rpartition("/")[2]
    run(f"forebear agent {name} --jobs 2 --count {trials}")

    heading("What came of it")
    run(f"forebear sweep show {name} --limit 6 --chart {CHART}")
    run(f"forebear sweep importance {name}")

    heading("The best model gets an alias, and knows where it came from")
    run(f"python ../promote.py {name}")
    run("forebear lineage up model:best")
    say(f"\nThe picture of all trials is {os.path.relpath(OUT)}/{CHART}. Type next, in {os.path.relpath(OUT)}:")
    say(f"  forebear sweep best {name}\n  forebear run ls --filter sweep={name} --sort=-summary.accuracy")


def run(command: str) -> None:
    """Echo a command and run it in ``out``; the demo ends where one fails."""
    say(f"\n$ {command}")
    done = subprocess.run(line(command), cwd=OUT, env=environment(), check=False)
    if done.returncode:
        raise SystemExit(f"{command!r} ended with status {done.returncode}")


def answer(command: str) -> str:
    """Return what a command prints."""
    done = subprocess.run(line(command), cwd=OUT, env=environment(), check=True, capture_output=True, text=True)
    return done.stdout.strip()


def line(command: str) -> list[str]:
    """Return a command with the program of this environment, even where that was not activated."""
    program, *arguments = shlex.split(command)
    return [str(Path(sys.executable).parent / program), *arguments]


def environment() -> dict[str, str]:
    """Return the environment without settings that would lead the demo to another store or project."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("FOREBEAR_", "WANDB_"))}


def heading(title: str) -> None:
    say(f"\n── {title} {'─' * max(0, 72 - len(title))}")


def say(text: str) -> None:
    # Flushed, so that lines stay in order with those of the programs.
    print(text, flush=True)


if __name__ == "__main__":
    main()
