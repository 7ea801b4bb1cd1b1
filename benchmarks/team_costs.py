"""What does a team's store cost in requests, bytes and rows? Each step of somebody's work, counted at both servers.

``python -m benchmarks.team_costs``. A proxy counts what reaches the bucket, and the database is asked before and after
each step. These counts are the same on every machine; no seconds are measured. Runs begin in a git repository without
changes, because a run keeps those.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

import psycopg

from benchmarks.files import make_file, make_tree
from benchmarks.harness import PYTHON, ROOT, SCRIPTS, Bench, Command, Quantity, main
from tests.proxy import Proxy, proxy_of
from tests.team import team

if TYPE_CHECKING:
    from tests.proxy import Request
    from tests.team import Team

SMALL_FILES, SMALL_BYTES = 100_000, 1024
CHANGED_FILES = 1_000
LARGE_BYTES = 1024**3
INSERTED_BYTES = 1024**2
LOGGED_ROWS = 10_000
MIB = 1024**2
#: Requests of S3 that are priced alike.
_PRICED = {"PUT": "PUT", "POST": "PUT", "GET": "GET", "HEAD": "GET"}


class Cost(NamedTuple):
    """What one step cost.

    Attributes:
        requests: How many of each kind: ``PUT``, ``GET``, ``LIST``, ``DELETE``. Asking for a size is a ``GET``.
        sent: Bytes that went to the bucket.
        fetched: Bytes that came from it.
        rows: Rows that the catalog has more.
        catalog: Bytes that it takes more on its disk, indexes included.
    """

    requests: Counter[str]
    sent: int
    fetched: int
    rows: int
    catalog: int


class Counted:
    """A store of which everything is counted."""

    def __init__(self, bench: Bench, servers: Team, proxy: Proxy, endpoint: str, name: str) -> None:
        self._bench, self._proxy, self._database, self._name = bench, proxy, servers.database, name
        self.url = servers.url(name).replace(quote(servers.s3.url, safe=":/"), quote(endpoint, safe=":/"))
        self._environment = {**servers.s3.environment, "PYTHONPATH": str(ROOT), "FOREBEAR_SILENT": "1"}
        self._code = _repository(bench)
        self.step("open")

    def step(self, action: str, *words: object, machine: str = "first") -> Cost:
        """Do one step on a machine, which has a cache of its own."""
        cache = str(self._bench.place / f"cache-{self._name}-{machine}")
        self._proxy.reset()
        rows, size = self._catalog()
        command = [PYTHON, SCRIPTS / "use_team.py", action, self.url, *map(str, words)]
        self._bench.run(Command(command, self._code, {**self._environment, "FOREBEAR_CACHE_DIR": cache}))
        requests = Counter(_kind(request) for request in self._proxy.requests)
        rows_after, size_after = self._catalog()
        return Cost(requests, self._proxy.sent, self._proxy.fetched, rows_after - rows, size_after - size)

    def _catalog(self) -> tuple[int, int]:
        schema = parse_qs(urlsplit(self.url).query)["schema"][0]
        with psycopg.connect(self._database, autocommit=True) as connection:
            tables = connection.execute(
                "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables "
                "WHERE table_schema = %s",
                (schema,),
            ).fetchall()
            rows = size = 0
            for (table,) in tables:
                # Rows that were replaced would count until somebody sweeps them.
                connection.execute(f"VACUUM FULL {table}".encode())
                found = connection.execute(
                    f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}".encode()
                ).fetchone()
                assert found is not None
                rows, size = rows + found[0], size + found[1]
        return rows, size


def _repository(bench: Bench) -> Path:
    folder = bench.fresh("code")
    git = ["git", "-C", folder, "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    bench.run(Command(["git", "init", "--quiet", folder]))
    bench.run(Command([*git, "commit", "--quiet", "--allow-empty", "--message", "begin"]))
    return folder


def _kind(request: Request) -> str:
    if request.method == "GET" and ("list-type=" in request.path or "delimiter=" in request.path):
        return "LIST"
    return _PRICED.get(request.method, request.method)


def measure(bench: Bench) -> list[Quantity]:
    """Count a team's steps with small files, with a large one, and with metrics."""
    lines: list[Quantity] = []
    with team(bench.fresh("servers")) as servers, proxy_of(servers.s3) as (proxy, endpoint):
        for name, steps in (("small", _small), ("large", _large), ("metrics", _metrics)):
            for what, cost in steps(bench, Counted(bench, servers, proxy, endpoint.url, name)):
                lines += _lines(what, cost)
    return lines


def _small(bench: Bench, store: Counted) -> list[tuple[str, Cost]]:
    tree, count = bench.fresh("tree"), bench.sized(SMALL_FILES, 100)
    make_tree(tree, count, SMALL_BYTES)
    found = [(f"{count:,} files of 1 KiB logged", store.step("put", tree))]
    found.append(("the same again, nothing changed", store.step("put", tree)))
    changed = bench.sized(CHANGED_FILES, 1)
    for path in sorted(path for path in tree.rglob("*") if path.is_file())[:: count // changed]:
        path.write_bytes(os.urandom(SMALL_BYTES))
    found.append((f"again, {changed:,} of them changed", store.step("put", tree)))
    found.append(("downloaded on another machine", store.step("get", bench.fresh("out"), machine="second")))
    found.append(("downloaded there again", store.step("get", bench.fresh("again"), machine="second")))
    found.append(("a run that only names it as its input", store.step("use", machine="third")))
    return found


def _large(bench: Bench, store: Counted) -> list[tuple[str, Cost]]:
    folder = bench.fresh("large")
    size = bench.sized(LARGE_BYTES)
    make_file(folder / "file", size)
    found = [(f"a file of {size / MIB:,.0f} MiB logged", store.step("put", folder))]
    _insert(folder / "file")
    found.append(("the same with 1 MiB inserted in the middle", store.step("put", folder)))
    found.append(("downloaded on another machine", store.step("get", bench.fresh("out"), machine="second")))
    return found


def _insert(file: Path) -> None:
    with file.open("rb") as old, file.with_suffix(".new").open("wb") as new:
        new.write(old.read(file.stat().st_size // 2))
        new.write(os.urandom(INSERTED_BYTES))
        shutil.copyfileobj(old, new)
    file.with_suffix(".new").replace(file)


def _metrics(bench: Bench, store: Counted) -> list[tuple[str, Cost]]:
    rows = bench.sized(LOGGED_ROWS, 100)
    return [(f"a run of {rows:,} rows of 10 metrics", store.step("log", rows))]


def _lines(what: str, cost: Cost) -> list[Quantity]:
    lines = [Quantity(f"{what}: {kind}", "requests") for kind in sorted(cost.requests)]
    for line in lines:
        line.add(cost.requests[line.what.rpartition(" ")[2]])
    for name, unit, value in (
        ("sent", "MiB", cost.sent / MIB),
        ("fetched", "MiB", cost.fetched / MIB),
        ("rows of the catalog", "rows", cost.rows),
        ("catalog", "MiB", cost.catalog / MIB),
    ):
        line = Quantity(f"  {name}", unit)
        line.add(value)
        lines.append(line)
    return lines


if __name__ == "__main__":
    main("team_costs", __doc__ or "", measure)
