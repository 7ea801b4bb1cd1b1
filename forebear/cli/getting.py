"""The work of ``forebear artifact get``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from forebear.artifacts.cleaning import check_may_clean, checkout
from forebear.artifacts.transfer import download, rows_under
from forebear.cli.progress import Watch
from forebear.cli.session import Session
from forebear.cli.views.artifacts import GotView
from forebear.errors import InvalidInput
from forebear.store.paths import safe_join

if TYPE_CHECKING:
    from forebear.artifacts.artifact import Artifact


def fetch(session: Session, ref: str, root: str | None, prefix: str | None, *, link: bool, clean: bool) -> GotView:
    """Put the files of a version below ``root``, and with ``clean`` delete others there.

    Raises:
        InvalidInput: cleaning would delete the store or the current folder, or only a part was asked for.
        CorruptData: a file is damaged in the store; other files were not deleted then.
    """
    artifact = session.api.artifact(ref)
    store = session.api.store
    folder = root if root is not None else safe_join(session.api.settings.artifact_dir, _folder_name(artifact))
    if clean:
        if prefix is not None:
            raise InvalidInput("--clean goes with the whole version; leave out --prefix", code="invalid-setting")
        check_may_clean(folder, store)
    files, total = _extent(artifact, prefix)
    with Watch(f"getting {artifact.name}", bytes_total=total, hidden=session.output.quiet) as watch:
        removed = 0
        if clean:
            written, removed = checkout(store, artifact.record, folder, link=link, progress=watch)
        else:
            written = download(store, artifact.record, folder, path_prefix=prefix, link=link, progress=watch)
    return GotView(artifact.record, folder, files=files, size=total, written=written, removed=removed)


def _extent(artifact: Artifact, prefix: str | None) -> tuple[int, int]:
    """Return the number of files and bytes below a prefix; of a whole version they are known without reading."""
    if prefix is None:
        return artifact.file_count, artifact.size
    rows = rows_under(artifact.manifest, prefix)
    return len(rows), sum(row[1] or 0 for row in rows)


def _folder_name(artifact: Artifact) -> str:
    # Windows does not allow ':' in names of files.
    return artifact.name if os.sep == "/" else artifact.name.replace(":", "-")
