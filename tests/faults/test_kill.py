"""``kill -9`` at every step: the store stays sound, and the same call then succeeds.

Two ways. A forked child is killed before each change that Python code makes; this is quick, so it is done at every one.
And strace kills a whole program at a call of the system, those inside SQLite included; a spread of these is tried
always, all of them by ``make faults``.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

import forebear
from forebear.errors import NotFound
from forebear.store.opening import open_store
from forebear.store.shared import close_stores
from forebear.testing.soundness import troubles
from tests.faults.results import REPEATED, injected, note
from tests.faults.tracing import Point, points_in

LARGE = bytes(range(256)) * 5_000
OLD = {"same.txt": b"same", "a/1.txt": b"one", "a/2.txt": b"two", "large.bin": LARGE}
NEW = {"same.txt": b"same", "a/1.txt": b"one, better", "b/3.txt": b"three", "large.bin": LARGE[::-1]}
METADATA = {"rate": 0.1, "layers": [3, 4], "none": None}
#: Names of what is killed, on the page of injected faults.
PROGRAM, FIRST_PROGRAM = "a program that logs", "the first program of a store"
#: Set by ``make faults``: every call of the system, not a spread of them.
EVERY = bool(os.environ.get("EVERY_KILL"))
#: Calls at which strace kills in an ordinary test run.
SPREAD = 24
#: Tests that share the steps or calls out between them, so that they run beside each other.
PARTS = 8 if EVERY else 2
#: Without those that open: an interpreter opens now more, now fewer files, so that they cannot be counted; what was
#: made by opening is seen at the call that comes next.
CALLS = (
    "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,ftruncate,"
    "fchmod,chmod,copy_file_range"
)

pytestmark = pytest.mark.timeout(1_800 if EVERY else 300)

Kill = Callable[..., bool]


def begin(store: str) -> forebear.Run:
    return forebear.init(project="p", store=store, settings={"silent": True}, reinit="create_new")


def log(store: str, data: str) -> None:
    with begin(store) as run:
        draft = forebear.Artifact("ds", "dataset", metadata={"rate": 0.1, "layers": [3, 4], "none": None})
        draft.add_dir(data)
        run.log_artifact(draft, aliases=["prod"], tags=["good"])


def fill(folder: Path, content: dict[str, bytes]) -> str:
    for path, part in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(part)
    return str(folder)


@pytest.fixture
def tmp_path(memory_path: Path) -> Path:
    return memory_path


@pytest.fixture
def old(tmp_path: Path) -> str:
    return fill(tmp_path / "old", OLD)


@pytest.fixture
def new(tmp_path: Path) -> str:
    return fill(tmp_path / "new", NEW)


@pytest.fixture
def store(tmp_path: Path, old: str) -> Path:
    """A store that holds one version, closed."""
    log(str(tmp_path / "store"), old)
    close_stores()
    return tmp_path / "store"


def api(store: Path) -> forebear.Api:
    return forebear.Api(str(store), project="p")


def content(version: forebear.Artifact) -> dict[str, bytes]:
    return {file.path: file.read() for file in version.files()}


def assert_sound(store: Path) -> None:
    opened = open_store(store, create=False)
    assert troubles(opened) == []
    opened.close()


def each_kill(
    store: Path,
    kill: Kill,
    work: Callable[[str], object],
    ready: Callable[[str], object] | None = None,
    *,
    name: str,
    steps: Iterable[int] | None = None,
) -> Iterator[Path]:
    """Give a sound store in which ``work`` was killed at its first step, at its second, and so on to its end.

    Others than all ``steps`` are for tests that share them out. ``name`` is for the page of injected faults.
    """
    for step in steps or itertools.count(1):
        copy = store.with_name(f"killed-{step}")
        if store.exists():
            shutil.copytree(store, copy)
        killed = kill(lambda at=str(copy): work(at), step, ready and (lambda at=str(copy): ready(at)))
        if store.exists():
            assert_sound(copy)
        yield copy
        close_stores()
        shutil.rmtree(copy)
        if not killed:
            assert step > 3
            return
        note("kill", name, f"SIGKILL within Python at step {step}", REPEATED)


# -- logging ----------------------------------------------------------------------------------------------------------


def assert_logs(store: Path, new: str) -> None:
    """The version that was there is whole; the call that was killed succeeds, and made one version, now or before."""
    version = api(store).artifact("ds:v0")
    version.verify(version.download(store.with_name("v0")))
    assert content(version) == OLD
    before = [found.version for found in api(store).artifacts("ds")]
    assert before in (["v0"], ["v1", "v0"])
    log(str(store), new)
    close_stores()
    assert [found.version for found in api(store).artifacts("ds")] == ["v1", "v0"]
    version = api(store).artifact("ds:prod")
    assert (version.version, version.aliases, version.tags) == ("v1", ["latest", "prod"], ["good"])
    assert version.metadata == METADATA
    assert content(version) == NEW
    assert {run.state for run in api(store).runs()} <= {"finished", "crashed"}
    assert_sound(store)
    assert api(store).artifact("ds:v1").store.catalog.unrecorded_versions(9) == []
    assert list((store / "tmp").iterdir()) == []
    shutil.rmtree(store.with_name("v0"))


@pytest.mark.parametrize("part", range(PARTS))
def test_logging_is_killed_at_every_step(store: Path, new: str, until_killed: Kill, part: int) -> None:
    steps = itertools.count(1 + part, PARTS)
    for killed in each_kill(store, until_killed, lambda at: log(at, new), name=PROGRAM, steps=steps):
        assert_logs(killed, new)


@pytest.mark.parametrize("part", range(PARTS))
def test_the_first_call_of_all_is_killed_at_every_step(tmp_path: Path, old: str, until_killed: Kill, part: int) -> None:
    steps = itertools.count(1 + part, PARTS)
    first = tmp_path / "none"
    for killed in each_kill(first, until_killed, lambda at: log(at, old), name=FIRST_PROGRAM, steps=steps):
        assert_first(killed, old)


def assert_first(store: Path, old: str) -> None:
    """What is left of a store that was being made is a sound store or none, and the same call makes it one."""
    with contextlib.suppress(NotFound):
        assert_sound(store)
    log(str(store), old)
    close_stores()
    assert [found.version for found in api(store).artifacts("ds")] == ["v0"]
    assert content(api(store).artifact("ds:prod")) == OLD
    assert_sound(store)
    assert list((store / "tmp").iterdir()) == []
    assert (store / ".gitignore").read_text().splitlines()[1:] == ["*", "!config.toml"]


# -- using ------------------------------------------------------------------------------------------------------------


def use(store: str, out: str) -> None:
    with begin(store) as run:
        run.use_artifact("ds:v0", use_as="input").download(out)


@pytest.mark.parametrize(
    "there", [{}, {"a/1.txt": b"something else", "large.bin": b"", "mine.txt": b"mine"}], ids=["fresh", "not empty"]
)
def test_using_and_downloading_is_killed_at_every_step(
    store: Path, tmp_path: Path, until_killed: Kill, there: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    fill(out, there)
    for killed in each_kill(store, until_killed, lambda at: use(at, str(out)), name="use and download"):
        for path, part in OLD.items():  # a file has its name only once it has its bytes; what was there goes whole
            found = (out / path).read_bytes() if (out / path).exists() else None
            assert found in (there.get(path), part)
        use(str(killed), str(out))
        assert {path: (out / path).read_bytes() for path in OLD} == OLD
        assert "mine.txt" not in there or (out / "mine.txt").read_bytes() == b"mine"
        used_by = api(killed).artifact("ds:v0").used_by()
        assert len(used_by) in {1, 2}
        assert {run.state for run in used_by} <= {"finished", "crashed"}
        assert_sound(killed)
        assert not [path for path in out.rglob("*") if path.name.startswith(".forebear-")]
        shutil.rmtree(out)
        fill(out, there)


def test_a_new_folder_of_small_files_appears_as_a_whole(tmp_path: Path, until_killed: Kill) -> None:
    content = {f"{number}.txt": b"%d" % number for number in range(8)}
    log(str(tmp_path / "store"), fill(tmp_path / "flat", content))
    close_stores()
    out = tmp_path / "deep" / "out"
    whole = 0
    for killed in each_kill(tmp_path / "store", until_killed, lambda at: use(at, str(out)), name="use and download"):
        if out.exists():
            whole += 1
            assert {path.name: path.read_bytes() for path in out.iterdir()} == content
        use(str(killed), str(out))
        assert {path.name: path.read_bytes() for path in out.iterdir()} == content
        assert out.exists()
        if out.parent.exists() and not whole:
            assert os.listdir(out.parent) == ["out"]
        shutil.rmtree(out)
    assert whole > 1  # killed after it appeared, and not killed


# -- labels, deleting, ending -----------------------------------------------------------------------------------------


@pytest.fixture
def two(store: Path, new: str) -> Path:
    """A store with two versions; ``prod`` stands on the first."""
    log(str(store), new)
    version = api(store).artifact("ds:v0")
    version.aliases.append("prod")
    version.save()
    close_stores()
    return store


def test_moving_an_alias_is_killed_at_every_step(two: Path, until_killed: Kill) -> None:
    def move(at: str) -> None:
        version = api(Path(at)).artifact("ds:v1")
        version.aliases.append("prod")
        version.save()

    for killed in each_kill(two, until_killed, move, name="alias move"):
        catalog = api(killed).artifact("ds:v0").store.catalog
        version = api(killed).artifact("ds:prod").record
        moves = [found.number for found in catalog.alias_moves(version.collection_id, "prod")]
        assert moves == [0, 1, 0, 1][: 3 + version.number]
        move(str(killed))
        moves = [found.number for found in catalog.alias_moves(version.collection_id, "prod")]
        assert moves == [0, 1, 0, 1]
        assert api(killed).artifact("ds:prod").version == "v1"


def test_deleting_is_killed_at_every_step(two: Path, new: str, until_killed: Kill) -> None:
    def delete(at: str) -> None:
        api(Path(at)).artifact("ds:v1").delete()

    for killed in each_kill(two, until_killed, delete, name="delete"):
        before = [found.version for found in api(killed).artifacts("ds")]
        assert before in (["v1", "v0"], ["v0"])
        assert api(killed).artifact("ds:latest").version == before[0]
        if len(before) == 2:
            delete(str(killed))
        assert content(api(killed).artifact("ds:latest")) == OLD
        log(str(killed), new)  # the content that was deleted comes back under a number of its own
        assert [found.version for found in api(killed).artifacts("ds")] == ["v2", "v0"]
        assert content(api(killed).artifact("ds:latest")) == NEW
        assert_sound(killed)


def test_finishing_is_killed_at_every_step(store: Path, until_killed: Kill) -> None:
    runs: list[forebear.Run] = []  # of the child, in which both functions are called

    def ready(at: str) -> None:
        runs.append(begin(at))
        runs[0].use_artifact("ds:v0")

    for killed in each_kill(store, until_killed, lambda at: runs[0].finish(3), ready, name="finish"):
        _, newest = api(killed).runs()
        assert (newest.state, newest.record.exit_code) in {("crashed", None), ("failed", 3)}
        assert [version.name for version in newest.used_artifacts()] == ["ds:v0"]


# -- inside of SQLite -------------------------------------------------------------------------------------------------


def program(store: Path, data: str) -> list[str]:
    source = "".join(map(inspect.getsource, (begin, log)))
    return [sys.executable, "-B", "-c", f"import sys, forebear\n{source}\nlog(*sys.argv[1:])", str(store), data]


def traced(options: list[str], command: list[str]) -> int:
    """Run a command under strace; return its exit code, of which strace dies as the command did."""
    # Without --seccomp-bpf, with which some versions leave the signals out.
    words = ["strace", "-f", "-qq", "-y", *options, *command]
    return subprocess.run(words, check=False, capture_output=True).returncode


def calls_of(store: Path, data: str, note: Path) -> list[Point]:
    """Log once, and return the calls that changed the store, in their order: name, and how many of a thread it was."""
    assert traced(["-o", str(note), "-e", f"trace={CALLS}"], program(store, data)) == 0
    return points_in(note, store)


def spread(calls: list[Point], part: int) -> list[Point]:
    chosen = calls if EVERY else calls[:: max(1, len(calls) // SPREAD)]
    return chosen[part::PARTS]


@pytest.fixture
def strace(tmp_path: Path) -> Path:
    if traced(["-o", str(tmp_path / "note")], ["true"]) != 0:
        pytest.skip("strace may not trace here")
    return tmp_path / "note"


@pytest.mark.debian("strace")
@pytest.mark.parametrize("part", range(PARTS))
def test_logging_is_killed_at_calls_of_the_system(store: Path, new: str, strace: Path, part: int) -> None:
    first = store.with_name("copy")
    shutil.copytree(store, first)
    calls = calls_of(first, new, strace)
    assert len(calls) > 40
    for name, number in spread(calls, part):
        copy = store.with_name(f"killed-{name}-{number}")
        shutil.copytree(store, copy)
        options = ["-o", str(strace), "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}"]
        assert traced(options, program(copy, new)) == -signal.SIGKILL, (name, number)
        with injected("kill", PROGRAM, f"SIGKILL at {name} {number}") as case:
            assert_sound(copy)
            assert_logs(copy, new)
            case.outcome = REPEATED
        close_stores()
        shutil.rmtree(copy)


@pytest.mark.debian("strace")
@pytest.mark.parametrize("part", range(PARTS))
def test_the_first_call_of_all_is_killed_at_calls_of_the_system(
    tmp_path: Path, old: str, strace: Path, part: int
) -> None:
    calls = calls_of(tmp_path / "first", old, strace)
    assert len(calls) > 100
    for name, number in spread(calls, part):
        copy = tmp_path / f"killed-{name}-{number}"
        options = ["-o", str(strace), "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}"]
        assert traced(options, program(copy, old)) == -signal.SIGKILL, (name, number)
        with injected("kill", FIRST_PROGRAM, f"SIGKILL at {name} {number}") as case:
            assert_first(copy, old)
            case.outcome = REPEATED
        close_stores()
        shutil.rmtree(copy)
