"""The work of ``forebear sweep FILE``."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forebear.cli.views.sweeps import DeclaredView
from forebear.errors import NotFound
from forebear.settings import load_settings
from forebear.store.shared import shared_store
from forebear.sweeps.declaration import read_declaration
from forebear.sweeps.lifecycle import begin_sweep, read_config

if TYPE_CHECKING:
    from forebear.cli.session import Session


def declared(session: Session, file: str, name: str | None, prior_runs: Sequence[str]) -> DeclaredView:
    """Declare the sweep that a file describes.

    Raises:
        NotFound: there is no such file.
        InvalidInput: the declaration is wrong; the message names the key.
    """
    if not Path(file).is_file():
        raise NotFound(_no_file(file), code="file-not-found")
    config = read_config(file)
    if name is not None:
        config["name"] = name
    # What is said on the command line counts more than what the file says, and that more than the settings.
    said = {key: session.options[key] or config.get(key) for key in ("entity", "project")}
    settings = load_settings({**session.options, **said})
    store = shared_store(settings.store)
    sweep = begin_sweep(store, config, settings.entity, settings.project, prior_runs)
    named = session.options["store"] is not None
    return DeclaredView(sweep, read_declaration(sweep.config), store.url, named=named)


def _no_file(file: str) -> str:
    from forebear.cli.sweep import entry

    near = difflib.get_close_matches(file, entry.commands, n=1)
    if near:
        return f"there is no command and no file {file!r}; did you mean forebear sweep {near[0]}?"
    return f"there is no file {file!r} with a declaration; commands are {', '.join(entry.commands)}"
