"""``kill -9`` while a process speaks to PostgreSQL or to the bucket: the store is sound, and what it did succeeds."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import pytest

from forebear.api.checking.checking import check_store
from forebear.api.copying.copying import copy_store
from forebear.artifacts.collecting.collecting import collect
from forebear.artifacts.collecting.rules import Rules
from forebear.blobs.digest import digest_of
from forebear.store.checking.aside import really
from forebear.store.opening import open_store
from forebear.testing.soundness import troubles
from tests.faults.operations import api, begin, content
from tests.faults.results import REPEATED, UNTRIED, injected
from tests.faults.steps import files, log
from tests.faults.tracing import DONE, Child, in_child
from tests.faults.wire import IN, KILL, OUT, Break, wire

if TYPE_CHECKING:
    from pathlib import Path

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


def delete(url: str, number: int) -> None:
    """Log a version, and delete the one before it."""
    with begin(url) as run:
        log(run, "logged", number)
    if number:
        api(url).artifact(f"logged:v{number - 1}").delete()


def collection(url: str, number: int) -> None:
    """Collect what the version before this one had alone."""
    opened = open_store(url, create=False)
    report = collect(opened, Rules(grace_seconds=0, trash_seconds=0, least_needed=0.9, looks=2))
    assert report.unfinished is None
    opened.close()


def check_collected(url: str, number: int) -> None:
    """What is named is all there, and what is not is out of the index."""
    opened = open_store(url, create=False)
    assert troubles(opened) == []
    assert opened.catalog.garbage() == 0
    assert not opened.catalog.known([digest_of(files(number - 1)["large"])])
    opened.close()
    found = api(url).artifacts("logged")
    assert [version.version for version in found] == [f"v{number}"]
    assert content(found[0]) == files(number)


class Backup:
    """A store that is damaged again and again, and a copy of it that heals it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def damage(self, url: str, number: int) -> None:
        """Log a version, copy all, and lose what it alone had; one object is gone, another one is noise."""
        with begin(url) as run:
            before = {stored.name for stored in run.store.catalog.objects()}
            log(run, "logged", number)
        opened, backup = open_store(url, create=False), open_store(self.folder)
        copy_store(opened, backup)
        objects = really(opened.objects)
        fresh = sorted(stored.name for stored in opened.catalog.objects() if stored.name not in before)
        for place, name in enumerate(fresh):
            content = bytes(objects.read(name))
            objects.delete(name)
            if place:
                objects.put(name, content[:50] + b"noise" + content[55:])
        opened.close()
        backup.close()

    def mend(self, url: str, number: int) -> None:
        """Repair."""
        opened, backup = open_store(url, create=False), open_store(self.folder, create=False)
        found = check_store(opened, read_data=True, repair=True, source=backup)
        assert found.left == []
        opened.close()
        backup.close()

    def check(self, url: str, number: int) -> None:
        """Every version is whole."""
        opened = open_store(url, create=False)
        assert troubles(opened) == []
        assert check_store(opened, read_data=True).ok
        opened.close()
        found = api(url).artifacts("logged")
        assert [content(version) for version in found] == [files(n) for n in range(number, -1, -1)]


class Killed(NamedTuple):
    """What is killed; before it, what is done each time; after it, what must hold. All get the URL and a number."""

    name: str
    arrange: Callable[[str, int], None]
    work: Callable[[str, int], None]
    check: Callable[[str, int], None]


def killed_of(name: str, folder: Path) -> Killed:
    """What is killed, by its name; ``folder`` is its own."""
    backup = Backup(folder)
    return {
        "a program": Killed(name, lambda url, number: None, program, check),
        "gc": Killed(name, delete, collection, check_collected),
        "fsck --repair": Killed(name, backup.damage, backup.mend, backup.check),
    }[name]


def done(work: Callable[[], object]) -> None:
    ending = in_child(work)
    assert ending.code == DONE, ending.said


@pytest.mark.parametrize("name", ["a program", "gc", "fsck --repair"])
@pytest.mark.parametrize("behind", ["PostgreSQL", "S3"])
def test_it_is_killed(
    name: str, behind: str, team_servers: Team, memory_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg  # noqa: F401 - here, and not in every child
    import s3fs  # noqa: F401

    team_servers.enter(monkeypatch)
    mark = uuid.uuid4().hex
    database, bucket = team_servers.database, team_servers.s3.url
    with wire(database if behind == "PostgreSQL" else bucket) as (line, url):
        places = (url, bucket) if behind == "PostgreSQL" else (database, url)
        store = f"{places[0]}?blobs=s3://team/{mark}&endpoint_url={quote(places[1], safe=':/')}&schema=k{mark}"
        kill_each(killed_of(name, memory_path / "backup"), store, behind, line)


def kill_each(what: Killed, url: str, behind: str, line: Wire) -> None:
    for number in range(2):
        done(lambda number=number: what.arrange(url, number))
        line.disarm()
        done(lambda number=number: what.work(url, number))
    passed = dict(line.passed)
    points = [(way, passed[way] * index // CUTS) for way in (OUT, IN) for index in range(CUTS)]
    for number, (way, at) in enumerate(points, 2):
        done(lambda number=number: what.arrange(url, number))
        child = Child(lambda number=number: lambda: what.work(url, number))
        line.victim = child.pid
        with injected("kill", f"{what.name}, at {behind}", str(Break(KILL, way, at))) as case:
            line.arm(Break(KILL, way, at))
            child.go()
            ending = child.wait()
            killed = line.broken
            line.disarm()
            assert ending.code == (-signal.SIGKILL if killed else DONE), ending.said
            if not killed:
                case.outcome = UNTRIED
                done(lambda number=number: what.check(url, number))
                continue
            done(lambda number=number: what.work(url, number))
            done(lambda number=number: what.check(url, number))
            case.outcome = REPEATED
