"""The part of the SQL catalog that keeps the values of runs one a row, so that filters find them by index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.catalog.codec import from_document, from_json, origin_of
from forebear.catalog.driver import insert_rows, rows_in
from forebear.catalog.leaves import Leaf, leaf_of, leaves, storable
from forebear.catalog.version_table import VersionTable

if TYPE_CHECKING:
    from forebear.catalog.driver import Driver
    from forebear.records.runs import RunOrigin

#: Where a value comes from: column ``side``.
CONFIG = 0
SUMMARY = 1
ORIGIN = 2
#: Column of ``runs`` in which all of a side is written.
DOCUMENTS = {CONFIG: "config", SUMMARY: "summary", ORIGIN: "origin"}
#: What of a run's origin can be asked for.
ORIGIN_KEYS = ("user", "host", "program", "git_commit")


class RunValues(VersionTable):
    """Names of keys, and the values and tags of runs."""

    def _write_values(self, run_key: int, side: int, new: Mapping[str, Leaf], old: Mapping[str, Leaf]) -> None:
        """Bring the rows of one side from ``old`` to ``new`` inside the current transaction."""
        write_values(self._db, run_key, side, new, old)

    def _write_tags(self, run_key: int, tags: Iterable[str]) -> None:
        """Let the run have these tags and no others."""
        write_tags(self._db, run_key, tags)

    def _key_ids(self, names: Iterable[str]) -> dict[str, int]:
        """Number of each key, given inside the current transaction where it has none."""
        return key_ids(self._db, names)


def origin_leaves(origin: RunOrigin) -> dict[str, Leaf]:
    """What of a run's origin is indexed, as far as it is known."""
    known = {key: getattr(origin, key) for key in ORIGIN_KEYS}
    return {key: leaf_of(value) for key, value in known.items() if value is not None}


def document_leaves(text: str) -> dict[str, Leaf]:
    """The leaves of a JSON document as a catalog keeps it."""
    return leaves(from_document(text))


def changed_leaves(new: str, old: str) -> tuple[dict[str, Leaf], dict[str, Leaf]]:
    """Leaves of those parts of two documents that differ: enough to bring the rows of one to those of the other.

    Cost: the bytes of both are compared, and only what differs is looked into.
    """
    try:
        after, before = _parts(new), _parts(old)
    except msgspec.DecodeError:  # it has numbers for which JSON has no form
        return document_leaves(new), document_leaves(old)
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return _leaves_of(after, changed), _leaves_of(before, changed)


#: First words of dotted keys → keys that begin so, and the JSON text of each. Keys of two parts never meet.
_Parts = dict[str, list[tuple[str, bytes]]]
_values_by_key = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _parts(document: str) -> _Parts:
    found: _Parts = {}
    for key, raw in _values_by_key(document).items():
        found.setdefault(key.partition(".")[0], []).append((key, bytes(raw)))
    return found


def _leaves_of(parts: _Parts, names: Iterable[str]) -> dict[str, Leaf]:
    return leaves({key: from_json(raw) for name in names for key, raw in parts.get(name, ())})


def key_ids(driver: Driver, names: Iterable[str]) -> dict[str, int]:
    """Number of each key name; see `RunValues._key_ids`. Cost: one or three statements for each 2,000 names."""
    kept = {name: storable(name) for name in names}
    found = known_key_ids(driver, kept.values())
    missing = [(name,) for name in dict.fromkeys(kept.values()) if name not in found]
    if missing:
        insert_rows(driver, "INSERT INTO keys (name)", missing, "ON CONFLICT (name) DO NOTHING")
        found |= known_key_ids(driver, (row[0] for row in missing))
    return {name: found[written] for name, written in kept.items()}


def known_key_ids(driver: Driver, names: Iterable[str]) -> dict[str, int]:
    """Number of each key name that has one."""
    sql = "SELECT name, id FROM keys WHERE name IN ({keys})"
    return dict(rows_in(driver, sql, dict.fromkeys(names)))


def write_values(driver: Driver, run_key: int, side: int, new: Mapping[str, Leaf], old: Mapping[str, Leaf]) -> None:
    """See `RunValues._write_values`. Cost: follows the leaves that differ."""
    changed = {key: leaf for key, leaf in new.items() if old.get(key) != leaf}
    gone = [key for key in old if key not in new]
    if not changed and not gone:
        return
    ids = key_ids(driver, [*changed, *gone])
    driver.many(
        "DELETE FROM run_values WHERE run_key = ? AND side = ? AND key_id = ?",
        [(run_key, side, ids[key]) for key in gone],
    )
    insert_rows(
        driver,
        "INSERT INTO run_values (run_key, side, key_id, kind, number, text)",
        # By number, so that the rows of a run are written from left to right, and no key is there twice.
        [
            (run_key, side, id_, *leaf)
            for id_, leaf in sorted({ids[key]: leaf for key, leaf in changed.items()}.items())
        ],
        "ON CONFLICT (run_key, side, key_id) DO UPDATE SET "
        "kind = excluded.kind, number = excluded.number, text = excluded.text",
    )


def write_tags(driver: Driver, run_key: int, tags: Iterable[str]) -> None:
    """See `RunValues._write_tags`."""
    driver.execute("DELETE FROM run_tags WHERE run_key = ?", (run_key,))
    insert_rows(
        driver, "INSERT INTO run_tags (run_key, tag)", [(run_key, tag) for tag in dict.fromkeys(map(storable, tags))]
    )


def fill_values(driver: Driver) -> None:
    """Write the values and tags of all runs of a catalog that had no such tables. Cost: about 50 µs a run."""
    rows: list[tuple[Any, ...]] = driver.rows("SELECT key, config, origin, tags FROM runs ORDER BY key")
    for run_key, config, origin, tags in rows:
        write_values(driver, run_key, CONFIG, document_leaves(config), {})
        write_values(driver, run_key, ORIGIN, origin_leaves(origin_of(origin)), {})
        write_tags(driver, run_key, from_json(tags))
