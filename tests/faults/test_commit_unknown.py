"""The connection to PostgreSQL is lost as a commit is on its way: what was to be written is there once, or not."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest

from forebear.errors import StorageFailure
from tests.catalog.cutting import cutter
from tests.faults.results import COMPLETED, FAILED_WHOLE, UNTRIED, injected
from tests.faults.steps import AliasSteps, CopySteps, FinishSteps, LogSteps, Steps

if TYPE_CHECKING:
    from pathlib import Path

    from tests.team import Team

#: The message that ends a transaction.
COMMIT = b"COMMIT\0"
#: Commits of one operation that are tried.
COMMITS = 6 if os.environ.get("EVERY_KILL") else 1

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]


@pytest.mark.parametrize("kind", [LogSteps, AliasSteps, FinishSteps, CopySteps], ids=lambda kind: kind.__name__)
def test_it_is_there_once(kind: type[Steps], team_servers: Team, memory_path: Path) -> None:
    with cutter(team_servers.database) as between:
        url = f"{between.url}?blobs={memory_path / 'blobs'}&schema=u{uuid.uuid4().hex}"
        steps = kind(url, memory_path / "own")
        steps.arrange(0)
        steps.do(0)
        cases = [(skip, late) for skip in range(COMMITS) for late in (True, False)]
        for number, (skip, late) in enumerate(cases, 1):
            steps.arrange(number)
            # On a connection that was used much the word is prepared, and said by a number.
            driver = steps.store.catalog._db
            driver._give_back(driver._take(fresh=True))
            words = f"{'answer' if late else 'message'} lost at commit {skip} of an operation"
            with injected("commit unknown", f"{steps.name} on PostgreSQL", words) as case:
                cuts = between.cuts
                between.word, between.skip, between.late = COMMIT, skip, late
                try:
                    steps.do(number)
                    outcome = COMPLETED
                except StorageFailure:
                    outcome = FAILED_WHOLE
                between.word = None
                if outcome == FAILED_WHOLE:
                    steps.do(number)
                steps.check(number)
                # That the commit arrived is found out, and nobody hears of the loss.
                assert outcome == COMPLETED or not late
                case.outcome = outcome if between.cuts > cuts else UNTRIED
        steps.close()
        assert between.cuts > 1
