"""What became of each injected fault, one line of JSON each, in the file that ``FOREBEAR_FAULTS_RESULTS`` names.

``make faults`` sets it; `tools/faults_page.py` counts the lines and writes the page from them. Without it nothing is
written, and the tests assert the same.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Read now, because tests see no variables of the machine.
_FILE = os.environ.get("FOREBEAR_FAULTS_RESULTS", "")

#: The work came to its end all the same, with the right result.
COMPLETED = "completed"
#: It failed with an error that says what to do; nothing was half there, and the same call then succeeded.
FAILED_WHOLE = "failed whole"
#: The process was killed; the store was sound, and the same call then succeeded.
REPEATED = "repeated"
#: Damage was found before any wrong byte was handed out, and what is hit was named.
DETECTED = "detected"
#: Damage was undone, or hit nothing that anybody needs.
HEALED = "healed"
#: The test failed: something was lost, half there, or the call could not be repeated.
LOST = "lost"
#: Wrong bytes, or a wrong answer, were handed out as right ones.
SILENT = "silent"

#: The fault did not come about this time: nothing is noted.
UNTRIED = ""

SURVIVED = (COMPLETED, FAILED_WHOLE, REPEATED, DETECTED, HEALED)
OUTCOMES = (*SURVIVED, LOST, SILENT)


def note(area: str, operation: str, case: str, outcome: str) -> None:
    """Write one line; lines of processes that test beside each other do not mix.

    Args:
        area: Part of the page, such as ``"kill"`` or ``"damage"``.
        operation: What was being done: ``"log_artifact"``; for damage, the kind of object that was hit.
        case: The fault, and where: ``"ENOSPC at pwrite64 7"``. The page counts by what stands before `` at ``.
        outcome: One of `OUTCOMES`, or `UNTRIED`.
    """
    assert outcome in {*OUTCOMES, UNTRIED}, outcome
    if not _FILE or outcome == UNTRIED:
        return
    line = json.dumps({"area": area, "operation": operation, "case": case, "outcome": outcome})
    descriptor = os.open(_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


class Case:
    """One fault; what became of it is set before the block around it ends."""

    def __init__(self) -> None:
        self.outcome = LOST


@contextmanager
def injected(area: str, operation: str, case: str) -> Iterator[Case]:
    """Note one fault, as what the block says, or as lost where the block fails. See `note` for the words.

    A block that is left early says nothing, and counts as lost.
    """
    found = Case()
    try:
        yield found
    except BaseException:
        if found.outcome != SILENT:
            found.outcome = LOST
        raise
    finally:
        note(area, operation, case, found.outcome)
