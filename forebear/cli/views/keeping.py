"""What commands answer that say what is kept, what goes and what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from forebear.cli.layout import Column, Line, Span, fields, flow, line, table
from forebear.cli.output import Screen, View
from forebear.cli.text import ago, count, ranges, size

if TYPE_CHECKING:
    from forebear.artifacts.collecting.report import Amount, Collected
    from forebear.records.artifacts import Collection, Version
    from forebear.records.collecting import Policy

#: Versions that are listed one by one.
_LISTED = 20


class CollectedView(View):
    """What a collection did, or would do."""

    def __init__(self, report: Collected) -> None:
        self.report = report

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object; amounts are counts and bytes."""
        report = self.report
        amounts = {
            "garbage": report.garbage,
            "to_trash": report.trashed,
            "rewritten": report.rewritten,
            "deleted": report.deleted,
            "trash": report.trash,
        }
        yield {
            "dry_run": report.dry_run,
            "versions": report.versions,
            "blobs": report.garbage.count if report.dry_run else report.thrown_out.count,
            **{name: {"count": amount.count, "bytes": amount.size} for name, amount in amounts.items()},
            "unfinished": report.unfinished,
        }

    def names(self) -> Iterator[str]:
        """Return the names of the versions that went."""
        return iter(self.report.versions)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a line for each kind of thing that went, and what is left for later."""
        report = self.report
        would = "would go" if report.dry_run else "went"
        for name in report.versions[:_LISTED]:
            yield from flow(line(Span(name, "bold cyan"), f"  {would}", Span("  by its policy", "dim")), screen.width)
        if len(report.versions) > _LISTED:
            yield line(f"and {count(len(report.versions) - _LISTED, 'version')} more")
        yield from fields(self._pairs(), screen.width)
        if report.unfinished:
            yield from flow(line(Span(f"not finished: {report.unfinished}", "yellow")), screen.width)

    def _pairs(self) -> Iterator[tuple[str, str]]:
        report = self.report
        yield "versions", f"{count(len(report.versions), 'version')} by policies"
        if report.dry_run:
            yield "garbage", f"{_amount(report.garbage, 'blob')} that nothing names"
            yield "objects", f"{_amount(report.trashed, 'object')} of nothing else"
        else:
            waiting = f", {count(report.garbage.count, 'blob')} not long enough yet" if report.garbage.count else ""
            yield "garbage", f"{_amount(report.thrown_out, 'blob')} thrown out{waiting}"
            anew = f", {size(report.rewritten.size)} freed by writing anew" if report.rewritten.count else ""
            yield "objects", f"{_amount(report.trashed, 'object')} to the trash{anew}"
            yield "deleted", _amount(report.deleted, "object")
        yield "trash", f"{_amount(report.trash, 'object')} in it"


def _amount(amount: Amount, thing: str) -> str:
    return f"{count(amount.count, thing)}, {size(amount.size)}"


class PolicyView(View):
    """What keeps the versions of a collection, and which would go."""

    def __init__(
        self, collection: Collection, policy: Policy | None, expiring: Sequence[Version], pinned: Sequence[Version]
    ) -> None:
        self.collection = collection
        self.policy = policy
        self.expiring = expiring
        self.pinned = pinned

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object; ``policy`` is null where all versions are kept."""
        policy = self.policy
        yield {
            "name": self.collection.qualified_name,
            "policy": policy
            and {
                "keep_last": policy.keep_last,
                "max_age_days": policy.max_age_days,
                "keep_aliased": policy.keep_aliased,
            },
            "pinned": [f"v{version.number}" for version in self.pinned],
            "expiring": [f"v{version.number}" for version in self.expiring],
        }

    def names(self) -> Iterator[str]:
        """Return the names of the versions that would go."""
        return (version.qualified_name for version in self.expiring)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return the rules, and what they would take now."""
        yield line(Span(self.collection.name, "bold cyan"))
        yield from fields(self._pairs(), screen.width)

    def _pairs(self) -> Iterator[tuple[str, str]]:
        policy = self.policy
        if policy is None:
            yield "keeps", "every version"
        else:
            if policy.keep_last is not None:
                yield "keeps", f"the newest {count(policy.keep_last, 'version')}"
            if policy.max_age_days is not None:
                yield "and" if policy.keep_last is not None else "keeps", f"what is no older than {_days(policy)}"
            yield "and", "what has an alias" if policy.keep_aliased else "what latest names"
        if self.pinned:
            yield "pinned", ranges([version.number for version in self.pinned])
        if policy is not None:
            yield "would go", ranges([version.number for version in self.expiring]) if self.expiring else "none"


def _days(policy: Policy) -> str:
    days = policy.max_age_days
    assert days is not None
    return f"{days * 24:g} hours" if days < 1 else f"{days:g} days"


class PinView(View):
    """A version that was pinned or let go of."""

    def __init__(self, version: Version, *, pinned: bool) -> None:
        self.version = version
        self.pinned = pinned

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {"name": self.version.qualified_name, "pinned": self.pinned}

    def names(self) -> Iterator[str]:
        """Return the full name of the version."""
        yield self.version.qualified_name

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line."""
        yield line(Span(self.version.label, "bold cyan"), "  pinned" if self.pinned else "  not pinned any more")


class UndeletedView(View):
    """A version that came back."""

    def __init__(self, version: Version) -> None:
        self.version = version

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        version = self.version
        yield {"name": version.qualified_name, "digest": version.root.hex(), "files": version.file_count}

    def names(self) -> Iterator[str]:
        """Return the full name of the version."""
        yield self.version.qualified_name

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line."""
        version = self.version
        what = f"  is back: {count(version.file_count, 'file')}, {size(version.size)}"
        yield from flow(line(Span(version.label, "bold cyan"), what), screen.width)


class DeletedView(View):
    """Versions that were deleted, the one that went last first."""

    many = True

    def __init__(self, name: str, versions: Sequence[tuple[Version, datetime | None]]) -> None:
        self.name = name
        self.versions = versions

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a version; ``deleted_at`` is null where nobody wrote it down."""
        for version, at in self.versions:
            yield {"name": version.qualified_name, "deleted_at": at, "size": version.size, "digest": version.root.hex()}

    def names(self) -> Iterator[str]:
        """Return the full names."""
        return (version.qualified_name for version, _ in self.versions)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table, or a sentence where there is nothing."""
        if not self.versions:
            yield line(f"no version of {self.name} was deleted")
            return
        columns = [Column("version", style="bold cyan"), Column("size", right=True), Column("deleted")]
        rows = [
            [version.label, size(version.size), "long ago" if at is None else ago(at, screen.now)]
            for version, at in self.versions
        ]
        yield from table(columns, rows, screen.width)
