"""The work of ``forebear doctor --scan-secrets``: what older runs and versions hold that nobody should read.

What is written today is redacted where forebear writes it by itself. What people write (settings, notes, metadata) is
theirs and stays as it is, and what was written before forebear knew a form of key is there still.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.catalog.leaves import flattened
from forebear.records.redaction import redact_command, secret_named, secrets_in

if TYPE_CHECKING:
    from forebear.cli.session import Session
    from forebear.records.artifacts import Collection, Version
    from forebear.records.runs import RunRecord
    from forebear.records.sweeps import SweepRecord, Trial

#: What a run says of itself in plain words.
_RUN_TEXTS = ("name", "notes", "group", "job_type", "error")


class Finding(NamedTuple):
    """A secret in a field of something.

    Attributes:
        kind: ``run``, ``version``, ``collection`` or ``sweep``.
        path: Which one: ``entity/project/id`` or ``entity/project/name:v3``.
        field: Where in it, such as ``config.openai.api_key``.
        what: What the secret is, for people.
        shown: As much of it as may be shown.
    """

    kind: str
    path: str
    field: str
    what: str
    shown: str


class Scan(NamedTuple):
    """What was found, and in how many things it was looked for."""

    findings: list[Finding]
    runs: int
    versions: int


def scan(session: Session, entity: str | None = None, project: str | None = None) -> Scan:
    """Look through what the catalog of a store holds; files are not opened, and nothing is changed.

    Cost: reads each run and version once, 20 µs each.
    """
    catalog = session.api.store.catalog
    runs = catalog.runs(entity, project)
    findings = [finding for run in runs for finding in _of_run(run)]
    versions = 0
    for collection in catalog.collections(entity, project):
        findings += _of_collection(collection)
        held = catalog.versions(collection.id)
        versions += len(held)
        findings += [finding for version in held for finding in _of_version(version)]
    for sweep in catalog.sweeps(entity, project):
        findings += _of_sweep(sweep, catalog.trials(sweep.key))
    return Scan(findings, len(runs), versions)


def _of_run(run: RunRecord) -> Iterator[Finding]:
    texts = {name: getattr(run, name) for name in _RUN_TEXTS}
    texts |= {"git_remote": run.origin.git_remote, "program": run.origin.program}
    for field, what, shown in (
        *_in_command(run.origin.command),
        *_in_texts(texts),
        *_in_texts({f"tags[{number}]": tag for number, tag in enumerate(run.tags)}),
        *_in_document("config", run.config),
        *_in_document("summary", run.summary),
    ):
        yield Finding("run", run.qualified_name, field, what, shown)


def _of_version(version: Version) -> Iterator[Finding]:
    for field, what, shown in (
        *_in_texts({"description": version.description}),
        *_in_document("metadata", version.metadata),
    ):
        yield Finding("version", version.qualified_name, field, what, shown)


def _of_collection(collection: Collection) -> Iterator[Finding]:
    path = f"{collection.entity}/{collection.project}/{collection.name}"
    for field, what, shown in _in_texts({"description": collection.description}):
        yield Finding("collection", path, field, what, shown)


def _of_sweep(sweep: SweepRecord, trials: list[Trial]) -> Iterator[Finding]:
    for field, what, shown in (
        *_in_document("config", sweep.config),
        *_in_texts({f"trials[{trial.number}].error": trial.error for trial in trials}),
    ):
        yield Finding("sweep", sweep.qualified_name, field, what, shown)


#: Field, what it is, what may be shown of it.
_Found = tuple[str, str, str]


def _in_texts(texts: Mapping[str, str | None]) -> Iterator[_Found]:
    for field, text in texts.items():
        for secret in secrets_in(text or ""):
            yield field, secret.what, secret.shown


def _in_command(words: tuple[str, ...]) -> Iterator[_Found]:
    for number, (word, hidden) in enumerate(zip(words, redact_command(words), strict=True)):
        found = list(secrets_in(word))
        for secret in found:
            yield f"command[{number}]", secret.what, secret.shown
        if word != hidden and not found and "@" not in word:
            yield f"command[{number}]", "the value of an option", f"*** ({len(word)} characters)"


def _in_document(name: str, document: Mapping[str, Any]) -> Iterator[_Found]:
    for key, value in _leaves(document):
        found = list(secrets_in(value))
        for secret in found:
            yield f"{name}.{key}", secret.what, secret.shown
        named = None if found else secret_named(key, value)
        if named is not None:
            yield f"{name}.{key}", named.what, named.shown


def _leaves(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield dotted key and value of each text, also of those in lists."""
    for key, value in flattened(document):
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, list):
            yield from _items(key, value)


def _items(key: str, values: list[Any]) -> Iterator[tuple[str, str]]:
    for number, value in enumerate(values):
        place = f"{key}[{number}]"
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, Mapping):
            yield from ((f"{place}.{inner}", text) for inner, text in _leaves(value))
        elif isinstance(value, list):
            yield from _items(place, value)
