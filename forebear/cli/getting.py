"""The work of ``forebear artifact get``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from forebear.artifacts.transfer import download, remove_extras, rows_under
from forebear.cli.progress import Watch
from forebear.cli.session import Session
from forebear.cli.views.artifacts import GotView
from forebear.errors import InvalidInput

if TYPE_CHECKING:
    from forebear.artifacts.artifact import Artifact


def fetch(session: Session, ref: str, root: str | None, prefix: str | None, *, link: bool, clean: bool) -> GotView:
    """Put the files of a version below ``root``, and with ``clean`` delete others there.

    Raises:
        InvalidInput: cleaning would delete the store or the current folder, or only a part was asked for.
        CorruptData: a file is damaged in the store; nothing was deleted then.
    """
    artifact = session.api.artifact(ref)
    store = session.api.store
    folder = root if root is not None else os.path.join(session.api.settings.artifact_dir, _folder_name(artifact))
    if clean:
        _check_cleaning(folder, store.url, prefix)
    rows = rows_under(artifact.manifest, prefix)
    total = sum(row[1] or 0 for row in rows)
    with Watch(f"getting {artifact.name}", bytes_total=total, hidden=session.output.quiet) as watch:
        # What is there besides goes first: a file may stand where a folder of the version must be.
        removed = remove_extras(folder, (row[0] for row in rows)) if clean and os.path.isdir(folder) else 0
        written = download(store, artifact.record, folder, path_prefix=prefix, link=link, progress=watch)
    return GotView(artifact.record, folder, files=len(rows), size=total, written=written, removed=removed)


def _folder_name(artifact: Artifact) -> str:
    # Windows does not allow ':' in names of files.
    return artifact.name if os.sep == "/" else artifact.name.replace(":", "-")


def _check_cleaning(folder: str, store: str, prefix: str | None) -> None:
    if prefix is not None:
        raise InvalidInput("--clean goes with the whole version; leave out --prefix", code="invalid-setting")
    root = os.path.realpath(folder)
    for place, name in ((store, "the store"), (os.getcwd(), "the current folder"), (os.path.expanduser("~"), "home")):
        if (os.path.realpath(place) + os.sep).startswith(root.rstrip(os.sep) + os.sep):
            raise InvalidInput(
                f"--clean would delete everything else in {folder}, and {name} is in there; give another --root",
                code="unsafe-path",
            )
