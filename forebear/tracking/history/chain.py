"""Where the history of a run comes from: its own branch, and what that goes on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from forebear.records.runs import RunRecord
    from forebear.store.store import Store


class Segment(NamedTuple):
    """A branch of a run, and the last step of it that counts; ``None`` where all do."""

    run: RunRecord
    branch: int
    last_step: int | None


def chain_of(store: Store, run: RunRecord, branch: int | None = None) -> list[Segment]:
    """Return the segments of a branch (by default the one that is written now), its own first.

    Cost: two catalog calls for each run on the way.
    """
    found: list[Segment] = []
    number = run.branch if branch is None else branch
    last: int | None = None
    seen: set[tuple[int, int]] = set()
    while (run.key, number) not in seen:
        seen.add((run.key, number))
        found.append(Segment(run, number, last))
        parent = next((one for one in store.catalog.branches(run.key) if one.number == number), None)
        if parent is None:
            break
        last = parent.fork_step if last is None else min(last, parent.fork_step)
        before = store.catalog.runs_by_key([parent.parent_run]).get(parent.parent_run)
        if before is None:
            break
        run, number = before, parent.parent_branch
    return found
