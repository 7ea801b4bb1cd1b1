"""Search for inputs that break a parser, led by what of its code each input reaches: ``make fuzz``.

``python tests/fuzz/fuzz.py --seconds 60 [TARGET …]`` lets atheris (libFuzzer) search each target for a minute. What
broke one is left in ``tests/fuzz/corpus/TARGET``, where every test run tries it again. It exits with 1 where it found
something.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: MiB of one allocation, and of the whole process: a column of a history may unpack to 1 GiB.
MALLOC_MB, MEMORY_MB = 1_500, 4_096
#: Larger seeds are only made, never kept.
SEED_BYTES = 4_096
#: Seconds for one input, and bytes of one; a database is no smaller than its empty tables.
INPUT_SECONDS, INPUT_BYTES, DATABASE_BYTES = 20, 16_384, 512 * 1024


def search(name: str, seconds: int) -> int:
    """Search one target in a process of its own; return its exit status."""
    kept = HERE / "corpus" / name
    kept.mkdir(parents=True, exist_ok=True)
    length = DATABASE_BYTES if name == "database" else INPUT_BYTES
    with tempfile.TemporaryDirectory(prefix="forebear-fuzz-") as found:
        command = [
            *(sys.executable, str(HERE / "fuzz.py"), "--child", name),
            *(f"-max_total_time={seconds}", f"-timeout={INPUT_SECONDS}", f"-max_len={length}"),
            *(f"-malloc_limit_mb={MALLOC_MB}", f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1", "-verbosity=1"),
            *(f"-artifact_prefix={kept}/", found, str(kept)),
        ]
        return subprocess.run(command, check=False).returncode


def keep_seeds(name: str, seeds: list[bytes]) -> None:
    """Write sound inputs into the corpus, so that later readers meet what today's writers wrote."""
    folder = HERE / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds):
        if len(content) <= SEED_BYTES:
            (folder / f"seed-{number:02}").write_bytes(content)


def child(name: str, options: list[str]) -> None:
    """Be the process that searches: what is imported from now on tells libFuzzer what of it was reached."""
    import atheris

    sys.path.insert(0, str(ROOT))
    with atheris.instrument_imports(include=["forebear"]):
        from tests.fuzz.targets import TARGETS

    found = Path(next(option for option in options if not option.startswith("-")))
    for number, content in enumerate(TARGETS[name].seeds()):
        (found / f"seed-{number}").write_bytes(content)
    atheris.Setup([sys.argv[0], *options], TARGETS[name].run)
    atheris.Fuzz()


def main() -> int:
    """Search the targets that were named, or all of them."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3:])
        return 0
    sys.path.insert(0, str(ROOT))
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep-seeds", action="store_true", help="search nothing; keep the small seeds in the corpus")
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET", help=", ".join(TARGETS))
    given = parser.parse_args()
    if given.keep_seeds:
        for name in given.targets or TARGETS:
            keep_seeds(name, TARGETS[name].seeds())
        return 0
    broken = []
    for name in given.targets or TARGETS:
        print(f"\n== {name}, {given.seconds} s", flush=True)
        if search(name, given.seconds):
            broken.append(name)
    print(f"\n{len(given.targets or TARGETS)} targets searched, broken: {', '.join(broken) or 'none'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
