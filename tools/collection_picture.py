"""Draws the picture of `docs/explanation/how-collection-works.md`: ``python tools/collection_picture.py``."""

from __future__ import annotations

from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "how-collection-works.svg"
INK, QUIET, BLUE, ORANGE, PAPER = "#1f2937", "#5b667d", "#0072B2", "#D55E00", "#ffffff"
PALE = {BLUE: "#dcecf6", ORANGE: "#fae5d9"}
WIDTH, HEIGHT = 860, 450
#: Left edge of each state, its name, and two lines that say what it means.
STATES = (
    (20, "named", "a version or a run", "counts on it"),
    (190, "garbage", "nothing names it,", "noted in a look"),
    (360, "trash", "out of the index,", "its file is there"),
    (530, "condemned", "about to", "be deleted"),
    (700, "deleted", "the file is gone", ""),
)
STATE_WIDTH, TOP, STATE_HEIGHT = 140, 70, 74
STEPS = (
    "the last version\nthat named it goes",
    "a later look agrees,\nafter 1 day of grace",
    "after 7 days\nin the trash",
    "no lease is older\nthan the sentence",
)


def text(
    x: float, y: float, words: str, *, color: str = INK, size: int = 13, anchor: str = "middle", bold: bool = False
) -> str:
    """Return one line of text."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" fill="{color}" font-size="{size}" text-anchor="{anchor}"{weight}>{words}</text>'


def arrow(points: str, color: str) -> str:
    """Return a line through points, with a head at its end."""
    head = "blue" if color == BLUE else "ink"
    return f'<path d="{points}" fill="none" stroke="{color}" stroke-width="1.6" marker-end="url(#{head})"/>'


def states() -> list[str]:
    """Return the states of a blob, and how it goes from one to the next and back."""
    parts = [text(20, 30, "What becomes of a blob", anchor="start", size=15, bold=True)]
    for x, name, first, second in STATES:
        dash = ' stroke-dasharray="4 3"' if name == "deleted" else ""
        parts.append(
            f'<rect x="{x}" y="{TOP}" width="{STATE_WIDTH}" height="{STATE_HEIGHT}" rx="8" fill="{PAPER}" '
            f'stroke="{INK}" stroke-width="1.4"{dash}/>'
        )
        middle = x + STATE_WIDTH / 2
        parts.append(text(middle, TOP + 24, name, bold=True, size=14))
        parts += [
            text(middle, TOP + 44, first, color=QUIET, size=12),
            text(middle, TOP + 60, second, color=QUIET, size=12),
        ]
    for (x, *_), words in zip(STATES, STEPS, strict=False):
        start = x + STATE_WIDTH
        parts.append(arrow(f"M{start + 2},{TOP + 37} H{start + 24}", INK))
        for number, part in enumerate(words.split("\n")):
            parts.append(text(start + 15, TOP + STATE_HEIGHT + 20 + 15 * number, part, size=11, color=QUIET))
    bottom = TOP + STATE_HEIGHT + 52
    for x, *_ in STATES[1:4]:
        middle = x + STATE_WIDTH / 2
        parts.append(
            f'<path d="M{middle},{TOP + STATE_HEIGHT + 2} V{bottom}" stroke="{BLUE}" stroke-width="1.6" fill="none"/>'
        )
    parts.append(arrow(f"M600,{bottom} H90 V{TOP + STATE_HEIGHT + 6}", BLUE))
    parts.append(
        text(345, bottom + 18, "whoever names it gets it back, in the transaction that names it", color=BLUE, size=12)
    )
    return parts


def bar(y: float, start: float, end: float, color: str, words: str) -> str:
    """Return a stretch of time with its name inside."""
    return (
        f'<rect x="{start}" y="{y}" width="{end - start}" height="24" rx="4" fill="{PALE[color]}" '
        f'stroke="{color}" stroke-width="1.2"/>' + text((start + end) / 2, y + 16, words, size=12, color=color)
    )


def times() -> list[str]:
    """Return two writers and a collector on a line of time."""
    top, condemned, freed = 272, 400, 585
    parts = [text(20, top - 14, "When a file may be deleted", anchor="start", size=15, bold=True)]
    for number, name in enumerate(("writer A", "writer B", "collector")):
        parts.append(text(20, top + 22 + 48 * number, name, anchor="start", size=13))
        parts.append(f'<path d="M100,{top + 18 + 48 * number} H840" stroke="#d5dae3" stroke-width="1"/>')
    for x, words in ((condemned, "condemned"), (freed, "the older lease ends")):
        parts.append(f'<path d="M{x},{top} V{top + 140}" stroke="{INK}" stroke-dasharray="3 3" stroke-width="1.2"/>')
        parts.append(text(x, top + 156, words, size=12))
    parts.append(bar(top + 6, 240, freed, BLUE, "lease: may have seen the blob, so it stays"))
    parts.append(bar(top + 54, 470, 790, BLUE, "lease: was told which names are condemned"))
    parts.append(bar(top + 102, 320, condemned, ORANGE, "collect"))
    parts.append(bar(top + 102, freed, 665, ORANGE, "delete"))
    parts.append(text(100, top + 156, "time →", anchor="start", size=12, color=QUIET))
    return parts


def picture() -> str:
    """Return the whole picture as SVG."""
    heads = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z" fill="{color}"/></marker>'
        for name, color in (("ink", INK), ("blue", BLUE))
    )
    body = "\n".join([*states(), *times()])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" role="img" aria-label="From named to garbage, trash, condemned and deleted; '
        f'whoever names a blob gets it back; a file is deleted once no older lease is there">\n'
        f'<defs>{heads}</defs>\n<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>\n{body}\n</svg>\n'
    )


if __name__ == "__main__":
    TARGET.write_text(picture(), encoding="utf-8")
