"""By how much does the store grow when files come back a little different? Checkpoints, tables and what is saved anew.

``python -m benchmarks.near_equal_cases``; ``make bench-peers`` puts restic and borg beside it. Each case is a file and
the same file later: a checkpoint of bf16 weights fine-tuned in a quarter of its layers, saved in another order, or with
one more entry in its header; a CSV and a Parquet file with rows appended. Growth is that of the repository's folder,
its index included; what is really new in the second file is told beside it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.files import bytes_below
from benchmarks.harness import Bench, Quantity, main
from benchmarks.peer_tools import Borg, Restic
from benchmarks.tools import Script, Tool

if TYPE_CHECKING:
    import numpy as np

    Weights = dict[str, np.ndarray[Any, np.dtype[np.uint16]]]

MIB = 1024**2
LAYERS, LAYER_BYTES = 32, 16 * MIB
#: Bytes of a table before and what is appended.
TABLE_BYTES, APPENDED_BYTES = 256 * MIB, 8 * MIB
ROW_GROUP_ROWS = 50_000
#: How much a store grows is no matter of chance.
MOST_ROUNDS = 2


class Case(NamedTuple):
    """A file and the same file later.

    Attributes:
        write: Writes both, and returns how many bytes of the second are new.
        seams: Bytes that a store may grow by beyond what is new: chunks that what changed begins or ends in.
    """

    what: str
    write: Callable[[Path, Path, Bench], int]
    seams: int


# -- checkpoints ------------------------------------------------------------------------------------------------------


def _weights(bench: Bench, layers: range, seed: int = 0) -> Iterator[tuple[str, Any]]:
    import numpy as np

    columns = bench.sized(LAYER_BYTES, MIB) // 2048
    for number in layers:
        numbers = np.random.default_rng(seed + number).normal(0, 0.02, (1024, columns)).astype(np.float32)
        yield f"layers.{number}.weight", (numbers.view(np.uint32) >> 16).astype(np.uint16)


def _save(tensors: Weights, path: Path, **metadata: str) -> None:
    """Write a file as https://huggingface.co/docs/safetensors has it, in the order given."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "BF16", "shape": tensor.shape, "data_offsets": [end, end + tensor.nbytes]}
        end += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(tensor.data)


def fine_tuned(first: Path, second: Path, bench: Bench) -> int:
    """Change the last quarter of the layers."""
    tensors = dict(_weights(bench, range(LAYERS)))
    _save(tensors, first)
    tuned = dict(_weights(bench, range(LAYERS - LAYERS // 4, LAYERS), seed=1000))
    _save(tensors | tuned, second)
    return sum(tensor.nbytes for tensor in tuned.values())


def reordered(first: Path, second: Path, bench: Bench) -> int:
    """Save the same layers the other way round."""
    tensors = dict(_weights(bench, range(LAYERS)))
    _save(tensors, first)
    _save(dict(reversed(tensors.items())), second)
    return 0


def resaved(first: Path, second: Path, bench: Bench) -> int:
    """Save the same with metadata, so that all bytes move."""
    tensors = dict(_weights(bench, range(LAYERS)))
    _save(tensors, first)
    _save(tensors, second, format="pt", saved_by="a newer release of the same program")
    return 0


# -- tables -----------------------------------------------------------------------------------------------------------


def appended_csv(first: Path, second: Path, bench: Bench) -> int:
    """Append rows of numbers."""
    import random

    draw = random.Random(1)

    def rows(size: int) -> bytes:
        lines: list[str] = []
        written = 0
        while written < size:
            lines.append(f"{draw.randrange(10**6)},{draw.random():.6f},{draw.gauss(0, 1):.6f},{draw.choice('abcde')}\n")
            written += len(lines[-1])
        return "".join(lines).encode()

    part = rows(bench.sized(4 * MIB, MIB))
    new = rows(bench.sized(APPENDED_BYTES, 64 * 1024))
    with first.open("wb") as file:
        for number in range(bench.sized(TABLE_BYTES, 70 * MIB) // len(part)):
            # Not the same rows again and again, in which a store would find itself.
            file.write(part.translate(_other_digits(number)))
    shutil.copyfile(first, second)
    with second.open("ab") as file:
        file.write(new)
    return len(new)


def _other_digits(number: int) -> bytes:
    """Return a table that puts the digits in one of their 10! orders."""
    import random

    digits = list(b"0123456789")
    random.Random(number).shuffle(digits)
    return bytes.maketrans(b"0123456789", bytes(digits))


def appended_parquet(first: Path, second: Path, bench: Bench) -> int:
    """Append row groups, as a writer does that was given more batches."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(2)
    row_bytes = 3 * 8

    def batches(size: int) -> list[Any]:
        return [
            pa.table({name: random.normal(0, 1, ROW_GROUP_ROWS) for name in ("x", "y", "z")})
            for _ in range(max(1, size // (row_bytes * ROW_GROUP_ROWS)))
        ]

    before, new = batches(bench.sized(TABLE_BYTES, 70 * MIB)), batches(bench.sized(APPENDED_BYTES))
    for path, tables in ((first, before), (second, before + new)):
        with pq.ParquetWriter(path, before[0].schema) as writer:
            for table in tables:
                writer.write_table(table)
    return second.stat().st_size - first.stat().st_size


CASES = (
    Case("a fine-tuned checkpoint", fine_tuned, 2 * MIB),
    Case("a checkpoint in another order", reordered, LAYERS * MIB),
    Case("a checkpoint with metadata", resaved, 2 * MIB),
    Case("rows appended to a CSV", appended_csv, 2 * MIB),
    Case("row groups appended to Parquet", appended_parquet, 2 * MIB),
)


def measure(bench: Bench) -> list[Quantity]:
    """Ask about forebear alone."""
    return compare(bench, [Script()])


def measure_peers(bench: Bench) -> list[Quantity]:
    """Ask forebear and those that share chunks."""
    return compare(bench, [Script(), Restic("restic"), Borg("borg")])


def compare(bench: Bench, tools: Sequence[Tool]) -> list[Quantity]:
    """Ask about each case, several tools in turn."""
    lines: list[Quantity] = []
    for case in CASES:
        folder = bench.fresh("made")
        folder.mkdir()
        new = case.write(folder / "first", folder / "second", bench)
        lines.append(Quantity(f"new in {case.what}", "MiB", samples=[new / MIB]))
        for tool in tools:
            lines += _ask(bench, case, tool, folder, new)
        shutil.rmtree(folder)
    return lines


def _ask(bench: Bench, case: Case, tool: Tool, made: Path, new: int) -> list[Quantity]:
    ours = isinstance(tool, Script)
    growth = Quantity(
        f"growth by {case.what}, {tool.name}", "MiB", at_most=round((new + case.seams) / MIB, 1) if ours else None
    )
    add = Quantity(f"add of {case.what}, {tool.name}")
    growth.note = add.note = tool.missing() or ""
    for _ in range(0 if growth.note else min(bench.rounds, MOST_ROUNDS)):
        data = bench.fresh("data") / "file.bin"
        data.parent.mkdir()
        work, commands = tool.begin(bench.fresh("store"), data)
        os.link(made / "first", data)
        for command in (*commands, work.put()):
            bench.run(command)
        data.unlink()
        os.link(made / "second", data)
        before = bytes_below(work.store)
        add.add(bench.run(work.put()).seconds)
        growth.add((bytes_below(work.store) - before) / MIB)
        shutil.rmtree(work.store)
        shutil.rmtree(data.parent)
    return [growth, add]


if __name__ == "__main__":
    main("near_equal_cases", __doc__ or "", measure)
