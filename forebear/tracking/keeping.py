"""Keeping the files of media values: small ones through the journal of their run, large ones in the store at once."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.names import MAX_NAME_CHARS
from forebear.tracking.journal.frames import TableFrame

if TYPE_CHECKING:
    from collections.abc import Callable

    from forebear.media.base import Keep, Kept, Media
    from forebear.media.table import Table
    from forebear.plot.custom_chart import CustomChart
    from forebear.store.store import Store
    from forebear.tracking.journal.writer import JournalWriter

#: Larger contents go to the store themselves: a journal is read once more by whoever takes it in.
MAX_JOURNAL_BYTES = 4 * 1024 * 1024
#: Digests of contents that this run has written, remembered so that the same image is written once.
_REMEMBERED = 10_000
#: And no longer than that: what somebody deleted meanwhile may be gone after some days.
_REMEMBERED_SECONDS = 12 * 3600.0
_UNSAFE = re.compile(r"[^A-Za-z0-9_.\-/]")
_MAX_KEY_CHARS = 100


class MediaKeeper:
    """Turns media values into JSON, and writes their files down. Safe for threads as far as its journal is."""

    def __init__(
        self,
        store: Store,
        writer: JournalWriter,
        run_id: str,
        *,
        note: Callable[[str], None],
        run_key: int | None = None,
    ) -> None:
        """Keep what run ``run_id`` logs.

        Args:
            note: Tells the person at the terminal something.
            run_key: Of the run that holds large contents until its journal is taken; none does in tests.
        """
        self._store = store
        self._writer = writer
        self._run_id = run_id
        self._note = note
        self._run_key = run_key
        #: Since when what was written is remembered.
        self._since = time.monotonic()
        self._written: dict[bytes, None] = {}
        #: By collection: the entries of the version that was asked for last.
        self._tables: dict[str, dict[str, tuple[str, bytes, int]]] = {}

    def json_of(self, key: str, step: int, media: Media, earlier: Any = None) -> dict[str, Any]:
        """Return a media value as JSON, its files kept.

        Args:
            step: Step that it is logged at; goes into the names of its files.
            earlier: What the summary has under this key.
        """
        keep = self._keep_for(key, step)
        if media.kind == "table-file":
            return self._log_table(key, media, keep, earlier)  # type: ignore[arg-type]
        if media.kind == "custom-chart":
            return self._log_chart(key, media, keep, earlier)  # type: ignore[arg-type]
        return media.to_json(keep)

    def after_fork(self) -> None:
        """Begin anew in a forked child: what its parent has written is in another journal."""
        self._written.clear()

    def _keep_for(self, key: str, step: int) -> Keep:
        from forebear.media.base import Kept  # 1 ms

        name = safe_key(key)

        def keep(content: bytes | Path, folder: str, suffix: str) -> Kept:
            digest, size = self._store_content(content)
            path = f"media/{folder}/{name}_{step}_{digest.hex()[:20]}{suffix}"
            self._writer.file(path, digest, size)
            return Kept(path, digest.hex(), size)

        return keep

    def _store_content(self, content: bytes | Path) -> tuple[bytes, int]:
        from forebear.blobs.digest import digest_of  # 3 ms

        if isinstance(content, Path):
            if os.path.getsize(content) > MAX_JOURNAL_BYTES:
                return self._into_store(content)
            content = content.read_bytes()
        content = bytes(content)
        if len(content) > MAX_JOURNAL_BYTES:
            return self._into_store(content)
        digest = digest_of(content)
        if time.monotonic() - self._since > _REMEMBERED_SECONDS:
            self._written.clear()
            self._since = time.monotonic()
        if digest not in self._written:
            self._writer.blob(digest, content)
            self._remember(digest)
        return digest, len(content)

    def _remember(self, digest: bytes) -> None:
        if len(self._written) >= _REMEMBERED:
            self._written.pop(next(iter(self._written)), None)
        self._written[digest] = None

    def _into_store(self, content: bytes | Path) -> tuple[bytes, int]:
        intake = self._store.intake()
        if isinstance(content, Path):
            _, size, digest = intake.add_file(str(content), content.name)
        else:
            digest, size = intake.add_bytes(content), len(content)
        intake.register()
        if self._run_key is not None:
            self._store.catalog.hold(self._run_key, [digest])
        intake.abort()
        return digest, size

    # -- tables -------------------------------------------------------------------------------------------------

    def _log_table(self, key: str, table: Table, keep: Keep, earlier: Any) -> dict[str, Any]:
        """A table is a version of an artifact as well as a value of the row."""
        from forebear.media.table_files import ARTIFACT_TYPE, log_table  # 1 ms: whoever has a table has paid

        name = table_collection(self._run_id, key)
        logged = log_table(table, key, keep, run=self._run_id, artifact=name, earlier=earlier)
        if logged.note:
            self._note(logged.note)
        if logged.entries:
            entries = {path: (path, bytes.fromhex(kept.digest), kept.size) for path, kept in logged.entries.items()}
            if logged.incremental:
                entries = self._entries_before(name) | entries
            self._tables[name] = entries
            self._writer.table(TableFrame(name, ARTIFACT_TYPE, logged.metadata, list(entries.values())))
        return logged.value

    def _log_chart(self, key: str, chart: CustomChart, keep: Keep, earlier: Any) -> dict[str, Any]:
        """The table of a chart is logged as every table is, beside the chart."""
        before = earlier.get("table") if isinstance(earlier, Mapping) else None
        return chart.described(keep, self._log_table(chart.table_key(key), chart.table, keep, before))

    def _entries_before(self, name: str) -> dict[str, tuple[str, bytes, int]]:
        """Entries of the version before: of this process, or of the one whose run is resumed."""
        if name in self._tables:
            return self._tables[name]
        session = self._writer.session
        collection = self._store.catalog.collection(session.entity, session.project, name)
        versions = self._store.catalog.versions(collection.id)[:1] if collection else []
        if not versions:
            return {}
        from forebear.artifacts.transfer import manifest_of  # loaded with artifacts

        rows = manifest_of(self._store, versions[0]).rows()
        return {row[0]: (row[0], row[2], row[1] or 0) for row in rows if row[2] is not None}


def safe_key(key: str) -> str:
    """Return a key as part of a path: no characters that some system refuses, no dot segments."""
    text = _UNSAFE.sub("_", key)[:_MAX_KEY_CHARS]
    return "/".join(part if part.strip(".") else "_" for part in text.split("/"))


def table_collection(run_id: str, key: str) -> str:
    """Return the name of the artifact that tables of a run logged under ``key`` are versions of."""
    plain = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9_.-]", "_", key))
    return f"run-{run_id}-{plain}"[:MAX_NAME_CHARS]
