"""What the catalog knows counts only while the object is there: what is logged again is written again."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from forebear.artifacts.commit import Labels, commit_draft, page_loader
from forebear.artifacts.draft import Draft
from forebear.artifacts.manifest import Manifest
from forebear.blobs.digest import digest_of
from forebear.errors import CorruptData
from forebear.store import intake
from forebear.store.opening import open_store
from forebear.store.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from forebear.records.artifacts import Version
    from forebear.store.store import Store

SMALL = {f"d{number % 3}/{number}.txt": b"text %d" % number for number in range(30)}
LARGE = random.Random(3).randbytes(700_000)


@pytest.fixture(autouse=True)
def _remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "may_remember", lambda *times: True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for path, content in {**SMALL, "large.bin": LARGE}.items():
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(content)
    return tmp_path / "in"


def commit(draft: Draft, name: str) -> Version:
    return commit_draft(draft, Labels("e", "p", name, "dataset"), None).version


def log(store: Store, tree: Path, name: str) -> Version:
    draft = Draft(store)
    draft.add_tree(tree, None)
    return commit(draft, name)


def lose(store: Store, content: bytes) -> str:
    """Delete the object that a blob lies in."""
    (where,) = store.catalog.locate([digest_of(content)]).values()
    store.objects.delete(where.object)  # type: ignore[union-attr]
    return where.object  # type: ignore[union-attr]


def cut_short(store: Store, content: bytes) -> str:
    name = lose(store, content)
    store.objects.put(name, b"FBPACK1\n")
    return name


def files(store: Store, version: Version) -> dict[str, bytes]:
    rows = list(Manifest(version.root, page_loader(store)).rows())
    return {row[0]: bytes(store.read(row[2])) for row in rows if row[2] is not None}


@pytest.mark.parametrize("damage", [lose, cut_short])
@pytest.mark.parametrize("content", [SMALL["d0/0.txt"], LARGE], ids=["small", "large"])
@pytest.mark.parametrize("again", ["unchanged", "read again", "from memory"])
def test_what_is_logged_again_after_a_loss_is_written_again(
    store: Store, tree: Path, content: bytes, damage: Callable[[Store, bytes], str], again: str
) -> None:
    log(store, tree, "ds")
    damage(store, content)
    if again == "from memory":
        draft = Draft(store)
        for path, part in {**SMALL, "large.bin": LARGE}.items():
            draft.add_bytes(part, path)
        draft.add_bytes(b"more", "more")
        second = commit(draft, "ds")
    else:
        if again == "read again":
            for path in tree.rglob("*.*"):
                path.touch()
        (tree / "more").write_bytes(b"more")
        second = log(store, tree, "ds")
    assert second.number == 1
    assert files(store, second) == {**SMALL, "large.bin": LARGE, "more": b"more"}


def test_a_large_file_that_is_lost_is_found_however_it_is_written_again(store: Store, tmp_path: Path) -> None:
    content = bytes(LARGE[at] & 0x0F for at in range(len(LARGE)))
    (tmp_path / "file").write_bytes(content)
    draft = Draft(store)
    draft.add_file(tmp_path / "file", "file")
    first = commit(draft, "ds")
    lose(store, content)
    (tmp_path / "file").touch()
    draft = Draft(store)
    draft.add_file(tmp_path / "file", "file", way=intake.Way(compress=True))
    draft.add_bytes(b"more", "more")
    assert files(store, commit(draft, "ds")) == {"file": content, "more": b"more"}
    assert files(store, first) == {"file": content}


@pytest.mark.usefixtures("low_bounds")
def test_chunks_of_a_file_that_is_lost_are_found_where_they_were_written_again(store: Store, tmp_path: Path) -> None:
    lost, kept = (random.Random(seed).randbytes(6 * 1024 * 1024) for seed in (5, 6))
    for name, content in {"lost": lost, "kept": kept, "both": kept + lost[:3_000_000]}.items():
        (tmp_path / name).write_bytes(content)
    for name in ("lost", "kept"):
        draft = Draft(store)
        draft.add_file(tmp_path / name, name)
        commit(draft, name)
    lose(store, lost)
    draft = Draft(store)
    draft.add_file(tmp_path / "both", "both")
    assert files(store, commit(draft, "both")) == {"both": kept + lost[:3_000_000]}


def test_a_large_value_that_is_lost_far_away_is_found_once_it_is_sent_as_a_file(tmp_path: Path) -> None:
    content = random.Random(7).randbytes(17 * 1024 * 1024)
    (tmp_path / "file").write_bytes(content)
    with closing(open_store(f"{tmp_path / 'store'}?blobs=memory://{tmp_path.name}")) as store:
        draft = Draft(store)
        draft.add_bytes(content, "value")
        first = commit(draft, "ds")
        assert lose(store, content).startswith("loose/")
        draft = Draft(store)
        draft.add_file(tmp_path / "file", "file")
        assert files(store, commit(draft, "ds")) == {"file": content}
        assert files(store, first) == {"value": content}


def test_pages_that_are_gone_are_written_again(store: Store, tree: Path) -> None:
    for number in range(3_000):
        (tree / "d0" / f"many-{number}").write_bytes(b"%d" % number)
    first = log(store, tree, "first")
    # The pages lie in the pack that holds the root.
    (where,) = store.catalog.locate([first.root]).values()
    store.objects.delete(where.object)  # type: ignore[union-attr]
    (tree / "more").write_bytes(b"more")
    second = log(store, tree, "second")
    assert len(files(store, second)) == first.file_count + 1


def test_what_is_gone_and_cannot_be_taken_again_makes_no_version(store: Store, tree: Path) -> None:
    first = log(store, tree, "first")
    draft = Draft(store, list(Manifest(first.root, page_loader(store)).rows()))
    lost = lose(store, LARGE)
    draft.add_bytes(b"more", "more")
    with pytest.raises(CorruptData, match="does not hold them") as caught:
        commit(draft, "second")
    assert caught.value.code == "missing-blob"
    assert store.catalog.collection("e", "p", "second") is None
    assert store.objects.size(lost) is None


def test_what_somebody_brings_back_is_there_again(store: Store, tree: Path) -> None:
    log(store, tree, "first")
    digest, presence = digest_of(LARGE), Presence(store.catalog, store.objects)
    (where,) = store.catalog.locate([digest]).values()
    kept = store.objects.read(where.object)  # type: ignore[union-attr]
    lost = lose(store, LARGE)
    assert (presence.held([digest]), presence.gone([digest])) == (set(), {digest})
    store.objects.put(lost, kept)
    assert (presence.held([digest]), presence.gone([digest])) == ({digest}, set())


def test_each_object_is_looked_at_once(store: Store, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log(store, tree, "first")
    looks: Counter[str] = Counter()
    size = type(store.objects).size

    def counted(self: Any, name: str) -> int | None:
        looks[name] += 1
        return size(self, name)

    monkeypatch.setattr(type(store.objects), "size", counted)
    draft = Draft(store)
    for path, part in {**SMALL, "large.bin": LARGE}.items():
        draft.add_bytes(part, path)
    draft.add_bytes(b"more", "more")
    commit(draft, "second")
    held = {where.object for where in store.catalog.locate(map(digest_of, [*SMALL.values(), LARGE])).values()}  # type: ignore[union-attr]
    assert {name: looks[name] for name in held} == dict.fromkeys(held, 1)
