"""``forebear diff``: what differs between two versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from forebear.cli.completing import collections
from forebear.cli.declare import Argument, Command, Option
from forebear.cli.session import Session
from forebear.cli.views.diffs import DiffView, TableDiffView, TextDiffView
from forebear.errors import NotFound

if TYPE_CHECKING:
    from forebear.artifacts.artifact import Artifact
    from forebear.artifacts.diff import VersionDiff
    from forebear.cli.output import View
    from forebear.records.content import Entry

OldRef = Annotated[str, Argument("OLD", "The version before.", collections)]
NewRef = Annotated[str, Argument("NEW", "The version after.", collections)]
StatFlag = Annotated[bool, Option("How many files and bytes, not which.", ("--stat",))]
PathOption = Annotated[
    str | None,
    Option(
        "What changed in this file: lines of text, rows of a logged table, or columns of a CSV table.",
        ("--path",),
        metavar="FILE",
    ),
]
TextFlag = Annotated[bool, Option("With --path: compare a table as the text that it is.", ("--text",))]


def diff(
    session: Session, old: OldRef, new: NewRef, stat: StatFlag = False, path: PathOption = None, text: TextFlag = False
) -> None:
    """Show which files differ between two versions: added, removed, changed and renamed.

    Only the parts of the two lists of files that differ are read, so it is quick for versions of any size.
    """
    show_diff(session, old, new, stat=stat, path=path, text=text)


def show_diff(session: Session, old: str, new: str, *, stat: bool, path: str | None, text: bool) -> None:
    """Answer ``diff`` and ``artifact diff``."""
    found = session.api.diff(old, new)
    if path is None:
        session.output.show(DiffView(found, stat=stat))
        return
    before, after = session.api.artifact(old), session.api.artifact(new)
    session.output.show(_file_view(before, after, found, path, plainly=text))


def _file_view(before: Artifact, after: Artifact, found: VersionDiff, path: str, *, plainly: bool) -> View:
    from forebear.cli.tables import as_lines, as_text, is_table, table_shape, text_changes  # 10 ms with csv

    pair = _pair(before, after, found, path)
    contents = [
        b"" if entry is None else artifact.read(entry.path)
        for artifact, entry in zip((before, after), pair, strict=True)
    ]
    texts = [text for content in contents if (text := as_text(content)) is not None]
    if len(texts) < len(contents):
        return TextDiffView(pair, [] if contents[0] == contents[1] else None)
    if not plainly:
        texts = [as_lines(path, text) for text in texts]
    if is_table(path) and not plainly:
        shapes = [None if entry is None else table_shape(path, text) for entry, text in zip(pair, texts, strict=True)]
        return TableDiffView(pair, (shapes[0], shapes[1]))
    names = [
        "/dev/null" if entry is None else f"{artifact.name}/{entry.path}"
        for artifact, entry in zip((before, after), pair, strict=True)
    ]
    return TextDiffView(pair, list(text_changes(texts[0], texts[1], *names)))


def _pair(before: Artifact, after: Artifact, found: VersionDiff, path: str) -> tuple[Entry | None, Entry | None]:
    """Return the file of that path in both versions, a renamed one under either of its names.

    Raises:
        NotFound: neither version has it.
    """
    for rename in found.renamed:
        if path in (rename.old.path, rename.new.path):
            return rename.old, rename.new
    pair = before.manifest.get(path), after.manifest.get(path)
    if pair == (None, None):
        paths = {file.path for artifact in (before, after) for file in artifact.files()}
        import difflib  # 6 ms, only for a mistyped name

        near = difflib.get_close_matches(path, paths, n=3)
        advice = f"did you mean {' or '.join(map(repr, near))}?" if near else "forebear artifact files lists them"
        raise NotFound(f"neither {before.name} nor {after.name} has a file {path!r}; {advice}", code="file-not-found")
    return pair


entry = Command("diff", diff)
