"""A manifest agrees with a dictionary, whatever the paths are, and its cost follows the change."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forebear.artifacts.manifest import PAGE_ROWS, Built, Manifest, Row, build, parse_page
from forebear.blobs.digest import digest_of
from forebear.errors import CorruptData
from forebear.records.content import Entry

SEGMENTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\x00"), min_size=1, max_size=6).filter(
        lambda text: text not in {".", ".."}
    ),
    # Names that differ late, in case, in composition, or sort around the separator.
    st.sampled_from(
        ["a", "aa", "aaa", "A", "a.", "a-", "a0", "é", "e\u0301", "\U0001f600", "\uffff", "x" * 100, "~", " "]
    ),
)
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)
DIGESTS = st.integers(0, 5).map(lambda number: digest_of(b"%d" % number))
FILES = st.tuples(st.integers(0, 2**40), DIGESTS)
REFERENCES = st.tuples(
    st.none() | st.integers(0, 2**40),
    st.none() | DIGESTS,
    st.just("s3://bucket/key"),
    st.dictionaries(st.sampled_from(["etag", "version"]), st.text(max_size=3)),
)
MODELS = st.dictionaries(PATHS, FILES | REFERENCES, max_size=40)


class Pages:
    """A store of pages that counts what is asked of it."""

    def __init__(self, *built: Built) -> None:
        self.held: dict[bytes, bytes] = {}
        for one in built:
            self.held |= one.pages
        self.loaded: list[bytes] = []
        self.calls = 0

    def __call__(self, digests: list[bytes]) -> dict[bytes, bytes]:
        self.calls += 1
        self.loaded += digests
        return {digest: self.held[digest] for digest in digests}


def rows_of(model: dict[str, tuple[Any, ...]]) -> list[Row]:
    return [(path, *model[path]) for path in sorted(model)]


def numbered(count: int, folders: int = 100) -> dict[str, tuple[Any, ...]]:
    return {f"train/{i % folders:03d}/image_{i:06d}.png": (i, digest_of(b"%d" % i)) for i in range(count)}


def read(built: Built) -> tuple[Manifest, Pages]:
    pages = Pages(built)
    return Manifest(built.root, pages), pages


# -- agreement with a dictionary ----------------------------------------------------------------------------------


@given(MODELS, st.data())
def test_rows_prefixes_and_single_paths_agree_with_a_dictionary(
    model: dict[str, tuple[Any, ...]], data: st.DataObject
) -> None:
    built = build(rows_of(model))
    manifest, _ = read(built)
    assert list(manifest.rows()) == rows_of(model)
    assert built.rows == len(model)
    assert built.size == sum(row[0] or 0 for row in model.values())
    wanted = data.draw(PATHS | st.sampled_from(sorted(model) or ["a"]))
    assert manifest.get(wanted) == (Entry.from_row((wanted, *model[wanted])) if wanted in model else None)
    prefix = wanted[: data.draw(st.integers(0, len(wanted)))]
    assert list(manifest.rows(prefix)) == [row for row in rows_of(model) if row[0].startswith(prefix)]


@given(MODELS, MODELS)
def test_changed_rows_agree_with_two_dictionaries(
    left: dict[str, tuple[Any, ...]], right: dict[str, tuple[Any, ...]]
) -> None:
    here, there = build(rows_of(left)), build(rows_of(right))
    pages = Pages(here, there)
    mine, theirs = Manifest(here.root, pages).changed_rows(Manifest(there.root, pages))
    assert mine == [row for row in rows_of(left) if right.get(row[0]) != row[1:]]
    assert theirs == [row for row in rows_of(right) if left.get(row[0]) != row[1:]]
    if left == right:
        assert here.root == there.root
        assert pages.loaded == []


LARGE = numbered(6_000)


@settings(max_examples=25)
@given(st.data())
def test_large_manifests_agree_after_random_edits(data: st.DataObject) -> None:
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    edited = dict(LARGE)
    names = list(LARGE)
    for _ in range(data.draw(st.sampled_from([0, 1, 5, 300]))):
        match rng.randrange(4):
            case 0:
                edited[rng.choice(names)] = (1, digest_of(b"edited"))
            case 1:
                edited.pop(rng.choice(names), None)
            case 2:
                edited[f"{rng.choice(names)}{rng.choice(['x', '/x', '-'])}"] = (2, digest_of(b"new"))
            case _:
                begin = rng.randrange(len(names) - 700)
                for name in names[begin : begin + rng.choice([1, 600])]:
                    edited.pop(name, None)
    here, there = build(rows_of(LARGE)), build(rows_of(edited))
    pages = Pages(here, there)
    manifest = Manifest(there.root, pages)
    assert list(manifest.rows()) == rows_of(edited)
    mine, theirs = Manifest(here.root, pages).changed_rows(manifest)
    assert mine == [row for row in rows_of(LARGE) if edited.get(row[0]) != row[1:]]
    assert theirs == [row for row in rows_of(edited) if LARGE.get(row[0]) != row[1:]]
    for name in rng.sample(names, 5):
        assert (manifest.get(name) is not None) == (name in edited)
        assert manifest.get(name + "\x01") is None
    for prefix in ("train/05", "train/050/", "train/0999", "", "zzz", "train"):
        assert list(manifest.rows(prefix)) == [row for row in rows_of(edited) if row[0].startswith(prefix)]


def test_the_root_depends_on_the_rows_and_not_on_how_they_came_to_be() -> None:
    """Whatever was inserted and deleted on the way, and in which order: equal rows, equal root."""
    model = numbered(3_000)
    root = build(rows_of(model)).root
    names = list(model)
    random.Random(7).shuffle(names)
    assert build(rows_of({name: model[name] for name in names})).root == root
    assert build(rows_of({**model, "extra": (1, digest_of(b""))})).root != root


def test_an_empty_manifest_has_a_page_and_no_rows() -> None:
    built = build([])
    manifest, _ = read(built)
    assert (built.rows, built.size, len(built.pages)) == (0, 0, 1)
    assert list(manifest.rows()) == []
    assert list(manifest.rows("a")) == []
    assert manifest.get("a") is None


# -- what it costs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        numbered(20_000),
        numbered(20_000, folders=20_000),
        {f"{i:x}": (1, digest_of(b"x")) for i in range(20_000)},
        {"d/" * (i % 50) + f"f{i}": (1, digest_of(b"x")) for i in range(20_000)},
    ],
    ids=["folders", "a folder a file", "flat and short", "deep"],
)
def test_pages_have_about_the_size_that_is_wanted(model: dict[str, tuple[Any, ...]]) -> None:
    built = build(rows_of(model))
    parsed = [parse_page(digest, page) for digest, page in built.pages.items()]
    leaves = [len(rows) for level, rows in parsed if level == 0]
    assert 20_000 / PAGE_ROWS / 2 < len(leaves) < 20_000 / PAGE_ROWS * 2
    assert max(leaves) < PAGE_ROWS * 16
    assert max(level for level, _ in parsed) <= 2
    assert len(parsed) - len(leaves) <= 4


@pytest.mark.parametrize("place", [0, 1, 9_999, 19_998, 19_999])
@pytest.mark.parametrize("change", ["content", "insert", "delete"])
def test_one_change_among_20000_rows_writes_at_most_three_pages(place: int, change: str) -> None:
    model = numbered(20_000)
    before = build(rows_of(model))
    name = sorted(model)[place]
    if change == "content":
        model[name] = (1, digest_of(b"changed"))
    elif change == "insert":
        model[name + ".bak"] = (1, digest_of(b"new"))
    else:
        del model[name]
    after = build(rows_of(model))
    fresh = after.pages.keys() - before.pages.keys()
    # A page may be cut in two, or two may become one, where a row comes or goes.
    assert len(fresh) <= 3
    pages = Pages(before, after)
    mine, theirs = Manifest(before.root, pages).changed_rows(Manifest(after.root, pages))
    assert {row[0] for row in mine + theirs} == {name + ".bak" if change == "insert" else name}
    assert len(pages.loaded) <= 8
    assert pages.calls <= 8


def test_one_path_costs_a_page_a_level_and_a_folder_its_own_pages() -> None:
    built = build(rows_of(numbered(20_000)))
    manifest, pages = read(built)
    assert manifest.get("train/042/image_000042.png") is not None
    assert len(pages.loaded) <= 3
    pages.loaded.clear()
    assert len(list(manifest.rows("train/042/"))) == 200
    assert len(pages.loaded) <= 6
    pages.loaded.clear()
    assert list(manifest.rows("test/")) == []
    assert len(pages.loaded) <= 3


def test_everything_is_read_in_a_few_calls() -> None:
    built = build(rows_of(numbered(20_000)))
    manifest, pages = read(built)
    assert len(list(manifest.rows())) == 20_000
    assert sorted(pages.loaded) == sorted(built.pages)
    assert pages.calls <= 4
    assert sorted(manifest.page_digests()) == sorted(built.pages)


# -- pages that somebody else wrote ---------------------------------------------------------------------------------


HOSTILE = [
    b"",
    b"\xc1",
    b"not msgpack",
    msgspec.msgpack.encode({"a": 1}),
    msgspec.msgpack.encode([1, 0]),
    msgspec.msgpack.encode([2, 0, []]),
    msgspec.msgpack.encode([1, -1, []]),
    msgspec.msgpack.encode([1, 0, {}]),
    *(
        msgspec.msgpack.encode([1, 0, [row]])
        for row in (
            None,
            7,
            "abc",
            {},
            {"path": 1},
            [],
            ["a"],
            ["a", 1],
            ["a", 1, b"short"],
            ["a", 1, None],
            ["a", -1, b"d" * 32],
            ["a", None, b"d" * 32],
            ["a", 1.5, b"d" * 32],
            ["a", True, b"d" * 32],
            [b"a", 1, b"d" * 32],
            [None, 1, b"d" * 32],
            ["a", 1, b"d" * 32, "s3://x"],
            ["a", 1, b"d" * 32, "s3://x", None],
            ["a", 1, b"d" * 32, 7, {}],
            ["a", 1, "digest", "s3://x", {}],
            ["a", 1, b"d" * 31, "s3://x", {}],
            ["a", 1, b"d" * 32, "s3://x", {"etag": 7}],
            ["a", 1, b"d" * 32, "s3://x", {7: "etag"}],
            ["a", 1, b"d" * 32, "s3://x", {}, "more"],
            msgspec.msgpack.Ext(1, b"x"),
        )
    ),
    *(
        msgspec.msgpack.encode([1, 1, [row]])
        for row in (
            None,
            "abcd",
            ["a", b"d" * 32, 1],
            ["a", b"short", 1, 1],
            [7, b"d" * 32, 1, 1],
            ["a", b"d" * 32, "many", 1],
            ["a", b"d" * 32, 1, None],
            ["a", b"d" * 32, float("inf"), 1],
            ["a", b"d" * 32, -1, 1],
            {"a": 1, "b": 2, "c": 3, "d": 4},
        )
    ),
    b"\x93\x01\x00" + b"\x91" * 100_000 + b"\x00",
]


@pytest.mark.parametrize("page", HOSTILE, ids=range(len(HOSTILE)))
def test_a_page_of_another_form_is_refused(page: bytes) -> None:
    digest = digest_of(page)
    with pytest.raises(CorruptData, match=digest.hex()[:16]):
        parse_page(digest, page)
    manifest = Manifest(digest, lambda digests: {digest: page})
    with pytest.raises(CorruptData):
        list(manifest.rows())
    with pytest.raises(CorruptData):
        manifest.get("a")


@given(st.binary(max_size=200))
def test_noise_is_refused_or_has_the_form_of_a_page(page: bytes) -> None:
    try:
        level, rows = parse_page(b"d" * 32, page)
    except CorruptData:
        return
    assert level >= 0
    assert all(isinstance(row, tuple) for row in rows)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_flipped_byte_of_a_page_never_raises_anything_else(position: int, mask: int) -> None:
    page = bytearray(next(iter(build(rows_of(numbered(50))).pages.values())))
    page[position % len(page)] ^= mask
    with contextlib.suppress(CorruptData):
        parse_page(b"d" * 32, bytes(page))


def test_levels_that_do_not_go_down_are_refused() -> None:
    leaf = msgspec.msgpack.encode([1, 0, [["a", 1, b"d" * 32]]])
    for level in (2, 7):
        above = msgspec.msgpack.encode([1, level, [["a", digest_of(leaf), 1, 1]]])
        held = {digest_of(page): page for page in (leaf, above)}
        manifest = Manifest(digest_of(above), lambda digests, held=held: {key: held[key] for key in digests})
        with pytest.raises(CorruptData, match="not where it should be"):
            list(manifest.rows())
        with pytest.raises(CorruptData, match="not where it should be"):
            manifest.get("a")
        with pytest.raises(CorruptData, match="not where it should be"):
            manifest.changed_rows(Manifest(build([]).root, Pages(build([]))))
