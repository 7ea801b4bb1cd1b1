"""Write the reference page of injected faults from the results of `make faults`.

``python tools/faults_page.py RESULTS`` counts the lines that the tests wrote (`tests/faults/results.py`) into
``docs/reference/faults.json`` and writes the page from that; ``--peers RESULTS`` does the same with what
`tests/faults/peers.py` measured of other tools. Without results the page is written from what was kept, and ``--check``
only says (by exit status 1) that it is out of date.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
KEPT, PAGE = FOLDER / "faults.json", FOLDER / "faults.md"
NOTE = "<!-- Written by `make faults` from faults.json; change tools/faults_page.py, not this page. -->"

#: What became of a fault → what that means; in the order of the columns. The last two are no survival.
OUTCOMES = {
    "completed": "the call came to its end all the same, with the right result",
    "failed whole": "it failed with an error that says what to do, nothing was half there, and the same call succeeded",
    "repeated": "the process was killed; the store was sound, and the same call succeeded",
    "detected": "damage was found before a wrong byte was handed out, and what is hit was named",
    "healed": "damage was undone, or hit nothing that anybody needs",
    "lost": "something was lost or half there, or the call could not be repeated",
    "silent": "wrong bytes or a wrong answer were handed out as right ones",
}
NO_SURVIVAL = ("lost", "silent")

#: Area of the results → its heading, and what was done.
AREAS = {
    "kill": (
        "Killed at a call of the system",
        "`strace` kills the process (`SIGKILL`) at each call by which the operation changes files of the store; "
        "where it speaks to PostgreSQL or S3, a proxy does at bytes spread over both directions. Then everything that "
        "the store holds is read and hashed, and the same operation is done again.",
    ),
    "failing call": (
        "A call of the system fails",
        "`strace` lets one call fail, or it and all later ones of its name, with each error that this call can have: "
        "a full disk (`ENOSPC`), a broken one (`EIO`), too many open files (`EMFILE`), no rights (`EACCES`).",
    ),
    "full disk": (
        "A disk that is really full",
        "A file system in memory is filled but for so much room (0 to 1,024 KiB). What an operation cannot do there it "
        "does once there is more.",
    ),
    "damage": (
        "Damaged files",
        "A file of the store is changed behind its back, at its first, middle and last byte, and all that it is part "
        "of is read.",
    ),
    "network": (
        "A network that breaks",
        "A proxy before PostgreSQL or before the bucket (S3) breaks connections at bytes spread over the whole "
        "operation, in both directions, refuses the next ones, is slow, or answers in place of the bucket.",
    ),
    "commit unknown": (
        "A connection lost at a commit",
        "The connection is lost as `COMMIT` is sent, or when its answer is due: whether it arrived is found out, and "
        "what was to be written is there exactly once.",
    ),
    "many processes": (
        "Many processes, killed again and again",
        "Processes log versions, move aliases, some only if they stand where they stood, and read them. Every call is "
        "written down with its times, and the history is checked for linearizability. Agents of a sweep lose no trial, "
        "and none is executed by two.",
    ),
    "migration": (
        "Migrations",
        "A store of an earlier form is opened by many at once, by one that is killed, by one whose connection breaks; "
        "and one of a later form by this one.",
    ),
    "collection": (
        "Garbage collection against writers, readers and deleters",
        "Every step of the collection is interleaved with steps of others, in schedules that are enumerated, or drawn "
        "by dice that fall the same each time.",
    ),
}


def main() -> int:
    """Count, and write or check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", nargs="*", type=Path, help="files of lines that tests wrote")
    parser.add_argument("--peers", type=Path, help="a file of lines that peers.py wrote")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the page is out of date")
    given = parser.parse_args()
    kept: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    if given.results:
        kept["about"] = about()
        kept["rows"] = rows(line for path in given.results for line in lines_of(path))
    if given.peers:
        kept["peers"] = list(lines_of(given.peers))
    text = "\n".join(page(kept)).rstrip() + "\n"
    if given.check:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text
        if stale:
            print(f"{PAGE.name} is not what faults.json says; run: python tools/faults_page.py", file=sys.stderr)
        return int(stale)
    KEPT.write_text(as_json(kept), encoding="utf-8")
    PAGE.write_text(text, encoding="utf-8")
    print(headline(kept["rows"]))
    return int(any(row["outcomes"].get(word) for row in kept["rows"] for word in NO_SURVIVAL))


# ── Counting ──────────────────────────────────────────────────────────────────────────────────────────────────────


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what tests wrote down."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def about() -> dict[str, str]:
    """Say what the results are of."""
    import pysqlite3

    from forebear import __version__

    system = f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"
    return {
        "forebear": __version__,
        "python": platform.python_version(),
        "sqlite": pysqlite3.sqlite_version,
        "system": system,
    }


def rows(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Count lines by area, operation and fault: what stands before `` at `` in a case."""
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for line in lines:
        key = line["area"], line["operation"], line["case"].partition(" at ")[0]
        counts.setdefault(key, Counter())[line["outcome"]] += 1
    areas = list(AREAS)
    ordered = sorted(counts, key=lambda key: (areas.index(key[0]) if key[0] in AREAS else len(areas), *key))
    return [
        {
            "area": area,
            "operation": operation,
            "fault": fault,
            "outcomes": {word: n for word in OUTCOMES if (n := counts[area, operation, fault][word])},
        }
        for area, operation, fault in ordered
    ]


def as_json(kept: dict[str, Any]) -> str:
    """Return what is kept, a line for each row, so that a change of one is a change of one line."""
    parts = [f' "about": {json.dumps(kept["about"])}']
    for name in ("rows", "peers"):
        inner = ",\n".join(f"  {json.dumps(row)}" for row in kept.get(name, []))
        parts.append(f' "{name}": [\n{inner}\n ]')
    return "{\n" + ",\n".join(parts) + "\n}\n"


# ── The page ──────────────────────────────────────────────────────────────────────────────────────────────────────


def headline(found: list[dict[str, Any]]) -> str:
    """Return the sum of all: how many were injected, survived and silent."""
    total, survived, silent = sums(found)
    return f"{total:,} injected, {survived:,} survived, {silent} silent"


def sums(found: list[dict[str, Any]]) -> tuple[int, int, int]:
    """How many were injected, survived and silent."""
    counts: Counter[str] = Counter()
    for row in found:
        counts.update(row["outcomes"])
    total = sum(counts.values())
    return total, total - sum(counts[word] for word in NO_SURVIVAL), counts["silent"]


def page(kept: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the page."""
    of = kept["about"]
    yield from ("# Injected faults", "", NOTE, "", f"**{headline(kept['rows'])}.**", "")
    yield (
        f"What became of forebear {of['forebear']} when each of these was done to it, with Python {of['python']} and "
        f"SQLite {of['sqlite']} on {of['system']}. `make faults` does it all again and writes this "
        "page; `make test` does a sample of it each time. The programs are in "
        "[`tests/faults/`](../../tests/faults)."
    )
    yield from ("", *table(("area", "injected", "survived", "silent"), list(overview(kept["rows"]))))
    yield from ("", "What became of a fault is one of these:", "")
    yield from (f"- *{word}*: {meaning}" for word, meaning in OUTCOMES.items())
    for area in dict.fromkeys(row["area"] for row in kept["rows"]):
        heading, words = AREAS.get(area, (area.capitalize(), ""))
        yield from ("", f"## {heading}", "", *([words, ""] if words else []))
        yield from by_operation([row for row in kept["rows"] if row["area"] == area])
    yield from peers(kept.get("peers", []))


def overview(found: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each area."""
    for area in dict.fromkeys(row["area"] for row in found):
        heading = AREAS.get(area, (area.capitalize(), ""))[0]
        total, survived, silent = sums([row for row in found if row["area"] == area])
        link = "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c == "-")
        yield f"[{heading}](#{link})", f"{total:,}", f"{survived:,}", str(silent)


def by_operation(found: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a table: what was hit, by which faults, and what became of them."""
    shown = [word for word in OUTCOMES if any(word in row["outcomes"] for row in found)]
    cells = []
    for operation in dict.fromkeys(row["operation"] for row in found):
        mine = [row for row in found if row["operation"] == operation]
        faults = ", ".join(f"{row['fault']} {sum(row['outcomes'].values())}" for row in mine)
        counts: Counter[str] = Counter()
        for row in mine:
            counts.update(row["outcomes"])
        cells.append((operation, faults, *(f"{counts[word]:,}" if counts[word] else "" for word in shown)))
    yield from table(("what", "faults", *shown), cells)


def peers(found: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what other tools do when the same is done to their files."""
    if not found:
        return
    yield from ("", "## What other tools do", "")
    yield (
        "Files that other tools keep on this machine are changed in the same ways, with their times as they were, and "
        "then asked for again. Measured by `tests/faults/peers.py`, without a server of wandb; what forebear does is "
        "in the table of damaged files."
    )
    yield ""
    tools = list(dict.fromkeys(row["tool"] for row in found))
    what = {row["tool"]: row["what"] for row in found}
    outcome = {(row["tool"], row["damage"]): row["outcome"] for row in found}
    head = ("damage", *(f"{tool}: {what[tool]}" for tool in tools))
    damages = dict.fromkeys(row["damage"] for row in found)
    yield from table(head, [(damage, *(outcome[tool, damage] for tool in tools)) for damage in damages])


def table(head: tuple[str, ...], cells: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in cells:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    sys.exit(main())
