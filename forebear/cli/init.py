"""``forebear init``: making a store."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated

from forebear.cli.declare import Argument, Command
from forebear.cli.session import Session
from forebear.cli.views.store import InitView
from forebear.errors import InvalidInput, NotFound
from forebear.names import check_scope_name
from forebear.settings import STORE_FOLDER, load_settings, setting_sources
from forebear.store.urls import parse_store_url, shown_url

CONFIG_FILE = "config.toml"


def init(
    session: Session,
    folder: Annotated[str, Argument("FOLDER", "Folder of your project.")] = ".",
) -> None:
    """Make a store for a folder, and keep its settings there.

    The store is .forebear in that folder, or where --store says. Scripts and commands that run in the folder, or
    below it, find it by themselves. --project and --entity are kept as the folder's own.
    """
    home = Path(folder).absolute()
    if home.exists() and not home.is_dir():
        raise InvalidInput(f"cannot make a store in {folder}: it is a file", code="store-url")
    home = home.parent if home.name == STORE_FOLDER else home
    place = session.options["store"] or _place_named_elsewhere(home) or str(home / STORE_FOLDER)
    view = make(home, place, {key: session.options[key] for key in ("project", "entity")})
    session.output.show(view)
    used = load_settings(cwd=home).store
    if not _same(used, view.store):
        source = setting_sources(cwd=home).get("store", "a setting")
        session.output.note(f"but here {source} says {shown_url(used)}, and that counts more")
    given = parse_store_url(place)
    if given.address != given.shown:
        session.output.note(
            "the password is not kept; let PostgreSQL's library find it in ~/.pgpass or PGPASSWORD, or give the whole "
            "URL in FOREBEAR_STORE"
        )


def _place_named_elsewhere(home: Path) -> str | None:
    """Return the store that the environment names, where it does."""
    source = setting_sources(cwd=home).get("store", "")
    return load_settings(cwd=home).store if source.startswith("environment") else None


def make(home: Path, place: str, scope: dict[str, str | None]) -> InitView:
    """Make the store at ``place`` unless there is one, and keep the settings of the folder ``home``."""
    from forebear.store.shared import shared_store  # 60 ms that --help is spared

    for kind, name in scope.items():
        if name is not None:
            check_scope_name(kind, name)
    try:
        store, existed = shared_store(place, create=False), True
    except NotFound:
        store, existed = shared_store(place), False
    wanted = {key: name for key, name in scope.items() if name is not None}
    if not _same(store.url, load_settings(cwd=home).store):
        inside = _same(store.url, str(home / STORE_FOLDER))
        wanted["store"] = "." if inside else store.url
    config = _keep(home / STORE_FOLDER / CONFIG_FILE, wanted) if wanted else None
    return InitView(str(home), store.url, store.id, created=not existed, config=config)


def _same(one: str, other: str) -> bool:
    one, other = shown_url(one), shown_url(other)
    return one == other or os.path.realpath(one) == os.path.realpath(other)


def _keep(file: Path, settings: dict[str, str]) -> str:
    """Set names in a settings file, leaving its other lines as they are; return its path."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    for key, value in settings.items():
        # A basic string of TOML and one of JSON are written alike.
        entry = f"{key} = {json.dumps(value, ensure_ascii=False)}"
        # As the text of a replacement, a backslash would mean something.
        text, found = re.subn(rf"(?m)^{key}\s*=.*$", entry.replace("\\", r"\\"), text)
        if not found:
            text += f"{entry}\n" if not text or text.endswith("\n") else f"\n{entry}\n"
    file.write_text(text, encoding="utf-8")
    return str(file)


entry = Command("init", init)
