"""``kill -9`` while a process speaks to PostgreSQL or to the bucket: the store is sound, and the program succeeds."""

from __future__ import annotations

import os
import signal
import uuid
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from forebear.store.opening import open_store
from forebear.testing.soundness import troubles
from tests.faults.operations import api, begin, content
from tests.faults.results import REPEATED, UNTRIED, injected
from tests.faults.steps import files, log
from tests.faults.tracing import DONE, Child, in_child
from tests.faults.wire import IN, KILL, OUT, Break, wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.wire import Wire
    from tests.team import Team

#: Bytes of each direction at which it is killed; all by ``make faults``.
CUTS = 8 if os.environ.get("EVERY_KILL") else 1

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]


def program(url: str, number: int) -> None:
    """Log a version, move an alias to it, and end."""
    with begin(url) as run:
        log(run, "logged", number)
        version = api(url).artifact(f"logged:v{number}")
        version.aliases.append("prod")
        version.save()


def check(url: str, number: int) -> None:
    """All versions are there, once, and the alias moved each time, once."""
    opened = open_store(url, create=False)
    assert troubles(opened) == []
    opened.close()
    asked = api(url)
    found = asked.artifacts("logged")
    assert [version.version for version in found] == [f"v{n}" for n in range(number, -1, -1)]
    assert content(found[0]) == files(number)
    moves = asked.store.catalog.alias_moves(found[0].record.collection_id, "prod")
    assert [move.number for move in moves] == list(range(number + 1))
    assert {run.state for run in asked.runs()} <= {"finished", "crashed"}


def done(work: Callable[[], object]) -> None:
    ending = in_child(work)
    assert ending.code == DONE, ending.said


@pytest.mark.parametrize("behind", ["PostgreSQL", "S3"])
def test_it_is_killed(behind: str, team_servers: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg  # noqa: F401 - here, and not in every child
    import s3fs  # noqa: F401

    team_servers.enter(monkeypatch)
    mark = uuid.uuid4().hex
    database, bucket = team_servers.database, team_servers.s3.url
    with wire(database if behind == "PostgreSQL" else bucket) as (line, url):
        places = (url, bucket) if behind == "PostgreSQL" else (database, url)
        store = f"{places[0]}?blobs=s3://team/{mark}&endpoint_url={quote(places[1], safe=':/')}&schema=k{mark}"
        kill_each(store, behind, line)


def kill_each(url: str, behind: str, line: Wire) -> None:
    done(lambda: program(url, 0))
    line.disarm()
    done(lambda: program(url, 1))
    passed = dict(line.passed)
    points = [(way, passed[way] * index // CUTS) for way in (OUT, IN) for index in range(CUTS)]
    for number, (way, at) in enumerate(points, 2):
        child = Child(lambda number=number: lambda: program(url, number))
        line.victim = child.pid
        with injected("kill", f"a program, at {behind}", str(Break(KILL, way, at))) as case:
            line.arm(Break(KILL, way, at))
            child.go()
            ending = child.wait()
            killed = line.broken
            line.disarm()
            assert ending.code == (-signal.SIGKILL if killed else DONE), ending.said
            if not killed:
                case.outcome = UNTRIED
                done(lambda number=number: check(url, number))
                continue
            done(lambda number=number: program(url, number))
            done(lambda number=number: check(url, number))
            case.outcome = REPEATED
