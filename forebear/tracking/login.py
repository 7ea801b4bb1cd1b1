"""`login`, `setup` and `teardown`: what scripts written for a server call before and after their runs."""

from __future__ import annotations

from typing import Any

from forebear.settings import Settings, load_settings
from forebear.store.shared import close_stores
from forebear.store.urls import shown_url
from forebear.tracking.current import active_runs
from forebear.tracking.terminal import termlog


def login(
    key: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    force: bool | None = None,
    timeout: int | None = None,
    verify: bool = False,
    referrer: str | None = None,
    **others: Any,
) -> bool:
    """Succeed: a local store asks nobody who they are. All arguments are accepted, and none is kept.

    Returns:
        True, as a script expects that may go on.
    """
    settings = load_settings()
    if not settings.silent:
        termlog(f"no login is needed: runs are kept in the store {shown_url(settings.store)}", repeat=False)
    return True


def setup(settings: Any = None) -> Settings:
    """Return the settings in force. Nothing has to be set up before `init`."""
    return load_settings(settings)


def teardown(exit_code: int | None = None) -> None:
    """End all runs of this process, and let go of every store."""
    for run in active_runs():
        run.finish(exit_code)
    close_stores()
