"""Many processes log versions, move aliases and read them, and are killed: what each saw could have happened in turn.

Sixteen processes with 500 calls each by ``make faults``, fewer calls in an ordinary test run.
"""

from __future__ import annotations

import json
import math
import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import forebear
from forebear.errors import Conflict, NotFound
from forebear.names import parse_ref
from forebear.testing.soundness import troubles
from tests import servers
from tests.faults.linearity import READ, WRITE, Call, counter_troubles, register_troubles
from tests.faults.operations import api, begin
from tests.faults.results import REPEATED, note
from tests.faults.tracing import DONE, Child, in_child

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVERY = bool(os.environ.get("EVERY_KILL"))
PROCESSES = 16 if EVERY else 6
CALLS = 500 if EVERY else 10
KILLS = 120 if EVERY else 4
ALIASES = ("prod", "best", "tested")
DEADLINE = 900.0 if EVERY else 100.0
LOG, MOVE, LOOK = "log", "move", "look"
#: What a move expects an alias to stand on, beside numbers of versions.
ANY, NOBODY = -2, -1

pytestmark = pytest.mark.timeout(DEADLINE + 60)


class Work(NamedTuple):
    """What one process does, and where it writes down what it saw."""

    url: str
    folder: Path
    who: int

    @property
    def file(self) -> Path:
        return self.folder / f"{self.who}.jsonl"

    def lines(self) -> list[dict[str, Any]]:
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_bytes().splitlines()]

    def begun(self) -> int:
        """How many calls it has begun."""
        return sum("begin" in line for line in self.lines())

    def go_on(self) -> None:
        """Make the calls that are left."""
        Worker(self).work()


class Worker:
    """A process at work. Each call is written down before it is made, and again when it returned."""

    def __init__(self, work: Work) -> None:
        lines = work.lines()
        self.who = work.who
        self.begun = work.begun()
        self.run = begin(work.url)
        self.catalog = self.run.store.catalog
        #: Versions of its own that no alias was moved to: each is once, so that no value is written twice.
        self.free = {line["id"] for line in lines if "id" in line} - {line.get("moved") for line in lines}
        self.file = os.open(work.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def work(self) -> None:
        for index in range(self.begun, CALLS):
            lot = random.Random(f"{self.who}.{index}")
            kind, alias = lot.choice((LOG, MOVE, MOVE, LOOK, LOOK)), lot.choice(ALIASES)
            if kind == LOOK:
                self.look(index, alias)
            elif kind == MOVE and self.free:
                self.move(index, alias, careful=lot.random() < 0.5)
            else:
                self.log(index)
        self.run.finish()

    def log(self, index: int) -> None:
        self.begins(index, what=LOG)
        draft = forebear.Artifact("ds", "dataset")
        draft.add(f"{self.who}.{index}".encode(), "who")
        record = self.run.log_artifact(draft).record
        self.ends(index, got=record.number, id=record.id)
        self.free.add(record.id)

    def move(self, index: int, alias: str, *, careful: bool) -> None:
        moved = min(self.free)
        self.free.remove(moved)
        expect = self.number(alias) if careful else ANY
        number = self.catalog.versions_by_id([moved])[moved].number
        self.begins(index, what=alias, kind=WRITE, got=number, moved=moved, expect=expect)
        words = {ANY: None, NOBODY: ""}.get(expect, f"v{expect}")
        try:
            self.catalog.move_alias(moved, alias, expect=words)
        except Conflict:
            self.ends(index, refused=True)
        else:
            self.ends(index)

    def look(self, index: int, alias: str) -> None:
        self.begins(index, what=alias, kind=READ)
        number = self.number(alias)
        self.ends(index, got=None if number == NOBODY else number)

    def number(self, alias: str) -> int:
        try:
            return self.catalog.resolve(self.run.entity, "p", parse_ref(f"ds:{alias}")).number
        except NotFound:
            return NOBODY

    def begins(self, index: int, **line: Any) -> None:
        self.write({"i": index, **line, "begin": time.monotonic_ns()})

    def ends(self, index: int, **line: Any) -> None:
        self.write({"i": index, "end": time.monotonic_ns(), **line})

    def write(self, line: dict[str, Any]) -> None:
        os.write(self.file, f"{json.dumps(line)}\n".encode())


def worked(url: str, folder: Path) -> list[Work]:
    """Let all work at once, and kill one again and again, which then goes on."""
    works = [Work(url, folder, who) for who in range(PROCESSES)]
    lot = random.Random(7)
    children = {work.who: Child(lambda work=work: work.go_on) for work in works}
    for child in children.values():
        child.go()
    counts = [Count(work.file) for work in works]
    killed, deadline = 0, time.monotonic() + DEADLINE
    while children:
        assert time.monotonic() < deadline
        made = sum(count.so_far() for count in counts)
        if killed < KILLS and made >= PROCESSES * CALLS * (killed + 1) / (KILLS + 2):
            who = lot.choice(sorted(children))
            children[who].kill()
            ending = children.pop(who).wait()
            killed += ending.code == -signal.SIGKILL
            if works[who].begun() < CALLS:
                children[who] = Child(lambda work=works[who]: work.go_on)
                children[who].go()
        for who in [who for who, child in children.items() if child.has_ended()]:
            ending = children.pop(who).wait()
            assert ending.code == DONE, ending.said
        time.sleep(0.01)
    return works


class Count:
    """How many calls somebody has begun, read piece by piece."""

    def __init__(self, file: Path) -> None:
        self.file, self.at, self.found = file, 0, 0

    def so_far(self) -> int:
        if self.file.exists():
            with self.file.open("rb") as file:
                file.seek(self.at)
                fresh = file.read()
            fresh = fresh[: fresh.rfind(b"\n") + 1]
            self.at += len(fresh)
            self.found += fresh.count(b'"begin"')
        return self.found


class Seen(NamedTuple):
    """A call, what it was about (`LOG` or an alias), and of a move what it expected and whether it was refused."""

    what: str
    call: Call
    expect: int
    refused: bool


def seen_by(works: list[Work]) -> Iterator[Seen]:
    """What everybody did and saw."""
    for work in works:
        found: dict[int, dict[str, Any]] = {}
        for line in work.lines():
            found.setdefault(line["i"], {}).update(line)
        for index, line in found.items():
            times = line["begin"], line.get("end", math.inf)
            call = Call(line.get("kind", WRITE), line.get("got"), *times, f"{work.who}.{index}")
            yield Seen(line["what"], call, line.get("expect", ANY), line.get("refused", False))


def check(url: str, works: list[Work]) -> None:
    seen = list(seen_by(works))
    store = api(url).store
    assert troubles(store) == []
    versions = {version.read("who").decode(): version.record for version in api(url).artifacts("ds")}
    numbers = {who: record.number for who, record in versions.items()}
    assert sorted(numbers.values()) == list(range(len(numbers)))
    check_numbers([found.call for found in seen if found.what == LOG], numbers)
    collection = next(iter(versions.values())).collection_id
    for alias in ALIASES:
        kept = [move.number for move in store.catalog.alias_moves(collection, alias)]
        check_alias([found for found in seen if found.what == alias], kept)


def check_numbers(logs: list[Call], numbers: dict[str, int]) -> None:
    """Numbers were handed out one after the other; a call that was killed took effect, once, or did not."""
    assert all(call.value == numbers[call.who] for call in logs if call.end < math.inf)
    assert {call.who for call in logs} >= numbers.keys()
    logs = [call._replace(value=numbers[call.who]) for call in logs if call.who in numbers]
    assert list(counter_troubles(logs)) == []


def check_alias(seen: list[Seen], kept: list[int | None]) -> None:
    """What was written and read of an alias, and the moves that the catalog has kept, tell the same story."""
    calls = [found.call for found in seen if not found.refused]
    assert list(register_troubles(calls)) == []
    moves = {found.call.value: found for found in seen if found.call.kind == WRITE}
    assert len(kept) == len(set(kept)), "a move was written twice"
    assert {value for value, found in moves.items() if not found.refused and found.call.end < math.inf} <= set(kept)
    before: int | None = NOBODY
    for number in kept:
        assert not moves[number].refused
        assert moves[number].expect in {ANY, before}
        before = number
    in_order = [moves[number].call._replace(value=at) for at, number in enumerate(kept)]
    assert list(counter_troubles(in_order)) == []


def run_together(url: str, folder: Path, name: str) -> None:
    folder.mkdir()
    assert in_child(lambda: begin(url).finish()).code == DONE
    works = worked(url, folder)
    ending = in_child(lambda: check(url, works))
    assert ending.code == DONE, ending.said
    for number in range(KILLS):
        what = f"versions and aliases on {name}: {PROCESSES} processes, {CALLS} calls each"
        note("many processes", what, f"SIGKILL at kill {number}", REPEATED)


def test_sqlite(memory_path: Path) -> None:
    run_together(str(memory_path / "store"), memory_path / "seen", "SQLite")


@pytest.mark.server
def test_postgresql(memory_path: Path) -> None:
    with servers.postgres() as server:
        url = f"{server.url}?blobs={memory_path / 'blobs'}&schema=linear"
        run_together(url, memory_path / "seen", "PostgreSQL")
