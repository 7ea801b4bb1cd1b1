"""Each kind of object damaged in each way at each place: never handed out as sound, always found, named, and healed."""

from __future__ import annotations

import random
import shutil
from binascii import crc32
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import forebear
from forebear.api.checking.recovering import recover_store
from forebear.blobs.pack import footer_range, index_range
from forebear.errors import CorruptData, ForebearError, StorageFailure
from forebear.records.content import Location, Recipe
from forebear.store.shared import close_stores
from forebear.testing.soundness import troubles
from tests.faults.damaging import Damage, Stretch, every_damage
from tests.faults.results import DETECTED, HEALED, SILENT, injected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forebear.store.store import Store

#: Names of small files, some of which end a page of the manifest (`docs/reference/repository-format.md`).
_ENDS = [n for n in range(2_000) if (crc32(f"small/{n}.txt".encode()) * 0x9E3779B1) % 2**32 < 2**32 // 256][:3]
SMALL = [f"small/{number}.txt" for number in [*_ENDS, *range(60)]]
#: A blob that is a loose object, one whose chunks compress, and a file of the run.
LARGE = random.Random(1).randbytes(600_000)
WEIGHTS = b"".join(b"%08d" % (number // 3) for number in range(90_000))
NOTES = b"what the run wrote\n" * 40


class Pristine(NamedTuple):
    """A sound store, and where in it each kind of thing lies."""

    root: Path
    places: dict[str, Stretch]
    facts: dict[str, Any]


def content_of(path: str) -> bytes:
    return f"content of {path}".encode() * 9


def read_everything(api: forebear.Api) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what people ask a store for, each by its name; a fact that is not told raises an error of forebear."""
    version = api.artifact("ds:prod")
    yield "version", lambda: (version.version, version.digest, version.size, sorted(version.aliases), version.metadata)
    yield "versions", lambda: [found.version for found in api.artifacts("ds")]
    yield "files", lambda: sorted((file.path, file.size) for file in version.files())
    for path in ("large.bin", "weights.bin", "small/0.txt", "small/7.txt", SMALL[0]):
        yield path, lambda path=path: version.read(path)
    run = version.logged_by()
    yield "run", lambda: run and run.id
    yield "run file", lambda: api.run("maker").file("notes.txt").read()


def told(root: Path) -> dict[str, Any]:
    """Everything that a store tells, and errors in place of what it does not."""
    found: dict[str, Any] = {}
    try:
        for name, ask in read_everything(forebear.Api(str(root), project="p")):
            try:
                found[name] = ask()
            except ForebearError as err:
                found[name] = err
    except ForebearError as err:
        found["store"] = err
    return found


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Pristine:
    root = tmp_path_factory.mktemp("pristine") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOREBEAR_SILENT", "1")
        patch.chdir(tmp_path_factory.mktemp("work"))
        Path("weights.bin").write_bytes(WEIGHTS)
        Path("notes.txt").write_bytes(NOTES)
        with forebear.init(project="p", id="maker", settings={"store": str(root)}) as run:
            artifact = forebear.Artifact("ds", "dataset", metadata={"rows": 3})
            for path in SMALL:
                artifact.add(content_of(path), path)
            artifact.add(LARGE, "large.bin")
            artifact.add_file("weights.bin", compress=True)
            run.log_artifact(artifact, aliases=["prod"])
            run.save("notes.txt", policy="now")
        facts = told(root)
        assert not any(isinstance(fact, ForebearError) for fact in facts.values()), facts
        places = places_of(forebear.Api(str(root), project="p").artifact("ds"))
        close_stores()
    return Pristine(root, places, facts)


def places_of(version: Any) -> dict[str, Stretch]:
    """Where each kind of thing lies."""
    store: Store = version.store
    digests = {file.path: bytes.fromhex(file.digest) for file in version.files()}
    recipe = store.catalog.locate([digests["weights.bin"]])[digests["weights.bin"]]
    assert isinstance(recipe, Recipe)
    pages = list(version.manifest.page_digests())
    assert len(pages) > 2
    record = next(iter(store.objects.names("versions/")))
    blobs = {
        "loose object": digests["large.bin"],
        "file in a pack": digests["small/7.txt"],
        "chunk of a file": recipe.parts[len(recipe.parts) // 2],
        "root of a manifest": pages[0],
        "leaf of a manifest": pages[1],
        "file of a run": store.catalog.run_files(1)[0].digest,
    }
    places = {}
    for kind, digest in blobs.items():
        where = store.catalog.locate([digest])[digest]
        assert isinstance(where, Location)
        places[kind] = Stretch(path_of(store, where.object), where.offset, where.stored)
    pack = store.catalog.locate([digests["small/7.txt"]])[digests["small/7.txt"]].object
    size = store.objects.size(pack)
    footer = footer_range(size)
    places["index of a pack"] = Stretch(
        path_of(store, pack), *index_range(pack, size, store.objects.read(pack, *footer))
    )
    places["end of a pack"] = Stretch(path_of(store, pack), *footer)
    places["record of a version"] = whole(path_of(store, record))
    places["store.json"] = whole(Path(store.url) / "store.json")
    places["catalog"] = whole(Path(store.url) / "catalog.db")
    return {kind: place._replace(path=place.path.relative_to(store.url)) for kind, place in places.items()}


def path_of(store: Store, name: str) -> Path:
    path = store.objects.local_path(name)
    assert path is not None
    return path


def whole(path: Path) -> Stretch:
    return Stretch(path, 0, path.stat().st_size)


#: Kinds whose damage hits the version, the run, only what can be made again, or the ways to names.
OF_VERSION = (
    "loose object",
    "file in a pack",
    "chunk of a file",
    "root of a manifest",
    "leaf of a manifest",
)
OF_RUN = ("file of a run",)
OF_NOBODY = ("index of a pack", "end of a pack", "record of a version")
OF_STORE = ("store.json", "catalog")
KINDS = (*OF_VERSION, *OF_RUN, *OF_NOBODY, *OF_STORE)
CASES = [(kind, damage) for kind in KINDS for damage in every_damage()]


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 150


@pytest.fixture
def copy(pristine: Pristine, memory_path: Path) -> Path:
    return Path(shutil.copytree(pristine.root, memory_path / "store"))


def check_nothing_is_wrong_unseen(pristine: Pristine, root: Path) -> bool:
    """Ask for everything, and tell whether something was refused. What is told must be right."""
    found = told(root)
    for name, fact in found.items():
        assert isinstance(fact, ForebearError) or fact == pristine.facts[name], f"{name} is told wrong"
    return any(isinstance(fact, ForebearError) for fact in found.values())


@pytest.mark.parametrize(("kind", "damage"), CASES, ids=lambda value: str(value).replace(" ", "-"))
def test_damage_is_never_silent_and_heals(pristine: Pristine, copy: Path, kind: str, damage: Damage) -> None:
    with injected("damage", kind, str(damage)) as case:
        stretch = pristine.places[kind]
        other = next(path for path in sorted((copy / "objects" / "pack").rglob("*")) if path.is_file())
        damage.do(stretch._replace(path=copy / stretch.path), b"other" + other.read_bytes())
        case.outcome = SILENT
        refused = check_nothing_is_wrong_unseen(pristine, copy)
        found = seen_by_fsck(copy)
        if kind not in OF_STORE:  # these have bytes that mean nothing; that all is told right was asserted above
            assert found
            assert_named(kind, found)
        heal(kind, copy, pristine)
        assert told(copy) == pristine.facts
        if damage.way == "flip":  # sound by other words than those of the check itself
            assert troubles(forebear.Api(str(copy), project="p").store) == []
        case.outcome = DETECTED if refused or found or found is None else HEALED


def seen_by_fsck(root: Path) -> list[Any] | None:
    """What a check finds; ``None`` where the store cannot be opened."""
    close_stores()
    try:
        return forebear.Api(str(root), project="p").fsck(read_data=True).troubles
    except ForebearError:
        return None


def assert_named(kind: str, found: list[Any]) -> None:
    if kind in OF_VERSION:
        assert any("local/p/ds:v0" in trouble.versions for trouble in found)
        hit = next(trouble for trouble in found if trouble.versions)
        assert hit.aliases == ("local/p/ds:latest", "local/p/ds:prod")
        assert hit.runs == ("local/p/maker",)
    if kind in OF_RUN:
        assert any("local/p/maker" in trouble.runs for trouble in found)


def heal(kind: str, root: Path, pristine: Pristine) -> None:
    """Mend the store as a person would, from the copy that there is."""
    close_stores()
    if kind == "store.json":
        try:
            recover_store(root)
        except StorageFailure:  # it names another store, so whoever owns both has to say which it is
            shutil.copy(pristine.root / "store.json", root)
    elif kind == "catalog":
        for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm"):
            (root / name).unlink(missing_ok=True)
        shutil.copy(pristine.root / "catalog.db", root)
    else:
        found = forebear.Api(str(root), project="p").fsck(repair=True, read_data=True, source=str(pristine.root))
        assert found.ok, found
    close_stores()


def test_without_a_copy_the_rest_stays_whole(pristine: Pristine, copy: Path) -> None:
    stretch = pristine.places["file in a pack"]
    Damage("flip", "middle").do(stretch._replace(path=copy / stretch.path), b"")
    store = forebear.Api(str(copy), project="p")
    found = store.fsck(read_data=True, repair=True)
    assert not found.ok
    assert [trouble.kind for trouble in found.left] == ["missing-blob"]
    assert found.left[0].files == ("small/7.txt of ds:v0",)
    version = store.artifact("ds")
    with pytest.raises(CorruptData):
        version.read("small/7.txt")
    assert [item.path for item in version.damage()] == ["small/7.txt"]
    assert all(version.read(path) == pristine.facts[path] for path in ("large.bin", "weights.bin", "small/0.txt"))
    # Whoever still has the files logs them again.
    with forebear.init(project="p", settings={"store": str(copy), "silent": True}) as run:
        again = forebear.Artifact("other", "dataset")
        again.add(content_of("small/7.txt"), "again.txt")
        run.log_artifact(again)
    assert version.read("small/7.txt") == pristine.facts["small/7.txt"]
    assert store.fsck(read_data=True).ok
