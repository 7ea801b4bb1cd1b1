"""Prints: short digests that say whether something changed since it was copied."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from forebear.blobs.digest import digest_of

if TYPE_CHECKING:
    from forebear.records.artifacts import Version
    from forebear.records.history import Branch, KeyInfo, RunFile
    from forebear.records.runs import RunRecord

_BYTES = 16


def print_of_version(version: Version) -> bytes:
    """Say what may change of a version; its aliases have a history of their own."""
    return _print(version.state, version.description, version.metadata, version.tags)


def print_of_run(
    run: RunRecord, keys: Iterable[KeyInfo], files: Iterable[RunFile], branches: Iterable[Branch]
) -> bytes:
    """Say what may change of a run; its history is known by the rows of each key."""
    return _print(replace(run, key=0), list(keys), list(files), list(branches))


def _print(*parts: object) -> bytes:
    # The text of a value knows not-a-number and half characters, which no encoding takes.
    return digest_of(repr(parts).encode("utf-8", "surrogatepass"))[:_BYTES]
