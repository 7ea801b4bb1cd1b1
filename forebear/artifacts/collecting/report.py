"""What a collection did, or would do."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Amount:
    """A number of blobs or objects, and their bytes."""

    count: int = 0
    size: int = 0

    def add(self, size: int, count: int = 1) -> None:
        """Count some more."""
        self.count += count
        self.size += size


@dataclass
class Collected:
    """What a collection did.

    Attributes:
        versions: Names of the versions that policies deleted.
        garbage: Blobs that nothing names and that are in the index still; their bytes as they are stored.
        thrown_out: Blobs that left the index, for the trash.
        trashed: Objects that went to the trash, files that nobody knew among them.
        rewritten: Objects of which little was needed and that were written anew; the bytes that this frees.
        deleted: Objects that were deleted for good.
        trash: What is in the trash afterwards.
        dry_run: Nothing was done; the fields say what would be.
        unfinished: Why it ended early; ``None`` where it did not.
    """

    versions: list[str] = field(default_factory=list)
    garbage: Amount = field(default_factory=Amount)
    thrown_out: Amount = field(default_factory=Amount)
    trashed: Amount = field(default_factory=Amount)
    rewritten: Amount = field(default_factory=Amount)
    deleted: Amount = field(default_factory=Amount)
    trash: Amount = field(default_factory=Amount)
    dry_run: bool = False
    unfinished: str | None = None
