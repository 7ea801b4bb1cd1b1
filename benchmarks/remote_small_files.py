"""How long do many small files take to a bucket and back? 20,000 of 4 KiB, beside s3fs, which sends each by itself.

``python -m benchmarks.remote_small_files``; ``make bench-peers`` puts DVC beside it, of which only pushing and pulling
count. The bucket is served by rclone on the loopback interface, so the network costs next to nothing: what is measured
is the work for each request, at both ends. 100,000 files of 1 KiB are counted in requests.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.files import make_file, make_tree
from benchmarks.harness import PYTHON, ROOT, SCRIPTS, Bench, Command, Quantity, Sample, main
from benchmarks.peer_tools import Dvc
from tests.proxy import proxy_of
from tests.servers import Endpoint, rclone_s3

FILES = 20_000
FILE_BYTES = 4096
COUNTED_FILES = 100_000
COUNTED_BYTES = 1024
LARGE_BYTES = 1024**3
#: MiB that moving a large file may take, however large: half of what holding it would.
LARGE_MIB = 512
#: A request for each of so many files takes seconds of both ends; three samples say enough.
MOST_ROUNDS = 3
MIB = 1024**2


class Bucket:
    """A bucket, with a place of its own for each sample.

    Each method moves a folder into the bucket and out of it again, and returns what both took.
    """

    def __init__(self, bench: Bench, endpoint: Endpoint, name: str) -> None:
        import s3fs

        self._bench, self._endpoint, self._name = bench, endpoint, name
        s3fs.S3FileSystem(**endpoint.storage_options).mkdir(name)

    def forebear(self, folder: Path, place: str) -> tuple[Sample, Sample]:
        """Have it moved by forebear."""
        return self.send(folder, place), self.fetch(place)

    def send(self, folder: Path, place: str) -> Sample:
        """Have it moved into the bucket by forebear."""
        return self._bench.run(self._script("put", folder, place))

    def fetch(self, place: str) -> Sample:
        """Have it moved out of the bucket by forebear."""
        return self._bench.run(self._script("get", self._bench.fresh("out"), place))

    def _script(self, action: str, folder: Path, place: str) -> Command:
        blobs = f"blobs=s3://{self._name}/{place}&endpoint_url={self._endpoint.url}"
        words = [PYTHON, SCRIPTS / "remote_store.py", action, folder, f"{self._bench.place}/catalog-{place}?{blobs}"]
        return Command(words, env={"PYTHONPATH": str(ROOT), **self._endpoint.environment})

    def s3fs(self, folder: Path, place: str) -> tuple[Sample, Sample]:
        """Have it moved by s3fs, file by file."""
        where = [f"{self._name}/{place}", json.dumps(self._endpoint.storage_options)]
        words = [PYTHON, SCRIPTS / "s3fs_copy.py"]
        there = self._bench.run(Command([*words, "put", folder, *where]))
        return there, self._bench.run(Command([*words, "get", self._bench.fresh("out"), *where]))

    def dvc(self, folder: Path, place: str) -> tuple[Sample, Sample]:
        """Have it moved by DVC, which has it in its cache already, and has lost that when it fetches."""
        work, commands = Dvc("DVC").begin(self._bench.fresh("dvc"), folder)
        commands += [
            work.put(),
            work.dvc("remote", "add", "--default", "there", f"s3://{self._name}/{place}"),
            work.dvc("remote", "modify", "there", "endpointurl", self._endpoint.url),
        ]
        for command in commands:
            self._bench.run(command)
        push, pull = (
            command._replace(env={**command.env, **self._endpoint.environment})
            for command in (work.dvc("push"), work.dvc("pull"))
        )
        there = self._bench.run(push)
        self._bench.run(Command(["rm", "-rf", "data", ".dvc/cache", "site"], work.store))
        return there, self._bench.run(pull)


def measure(bench: Bench) -> list[Quantity]:
    """Ask forebear and s3fs."""
    with rclone_s3(bench.fresh("server")) as endpoint:
        return [*_small(bench, Bucket(bench, endpoint, "small")), *_counted(bench, endpoint), *_large(bench, endpoint)]


def compare(bench: Bench) -> list[Quantity]:
    """Ask forebear and DVC."""
    there, back = Quantity("there, DVC"), Quantity("back, DVC")
    lines = [there, Quantity("there, forebear", yardstick=there, at_most_times=0.2)]
    lines += [back, Quantity("back, forebear", yardstick=back, at_most_times=0.2)]
    missing = Dvc("DVC").missing()
    if missing:
        there.note = back.note = missing
        return lines
    with rclone_s3(bench.fresh("server")) as endpoint:
        bucket = Bucket(bench, endpoint, "small")
        tree = bench.fresh("tree")
        make_tree(tree, bench.sized(FILES), FILE_BYTES)
        for turn in range(min(bench.rounds, MOST_ROUNDS)):
            theirs, ours = bucket.dvc(tree, f"dvc-{turn}"), bucket.forebear(tree, f"forebear-{turn}")
            for line, sample in zip(lines, (theirs[0], ours[0], theirs[1], ours[1]), strict=True):
                line.add(sample.seconds)
    return lines


def _small(bench: Bench, bucket: Bucket) -> list[Quantity]:
    tree = bench.fresh("tree")
    make_tree(tree, bench.sized(FILES), FILE_BYTES)
    theirs_up, theirs_down = Quantity("there, s3fs"), Quantity("back, s3fs")
    ours_up = Quantity("there, forebear", yardstick=theirs_up, at_most_times=0.2)
    ours_down = Quantity("back, forebear", yardstick=theirs_down, at_most_times=0.2)
    peak = Quantity("peak memory, forebear", "MiB")
    for turn in range(min(bench.rounds, MOST_ROUNDS)):
        ours, theirs = bucket.forebear(tree, f"forebear-{turn}"), bucket.s3fs(tree, f"s3fs-{turn}")
        for line, sample in zip((ours_up, ours_down, theirs_up, theirs_down), (*ours, *theirs), strict=True):
            line.add(sample.seconds)
        peak.add(max(sample.peak for sample in ours) / MIB)
    return [theirs_up, ours_up, theirs_down, ours_down, peak]


def _counted(bench: Bench, endpoint: Endpoint) -> list[Quantity]:
    tree = bench.fresh("tree")
    make_tree(tree, bench.sized(COUNTED_FILES), COUNTED_BYTES)
    puts = Quantity("PUTs of 100,000 files of 1 KiB", "requests", at_most=40)
    gets = Quantity("GETs to have them back", "requests")
    with proxy_of(endpoint) as (proxy, proxied):
        bucket = Bucket(bench, proxied, "counted")
        proxy.reset()
        bucket.send(tree, "counted")
        puts.add(proxy.count("PUT"))
        proxy.reset()
        bucket.fetch("counted")
        gets.add(proxy.count("GET"))
    return [puts, gets]


def _large(bench: Bench, endpoint: Endpoint) -> list[Quantity]:
    folder = bench.fresh("large")
    make_file(folder / "file", bench.sized(LARGE_BYTES))
    bucket = Bucket(bench, endpoint, "large")
    lines: list[Quantity] = []
    yardsticks: tuple[Quantity | None, ...] = (None, None)
    for name, move in (("s3fs", bucket.s3fs), ("forebear", bucket.forebear)):
        times = tuple(
            Quantity(f"1 GiB {way}, {name}", yardstick=yardstick)
            for way, yardstick in zip(("there", "back"), yardsticks, strict=True)
        )
        for line, sample in zip(times, move(folder, name), strict=True):
            peak = Quantity(f"  peak memory, {name}", "MiB", at_most=LARGE_MIB if name == "forebear" else None)
            line.add(sample.seconds)
            peak.add(sample.peak / MIB)
            lines += [line, peak]
        yardsticks = times
    return lines


if __name__ == "__main__":
    main("remote_small_files", __doc__ or "", measure)
