"""What every test has: a home, a working folder and an environment of its own."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests import team
from tests.session_servers import azurite, gcs, moto, radosgw, rclone  # noqa: F401  # fixtures of everybody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Before anything imports them: the suites shipped in the package fail with values in their messages, as tests do.
pytest.register_assert_rewrite("forebear.testing")

#: Variables that would let the machine of whoever runs the tests decide what they see.
FOREIGN_PREFIXES = ("FOREBEAR_", "WANDB_", "XDG_", "GIT_")
FOREIGN_NAMES = ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE")

#: Room that must be free in memory before tests put files there.
MEMORY_BYTES = 1024**3

# Time a shared machine takes for one example says nothing about the code.
hypothesis.settings.register_profile("forebear", deadline=None, print_blob=True)
hypothesis.settings.load_profile("forebear")


def _isolate(patch: pytest.MonkeyPatch, home: Path) -> None:
    for name in list(os.environ):
        if (name.startswith(FOREIGN_PREFIXES) and name != "GIT_SSL_CAINFO") or name in FOREIGN_NAMES:
            patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    # Without credentials botocore would ask the metadata service of a cloud, and wait for its silence.
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # Tests that run beside each other share the cores; threads of one that spin while they wait take them from others.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        patch.setenv(name, "1")


@pytest.fixture(scope="session", autouse=True)
def _isolated_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers that live for the session see no more of the machine than the tests do."""
    # A shell that starts tests in the background has them ignore interrupts, nohup the end of its terminal, and so
    # would all that they start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with pytest.MonkeyPatch.context() as patch:
        _isolate(patch, tmp_path_factory.mktemp("session-home"))
        yield


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the empty home folder of this test; its working folder is ``work``, beside it, empty too."""
    base = tmp_path_factory.mktemp("machine")
    folder = base / "home"
    work = base / "work"
    folder.mkdir()
    work.mkdir()
    _isolate(monkeypatch, folder)
    monkeypatch.chdir(work)
    return folder


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """An empty folder in memory where there is one, for tests that flush much and need nothing to outlive the machine.

    What a process has written is the system's, on whichever file system: a killed process loses no more of it there.
    """
    memory = Path("/dev/shm")  # noqa: S108
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < MEMORY_BYTES:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="forebear-test-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def team_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[team.Team]:
    """PostgreSQL and S3, for stores of a team."""
    with team.team(tmp_path_factory.mktemp("team")) as found:
        yield found


@pytest.fixture(scope="module")
def stores_of_module(request: pytest.FixtureRequest) -> Iterator[None]:
    """For fixtures that make a store for a whole module: where stores of tests are a team's, theirs is one too."""
    with pytest.MonkeyPatch.context() as patch:
        if team.WANTED == team.TEAM:
            team.put_folders_there(request.getfixturevalue("team_servers"), patch)
        yield


@pytest.fixture(autouse=team.WANTED == team.TEAM)
def _stores_of_a_team(team_servers: team.Team, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    team.put_folders_there(team_servers, monkeypatch)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[], Any]], Any]:
    """Return what makes files in the working folder, a store for example, and from the second time on copies them.

    It is given a name and what makes them, and returns what that returned. Stores of a team are not in the folder, and
    are made each time.
    """
    kept: dict[str, tuple[Path, Any]] = {}

    def made(name: str, make: Callable[[], Any]) -> Any:
        if team.WANTED == team.TEAM:
            return make()
        assert not os.listdir(), "what is copied is the whole working folder"
        if name in kept:
            shutil.copytree(kept[name][0], Path.cwd(), dirs_exist_ok=True)
        else:
            result = make()
            _close_stores()
            folder = tmp_path_factory.mktemp("made") / "work"
            shutil.copytree(Path.cwd(), folder)
            kept[name] = folder, result
        return copy.deepcopy(kept[name][1])

    return made


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """No run and no open store of one test is seen by the next."""
    yield
    if "forebear.tracking.current" in sys.modules:
        for run in sys.modules["forebear.tracking.current"].active_runs():
            run.end(1, "left open by a test")
    _close_stores()


def _close_stores() -> None:
    if "forebear.store.shared" in sys.modules:
        sys.modules["forebear.store.shared"].close_stores()


def pytest_report_header() -> list[str]:
    return [team.HEADER] if team.WANTED == team.TEAM else []


def pytest_runtest_setup(item: pytest.Item) -> None:
    if team.WANTED == team.TEAM:
        reason = team.why_not_here(item.nodeid)
        if reason:
            pytest.skip(f"not about a team's store: {reason}")
    for marker in item.iter_markers("debian"):
        missing = [command for command in marker.args if shutil.which(command) is None]
        if missing:
            pytest.skip(f"needs {', '.join(missing)} from a Debian package; make test-all installs it")
