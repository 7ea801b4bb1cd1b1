"""The work of commands that say what is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from forebear.cli.views.keeping import PolicyView
from forebear.errors import InvalidInput

if TYPE_CHECKING:
    from forebear.cli.session import Session

_TIME = re.compile(r"(\d+(?:\.\d+)?)([smhdw]?)\Z")
#: Parts of a day.
_UNITS = {"s": 1 / 86_400, "m": 1 / 1_440, "h": 1 / 24, "d": 1.0, "w": 7.0, "": 1.0}


def days_in(text: str | None, option: str) -> float | None:
    """Return the days of a time such as ``30d``, ``12h``, ``2w`` or ``0``; ``None`` for none.

    Raises:
        InvalidInput: the text is no time.
    """
    if text is None:
        return None
    found = _TIME.match(text.strip())
    if found is None:
        raise InvalidInput(f"{option} is {text!r}; it is a time such as 30d, 12h, 2w or 0", code="invalid-time")
    return float(found[1]) * _UNITS[found[2]]


def change_policy(
    session: Session,
    collection: str,
    *,
    keep_last: int | None,
    max_age: str | None,
    aliased_too: bool,
    clear: bool,
) -> PolicyView:
    """Change the policy of a collection where something is said; return what it is then.

    Raises:
        InvalidInput: what is said does not go together.
    """
    api = session.api
    said = keep_last is not None or max_age is not None or aliased_too
    if clear and said:
        raise InvalidInput("--clear takes the policy away, so nothing else can be said with it", code="invalid-policy")
    if clear:
        api.clear_policy(collection)
    elif said:
        age = days_in(max_age, "--max-age")
        api.set_policy(collection, keep_last=keep_last, max_age_days=age, keep_aliased=not aliased_too)
    return PolicyView(
        api.collection(collection), api.policy(collection), api.expiring(collection), api.pinned(collection)
    )
