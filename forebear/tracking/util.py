"""What scripts find in the module ``util`` of W&B, as far as it makes sense here: ids of runs that are drawn early."""

from __future__ import annotations

from forebear.tracking.naming import new_run_id


def generate_id(length: int = 8) -> str:
    """Return a random id for a run, of ``length`` lower-case letters and digits."""
    text = ""
    while len(text) < length:
        text += new_run_id()
    return text[:length]
