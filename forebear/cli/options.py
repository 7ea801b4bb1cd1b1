"""The options that every command has, and what turns a function into a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from forebear.cli.failures import guarded
from forebear.cli.session import Session

_PANEL = "Everywhere"

#: Name of a parameter → its declaration and default; each command gets all of them.
SHARED: dict[str, tuple[Any, Any]] = {
    "store": (
        Annotated[
            str | None,
            typer.Option(help="Folder or URL of the store.", metavar="PLACE", rich_help_panel=_PANEL),
        ],
        None,
    ),
    "entity": (
        Annotated[
            str | None,
            typer.Option(help="Person or team, where a name leaves it open.", metavar="NAME", rich_help_panel=_PANEL),
        ],
        None,
    ),
    "project": (
        Annotated[
            str | None,
            typer.Option(
                "--project",
                "-p",
                help="Project, where a name leaves it open.",
                metavar="NAME",
                rich_help_panel=_PANEL,
            ),
        ],
        None,
    ),
    "as_json": (
        Annotated[
            bool,
            typer.Option("--json", help="Answer in JSON; lists give one record a line.", rich_help_panel=_PANEL),
        ],
        False,
    ),
    "quiet": (
        Annotated[
            bool,
            typer.Option("--quiet", "-q", help="Print names only, one a line.", rich_help_panel=_PANEL),
        ],
        False,
    ),
}


def new_group(help: str) -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(help=help, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


def command(group: typer.Typer, name: str) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Add a function as a command to ``group``; its first parameter is a `Session` made of the shared options.

    The function returns an exit status or ``None``. What it raises becomes a line on standard error.
    """

    def register(function: Callable[..., int | None]) -> Callable[..., int | None]:
        group.command(name)(_with_shared_options(function))
        return function

    return register


def _with_shared_options(function: Callable[..., int | None]) -> Callable[..., int]:
    hints = get_type_hints(function, include_extras=True)
    own = list(inspect.signature(function).parameters.values())[1:]

    def run(**given: Any) -> int:
        session = Session(**{shared: given.pop(shared) for shared in SHARED})
        return guarded(lambda: function(session, **given))

    parameters = [
        # Options and arguments come by name, so a required one may follow one that is not.
        parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in own
    ] + [
        inspect.Parameter(shared, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for shared, (annotation, default) in SHARED.items()
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__name__, run.__doc__ = function.__name__, _unfolded(function.__doc__ or "")
    return run


def _unfolded(text: str) -> str:
    """Return a docstring with one line a paragraph, so that the help is folded to the terminal and not to this file."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def ref_names(incomplete: str) -> list[str]:
    """Return the collections that a reference may begin with, for the shell to complete."""
    return _completions(lambda session: [item.name for item in session.api.collections()], incomplete)


def run_names(incomplete: str) -> list[str]:
    """Return the ids of runs, newest first, for the shell to complete."""
    return _completions(lambda session: [run.id for run in session.api.runs()], incomplete)


def _completions(ask: Callable[[Session], list[str]], incomplete: str) -> list[str]:
    try:
        return [name for name in ask(Session()) if name.startswith(incomplete)]
    except Exception:  # a shell that completes has no place for an error; the command itself will tell
        return []


Ref = Annotated[
    str,
    typer.Argument(
        help="A version: name:v3, name:alias, name:alias@2026-01-31 or name@digest; entity/project/ may come first.",
        metavar="REF",
        autocompletion=ref_names,
    ),
]
