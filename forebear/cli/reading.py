"""Reading a plain command line without Typer.

Typer, with what it is made of, takes 60 to 150 ms to load, which is longer than most commands take. So a command line
that holds nothing but known words is read here; help, completion, mistakes and rarer ways of writing go to Typer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from forebear.cli.declare import SHARED, Argument, Command, Group, Option, Parameter
from forebear.cli.failures import guarded
from forebear.cli.session import Session

#: Word after ``forebear`` → module whose ``entry`` is a `Group` or a `Command`; only the one that is called is loaded.
MODULES = {
    "artifact": "forebear.cli.artifact",
    "diff": "forebear.cli.diff",
    "run": "forebear.cli.run",
    "sweep": "forebear.cli.sweep",
    "agent": "forebear.cli.agent",
    "sync": "forebear.cli.sync",
    "store": "forebear.cli.store",
    "lineage": "forebear.cli.lineage",
    "init": "forebear.cli.init",
    "gc": "forebear.cli.gc",
    "undelete": "forebear.cli.undelete",
    "doctor": "forebear.cli.doctor",
    "fsck": "forebear.cli.fsck",
    "recover": "forebear.cli.recover",
}


def entry(word: str) -> Group | Command:
    """Return what a word after ``forebear`` names."""
    found: Group | Command = import_module(MODULES[word]).entry
    return found


def find(words: Sequence[str]) -> tuple[Command, Sequence[str]] | None:
    """Return the command that ``words`` begin with, and the words behind it."""
    if not words or words[0] not in MODULES:
        return None
    found = entry(words[0])
    if isinstance(found, Command):
        return found, words[1:]
    behind = found.spelled_out(words[1:])
    return (found.commands[behind[0]], behind[1:]) if behind and behind[0] in found.commands else None


def read(command: Command, words: Sequence[str]) -> dict[str, Any] | None:
    """Return the values of parameters that ``words`` give, or ``None`` where they are not plain."""
    options = {name: each for each in command.parameters for name in each.names}
    given: dict[str, Any] = {}
    loose: list[str] = []
    waiting = deque(words)
    while waiting:
        word = waiting.popleft()
        if not word.startswith("-"):
            loose.append(word)
        elif word not in options or not _take(options[word], waiting, given):
            return None
    arguments = [each for each in command.parameters if isinstance(each.declared, Argument)]
    return given if _place(arguments, loose, given) else None


def _take(option: Parameter, waiting: deque[str], given: dict[str, Any]) -> bool:
    """Keep an option with its value; return whether that was plain."""
    value: Any = True
    if option.kind is not bool:
        if not waiting or waiting[0].startswith("-"):
            return False
        value = waiting.popleft()
        if option.kind is int:
            least = option.declared.least if isinstance(option.declared, Option) else None
            if not (value.isascii() and value.isdecimal()) or int(value) < (least or 0):
                return False
            value = int(value)
    if option.many:
        given.setdefault(option.name, []).append(value)
    else:
        given[option.name] = value
    return True


def _place(arguments: list[Parameter], words: list[str], given: dict[str, Any]) -> bool:
    """Keep words as arguments in their order, the last of which may take several; return whether they fit."""
    rest = list(words)
    for argument in arguments:
        if argument.many and rest:
            given[argument.name], rest = rest, []
        elif rest:
            given[argument.name] = rest.pop(0)
        elif argument.required:
            return False
    return not rest


def call(command: Command, given: dict[str, Any]) -> int:
    """Call a command and return its exit status; what it raises becomes a line on standard error."""
    own = dict(given)
    session = Session(**{each.name: own.pop(each.name) for each in SHARED if each.name in own})
    return guarded(lambda: command.function(session, **own))
