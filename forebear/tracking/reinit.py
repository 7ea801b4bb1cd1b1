"""What `init` does while another run is active."""

from __future__ import annotations

import sys

from forebear.errors import InvalidInput

RETURN_PREVIOUS, FINISH_PREVIOUS, CREATE_NEW = "return_previous", "finish_previous", "create_new"
POLICIES = (RETURN_PREVIOUS, FINISH_PREVIOUS, CREATE_NEW)


def reinit_policy(given: str | bool | None) -> str:
    """Return one of `POLICIES` for what was given as ``reinit``, ``None`` and booleans included.

    Unless something is said, a script gets the run that is there, and a notebook, whose cells are called again and
    again, a new one.

    Raises:
        InvalidInput: there is no such policy.
    """
    if given is None or given == "default":
        return FINISH_PREVIOUS if in_notebook() else RETURN_PREVIOUS
    if isinstance(given, bool):
        return FINISH_PREVIOUS if given else RETURN_PREVIOUS
    if given not in POLICIES:
        raise InvalidInput(f"reinit={given!r} is not known; use {', '.join(POLICIES)}", code="invalid-setting")
    return given


def in_notebook() -> bool:
    """Whether cells of a notebook are what is executed."""
    module = sys.modules.get("IPython.core.getipython")
    shell = module.get_ipython() if module is not None else None
    return shell is not None and hasattr(shell, "kernel")
