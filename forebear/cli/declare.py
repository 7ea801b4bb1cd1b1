"""Commands as they are declared: functions with arguments and options.

Nothing here needs Typer. A plain command line is read from these declarations (`forebear.cli.reading`), and Typer is
built from the same ones (`forebear.cli.app`) for help, completion and everything that is not plain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

#: What asks for help.
HELP_WORDS = ("--help", "-h")
#: Gives the words that an incomplete one may become.
Complete = Callable[[str], list[str]]
#: A command's function: it takes a `Session` first, and returns an exit status or ``None`` for 0.
Function = Callable[..., int | None]


class Argument(NamedTuple):
    """A word without a name before it."""

    metavar: str
    help: str
    complete: Complete | None = None


class Option(NamedTuple):
    """A word that goes by its name; a ``bool`` takes no value. ``least`` is the smallest number allowed."""

    help: str
    #: By default ``--`` and the parameter's name.
    names: tuple[str, ...] = ()
    metavar: str | None = None
    least: int | None = None


class Parameter(NamedTuple):
    """An argument or option of one command; ``kind`` is ``str``, ``int`` or ``bool``, and ``many`` may come again."""

    name: str
    declared: Argument | Option
    kind: type
    many: bool
    required: bool
    default: Any

    @property
    def names(self) -> tuple[str, ...]:
        """The names of an option; nothing for an argument."""
        if isinstance(self.declared, Argument):
            return ()
        return self.declared.names or (f"--{self.name.replace('_', '-')}",)


class Command:
    """A function that the command line can call."""

    def __init__(self, name: str, function: Function) -> None:
        self.name = name
        self.function = function

    @property
    def help(self) -> str:
        """The function's docstring with one line a paragraph, to be folded to the terminal and not to a file."""
        from inspect import cleandoc  # 6 ms, and only help asks

        paragraphs = cleandoc(self.function.__doc__ or "").split("\n\n")
        return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the function takes besides its session, and then what every command takes."""
        return (*_parameters_of(self.function), *SHARED)


class Group:
    """Commands under one word. The name of one of them, ``default``, may be left out."""

    def __init__(self, name: str, help: str, default: str | None = None) -> None:
        self.name = name
        self.help = help
        self.default = default
        self.commands: dict[str, Command] = {}

    def command(self, name: str) -> Callable[[Function], Function]:
        """Add a function under a name."""

        def add(function: Function) -> Function:
            self.commands[name] = Command(name, function)
            return function

        return add

    def spelled_out(self, words: Sequence[str]) -> Sequence[str]:
        """Return the words behind the group's with the name of the command, where it was left out."""
        if self.default is None or not words or words[0] in self.commands or words[0] in HELP_WORDS:
            return words
        return [self.default, *words]


def _parameters_of(function: Any) -> list[Parameter]:
    # What `inspect` would tell as well; importing it takes 6 ms, on the way of every command.
    hints = get_type_hints(function, include_extras=True)
    names = function.__code__.co_varnames[1 : function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    needed = len(names) - len(defaults)
    return [_parameter(name, hints[name], True, None) for name in names[:needed]] + [
        _parameter(name, hints[name], False, default) for name, default in zip(names[needed:], defaults, strict=True)
    ]


def _parameter(name: str, hint: Any, required: bool, default: Any) -> Parameter:
    assert get_origin(hint) is Annotated, name
    kind, declared = get_args(hint)
    # ``X | None`` says no more than that the default is None.
    kind = next((part for part in get_args(kind) if type(None) in get_args(kind) and part is not type(None)), kind)
    many = get_origin(kind) is list
    return Parameter(name, declared, get_args(kind)[0] if many else kind, many, required, default)


#: What every command takes: for its session.
SHARED = (
    Parameter("store", Option("Folder or URL of the store.", metavar="PLACE"), str, False, False, None),
    Parameter(
        "entity", Option("Person or team, where a name leaves it open.", metavar="NAME"), str, False, False, None
    ),
    Parameter(
        "project",
        Option("Project, where a name leaves it open.", ("--project", "-p"), metavar="NAME"),
        str,
        False,
        False,
        None,
    ),
    Parameter(
        "as_json", Option("Answer in JSON; lists give one record a line.", ("--json",)), bool, False, False, False
    ),
    Parameter("quiet", Option("Print names only, one a line.", ("--quiet", "-q")), bool, False, False, False),
)
