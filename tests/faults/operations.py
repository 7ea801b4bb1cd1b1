"""What is interrupted: each operation with a store to do it in, what must hold after a fault, and what at its end."""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import forebear
from forebear.api.checking.checking import check_store
from forebear.api.checking.recovering import recover_store
from forebear.api.copying.copying import copy_store
from forebear.artifacts.collecting.collecting import collect
from forebear.artifacts.collecting.rules import Rules
from forebear.blobs.digest import digest_of
from forebear.catalog.schema import SCHEMA_VERSION
from forebear.errors import CorruptData, NotFound
from forebear.records.content import LOOSE, PACK
from forebear.store.opening import open_store
from forebear.store.shared import close_stores
from forebear.testing.soundness import troubles

if TYPE_CHECKING:
    from collections.abc import Callable

    from forebear.store.store import Store

LARGE = bytes(range(256)) * 2_500
OLD = {"same.txt": b"same", "a/1.txt": b"one", "a/2.txt": b"two", "large.bin": LARGE}
NEW = {"same.txt": b"same", "a/1.txt": b"one, better", "b/3.txt": b"three", "large.bin": LARGE[::-1]}
ROWS = 20


def begin(store: Path | str) -> forebear.Run:
    """Begin a run that keeps nothing of the machine."""
    settings = {"silent": True, "console": "off", "x_disable_stats": True, "disable_git": True}
    return forebear.init(project="p", store=str(store), settings=settings, reinit="create_new")


def fill(folder: Path, content: dict[str, bytes]) -> Path:
    """Write files."""
    for path, part in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(part)
    return folder


def flip(path: Path) -> None:
    """Change a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def draft_of(data: Path) -> forebear.Artifact:
    """Begin a version of a folder."""
    draft = forebear.Artifact("ds", "dataset", metadata={"rate": 0.1})
    draft.add_dir(data)
    return draft


def log(store: Path, data: Path) -> None:
    """Log a folder, in a run of its own."""
    with begin(store) as run:
        run.log_artifact(draft_of(data), aliases=["prod"], tags=["good"])


def api(store: Path | str) -> forebear.Api:
    """Ask a store."""
    return forebear.Api(str(store), project="p")


def content(version: forebear.Artifact) -> dict[str, bytes]:
    """All files of a version, read and verified."""
    return {file.path: file.read() for file in version.files()}


def versions(store: Path) -> list[str]:
    """Numbers of the versions, newest first."""
    return [found.version for found in api(store).artifacts("ds")]


def assert_sound(store: Path) -> None:
    """Read all that a store holds; nothing of it is missing, damaged or contradicts the rest, and fsck is clean."""
    close_stores()
    opened = open_store(store, create=False)
    try:
        found = [*troubles(opened), *(trouble.words for trouble in check_store(opened, read_data=True).troubles)]
        assert found == [], found
    finally:
        opened.close()


class Operation:
    """One thing that people do with a store, in a folder that can be copied."""

    name: str
    #: Calls at which ``make faults`` kills it; of nearly all operations that is every one.
    most_kills = 10_000

    def __str__(self) -> str:
        return self.name.replace(" ", "-")

    def prepare(self, at: Path) -> None:
        """Make what it needs below ``at``."""
        raise NotImplementedError

    def ready(self, at: Path) -> Callable[[], object]:
        """Open what is open before; return the operation itself."""
        raise NotImplementedError

    def between(self, at: Path) -> None:
        """Assert that nothing is half there, whenever it was interrupted."""
        raise NotImplementedError

    def done(self, at: Path) -> None:
        """Assert that it was done, once."""
        raise NotImplementedError

    def repeat(self, at: Path) -> None:
        """Do it after it was interrupted."""
        self.ready(at)()


class LogArtifact(Operation):
    """A second version: a file that is as it was, others that are new, and a large one."""

    name = "log_artifact"

    def prepare(self, at: Path) -> None:
        log(at / "store", fill(at / "old", OLD))
        fill(at / "new", NEW)

    def ready(self, at: Path) -> Callable[[], object]:
        run = begin(at / "store")
        return lambda: run.log_artifact(draft_of(at / "new"), aliases=["prod"], tags=["good"])

    def between(self, at: Path) -> None:
        assert_sound(at / "store")
        assert versions(at / "store") in (["v0"], ["v1", "v0"])
        assert content(api(at / "store").artifact("ds:v0")) == OLD

    def done(self, at: Path) -> None:
        assert_sound(at / "store")
        assert versions(at / "store") == ["v1", "v0"]
        version = api(at / "store").artifact("ds:prod")
        assert (version.version, version.aliases, version.tags) == ("v1", ["latest", "prod"], ["good"])
        assert version.metadata == {"rate": 0.1}
        assert content(version) == NEW


class MoveAlias(Operation):
    """``prod``, from the first version to the second."""

    name = "alias move"

    def prepare(self, at: Path) -> None:
        log(at / "store", fill(at / "old", OLD))
        with begin(at / "store") as run:
            run.log_artifact(draft_of(fill(at / "new", NEW)))

    def ready(self, at: Path) -> Callable[[], object]:
        version = api(at / "store").artifact("ds:v1")

        def move() -> None:
            version.aliases.append("prod")
            version.save()

        return move

    def between(self, at: Path) -> None:
        assert_sound(at / "store")
        assert self._moves(at) in ([0], [0, 1])

    def done(self, at: Path) -> None:
        assert_sound(at / "store")
        assert api(at / "store").artifact("ds:prod").version == "v1"
        assert self._moves(at) == [0, 1]

    def _moves(self, at: Path) -> list[int | None]:
        version = api(at / "store").artifact("ds:v0")
        return [move.number for move in version.store.catalog.alias_moves(version.record.collection_id, "prod")]


class Finish(Operation):
    """A run with a history, an input and a summary; what it logged is there whenever it is interrupted."""

    name = "finish"

    def prepare(self, at: Path) -> None:
        log(at / "store", fill(at / "old", OLD))

    def ready(self, at: Path) -> Callable[[], object]:
        run = begin(at / "store")
        run.use_artifact("ds:v0")
        for step in range(ROWS):
            run.log({"loss": 1 / (step + 1), "word": "w"})
        run.summary["best"] = 7
        return lambda: run.finish(3)

    def between(self, at: Path) -> None:
        assert_sound(at / "store")
        _, *runs = api(at / "store").runs(order="+created_at")
        for run in runs:
            assert (run.state, run.record.exit_code) in {("crashed", None), ("failed", 3)}
            assert [row["loss"] for row in run.scan_history(keys=["loss"])] == [1 / (step + 1) for step in range(ROWS)]
            assert run.summary["best"] == 7
            assert [version.name for version in run.used_artifacts()] == ["ds:v0"]

    def done(self, at: Path) -> None:
        self.between(at)
        newest = api(at / "store").runs(order="-created_at")[0]
        assert (newest.state, newest.record.exit_code) == ("failed", 3)


class Migrate(Operation):
    """A store of the second form, opened."""

    name = "migrate"

    def prepare(self, at: Path) -> None:
        with tarfile.open(Path(__file__).parent.parent / "formats" / "store-2.tar.gz") as packed:
            packed.extractall(at / "store", filter="data")

    def ready(self, at: Path) -> Callable[[], object]:
        return lambda: forebear.Api(str(at / "store"), project="kept")

    def between(self, at: Path) -> None:
        """It is of the old form or of the new one; opening would bring it up to date."""
        import pysqlite3

        database = pysqlite3.connect(at / "store" / "catalog.db")
        try:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            columns = [row[1] for row in database.execute("PRAGMA table_info(history_columns)")]
            tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            assert (version, "first_step" in columns, "copies" in tables) in {
                (2, False, False),
                (SCHEMA_VERSION, True, True),
            }
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        finally:
            database.close()

    def done(self, at: Path) -> None:
        assert_sound(at / "store")
        kept = forebear.Api(str(at / "store"), project="kept")
        assert [version.version for version in kept.artifacts("data")] == ["v1", "v0"]
        assert content(kept.artifact("data:v1"))["part-0/00.txt"] == b"corrected\n"
        assert kept.store.catalog.collection("local", "kept", "data") is not None


class CopyStore(Operation):
    """A whole store, into one that is made for it."""

    name = "copy"

    def prepare(self, at: Path) -> None:
        log(at / "store", fill(at / "old", OLD))
        log(at / "store", fill(at / "new", NEW))

    def ready(self, at: Path) -> Callable[[], object]:
        source = open_store(at / "store", create=False)

        def copy() -> None:
            target = open_store(at / "copy")
            try:
                copy_store(source, target)
            finally:
                target.close()

        return copy

    def between(self, at: Path) -> None:
        assert_sound(at / "store")
        with contextlib.suppress(NotFound):  # there is no store yet, or nothing in it
            assert_sound(at / "copy")
            assert versions(at / "copy") in (["v0"], ["v1", "v0"])

    def done(self, at: Path) -> None:
        assert_sound(at / "copy")
        stores = [at / "store", at / "copy"]
        for name, part in (("v0", OLD), ("v1", NEW)):
            one, other = (api(store).artifact(f"ds:{name}") for store in stores)
            assert content(other) == part
            assert (one.digest, one.aliases, one.tags) == (other.digest, other.aliases, other.tags)
            assert one.created_at == other.created_at
        assert _runs(api(stores[0]).store) == _runs(api(stores[1]).store)


def _runs(store: Store) -> list[tuple[str, str]]:
    return sorted((run.id, run.state) for run in store.catalog.runs())


class Download(Operation):
    """A version, into a folder with a file of somebody's and an older one of its own."""

    name = "download"

    def prepare(self, at: Path) -> None:
        log(at / "store", fill(at / "old", OLD))
        fill(at / "out", self._there)

    _there = {"a/1.txt": b"something else", "mine.txt": b"mine"}

    def ready(self, at: Path) -> Callable[[], object]:
        version = api(at / "store").artifact("ds:v0")
        return lambda: version.download(at / "out")

    def between(self, at: Path) -> None:
        assert_sound(at / "store")
        for path, part in {**OLD, **self._there}.items():
            file = at / "out" / path
            found = file.read_bytes() if file.exists() else None
            assert found in {self._there.get(path), OLD.get(path, part)}, path

    def done(self, at: Path) -> None:
        self.between(at)
        assert {path: (at / "out" / path).read_bytes() for path in OLD} == OLD
        assert not [name for _, _, files in os.walk(at / "out") for name in files if name.startswith(".forebear-")]


class Collect(Operation):
    """The collection of a version that was deleted: of a large file, and of a pack of which little is needed."""

    name = "gc"

    def prepare(self, at: Path) -> None:
        small = {f"{number}.txt": b"%d" % number * 300 for number in range(20)}
        log(at / "store", fill(at / "old", OLD | small))
        log(at / "store", fill(at / "new", NEW | {"1.txt": small["1.txt"]}))
        api(at / "store").artifact("ds:v0").delete()

    def ready(self, at: Path) -> Callable[[], object]:
        store = open_store(at / "store", create=False)
        return lambda: collect(store, Rules(grace_seconds=0, trash_seconds=0, least_needed=0.9, looks=2))

    def between(self, at: Path) -> None:
        assert_sound(at / "store")
        assert versions(at / "store") == ["v1"]
        assert NEW.items() <= content(api(at / "store").artifact("ds:v1")).items()

    def done(self, at: Path) -> None:
        self.between(at)
        store = api(at / "store").store
        assert not store.catalog.known([digest_of(LARGE)])
        assert store.catalog.garbage() == 0


class Repair(Operation):
    """A large file and a pack that are damaged and a record that is lost, with a backup at hand."""

    name = "fsck --repair"

    def prepare(self, at: Path) -> None:
        log(at / "store", fill(at / "old", OLD))
        log(at / "store", fill(at / "new", NEW))
        close_stores()
        shutil.copytree(at / "store", at / "backup")
        opened = open_store(at / "store", create=False)
        objects = {stored.kind: stored.name for stored in opened.catalog.objects()}
        record = min(opened.objects.names("versions/"))
        for name in (objects[LOOSE], objects[PACK]):
            flip(opened.objects.local_path(name))
        opened.objects.delete(record)
        opened.close()

    def ready(self, at: Path) -> Callable[[], object]:
        store, backup = (open_store(at / name, create=False) for name in ("store", "backup"))

        def repair() -> None:
            left = check_store(store, read_data=True, repair=True, source=backup).left
            if left:  # as the command's status tells: it is to be called again
                raise CorruptData(left[0].words)

        return repair

    def between(self, at: Path) -> None:
        """What is read is right or refused; the backup is as it was."""
        assert_sound(at / "backup")
        for name, part in (("v0", OLD), ("v1", NEW)):
            version = api(at / "store").artifact(f"ds:{name}")
            for path, right in part.items():
                with contextlib.suppress(CorruptData):
                    assert version.read(path) == right

    def done(self, at: Path) -> None:
        self.between(at)
        assert_sound(at / "store")
        assert [content(api(at / "store").artifact(f"ds:v{n}")) for n in range(2)] == [OLD, NEW]


class Recover(Operation):
    """A catalog that was lost, made again from the records beside the blobs."""

    name = "recover"
    most_kills = 100  # most of its calls make an empty catalog

    def prepare(self, at: Path) -> None:
        log(at / "store", fill(at / "old", OLD))
        log(at / "store", fill(at / "new", NEW))
        close_stores()
        for path in (at / "store").glob("catalog.db*"):
            path.unlink()

    def ready(self, at: Path) -> Callable[[], object]:
        return lambda: recover_store(at / "store")

    def between(self, at: Path) -> None:
        """There is no catalog, or a whole one."""
        if (at / "store" / "catalog.db").exists():
            self.done(at)

    def done(self, at: Path) -> None:
        assert_sound(at / "store")
        assert versions(at / "store") == ["v1", "v0"]
        assert [content(api(at / "store").artifact(f"ds:v{n}")) for n in range(2)] == [OLD, NEW]
        assert api(at / "store").artifact("ds:prod").version == "v1"


OPERATIONS: tuple[Operation, ...] = (
    LogArtifact(),
    MoveAlias(),
    Finish(),
    Collect(),
    Repair(),
    Recover(),
    Migrate(),
    CopyStore(),
    Download(),
)
