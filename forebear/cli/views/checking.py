"""What checks and recoveries answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.cli.layout import Line, Span, flow, line
from forebear.cli.output import Screen, View
from forebear.cli.text import clean, count, size

if TYPE_CHECKING:
    from forebear.api.checking.recovering import Recovered
    from forebear.api.checking.report import Checkup, Trouble

#: Troubles, names of one kind, and repairs that are listed; the records have them all.
_LISTED = 20
#: Characters of a digest that are shown.
_SHOWN = 16


class CheckView(View):
    """What is wrong with a store, whom it hits, and what was done about it."""

    def __init__(self, found: Checkup) -> None:
        self.found = found

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {"ok": self.found.ok, **msgspec.to_builtins(self.found)}

    def names(self) -> Iterator[str]:
        """Return the names of versions that are hit."""
        return iter(self.found.versions_hit)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return the verdict, then each trouble with what it hits, then what was done."""
        found = self.found
        yield from flow(line(_verdict(found), *_words(f"  {_looked_at(found)}")), screen.width)
        if found.unknown_objects:
            words = f"  {count(found.unknown_objects, 'object')} ({size(found.unknown_bytes)}) that no index knows"
            yield from flow(line(*_words(words, "dim")), screen.width)
        if found.trash_objects:
            words = f"  {count(found.trash_objects, 'object')} ({size(found.trash_bytes)}) in the trash"
            yield from flow(line(*_words(words, "dim")), screen.width)
        for trouble in found.troubles[:_LISTED]:
            yield from _trouble(trouble, screen, mended=found.repaired and trouble not in found.left)
        if len(found.troubles) > _LISTED:
            yield line(f"… and {len(found.troubles) - _LISTED:,} more; --json lists them")
        for repair in found.repairs[:_LISTED]:
            text = f" {_short(repair.name)}: {_short(repair.words)}"
            yield from flow(line(Span(f"{repair.kind}", "green"), *_words(text)), screen.width)
        if len(found.repairs) > _LISTED:
            yield line(f"… and {len(found.repairs) - _LISTED:,} more repairs; --json lists them")
        new = [trouble for trouble in found.left if trouble not in found.troubles] if found.repaired else []
        if new:
            yield line(Span("what is lost:", "bold red"))
        for trouble in new[:_LISTED]:
            yield from _trouble(trouble, screen, mended=False)
        yield from _advice(found, screen)


def _verdict(found: Checkup) -> Span:
    if found.ok:
        return Span("mended" if found.troubles else "sound", "bold green")
    return Span("damaged", "bold red")


def _looked_at(found: Checkup) -> str:
    read = f", {size(found.read_bytes)} of it read" if found.read_objects else ""
    return (
        f"{count(found.objects, 'object')} ({size(found.bytes)}{read}), {count(found.versions, 'version')}, "
        f"{count(found.pages, 'page')} of manifests, {count(found.records, 'record')}"
    )


def _trouble(trouble: Trouble, screen: Screen, *, mended: bool) -> Iterator[Line]:
    kind = Span(trouble.kind, "green" if mended else "red")
    yield from flow(line(kind, *_words(f" {_short(trouble.name)}: {_short(trouble.words)}")), screen.width)
    hits = (("versions", trouble.versions), ("aliases", trouble.aliases), ("runs", trouble.runs))
    for title, names in (*hits, ("files", trouble.files)):
        if names:
            more = len(names) - _LISTED + (trouble.more_files if title == "files" else 0)
            rest = f" and {more:,} more" if more > 0 else ""
            # Paths may hold blanks.
            between = "; " if title == "files" else " "
            listed = [Span(clean(name if not position else between + name)) for position, name in enumerate(names)]
            yield from flow(line(Span(f"  {title} ", "dim"), *listed[:_LISTED], *_words(rest)), screen.width)


def _advice(found: Checkup, screen: Screen) -> Iterator[Line]:
    if found.ok:
        return
    kinds = {trouble.kind for trouble in (found.left if found.repaired else found.troubles)}
    if kinds & {"corrupt-catalog", "unknown-version"}:
        words = "forebear recover makes the catalog again, or adds what it lacks, from the records beside the blobs"
    elif found.repaired:
        words = (
            "forebear fsck --repair --from URL takes what is lost from another store; logging the files again does too"
        )
    else:
        words = "forebear fsck --repair mends what can be mended, with --from URL from another store"
    yield from flow(line(*_words(f"next: {words}", "yellow")), screen.width)


class RecoveredView(View):
    """What a catalog has again."""

    def __init__(self, done: Recovered) -> None:
        self.done = done

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {"ok": not self.done.damaged, **msgspec.to_builtins(self.done)}

    def names(self) -> Iterator[str]:
        """Return what is damaged."""
        return iter(self.done.damaged)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return what came back, and what did not."""
        done = self.done
        if not done.versions and not done.new_catalog and not done.objects:
            same = f"  the catalog knows {count(done.versions_same, 'version')} of {count(done.records, 'record')}"
            yield from flow(line("nothing to recover", *_words(same, "dim")), screen.width)
        else:
            head = "a new catalog" if done.new_catalog else "recovered"
            parts = [count(done.versions, "version"), f"{done.aliases:,} aliases", count(done.runs, "run")]
            text = f"  {', '.join(parts)}, {count(done.objects, 'object')}"
            yield from flow(line(Span(head, "bold green"), *_words(text)), screen.width)
        if done.deleted:
            yield from flow(
                line(*_words(f"  {done.deleted:,} of them deleted: their numbers stay taken", "dim")), screen.width
            )
        for each in done.renumbered[:_LISTED]:
            words = f"  {each.collection}:v{each.number} is v{each.number_there} now"
            yield from flow(line(*_words(words, "yellow")), screen.width)
        for name, words in list(done.damaged.items())[:_LISTED]:
            yield from flow(line(Span("damaged", "red"), *_words(f" {_short(name)}: {_short(words)}")), screen.width)
        if done.kept:
            yield from flow(line("the catalog that could not be read is kept: ", Span(clean(done.kept))), screen.width)


def _short(text: str) -> str:
    """A text with the digests in it shortened."""
    return " ".join(_shortened(word) for word in text.split(" "))


def _shortened(word: str) -> str:
    head, slash, tail = word.rpartition("/")
    end = tail.rstrip(".,:;")
    if len(end) < 2 * _SHOWN or not all(digit in "0123456789abcdef" for digit in end):
        return word
    return f"{head}{slash}{end[:_SHOWN]}…{tail[len(end) :]}"


def _words(text: str, style: str = "") -> Iterator[Span]:
    """Yield a sentence word by word, so that it can be broken anywhere."""
    for position, word in enumerate(text.split(" ")):
        yield Span(clean(word if position == 0 else f" {word}"), style)
