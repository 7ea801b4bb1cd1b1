"""The part of the SQL catalog that collects garbage: what nobody names leaves the index, and then the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from forebear.catalog import messages
from forebear.catalog.codec import from_micros
from forebear.catalog.driver import batches, execute_for, insert_rows, one, rows_in
from forebear.catalog.keeping_table import KeepingTable
from forebear.catalog.port import MissingBlobs
from forebear.catalog.trash_index import noted, split_parts, touch
from forebear.records.artifacts import COMMITTED
from forebear.records.collecting import (
    CONDEMNED,
    DELETING,
    HELD_AFTER_A_CRASH_DAYS,
    WAITING,
    WRITING,
    Epoch,
    Sparse,
    ThrownOut,
    Trashed,
)
from forebear.records.content import Recipe, Slice
from forebear.records.runs import CRASHED, RUNNING

#: Bytes that the index of a pack has for each slice.
_LINE_BYTES = 57
#: Blobs of one transaction: some milliseconds in which other writers wait.
_AT_ONCE = 2_000


class CollectingTable(KeepingTable):
    """Garbage and trash. See `forebear.catalog.collecting_port.CollectingPort` for what each method promises."""

    # -- what is garbage ------------------------------------------------------------------------------------------

    def begin_epoch(self) -> Epoch:
        """See `CollectingPort.begin_epoch`."""
        with self._db.transaction():
            number = self._counted("gc_epoch")
            now = self._sweep_time()
            self._keep("gc_epoch_at", now)
            self._db.execute(_LET_GO, (RUNNING, CRASHED, now - _micros(timedelta(days=HELD_AFTER_A_CRASH_DAYS))))
            row = one(self._db, "SELECT max(id) FROM versions")
            assert row is not None
        return Epoch(number, row[0] or 0)

    def roots(self, *, after: int | None = None) -> list[bytes]:
        """See `CollectingPort.roots`."""
        if after is None:
            rows = self._db.rows("SELECT DISTINCT root FROM versions WHERE state = ?", (COMMITTED,))
        else:
            rows = self._db.rows("SELECT DISTINCT root FROM versions WHERE id > ?", (after,))
        return [bytes(row[0]) for row in rows]

    def named_by_runs(self) -> Iterator[bytes]:
        """See `CollectingPort.named_by_runs`."""
        for table in ("run_files", "holds"):
            for (digest,) in self._db.stream(f"SELECT DISTINCT digest FROM {table}"):
                yield bytes(digest)

    def held(self) -> Iterator[bytes]:
        """See `CollectingPort.held`."""
        for table in ("slices", "recipes"):
            for (digest,) in self._db.stream(f"SELECT digest FROM {table}"):
                yield bytes(digest)

    def note_garbage(self, epoch: int, digests: Iterable[bytes]) -> int:
        """See `CollectingPort.note_garbage`."""
        row = one(self._db, "SELECT value FROM meta WHERE key = 'gc_epoch_at'")
        at = int(row[0]) if row else self._sweep_time()
        new = 0
        for batch in batches(digests, _AT_ONCE):
            with self._db.transaction():
                known = noted(self._db, batch)
                fresh = sorted({digest for digest in batch if digest not in known})
                insert_rows(
                    self._db, "INSERT INTO garbage (digest, epoch, at)", [(digest, epoch, at) for digest in fresh]
                )
                new += len(fresh)
        return new

    def spare(self, digests: Iterable[bytes]) -> None:
        """See `CollectingPort.spare`."""
        for batch in batches(digests, _AT_ONCE):
            with self._db.transaction():
                touch(self._db, batch)

    def garbage(self) -> int:
        """See `CollectingPort.garbage`."""
        row = one(self._db, "SELECT count(*) FROM garbage")
        assert row is not None
        return int(row[0])

    def noted_garbage(self) -> Iterator[bytes]:
        """See `CollectingPort.noted_garbage`."""
        for (digest,) in self._db.stream("SELECT digest FROM garbage"):
            yield bytes(digest)

    def throw_out(self, epoch: int, grace: timedelta, limit: int) -> ThrownOut:
        """See `CollectingPort.throw_out`."""
        with self._db.transaction(durable=True):
            now = self._sweep_time()
            rows = self._db.rows(_DUE, (epoch, now - _micros(grace), limit))
            digests = sorted(bytes(row[0]) for row in rows)
            size = 0
            for batch in batches(digests):
                keys = ",".join("?" * len(batch))
                row = one(self._db, f"SELECT coalesce(sum(stored), 0) FROM slices WHERE digest IN ({keys})", batch)
                assert row is not None
                size += int(row[0])
                self._db.execute(f"{_TO_TRASH_SLICES.format(at=now)} WHERE s.digest IN ({keys}) {_ONCE}", batch)
                self._db.execute(f"{_TO_TRASH_RECIPES.format(at=now)} WHERE r.digest IN ({keys}) {_RECIPE_ONCE}", batch)
            for table in ("slices", "recipes", "garbage"):
                execute_for(self._db, f"DELETE FROM {table} WHERE digest IN ({{keys}})", (), digests)
        return ThrownOut(len(digests), size)

    # -- objects --------------------------------------------------------------------------------------------------

    def sparse(self, share: float, limit: int) -> list[Sparse]:
        """See `CollectingPort.sparse`."""
        rows = self._db.rows(_SPARSE)
        found = [
            Sparse(name, kind, size, int(live))
            for name, kind, size, live, slices, recipes in rows
            if (slices and live + slices * _LINE_BYTES < size * share) or not (slices or recipes)
        ]
        return sorted(found, key=lambda each: (each.live > 0, each.live - each.size, each.name))[:limit]

    def slices_at(self, name: str) -> list[Slice]:
        """See `CollectingPort.slices_at`."""
        rows = self._db.rows(_SLICES_AT, (name,))
        return [Slice(bytes(digest), *where) for digest, *where in rows]

    def recipes_at(self, name: str) -> dict[bytes, Recipe]:
        """See `CollectingPort.recipes_at`. Cost: one pass over all recipes."""
        with self._db.reading():
            row = one(self._db, "SELECT id FROM objects WHERE name = ?", (name,))
            if row is None:
                return {}
            slices = {bytes(each[0]) for each in self._db.rows("SELECT digest FROM slices WHERE object_id = ?", row)}
            recipes = self._db.rows("SELECT digest, size, parts, object_id FROM recipes")
        found = {}
        for digest, size, parts, home in recipes:
            each = split_parts(bytes(parts))
            if home == row[0] or not slices.isdisjoint(each):
                found[bytes(digest)] = Recipe(size, each)
        return found

    def place_recipes(self, name: str, digests: Iterable[bytes]) -> None:
        """See `CollectingPort.place_recipes`."""
        with self._db.transaction():
            row = one(self._db, "SELECT id FROM objects WHERE name = ?", (name,))
            if row is not None:
                execute_for(self._db, _PLACE_RECIPES, row, sorted(set(digests)))

    def retire(self, name: str) -> bool:
        """See `CollectingPort.retire`."""
        with self._db.transaction(durable=True):
            row = one(self._db, "SELECT id FROM objects WHERE name = ?", (name,))
            if row is None or one(self._db, _ALONE, row) is not None or one(self._db, _HOME, row) is not None:
                return False
            now = self._sweep_time()
            self._db.execute(f"{_TO_TRASH_SLICES.format(at=now)} WHERE s.object_id = ? {_ONCE}", row)
            self._db.execute("DELETE FROM slices WHERE object_id = ?", row)
            self._db.execute(
                "INSERT INTO trash (name, kind, size, state, at) "
                f"SELECT name, kind, size, {WAITING}, {now} FROM objects WHERE id = ?",
                row,
            )
            self._db.execute("DELETE FROM objects WHERE id = ?", row)
        return True

    def strays(self, names: Iterable[str]) -> list[str]:
        """See `CollectingPort.strays`."""
        found = []
        for batch in batches(names, _AT_ONCE):
            known = {row[0] for row in rows_in(self._db, "SELECT name FROM objects WHERE name IN ({keys})", batch)}
            known |= {row[0] for row in rows_in(self._db, "SELECT name FROM trash WHERE name IN ({keys})", batch)}
            found += [name for name in dict.fromkeys(batch) if name not in known]
        return found

    def note_strays(self, objects: Iterable[tuple[str, str, int]]) -> int:
        """See `CollectingPort.note_strays`."""
        new = 0
        for batch in batches(objects, _AT_ONCE):
            with self._db.transaction():
                unknown = set(self.strays(name for name, _, _ in batch))
                strays = {name: (name, kind, size) for name, kind, size in batch if name in unknown}
                now = self._sweep_time()
                insert_rows(
                    self._db,
                    "INSERT INTO trash (name, kind, size, state, at)",
                    [(*stray, WAITING, now) for stray in strays.values()],
                )
                new += len(strays)
        return new

    # -- trash ----------------------------------------------------------------------------------------------------

    def trash(self) -> list[Trashed]:
        """See `CollectingPort.trash`."""
        rows = self._db.rows(
            "SELECT t.name, t.kind, t.size, t.at, t.state, (SELECT count(*) FROM trash_slices s WHERE s.name = t.name) "
            "+ (SELECT count(*) FROM trash_recipes r WHERE r.name = t.name) FROM trash t ORDER BY t.name"
        )
        return [Trashed(name, kind, size, from_micros(at), state, count) for name, kind, size, at, state, count in rows]

    def rescue(self, digests: Iterable[bytes]) -> set[bytes]:
        """See `CollectingPort.rescue`."""
        wanted = set(digests)
        with self._db.transaction(durable=True):
            return wanted - self._count_on(wanted)

    def rescue_objects(self, names: Iterable[str]) -> list[str]:
        """See `CollectingPort.rescue_objects`."""
        wanted = sorted(set(names))
        with self._db.transaction(durable=True):
            now = self._sweep_time()
            rows = list(rows_in(self._db, "SELECT name, state, until FROM trash WHERE name IN ({keys})", wanted))
            busy = {name for name, state, until in rows if state == DELETING and until >= now}
            for name, state, _ in rows:
                if state != WAITING and name not in busy:
                    self._db.execute("UPDATE trash SET state = ?, at = ? WHERE name = ?", (WAITING, now, name))
                if state == DELETING and name not in busy:
                    # Perhaps it was deleted before that was cut off, so nothing in it may come back.
                    self._db.execute("DELETE FROM trash_slices WHERE name = ?", (name,))
                    self._db.execute("DELETE FROM trash_recipes WHERE name = ?", (name,))
        return sorted(busy)

    def condemn(self, age: timedelta, limit: int) -> int:
        """See `CollectingPort.condemn`."""
        with self._db.transaction(durable=True):
            return self._db.execute(
                f"UPDATE trash SET state = {CONDEMNED}, ticket = ? WHERE name IN "
                f"(SELECT name FROM trash WHERE state = {WAITING} AND at <= ? ORDER BY at, name LIMIT ?)",
                (self._counted("gc_ticket"), self._sweep_time() - _micros(age), limit),
            )

    def claim_condemned(self, seconds: float, limit: int) -> list[str]:
        """See `CollectingPort.claim_condemned`."""
        with self._db.transaction(durable=True):
            now = self._sweep_time()
            self._db.execute("DELETE FROM leases WHERE until < ?", (now,))
            row = one(self._db, "SELECT min(ticket) FROM leases WHERE purpose = ?", (WRITING,))
            assert row is not None
            rows = self._db.rows(
                f"SELECT name FROM trash WHERE ((state = {CONDEMNED} AND ticket < ?) "
                f"OR (state = {DELETING} AND until < ?)) ORDER BY name LIMIT ?",
                (2**62 if row[0] is None else row[0], now, limit),
            )
            names = [row[0] for row in rows]
            until = now + int(seconds * 1_000_000)
            sql = f"UPDATE trash SET state = {DELETING}, until = ? WHERE name IN ({{keys}})"
            execute_for(self._db, sql, (until,), names)
        return names

    def delete_claimed(self, name: str, delete: Callable[[str], None]) -> bool:
        """See `CollectingPort.delete_claimed`."""
        if self._db.outlived:
            # All writers of a team would wait for a bucket, and who lost the connection would not hold the lock.
            if not self._is_claimed(name):
                return False
            delete(name)
            return True
        with self._db.transaction():
            if not self._is_claimed(name):
                return False
            delete(name)
        return True

    def _is_claimed(self, name: str) -> bool:
        return one(self._db, f"SELECT 1 FROM trash WHERE name = ? AND state = {DELETING}", (name,)) is not None

    def forget_trash(self, names: Iterable[str], age: timedelta) -> None:
        """See `CollectingPort.forget_trash`."""
        gone = sorted(set(names))
        lost = sum(self._forget_slices_of(name) for name in gone)
        with self._db.transaction(durable=True):
            execute_for(self._db, f"DELETE FROM trash WHERE state = {DELETING} AND name IN ({{keys}})", (), gone)
            for batch in batches(gone):
                keys = ",".join("?" * len(batch))
                self._db.execute(f"DELETE FROM trash_recipes WHERE name IN ({keys}) AND {_LEFT_ALONE}", batch)
        lost += self._forget_singles(age)
        if lost:
            with self._db.transaction():
                self._drop_broken_recipes()

    def _forget_slices_of(self, name: str) -> int:
        """Forget what was in an object that is being deleted, some at a time; return how much."""
        lost = 0
        while True:
            with self._db.transaction():
                count = self._db.execute(_FORGET_SLICES, (name, name, _AT_ONCE, name, DELETING))
            lost += count
            if count < _AT_ONCE:
                return lost

    def _forget_singles(self, age: timedelta) -> int:
        """Forget blobs that left the index long ago, of objects that did not; return how many."""
        lost = 0
        while True:
            with self._db.transaction():
                row = one(self._db, "SELECT min(begun_at) FROM leases WHERE purpose = ?", (WRITING,))
                assert row is not None
                before = self._sweep_time() - _micros(age)
                oldest = before if row[0] is None else min(row[0], before)
                rows = self._db.rows(
                    f"SELECT digest, name FROM trash_slices WHERE at < ? AND {_LEFT_ALONE} LIMIT ?", (oldest, _AT_ONCE)
                )
                self._db.many("DELETE FROM trash_slices WHERE digest = ? AND name = ?", rows)
                self._db.execute(
                    f"DELETE FROM trash_recipes WHERE at < ? AND (name IS NULL OR {_LEFT_ALONE})", (oldest,)
                )
            lost += len(rows)
            if len(rows) < _AT_ONCE:
                return lost

    # -- what keeps blobs -----------------------------------------------------------------------------------------

    def hold(self, run_key: int, digests: Iterable[bytes]) -> None:
        """See `CollectingPort.hold`."""
        wanted = sorted(set(digests))
        with self._db.transaction(durable=True):
            self._check_run(run_key)
            missing = self._count_on(wanted)
            if missing:
                raise MissingBlobs(sorted(missing))
            insert_rows(
                self._db,
                "INSERT INTO holds (run_key, digest, at)",
                [(run_key, digest, self._sweep_time()) for digest in wanted],
                "ON CONFLICT (run_key, digest) DO NOTHING",
            )

    def restore_version(self, version_id: int, needs: Iterable[bytes]) -> None:
        """See `CollectingPort.restore_version`."""
        with self._db.transaction(durable=True):
            row = one(self._db, "SELECT state FROM versions WHERE id = ?", (version_id,))
            if row is None or row[0] == COMMITTED:
                raise messages.no_deleted_version(version_id)
            missing = self._count_on(needs)
            if missing:
                raise MissingBlobs(sorted(missing))
            self._db.execute(
                "UPDATE versions SET state = ?, deleted_at = NULL, recorded = 0 WHERE id = ?", (COMMITTED, version_id)
            )

    # -- now and then ---------------------------------------------------------------------------------------------

    def collect_due(self, every: timedelta) -> bool:
        """See `CollectingPort.collect_due`."""
        now, length = self._sweep_time(), _micros(every)
        last = one(self._db, _COLLECTED_AT)
        if last is not None and 0 <= now - int(last[0]) < length:
            return False
        with self._db.transaction():
            last = one(self._db, _COLLECTED_AT)
            if last is not None and 0 <= now - int(last[0]) < length:
                return False
            self._keep("gc_at", now)
        return last is not None


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


_COLLECTED_AT = "SELECT value FROM meta WHERE key = 'gc_at'"
_ONCE = "ON CONFLICT (digest, name) DO NOTHING"
_RECIPE_ONCE = "ON CONFLICT (digest) DO NOTHING"
_DUE = "SELECT digest FROM garbage WHERE epoch < ? AND at <= ? ORDER BY epoch, at, digest LIMIT ?"
_TO_TRASH_SLICES = (
    'INSERT INTO trash_slices (digest, name, "offset", stored, size, codec, at) '
    'SELECT s.digest, o.name, s."offset", s.stored, s.size, s.codec, {at} '
    "FROM slices s JOIN objects o ON o.id = s.object_id"
)
_TO_TRASH_RECIPES = (
    "INSERT INTO trash_recipes (digest, size, parts, name, at) "
    "SELECT r.digest, r.size, r.parts, o.name, {at} FROM recipes r LEFT JOIN objects o ON o.id = r.object_id"
)
_SPARSE = (
    "SELECT o.name, o.kind, o.size, coalesce(sum(s.stored), 0), count(s.digest), "
    "(SELECT count(*) FROM recipes r WHERE r.object_id = o.id) "
    "FROM objects o LEFT JOIN slices s ON s.object_id = o.id GROUP BY o.id, o.name, o.kind, o.size"
)
_SLICES_AT = (
    'SELECT s.digest, s."offset", s.stored, s.size, s.codec FROM slices s JOIN objects o ON o.id = s.object_id '
    'WHERE o.name = ? ORDER BY s."offset", s.digest'
)
_PLACE_RECIPES = "UPDATE recipes SET object_id = ? WHERE object_id IS NULL AND digest IN ({keys})"
_ALONE = (
    "SELECT 1 FROM slices s WHERE s.object_id = ? AND NOT EXISTS "
    "(SELECT 1 FROM slices e WHERE e.digest = s.digest AND e.object_id <> s.object_id) LIMIT 1"
)
_HOME = "SELECT 1 FROM recipes WHERE object_id = ? LIMIT 1"
_LEFT_ALONE = "name NOT IN (SELECT name FROM trash)"
_LET_GO = (
    "DELETE FROM holds WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.key = holds.run_key AND "
    "(r.state = ? OR (r.state = ? AND holds.at > ?)))"
)
_FORGET_SLICES = (
    "DELETE FROM trash_slices WHERE name = ? AND digest IN "
    "(SELECT digest FROM trash_slices WHERE name = ? ORDER BY digest LIMIT ?) "
    "AND EXISTS (SELECT 1 FROM trash WHERE name = ? AND state = ?)"
)
