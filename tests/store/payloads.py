"""Paths that somebody may try who wants a file to land elsewhere: made here, rule by rule, and nothing is copied.

Whoever reads a path may do three wrong things with it: follow it out of the root, decode or clean it and follow it
then, or take it for another file of the root. Each payload is a way to profit from one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

#: What lies outside, as seen from a root; the words are looked for outside of every root after each test.
TARGET = "escaped"

#: Steps upwards, and others that become one when somebody cleans the path.
_STEPS = (
    "..",
    "....",
    ".. ",
    " ..",
    "..;",
    "..#",
    "..\x00",
    "..\t",
    "../.",
    ".\x00.",
    "\u2025",
    "\uff0e\uff0e",
    "..\u200b",
)
_DEPTHS = (1, 3, 12)

#: Written another way: who decodes once, twice, or not strictly, has the plain form again.
_ENCODINGS: tuple[Callable[[str], str], ...] = (
    lambda path: path,
    lambda path: path.replace("/", "\\"),
    lambda path: path.replace("/", "%2f"),
    lambda path: path.replace("/", "%5c"),
    lambda path: path.replace(".", "%2e"),
    lambda path: path.replace(".", "%2e").replace("/", "%2F"),
    lambda path: path.replace(".", "%252e").replace("/", "%252f"),
    lambda path: path.replace("/", "%c0%af"),
    lambda path: path.replace(".", "%c0%ae"),
    lambda path: path.replace("/", "%u2215"),
    lambda path: path.replace("/", "\u2215"),
    lambda path: path.replace("/", "\uff0f"),
    lambda path: path.replace("/", "//"),
    lambda path: path.replace("/", "/./"),
    lambda path: path.replace("/", "/\\"),
)

#: In front: absolute, of a drive, of another machine, of a device, of a home, of a URL.
_FRONTS = (
    "/",
    "//",
    "///",
    "\\",
    "\\\\host\\share\\",
    "//host/share/",
    "\\\\?\\C:\\",
    "//?/C:/",
    "\\\\.\\",
    "C:",
    "c:/",
    "C:\\",
    "a:b:",
    "file:",
    "file://",
    "file://localhost/",
    "~/",
    "~root/",
    "$HOME/",
    "${HOME}/",
    "%USERPROFILE%\\",
    "./",
    ".//",
    "inner/",
    "inner/../",
    "inner\\..\\",
    "%2f",
    "%00/",
)

#: Behind: what a reader may cut off, or the file system does.
_ENDS = (
    "",
    ";",
    ";x=1",
    "#",
    "#part",
    "?",
    "?a=b",
    "%00",
    "%00.png",
    "\x00",
    "\x00.png",
    ".",
    "..",
    " ",
    "  ",
    ". .",
    "/",
    "/.",
    "/..",
    "\\",
    ":",
    ":stream",
    "::$DATA",
    "\n",
    "\r\n",
    "\u202egnp.",
)

#: Names that mean something themselves: nothing, folders, devices.
NAMES = (
    "",
    ".",
    "..",
    "/",
    "\\",
    "CON",
    "con.txt",
    "Aux",
    "nul",
    "NUL .txt",
    "PRN.tar.gz",
    "COM1",
    "com9.log",
    "COM\u00b2",
    "LPT3",
    "lpt0.x",
    "CONIN$",
    "conout$.x",
    "trailing.",
    "trailing ",
    "trailing. . ",
    "wild*card",
    "ques?tion",
    'quo"te',
    "pi|pe",
    "<angle>",
    "tab\tname",
    "line\nname",
    "bell\x07",
    "half\ud800",
    "\udcff",
    "x" * 300,
    "/".join(["deep"] * 600),
)

#: Two names that some file system takes for one.
TWINS = (
    ("readme", "README"),
    ("stra\u00dfe", "strasse"),
    ("caf\u00e9", "cafe\u0301"),
    ("\u212bngstrom", "\u00c5ngstrom"),
    ("\ufb01le", "file"),
    ("\u0130x", "i\u0307x"),
    ("\uac00", "\u1100\u1161"),
    ("\u03a3", "\u03c2"),
)


def payloads() -> Iterator[str]:
    """Yield every payload once."""
    yield from dict.fromkeys(_all())


def _all() -> Iterator[str]:
    yield from NAMES
    for name in NAMES:
        yield f"inner/{name}"
        yield f"{name}/inner"
    for step in _STEPS:
        for depth in _DEPTHS:
            path = "/".join([*[step] * depth, TARGET])
            for encode in _ENCODINGS:
                yield encode(path)
                yield encode(f"inner/{path}")
    for front in _FRONTS:
        for end in _ENDS:
            yield f"{front}{TARGET}{end}"
            yield f"{front}../{TARGET}{end}"
