"""The demo: a pipeline of separate programs over real images, then questions about where its models came from.

Every step is a process of its own, exactly as it is echoed, and shares nothing with the others but the store in
``out/.forebear``. The folder ``out`` is made afresh each time.
"""

import io
import os
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
#: Columns of the terminal, as far as they are easy to read.
WIDTH = min(76, shutil.get_terminal_size().columns)
GRAPH = "lineage.svg"

PIPELINE = (
    "forebear init --project digits --quiet",
    "python ../ingest.py",
    "python ../prepare.py",
    "python ../train.py --model logistic",
    "python ../train.py --model forest",
    "python ../evaluate.py",
)
CORRECTION = ("python ../correct.py", "python ../ingest.py")


def main() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a line shows question marks.
        sys.stdout.reconfigure(errors="replace")
    started = time.monotonic()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()

    heading("A pipeline", "Programs of their own log what they make and name what they use.")
    for command in PIPELINE:
        run(command)

    heading("A correction", "Some images are mended, some are added, and the folder is logged again.")
    for command in CORRECTION:
        run(command)

    heading("What changed in the data?")
    run("forebear diff digits:v0 digits:v1 --stat")
    heading("Which models were made from data that is old by now?")
    run("forebear lineage stale")
    heading("What was this model made from?")
    run("forebear lineage up model:v0")
    heading("What came of the first digits?")
    run("forebear lineage down digits:v0")
    heading("And all of it as a picture")
    run(f"forebear lineage export --all --format svg --output {GRAPH}")
    farewell(time.monotonic() - started)


def run(command: str) -> None:
    """Echo ``command`` and run it in ``out``; the demo ends where a command fails."""
    say(f"\n{bold('$ ' + command)}")
    program, *arguments = shlex.split(command)
    # The programs of this environment, even where it was not activated.
    beside = Path(sys.executable).parent / program
    started = time.monotonic()
    done = subprocess.run([str(beside), *arguments], cwd=OUT, env=environment(), check=False)
    if done.returncode:
        raise SystemExit(f"{command!r} ended with status {done.returncode} after {time.monotonic() - started:.1f} s")


def environment() -> dict[str, str]:
    """Return the environment without settings that would lead the demo to another store or project."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("FOREBEAR_", "WANDB_"))}


def farewell(seconds: float) -> None:
    out = os.path.relpath(OUT)
    heading(f"Done in {seconds:.0f} seconds")
    activate = os.path.relpath(Path(sys.executable).parent / "activate", OUT)
    say(
        f"""
        The picture is {out}/{GRAPH}.
        The store is   {out}/.forebear, and nothing was written elsewhere.

        Type next:
          cd {out}
          . {activate}
          forebear artifact ls             what there is
          forebear artifact show model:v1  one version, and who made it
          python ../prepare.py             split the corrected digits,
          python ../train.py               train on them again,
          forebear lineage stale           and see what is still old
        """
    )


def heading(title: str, text: str = "") -> None:
    rule = "─" * max(0, WIDTH - len(title) - 4)
    say(f"\n{bold('── ' + title)} {rule}" + (f"\n{textwrap.fill(text, WIDTH)}" if text else ""))


def say(text: str) -> None:
    # Flushed, so that lines stay in order with those of the programs.
    print(textwrap.dedent(text).rstrip(), flush=True)


def bold(text: str) -> str:
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return f"\033[1m{text}\033[0m" if colour else text


if __name__ == "__main__":
    main()
