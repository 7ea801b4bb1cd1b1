"""Do to a catalog what logging does, and print what it took: ``use_catalog.py WHAT PLACE …``.

``commit PLACE ENTRIES`` commits a version of so many new small files, with the packs that hold them; ``resolve PLACE
TIMES`` resolves an alias; ``append PLACE RUN ROWS`` waits for a line and brings so many rows of five metrics, as the
recorder of a run does. Prints one line of JSON: seconds, or for ``resolve`` the samples.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from typing import Any

from benchmarks.scripts.places import catalog_at
from forebear.names import parse_ref
from forebear.records.artifacts import NewVersion
from forebear.records.content import CODEC_RAW, PACK, Slice, StoredObject
from forebear.records.history import Column, HistoryBatch, HistoryBlock, Stream
from forebear.records.runs import NewRun

ENTITY, PROJECT = "local", "bench"
#: Small files in one pack, of 1 KiB each.
FILES_A_PACK = 65_536
SIZE = 1024
#: Rows of one batch: a few seconds of a quick loop.
ROWS_A_BATCH = 500
KEYS = ("loss", "acc", "lr", "grad_norm", "tokens")
#: Bytes that a row of random numbers keeps of each metric.
BYTES_A_VALUE = 9


def commit(place: str, entries: int) -> float:
    digests = [hashlib.blake2b(str(number).encode(), digest_size=32).digest() for number in range(entries)]
    packs = [_pack(f"pack/{at:08}", digests[at : at + FILES_A_PACK]) for at in range(0, entries, FILES_A_PACK)]
    new = NewVersion(
        entity=ENTITY,
        project=PROJECT,
        name="data",
        type="dataset",
        root=digests[0],
        size=entries * SIZE,
        file_count=entries,
        description=None,
        metadata={},
        aliases=("prod",),
        tags=(),
        run_key=None,
        tip=None,
        gained=digests,
        lost=[],
        objects=packs,
        needs=[],
    )
    catalog = catalog_at(place)
    begun = time.perf_counter()
    catalog.known(digests)
    catalog.commit_version(new)
    taken = time.perf_counter() - begun
    catalog.close()
    return taken


def _pack(name: str, digests: list[bytes]) -> StoredObject:
    slices = [Slice(digest, at * SIZE, SIZE, SIZE, CODEC_RAW) for at, digest in enumerate(digests)]
    return StoredObject(name, PACK, len(digests) * SIZE, slices)


def resolve(place: str, times: int) -> list[float]:
    catalog = catalog_at(place)
    samples = []
    for _ in range(times):
        begun = time.perf_counter()
        catalog.resolve(ENTITY, PROJECT, parse_ref("data:prod"))
        samples.append(time.perf_counter() - begun)
    catalog.close()
    return samples


def append(place: str, run_id: str, rows: int) -> float:
    catalog = catalog_at(place)
    key = catalog.add_run(NewRun(ENTITY, PROJECT, run_id, run_id)).key
    data = hashlib.shake_128(run_id.encode()).digest(ROWS_A_BATCH * BYTES_A_VALUE)
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.perf_counter()
    for at in range(0, rows, ROWS_A_BATCH):
        columns = {name: Column(1, data) for name in KEYS}
        count = min(ROWS_A_BATCH, rows - at)
        block = HistoryBlock(Stream.HISTORY, 0, "", 0, count, at, at, at + count - 1, data[:1000], columns)
        summary = {name: at / 7 for name in KEYS}
        catalog.append_history(HistoryBatch(key, run_id, at, at + count, (block,), summary=summary))
    taken = time.perf_counter() - begun
    catalog.close()
    return taken


def main(words: list[str]) -> Any:
    match words:
        case ["commit", place, entries]:
            return commit(place, int(entries))
        case ["resolve", place, times]:
            return resolve(place, int(times))
        case ["append", place, run_id, rows]:
            return append(place, run_id, int(rows))
    raise SystemExit(__doc__)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
