"""What does it cost to refer to everything below a prefix? 1,000,000 objects, listed, logged, and logged again.

``python -m benchmarks.references``. The listing comes from a program on the loopback interface that speaks as much of
S3 as listing takes (`benchmarks/scripts/serve_listing.py`), for no real server is filled with a million objects in
reasonable time; each page takes 50 ms, as over a network. Beside it s3fs lists 100,000 of the same, page after page.
"""

from __future__ import annotations

import contextlib
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.files import bytes_below
from benchmarks.harness import PYTHON, SCRIPTS, Bench, Command, Quantity, main
from benchmarks.scripts.serve_listing import BUCKET, PREFIX

OBJECTS = 1_000_000
FEW_OBJECTS = 100_000
PAGE_SECONDS = 0.05
CHANGES = 10
MIB = 1024**2
#: A sample is of a million objects, so that few are enough.
MOST_ROUNDS = 2
URI = f"s3://{BUCKET}/{PREFIX}"


class Server:
    """The program that lists."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self.environment = {
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_ENDPOINT_URL_S3": self._url,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def script(self, *words: str | Path) -> Command:
        """Return the command that refers to what it lists."""
        return Command([PYTHON, SCRIPTS / "log_references.py", *words, URI], env=self.environment)

    def change(self, count: int) -> None:
        """Give some objects other ETags."""
        with urllib.request.urlopen(urllib.request.Request(f"{self._url}/-/changed?{count}", method="PUT")):
            pass

    def asked(self) -> int:
        """Return how many pages were asked for."""
        with urllib.request.urlopen(f"{self._url}/-/asked") as answer:
            return int(answer.read())


@contextlib.contextmanager
def serving(objects: int) -> Iterator[Server]:
    """Run the program until the block ends."""
    command = [PYTHON, str(SCRIPTS / "serve_listing.py"), str(objects), str(PAGE_SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(int(process.stdout.readline()))
        finally:
            process.kill()


def measure(bench: Bench) -> list[Quantity]:
    """Ask s3fs and forebear in turn."""
    few, many = bench.sized(FEW_OBJECTS, 3_000), bench.sized(OBJECTS, 10_000)
    theirs = Quantity(f"listed by s3fs, {few:,}", "µs/object")
    ours = Quantity(f"listed, {many:,}", "µs/object", theirs, at_most_times=0.5)
    rest = Quantity("peak memory of one object, with the modules", "MiB")
    peak = Quantity(f"memory of listing {many:,} above that", "MiB", at_most=64)
    pages = Quantity("requests for 1,000 objects", "requests", at_most=1.2)
    logged = Quantity(f"listed and logged, {many:,}", "µs/object", theirs, at_most_times=0.6)
    logged_peak = Quantity("peak memory of that", "MiB", at_most=1024)
    again = Quantity(f"again, {CHANGES} have another ETag", "µs/object", logged, at_most_times=1.2)
    again_peak = Quantity("peak memory of that", "MiB", at_most=1024)
    growth = Quantity("growth by that", "MiB", at_most=1)
    for _ in range(min(bench.rounds, MOST_ROUNDS)):
        with serving(few) as server:
            theirs.add(bench.run(server.script("find")).seconds * 1e6 / few)
            rest.add(bench.run(server.script("nothing")).peak / MIB)
        with serving(many) as server:
            before = server.asked()
            sample = bench.run(server.script("list"))
            ours.add(sample.seconds * 1e6 / many)
            peak.add(sample.peak / MIB - rest.median)
            pages.add((server.asked() - before) * 1000 / many)
            store = bench.fresh("store")
            sample = bench.run(server.script("log", store))
            logged.add(sample.seconds * 1e6 / many)
            logged_peak.add(sample.peak / MIB)
            size = bytes_below(store)
            server.change(CHANGES)
            sample = bench.run(server.script("log", store))
            again.add(sample.seconds * 1e6 / many)
            again_peak.add(sample.peak / MIB)
            growth.add((bytes_below(store) - size) / MIB)
    return [theirs, ours, rest, peak, pages, logged, logged_peak, again, again_peak, growth]


if __name__ == "__main__":
    main("references", __doc__, measure)
