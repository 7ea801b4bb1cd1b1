"""The part of the SQL catalog that says what is kept, and until when: leases, policies, pins."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

import msgspec

from forebear.catalog import messages
from forebear.catalog.check_table import CheckTable
from forebear.catalog.codec import from_micros, to_json
from forebear.catalog.driver import one
from forebear.names import LATEST
from forebear.records.artifacts import COMMITTED, DELETED
from forebear.records.collecting import WAITING, Holder, Lease, Policy

_policy_of = msgspec.json.Decoder(Policy).decode


class KeepingTable(CheckTable):
    """Leases, policies and pins. See `forebear.catalog.collecting_port.CollectingPort` for what methods promise."""

    # -- leases ---------------------------------------------------------------------------------------------------

    def begin_lease(self, purpose: str, holder: Holder, seconds: float, *, alone: bool = False) -> Lease | None:
        """See `CollectingPort.begin_lease`."""
        lease_id = uuid.uuid4().hex
        with self._db.transaction():
            now = self._sweep_time()
            if alone and one(self._db, "SELECT 1 FROM leases WHERE purpose = ? AND until >= ?", (purpose, now)):
                return None
            until = now + int(seconds * 1_000_000)
            self._db.execute(
                "INSERT INTO leases (id, purpose, host, pid, pid_started, ticket, begun_at, until) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    lease_id,
                    purpose,
                    holder.host,
                    holder.pid,
                    holder.started,
                    self._counted("gc_ticket"),
                    now,
                    until,
                ),
            )
            doomed = self._db.rows("SELECT name FROM trash WHERE state > ?", (WAITING,))
        return Lease(
            lease_id, purpose, holder, from_micros(now), from_micros(until), frozenset(row[0] for row in doomed)
        )

    def renew_lease(self, lease_id: str, seconds: float) -> bool:
        """See `CollectingPort.renew_lease`."""
        with self._db.transaction():
            until = self._sweep_time() + int(seconds * 1_000_000)
            return self._db.execute("UPDATE leases SET until = ? WHERE id = ?", (until, lease_id)) > 0

    def end_lease(self, lease_id: str) -> None:
        """See `CollectingPort.end_lease`."""
        self._db.execute("DELETE FROM leases WHERE id = ?", (lease_id,))

    def leases(self) -> list[Lease]:
        """See `CollectingPort.leases`."""
        rows = self._db.rows("SELECT id, purpose, host, pid, pid_started, begun_at, until FROM leases ORDER BY ticket")
        return [
            Lease(key, purpose, Holder(host, pid, started), from_micros(begun), from_micros(until))
            for key, purpose, host, pid, started, begun, until in rows
        ]

    def _counted(self, what: str) -> int:
        """Count one further, inside the current transaction."""
        row = one(self._db, "SELECT value FROM meta WHERE key = ?", (what,))
        number = 1 if row is None else int(row[0]) + 1
        self._keep(what, number)
        return number

    def _keep(self, what: str, value: int) -> None:
        """Keep a fact about the store, inside the current transaction."""
        self._db.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (what, str(value)),
        )

    # -- what keeps versions --------------------------------------------------------------------------------------

    def policies(self) -> dict[int, Policy]:
        """See `CollectingPort.policies`."""
        rows = self._db.rows("SELECT id, policy FROM collections WHERE policy IS NOT NULL ORDER BY id")
        return {key: _policy_of(policy) for key, policy in rows}

    def set_policy(self, collection_id: int, policy: Policy | None) -> None:
        """See `CollectingPort.set_policy`."""
        with self._db.transaction(durable=True):
            text = None if policy is None else to_json(policy)
            if not self._db.execute("UPDATE collections SET policy = ? WHERE id = ?", (text, collection_id)):
                raise messages.no_collection_id(collection_id)

    def pins(self, collection_id: int) -> set[int]:
        """See `CollectingPort.pins`."""
        rows = self._db.rows("SELECT id FROM versions WHERE collection_id = ? AND pinned = 1", (collection_id,))
        return {row[0] for row in rows}

    def pin_version(self, version_id: int, *, pinned: bool) -> None:
        """See `CollectingPort.pin_version`."""
        with self._db.transaction(durable=True):
            self._live(version_id)
            self._db.execute("UPDATE versions SET pinned = ? WHERE id = ?", (int(pinned), version_id))

    def drop_versions(self, version_ids: Iterable[int], *, keep_aliased: bool) -> list[int]:
        """See `CollectingPort.drop_versions`."""
        gone = []
        with self._db.transaction(durable=True):
            for version_id in dict.fromkeys(version_ids):
                row = one(self._db, "SELECT collection_id, state, pinned FROM versions WHERE id = ?", (version_id,))
                if row is None or row[1] != COMMITTED or row[2]:
                    continue
                aliases = self._aliases_of(version_id)
                if LATEST in aliases or (aliases and keep_aliased):
                    continue
                self._mark_deleted(row[0], version_id)
                gone.append(version_id)
        return gone

    def tip_contents(self, collection_id: int) -> set[bytes]:
        """See `CollectingPort.tip_contents`."""
        rows = self._db.stream(
            "SELECT digest FROM file_spans WHERE collection_id = ? AND until IS NULL", (collection_id,)
        )
        return {bytes(row[0]) for row in rows}

    def deleted_versions(self, collection_id: int | None = None) -> list[tuple[int, datetime | None]]:
        """See `CollectingPort.deleted_versions`."""
        where, params = ("", []) if collection_id is None else (" AND collection_id = ?", [collection_id])
        rows = self._db.rows(
            f"SELECT id, deleted_at FROM versions WHERE state = ?{where} "
            "ORDER BY coalesce(deleted_at, 0) DESC, id DESC",
            [DELETED, *params],
        )
        return [(key, None if at is None else from_micros(at)) for key, at in rows]
