"""A large file that resembles one the store has adds what is new of it, and comes back whole."""

from __future__ import annotations

import io
import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from forebear.artifacts.commit import Labels, commit_draft
from forebear.artifacts.draft import Draft
from forebear.blobs import writer
from forebear.blobs.chunking import cut_bytes, cut_file
from forebear.blobs.digest import digest_of, digest_of_file
from forebear.blobs.pack import footer_range, index_range, read_index, read_recipe
from forebear.errors import Conflict, CorruptData
from forebear.records.content import CODEC_RECIPE, LOOSE, PACK, Location, Recipe
from forebear.store import near_equal
from forebear.store.intake import Way
from forebear.testing.soundness import troubles

if TYPE_CHECKING:
    from collections.abc import Callable

    from forebear.records.artifacts import Version
    from forebear.store.store import Store

MIB = 1024 * 1024
BASE = random.Random(5).randbytes(16 * MIB)

pytestmark = pytest.mark.usefixtures("low_bounds")


@pytest.fixture
def add(store: Store, tmp_path: Path) -> Callable[..., Version]:
    """Makes a version of one file, ``f``, with some content."""

    def adding(content: bytes, *, link: bool = False, compress: bool = False) -> Version:
        path = tmp_path / f"in-{os.urandom(4).hex()}"
        path.write_bytes(content)
        draft = Draft(store)
        draft.add_file(path, "f", Way(link, compress))
        return commit_draft(draft, Labels("e", "p", "ds", "dataset"), None).version

    return adding


def got(store: Store, content: bytes, out: Path, *, link: bool = False) -> Path:
    """Put a file in place, and see that it is what was added."""
    digest = digest_of(content)
    assert store.checkout(str(out), link=link).place([("f", len(content), digest)]) == 1
    assert digest_of_file(out / "f") == (digest, len(content))
    assert store.read(digest) == content
    return out / "f"


def holding(store: Store, content: bytes) -> list[str]:
    """Names of the objects that the chunks of a large file lie in: its own, or packs where objects are far away."""
    chunks = {chunk.digest for chunk in cut_bytes(content)}
    return [o.name for o in store.catalog.objects() if any(part.digest in chunks for part in o.slices)]


def inserted(at: int, fresh: bytes) -> bytes:
    return BASE[:at] + fresh + BASE[at:]


# -- what is added ----------------------------------------------------------------------------------------------------


def test_the_first_is_one_object_whose_chunks_are_known(
    store: Store, add: Callable[..., Version], tmp_path: Path
) -> None:
    version = add(BASE)
    assert isinstance(store.catalog.locate([digest_of(BASE)])[digest_of(BASE)], Location)
    (tmp_path / "file").write_bytes(BASE)
    chunks = cut_file(tmp_path / "file").chunks
    located = store.catalog.locate(chunk.digest for chunk in chunks)
    for chunk in chunks:
        assert located[chunk.digest][1:] == (chunk.offset, chunk.length, chunk.length, 0)
    assert version.added_bytes < len(BASE) + 2_000
    assert troubles(store) == []


@pytest.mark.parametrize("at", [0, 9 * MIB + 7, 16 * MIB])
def test_an_insertion_adds_little_more_than_itself(
    store: Store, add: Callable[..., Version], tmp_path: Path, at: int
) -> None:
    add(BASE)
    content = inserted(at, random.Random(at).randbytes(MIB))
    version = add(content)
    assert MIB < version.added_bytes < 3.5 * MIB
    assert isinstance(store.catalog.locate([digest_of(content)])[digest_of(content)], Recipe)
    got(store, content, tmp_path / "out")
    assert troubles(store) == []


def test_versions_of_a_file_share_with_all_before(store: Store, add: Callable[..., Version], tmp_path: Path) -> None:
    add(BASE)
    one = inserted(4 * MIB, random.Random(1).randbytes(MIB))
    two = one[: 12 * MIB] + random.Random(2).randbytes(MIB) + one[12 * MIB :]
    add(one)
    assert add(two).added_bytes < 3.5 * MIB
    assert add(two[4 * MIB :]).added_bytes < 1.5 * MIB
    got(store, two, tmp_path / "two")
    got(store, two[4 * MIB :], tmp_path / "cut")
    got(store, one, tmp_path / "one")
    assert troubles(store) == []


def test_a_file_that_was_there_before_adds_nothing(store: Store, add: Callable[..., Version]) -> None:
    add(BASE)
    content = inserted(5, b"five")
    add(content)
    before = contents(store)
    assert add(content).number == 1
    assert add(BASE).number == 0
    assert contents(store) == before


def contents(store: Store) -> set[str]:
    """Names of objects; what is said of versions, such as where ``latest`` stands, is recorded beside them."""
    return {name for name in store.objects.names() if not name.startswith("versions/")}


def test_a_file_that_shares_little_is_one_object_that_can_be_linked(
    store: Store, add: Callable[..., Version], tmp_path: Path
) -> None:
    add(BASE)
    for shared in (0, 2 * MIB):
        content = BASE[:shared] + random.Random(shared).randbytes(16 * MIB - shared)
        assert add(content).added_bytes > len(content)
        out = got(store, content, tmp_path / f"out{shared}", link=True)
        assert out.stat().st_nlink > 1
        assert add(content + b"more").added_bytes < 2 * MIB, "its chunks are known too"
    assert troubles(store) == []


def test_a_recipe_that_is_asked_for_by_link_is_written(
    store: Store, add: Callable[..., Version], tmp_path: Path
) -> None:
    add(BASE)
    add(BASE + b"end")
    out = got(store, BASE + b"end", tmp_path / "out", link=True)
    assert out.stat().st_nlink == 1
    assert os.access(out, os.W_OK)


def test_files_of_one_draft_share_too(store: Store, tmp_path: Path) -> None:
    contents = {"a": BASE, "b": inserted(3 * MIB, b"a little"), "c": inserted(3 * MIB, b"a little")[MIB:], "d": BASE}
    for name, content in contents.items():
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    draft = Draft(store)
    draft.add_tree(tmp_path / "in", None)
    version = commit_draft(draft, Labels("e", "p", "ds", "dataset"), None).version
    assert version.added_bytes < len(BASE) + 4 * MIB
    store.checkout(str(tmp_path / "out")).place((row[0], row[1], row[2]) for row in draft.rows())
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == contents
    assert troubles(store) == []


def test_a_linked_file_is_cut_once_something_resembles_it(
    store: Store, add: Callable[..., Version], tmp_path: Path
) -> None:
    add(BASE, link=True)
    (stored,) = store.catalog.large_objects(0, 2**40, 9)
    assert sum(len(o.slices) for o in store.catalog.objects() if o.name == stored.name) == 1
    add(random.Random(3).randbytes(15 * MIB))
    assert sum(len(o.slices) for o in store.catalog.objects() if o.name == stored.name) == 1
    content = inserted(8 * MIB, b"a word")
    assert add(content).added_bytes < 2 * MIB
    assert sum(len(o.slices) for o in store.catalog.objects() if o.name == stored.name) > 30
    got(store, content, tmp_path / "out")
    assert troubles(store) == []


@pytest.mark.parametrize("link", [False, True], ids=["copied", "linked"])
def test_a_small_file_that_equals_a_chunk_of_a_large_one_comes_back(
    store: Store, add: Callable[..., Version], tmp_path: Path, link: bool
) -> None:
    add(BASE)
    (tmp_path / "file").write_bytes(BASE)
    chunks = cut_file(tmp_path / "file").chunks
    chunk = max(chunks, key=lambda chunk: chunk.length)
    content = BASE[chunk.offset : chunk.offset + chunk.length]
    add(content)
    got(store, content, tmp_path / "out", link=link)


def test_an_object_that_is_gone_is_not_built_upon(store: Store, add: Callable[..., Version], tmp_path: Path) -> None:
    add(BASE)
    for name in holding(store, BASE):
        store.objects.delete(name)
    content = inserted(MIB, b"a word")
    assert add(content).added_bytes > 16 * MIB
    got(store, content, tmp_path / "out")


def test_an_object_that_is_forgotten_takes_its_recipes_along(store: Store, add: Callable[..., Version]) -> None:
    add(BASE)
    content = inserted(MIB, b"a word")
    add(content)
    store.catalog.forget_objects(holding(store, BASE))
    assert store.catalog.known([digest_of(content)]) == set()
    with pytest.raises(CorruptData, match="is not in the store"):
        store.read(digest_of(content))


def test_a_chunk_that_went_meanwhile_stops_the_commit(
    store: Store, tmp_path: Path, add: Callable[..., Version]
) -> None:
    add(BASE)
    (tmp_path / "f").write_bytes(inserted(MIB, b"a word"))
    draft = Draft(store)
    draft.add_file(tmp_path / "f", None)
    store.catalog.forget_objects(holding(store, BASE))
    with pytest.raises(CorruptData, match="does not hold them"):
        commit_draft(draft, Labels("e", "p", "ds", "dataset"), None)
    assert [version.number for version in store.catalog.versions(1)] == [0]


@pytest.mark.parametrize("moment", ["cut_open_file", "add_recipe"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    store: Store, add: Callable[..., Version], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    add(BASE)
    path = tmp_path / "f"
    path.write_bytes(inserted(8 * MIB, random.Random(1).randbytes(MIB)))
    owner = near_equal if moment == "cut_open_file" else writer.BlobWriter
    original = getattr(owner, moment)

    def change(*arguments: object, **named: object) -> object:
        result = original(*arguments, **named) if moment == "cut_open_file" else None
        with path.open("r+b") as file:
            file.seek(8 * MIB)
            file.write(bytes(MIB))
        return result if moment == "cut_open_file" else original(*arguments, **named)

    monkeypatch.setattr(owner, moment, change)
    with pytest.raises(Conflict, match="changed while it was being read") as raised:
        Draft(store).add_file(path, None)
    assert raised.value.code == "file-changed"
    assert troubles(store) == []


def test_a_pack_says_by_itself_of_what_a_blob_is_made(store: Store, add: Callable[..., Version]) -> None:
    """What a reader without a catalog has: the pieces, in order, by object and range."""
    add(BASE)
    content = inserted(9 * MIB, random.Random(4).randbytes(MIB))
    add(content)
    found = []
    for name in store.objects.names("pack/"):
        size = store.objects.size(name)
        assert size is not None
        footer = store.objects.read(name, *footer_range(size))
        for part in read_index(name, footer, store.objects.read(name, *index_range(name, size, footer))):
            if part.codec == CODEC_RECIPE:
                found.append(part)
                pieces = read_recipe(name, store.objects.read(name, part.offset, part.stored), part.size)
    (part,) = found
    assert (part.digest, part.size) == (digest_of(content), len(content))
    assert part.stored < 300
    assert [piece.object.split("/")[0] for piece in pieces] == [LOOSE, PACK, LOOSE]
    assert b"".join(store.objects.read(p.object, p.offset, p.stored) for p in pieces) == content


# -- kinds of files ---------------------------------------------------------------------------------------------------


def safetensors(
    tensors: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.uint16]]], metadata: dict[str, str] | None = None
) -> bytes:
    """A checkpoint in the format of https://huggingface.co/docs/safetensors, written here to keep the order given."""
    header: dict[str, object] = {} if metadata is None else {"__metadata__": metadata}
    end = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "BF16", "shape": tensor.shape, "data_offsets": [end, end + tensor.nbytes]}
        end += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(tensor.tobytes() for tensor in tensors.values())


def bf16(seed: int, rows: int, columns: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    numbers = np.random.default_rng(seed).normal(0, 0.02, (rows, columns)).astype(np.float32)
    return (numbers.view(np.uint32) >> 16).astype(np.uint16)


def checkpoint() -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.uint16]]]:
    """24 MiB in 12 layers."""
    return {f"layers.{number}.weight": bf16(number, 1024, 1024) for number in range(12)}


def test_a_fine_tuned_checkpoint_adds_the_layers_that_changed(
    store: Store, add: Callable[..., Version], tmp_path: Path
) -> None:
    tensors = checkpoint()
    add(safetensors(tensors))
    tensors["layers.10.weight"], tensors["head.weight"] = bf16(100, 1024, 1024), bf16(101, 512, 1024)
    content = safetensors(tensors)
    version = add(content)
    changed = 3 * MIB
    assert version.added_bytes < 0.75 * (changed + 2 * MIB), "new weights, and what lies beside them, compressed"
    got(store, content, tmp_path / "out")


def test_a_checkpoint_saved_in_another_order_adds_the_seams(
    store: Store, add: Callable[..., Version], tmp_path: Path
) -> None:
    tensors = checkpoint()
    add(safetensors(tensors))
    content = safetensors(dict(reversed(tensors.items())))
    assert add(content).added_bytes < 0.5 * len(content)
    got(store, content, tmp_path / "out")


def test_a_checkpoint_saved_again_with_a_longer_header_adds_what_its_first_chunks_hold(
    store: Store, add: Callable[..., Version], tmp_path: Path
) -> None:
    tensors = dict(list(checkpoint().items())[:6])
    before = safetensors(tensors)
    add(before)
    content = safetensors(tensors, {"format": "pt", "step": "20000", "notes": "trained further " * 60})
    moved = int.from_bytes(content[:8], "little") - int.from_bytes(before[:8], "little")
    assert moved > 1_000
    assert content[-len(before) // 2 :] == before[-len(before) // 2 :], "the tensors are the same, in the same order"
    assert add(content).added_bytes < MIB
    got(store, content, tmp_path / "out")
    assert troubles(store) == []


def test_rows_appended_to_a_csv_add_themselves(store: Store, add: Callable[..., Version], tmp_path: Path) -> None:
    rows = [f"{i},{random.Random(i).random()},{i % 7},category {i % 31}\n".encode() for i in range(240_000)]
    before, after = b"".join(rows[:200_000]), b"".join(rows)
    add(before)
    version = add(after)
    assert version.added_bytes < 0.6 * (len(after) - len(before)) + MIB, "text that is new is compressed"
    got(store, after, tmp_path / "out")


def test_row_groups_appended_to_parquet_add_themselves(
    store: Store, add: Callable[..., Version], tmp_path: Path
) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    def file(groups: int) -> bytes:
        out = io.BytesIO()
        fields = arrow.schema([("number", arrow.float64()), ("group", arrow.int64())])
        with parquet.ParquetWriter(out, fields) as writer:
            for group in range(groups):
                numbers = np.random.default_rng(group).normal(size=100_000)
                writer.write_table(arrow.table({"number": numbers, "group": np.full(100_000, group)}, schema=fields))
        return out.getvalue()

    before, after = file(16), file(18)
    add(before)
    assert add(after).added_bytes < len(after) - len(before) + 1.5 * MIB
    got(store, after, tmp_path / "out")


# -- compressed -------------------------------------------------------------------------------------------------------


def test_weights_are_stored_in_three_quarters_where_that_is_asked_for(
    store: Store, add: Callable[..., Version], tmp_path: Path
) -> None:
    content = safetensors(checkpoint())
    version = add(content, compress=True)
    assert version.added_bytes < 0.74 * len(content)
    assert list(store.objects.names("loose/")) == []
    got(store, content, tmp_path / "out")
    assert add(content + b"\0" * 64).added_bytes < MIB, "compressed chunks are shared like others"
    assert troubles(store) == []


@pytest.mark.parametrize("size", [600_000, 3 * MIB])
def test_what_does_not_shrink_stays_one_object_where_that_is_asked_for(
    store: Store, add: Callable[..., Version], tmp_path: Path, size: int
) -> None:
    add(BASE[:size], compress=True)
    assert len(list(store.objects.names("loose/"))) == 1
    got(store, BASE[:size], tmp_path / "out")


def test_a_file_below_the_bound_of_chunks_is_compressed_too(
    store: Store, add: Callable[..., Version], tmp_path: Path
) -> None:
    content = bf16(1, 600, 600).tobytes()
    assert add(content, compress=True).added_bytes < 0.74 * len(content)
    got(store, content, tmp_path / "out")


def test_small_files_that_shrink_are_compressed(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(200):
        (folder / f"{number}.json").write_text(json.dumps({"number": number, "words": ["again", "and"] * 60}))
    size = sum(path.stat().st_size for path in folder.iterdir())
    draft = Draft(store)
    draft.add_tree(folder, None)
    version = commit_draft(draft, Labels("e", "p", "ds", "dataset"), None).version
    assert version.added_bytes < 0.4 * size
    store.checkout(str(tmp_path / "out")).place((row[0], row[1], row[2]) for row in draft.rows())
    assert all((tmp_path / "out" / path.name).read_bytes() == path.read_bytes() for path in folder.iterdir())
    assert troubles(store) == []
