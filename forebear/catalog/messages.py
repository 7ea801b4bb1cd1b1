"""Errors that every catalog words alike: pure functions over plain values, each returns the error to raise."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from forebear.errors import AlreadyExists, Conflict, InvalidInput, NotFound, StorageFailure, Unsupported

if TYPE_CHECKING:
    from forebear.records.artifacts import Collection

#: How many names a message lists before it says "and N more".
LISTED = 12


def _listing(names: Sequence[str]) -> str:
    shown = ", ".join(names[:LISTED])
    more = len(names) - LISTED
    return f"{shown} and {more} more" if more > 0 else shown


def number_ranges(numbers: Iterable[int]) -> str:
    """Write version numbers shortly: ``v0 to v4, v7``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return _listing([f"v{a}" if a == b else f"v{a} to v{b}" for a, b in runs])


def no_collection(entity: str, project: str, name: str, everything: Sequence[Collection]) -> NotFound:
    """``everything`` are the collections of the whole store: a project left out is the mistake made most often."""
    others = [found.name for found in everything if (found.entity, found.project) == (entity, project)]
    homes = sorted(found.qualified_name for found in everything if found.name == name)
    if homes:
        found = f"there is {_listing(homes)}: write that, or choose its project"
    elif not others:
        found = "that project has no artifacts yet"
    else:
        near = difflib.get_close_matches(name, others, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        found = f"{hint}it has {_listing(sorted(others))}"
    return NotFound(f"no artifact {name!r} in project {entity}/{project}; {found}", code="artifact-not-found")


def no_alias(name: str, alias: str, aliases: Sequence[str], numbers: Sequence[int]) -> NotFound:
    """No version of ``name`` is called ``alias``."""
    if not numbers:
        return NotFound(
            f"no alias {alias!r} on artifact {name!r}; all its versions were deleted", code="alias-not-found"
        )
    listed = _listing(sorted(aliases)) or "no alias"
    return NotFound(
        f"no alias {alias!r} on artifact {name!r}; it has {listed} and versions {number_ranges(numbers)}",
        code="alias-not-found",
    )


def no_alias_at(name: str, alias: str, at: str, first: str | None) -> NotFound:
    """The alias named nothing at that time; ``first`` is when it was given first."""
    found = f"it was given first at {first}" if first else "it was never given"
    return NotFound(f"alias {alias!r} of artifact {name!r} named no version at {at}; {found}", code="alias-not-found")


def no_number(name: str, number: int, numbers: Sequence[int], *, deleted: bool) -> NotFound:
    """There is no live version of that number."""
    state = "was deleted" if deleted else "does not exist"
    found = f"it has {number_ranges(numbers)}" if numbers else "it has no versions"
    return NotFound(f"version v{number} of artifact {name!r} {state}; {found}", code="version-not-found")


def no_digest(name: str, digest: str, numbers: Sequence[int]) -> NotFound:
    """No version has a digest that begins so."""
    return NotFound(
        f"no version of artifact {name!r} has a digest that begins with {digest}; "
        f"it has {number_ranges(numbers) or 'no versions'}",
        code="version-not-found",
    )


def ambiguous_digest(name: str, digest: str, numbers: Sequence[int]) -> InvalidInput:
    """Several versions have a digest that begins so."""
    return InvalidInput(
        f"{digest} fits {number_ranges(numbers)} of artifact {name!r}; give more characters", code="ambiguous-digest"
    )


def no_version_id(version_id: int) -> NotFound:
    """The version was deleted, or never was."""
    return NotFound(f"version with id {version_id} was deleted or never existed", code="version-not-found")


def no_deleted_version(version_id: int) -> NotFound:
    """There is no deleted version of that id."""
    return NotFound(f"there is no deleted version with id {version_id}", code="version-not-deleted")


def no_collection_id(collection_id: int) -> NotFound:
    """There never was such a collection."""
    return NotFound(f"there is no artifact with id {collection_id}", code="artifact-not-found")


def other_type(name: str, type: str, asked: str) -> Conflict:
    """A collection has one type."""
    return Conflict(
        f"artifact {name!r} has type {type!r}; it cannot take a version of type {asked!r}. "
        "Use that type, or another name",
        code="type-mismatch",
    )


def has_aliases(label: str, aliases: Sequence[str]) -> Conflict:
    """A version with aliases is not deleted by accident."""
    return Conflict(
        f"{label} has alias {_listing(sorted(aliases))}; delete with delete_aliases=True, or move the alias first",
        code="version-has-aliases",
    )


def is_pinned(label: str) -> Conflict:
    """A pinned version is not deleted by accident."""
    return Conflict(
        f"{label} is pinned; let go of it first: forebear artifact pin {label} --remove", code="version-pinned"
    )


def expectation_failed(name: str, alias: str, expect: str, found: int | None) -> Conflict:
    """A compare-and-swap of an alias did not find what it expected."""
    wanted = f"on {expect}" if expect else "absent"
    now = f"on v{found}" if found is not None else "absent"
    return Conflict(f"alias {alias!r} of artifact {name!r} was expected {wanted} but is {now}", code="alias-moved")


def bad_expectation(expect: str) -> InvalidInput:
    """``expect`` has neither form that it may have."""
    return InvalidInput(
        f"expect={expect!r} is not understood: write a version such as 'v7', or '' for 'no such alias'",
        code="invalid-expect",
    )


def run_exists(entity: str, project: str, run_id: str) -> AlreadyExists:
    """Run ids are unique in a project."""
    return AlreadyExists(f"project {entity}/{project} has a run {run_id!r} already", code="run-exists")


def no_run(what: object) -> NotFound:
    """There is no such run."""
    return NotFound(f"no run {what}", code="run-not-found")


def sweep_exists(entity: str, project: str, sweep_id: str) -> AlreadyExists:
    """Sweep ids are unique in a project."""
    return AlreadyExists(f"project {entity}/{project} has a sweep {sweep_id!r} already", code="sweep-exists")


def no_sweep(what: object) -> NotFound:
    """There is no such sweep."""
    return NotFound(f"no sweep {what}", code="sweep-not-found")


def sweep_state(name: str, state: str, expected: Iterable[str]) -> Conflict:
    """A sweep has another state than the one that is needed."""
    return Conflict(f"sweep {name} is {state}, not {' or '.join(expected)}", code="sweep-state")


def other_number(name: str, number: int, next_number: int, limit: int | None) -> Conflict:
    """A trial was to have a number that is not the next."""
    if limit is not None and next_number >= limit:
        return Conflict(f"sweep {name} has all of its {limit} trials; none is left to add", code="sweep-exhausted")
    return Conflict(f"the next trial of sweep {name} is {next_number}, not {number}", code="trial-number")


def schema_stays_old(found: int, known: int, err: StorageFailure) -> StorageFailure:
    """The store is of an earlier form, and may not be written."""
    return StorageFailure(
        f"the store has catalog schema {found} of an earlier forebear, and could not be brought to {known}: {err}. "
        "Open it once from where it may be written, or copy its folder and open the copy",
        code="old-schema",
    )


def newer_schema(found: int, known: int) -> Unsupported:
    """The store was written by a newer forebear."""
    return Unsupported(
        f"the store has catalog schema {found}, this forebear knows up to {known}; "
        "upgrade with: pip install -U forebear",
        code="newer-schema",
    )
