"""The same parsers, fed with values that have the form of what they read, and anything in the place of each part."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import targets
from tests.fuzz.bounds import bounded, clock

EXAMPLES = 60
NUMBERS = st.sampled_from(
    [0, 1, 2, 8, 57, 255, 2**16, 2**31, 2**32 - 1, 2**60, 2**63 - 1, 2**63, 2**64 - 1]
) | st.integers(0, 50)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=6)
    | st.binary(max_size=40)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.integers(0, 3), inner, max_size=3)
    ),
    max_leaves=10,
)
DIGESTS = st.binary(min_size=32, max_size=32)
PATHS = st.sampled_from(["a", "a/b", "b", "c/d", "../x", "z", ""])

LEAF_ROWS = (
    st.tuples(PATHS, NUMBERS, DIGESTS) | st.tuples(PATHS, NUMBERS, DIGESTS, st.text(max_size=4), ANYTHING) | ANYTHING
)
INNER_ROWS = st.tuples(PATHS, st.integers(0, 6), NUMBERS, NUMBERS) | ANYTHING
PAGES = st.tuples(st.just(1), st.just(0), st.lists(LEAF_ROWS, max_size=4)) | st.tuples(
    st.just(1), st.integers(0, 70), st.lists(INNER_ROWS, max_size=4)
)

FRAMES = st.tuples(st.integers(0, 13), st.integers(0, 2), ANYTHING | st.lists(ANYTHING, max_size=6))
LINES = st.tuples(DIGESTS, NUMBERS, NUMBERS, NUMBERS, st.sampled_from([0, 1, 2, 3, 4, 64, 128, 255]))
COLUMNS = (
    ANYTHING
    | st.tuples(st.lists(st.integers(-1, 9), max_size=5), st.lists(ANYTHING, max_size=5))
    | st.lists(st.tuples(st.integers(0, 3), ANYTHING, ANYTHING), min_size=3, max_size=3)
)

WORDS = st.sampled_from(
    ["_type", "path", "columns", "data", "nrows", "ncols", "column_types", "before", "value", "count", "filenames",
     "bins", "values", "parts", "table1", "table2", "join_key", "class_set", "id", "name", "format", "nodes", "edges",
     "boxes", "masks", "classes", "caption", "width", "from", "to"]
)  # fmt: skip
KINDS = st.sampled_from(
    ["image-file", "images/separated", "histogram", "graph-file", "table-file", "partitioned-table", "joined-table",
     "classes", "number", "timestamp", "dictionary", "mask", "boxes2D", "audio-file", "nothing"]
)  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | KINDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)
FIELDS = ["format", "id", "blobs", "entity", "project", "name", "type", "number", "root", "size", "file_count",
          "metadata", "description", "created_at", "aliases", "tags", "run", "state", "written_at"]  # fmt: skip


#: Number, form and bytes of a field of a protocol buffer.
FIELD_PARTS = st.tuples(st.integers(1, 12), st.sampled_from([0, 1, 2, 5]), st.binary(max_size=20))


def _framed(frames: list[tuple[int, int, Any]]) -> bytes:
    return b"".join(targets._payload(kind, value, flags) for kind, flags, value in frames)


def _packed(lines: list[tuple[Any, ...]]) -> bytes:
    index = b"".join(struct.pack("<32sQQQB", *line) for line in lines)
    return index + bytes(len(index))


def _typed(kind: str, form: dict[str, Any], suffix: int) -> bytes:
    return bytes((suffix,)) + msgspec.json.encode({"_type": kind, **form})


MADE_UP: dict[str, st.SearchStrategy[bytes]] = {
    "manifest": st.lists(PAGES, max_size=5).map(msgspec.msgpack.encode),
    "journal": st.lists(FRAMES, max_size=6).map(_framed),
    "pack": st.lists(LINES, max_size=5).map(_packed),
    "slices": st.tuples(st.integers(0, 5), NUMBERS, st.binary(max_size=60)).map(
        lambda parts: struct.pack("<BQ", *parts[:2]) + parts[2]
    ),
    "history": st.tuples(st.integers(0, 7), st.integers(0, 12), COLUMNS.map(msgspec.msgpack.encode)).map(
        lambda parts: struct.pack("<BI", *parts[:2]) + parts[2]
    ),
    "values": st.builds(_typed, KINDS, st.dictionaries(WORDS, JSON, max_size=6), st.integers(0, 11)),
    "mark": st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=19).map(msgspec.json.encode),
    "events": st.lists(FIELD_PARTS, max_size=6).map(
        lambda fields: b"".join(bytes((number << 3 | form, len(data))) + data for number, form, data in fields)
    ),
    "words": st.text(alphabet=st.sampled_from("ab./\\:@?=&%;#~v0 \x00\ud800é-"), max_size=40).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE_UP)
def test_made_up_inputs_are_read_or_refused(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(MADE_UP[name])
    def run(content: bytes) -> None:
        clock()
        targets.TARGETS[name].run(content)

    with bounded():
        run()


def test_every_parser_but_that_of_databases_has_made_up_inputs() -> None:
    assert MADE_UP.keys() == targets.TARGETS.keys() - {"database"}  # whose rows are in test_databases
