"""Write the reference pages of the Python API and of the command line from the code itself.

``python tools/reference.py`` writes them, ``--check`` only says (by exit status 1) that one is out of date.
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTE = "<!-- Written by `make docs` from the code; change the docstrings, not this page. -->"
#: Headings of a Google docstring whose lines name something each.
LISTS = ("Args", "Attributes", "Raises")
SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields|Cost|Note|Example|Examples):\s*(.*)\Z")
ITEM = re.compile(r"(\*{0,2}\w[\w., ]*?)(?: \([^)]*\))?: (.*)\Z")


def main() -> int:
    """Write or check the pages; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a page is out of date")
    check = parser.parse_args().check
    stale = False
    for name, lines in (("api.md", api_page()), ("cli.md", cli_page())):
        stale |= put(FOLDER / name, "\n".join(lines).rstrip() + "\n", check=check)
    return 1 if check and stale else 0


def put(path: Path, text: str, *, check: bool) -> bool:
    """Bring ``path`` up to date, or show how it is not; return whether it was out of date."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if old == text:
        return False
    if check:
        sys.stdout.writelines(
            difflib.unified_diff(old.splitlines(True), text.splitlines(True), str(path), "what the code says", n=1)
        )
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path.relative_to(FOLDER.parent.parent)}")
    return True


# ── Python ────────────────────────────────────────────────────────────────────────────────────────────────────────


def api_page() -> Iterator[str]:
    """Yield the lines of the page about ``import forebear``."""
    import forebear

    yield from ("# Python API", "", NOTE, "", "Everything below is a name of the module `forebear`.", "")
    names = sorted((name for name in forebear.__all__ if not name.startswith("_")), key=str.lower)
    for name in names:
        yield from describe(f"forebear.{name}", getattr(forebear, name), level=2)


def describe(name: str, thing: Any, level: int) -> Iterator[str]:
    """Yield what is to be said about one public name, and about its methods when it is a class."""
    yield from ("#" * level + f" `{name}`", "")
    if not (inspect.isclass(thing) or callable(thing) or isinstance(thing, property)):
        # The docstring of a plain value is that of its class, and says nothing about the value.
        return
    if not isinstance(thing, property):
        yield from ("```python", signature(name, thing), "```", "")
    yield from docstring(inspect.getdoc(thing) or "")
    if inspect.isclass(thing) and not issubclass(thing, BaseException):
        for member, value in sorted(vars(thing).items()):
            if not member.startswith("_") and is_documented(value):
                function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
                yield from describe(f"{thing.__name__}.{member}", function, level + 1)


def is_documented(value: Any) -> bool:
    """Return whether ``value`` is a method or property that people are told about."""
    return isinstance(value, property | classmethod | staticmethod) or inspect.isfunction(value)


class Bare(str):
    """An annotation that is shown as it was written, without the quotes of a string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def signature(name: str, thing: Any) -> str:
    """Return a line such as ``forebear.init(project: str | None = None) -> Run``, folded when it is long."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return name
    parameters = [bare(p) for p in found.parameters.values() if p.name not in {"self", "cls"}]
    result = found.return_annotation
    result = Bare(result) if isinstance(result, str) else result
    found = found.replace(parameters=parameters, return_annotation=result)
    text = f"{name}{found}"
    if len(text) <= 100:
        return text
    end = "" if result is found.empty else f" -> {inspect.formatannotation(result)}"
    return "\n".join([f"{name}(", *(f"    {part}," for part in folded(parameters)), f"){end}"])


def bare(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return ``parameter`` as a reader should see it."""
    annotation, default = parameter.annotation, parameter.default
    if isinstance(annotation, str):
        annotation = Bare(annotation)
    if " at 0x" in repr(default):
        # The address of an object changes with every run, and says nothing.
        default = Bare("...")
    return parameter.replace(annotation=annotation, default=default)


def folded(parameters: list[inspect.Parameter]) -> Iterator[str]:
    """Yield the parameters one a line, with the bare star that a signature shows."""
    starred = False
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            starred = True
        elif parameter.kind is parameter.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        yield str(parameter)


def docstring(text: str) -> Iterator[str]:
    """Yield a Google docstring as Markdown: sections in bold, their items as lists."""
    section = ""
    for line in text.replace("``", "`").splitlines():
        head = SECTION.match(line)
        item = ITEM.match(line.strip()) if section in LISTS else None
        if head:
            section = head[1]
            yield from (f"**{section}**", "", *([head[2]] if head[2] else []))
        elif item and line.startswith("    ") and not line.startswith("     "):
            yield f"- `{item[1]}`: {item[2]}"
        elif section in LISTS:
            yield f"  {line.strip()}" if line.strip() else ""
        else:
            yield line.removeprefix("    ") if section else line
    yield ""


# ── Command line ──────────────────────────────────────────────────────────────────────────────────────────────────


def cli_page() -> Iterator[str]:
    """Yield the lines of the page about the command ``forebear``."""
    import typer.main

    from forebear.cli.app import build

    yield from ("# Command line", "", NOTE, "")
    yield from command_section("forebear", typer.main.get_command(build(None)), level=2)


def command_section(path: str, command: Any, level: int) -> Iterator[str]:
    """Yield what is to be said about a command, then about each command below it."""
    yield from ("#" * min(level, 4) + f" `{path}`", "")
    yield from (*help_text(command), "")
    arguments = [p for p in command.params if p.param_type_name == "argument" and not getattr(p, "hidden", False)]
    options = [p for p in command.params if p.param_type_name == "option" and not getattr(p, "hidden", False)]
    below = {name: sub for name, sub in getattr(command, "commands", {}).items() if not sub.hidden}
    words = [path, *(["[OPTIONS]"] if options else []), *(argument_word(p) for p in arguments)]
    yield from ("```text", " ".join([*words, *(["COMMAND"] if below else [])]), "```", "")
    rows = [(argument_word(p), p) for p in arguments] + [(option_word(p), p) for p in options]
    if rows:
        yield from ("| | |", "|---|---|")
        yield from (f"| `{word}` | {cell(getattr(p, 'help', None))} |" for word, p in rows)
        yield ""
    for name in sorted(below):
        yield from command_section(f"{path} {name}", below[name], level + 1)


def help_text(command: Any) -> list[str]:
    """Return the help of a command as lines of Markdown."""
    return inspect.cleandoc(command.help or "").replace("\b", "").replace("``", "`").splitlines()


def argument_word(parameter: Any) -> str:
    """Return the way an argument is written in a line of usage."""
    word = (parameter.metavar or parameter.name or "").strip("[]").upper() + ("..." if parameter.nargs == -1 else "")
    return word if parameter.required else f"[{word}]"


def option_word(parameter: Any) -> str:
    """Return the names of an option, and what it takes."""
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return names if parameter.is_flag or parameter.count else f"{names} {(parameter.metavar or parameter.name).upper()}"


def cell(text: str | None) -> str:
    """Return ``text`` as the content of one cell of a table."""
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    raise SystemExit(main())
