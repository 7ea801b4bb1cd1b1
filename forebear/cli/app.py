"""The command line as Typer has it: for help, completion, and whatever is not a plain command line."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from forebear._version import __version__
from forebear.cli.declare import HELP_WORDS, SHARED, Argument, Command, Group, Option, Parameter
from forebear.cli.failures import INTERRUPTED, fail, guarded
from forebear.cli.reading import MODULES, call, entry

HELP = "Versions the data and models of ML pipelines, and knows what every model came from."
#: Options that every command has stand apart in its help.
SHARED_PANEL = "Everywhere"
#: Base of the errors that a wrong use raises; Typer carries it without a public name.
_USAGE: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def build(only: str | None = None) -> typer.Typer:
    """Return the whole command line, or the part of it that is needed for the word ``only``."""
    app = typer.Typer(
        name="forebear",
        help=HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": list(HELP_WORDS)},
    )
    app.callback()(_options)
    for word in [only] if only in MODULES else MODULES:
        found = entry(word)
        if isinstance(found, Command):
            app.command(word, help=found.help)(_function(found))
        else:
            app.add_typer(_group(found), name=word)
    return app


def _group(group: Group) -> typer.Typer:
    app = typer.Typer(help=group.help, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
    for command in group.commands.values():
        app.command(command.name, help=command.help)(_function(command))
    return app


def _function(command: Command) -> Callable[..., int]:
    """Return a function with the signature that Typer reads."""

    def run(**given: Any) -> int:
        return call(command, given)

    parameters = [
        # All come by name, so one that must be given may follow one that need not.
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=_annotation(each),
            default=inspect.Parameter.empty if each.required else each.default,
        )
        for each in command.parameters
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _annotation(parameter: Parameter) -> Any:
    kind: Any = list[parameter.kind] if parameter.many else parameter.kind  # type: ignore[name-defined]
    kind = kind if parameter.required or parameter.kind is bool else kind | None
    declared = parameter.declared
    if isinstance(declared, Argument):
        return Annotated[
            kind, typer.Argument(help=declared.help, metavar=declared.metavar, autocompletion=declared.complete)
        ]
    panel = SHARED_PANEL if parameter in SHARED else None
    return Annotated[kind, _typer_option(parameter, declared, panel)]


def _typer_option(parameter: Parameter, option: Option, panel: str | None) -> Any:
    return typer.Option(
        *parameter.names, help=option.help, metavar=option.metavar, min=option.least, rich_help_panel=panel
    )


def run(words: Sequence[str]) -> int:
    """Run the command that ``words`` name and return its exit status."""
    at = next((index for index, word in enumerate(words) if not word.startswith("-")), None)
    first = None if at is None else words[at]
    app = build(first)
    group = entry(first) if first in MODULES else None
    if at is not None and isinstance(group, Group):
        words = [*words[: at + 1], *group.spelled_out(words[at + 1 :])]
    return guarded(lambda: _call(app, list(words)))


def _call(app: typer.Typer, words: list[str]) -> int:
    try:
        return int(app(words, prog_name="forebear", standalone_mode=False) or 0)
    except _USAGE as err:
        return _explain(err)
    except typer.Abort:
        return fail("interrupted", INTERRUPTED)


def _explain(err: Any) -> int:
    """Print what was wrong with the use of a command, and where its help is."""
    status = int(err.exit_code)
    message = err.format_message()
    if type(err).__name__ == "NoArgsIsHelpError":
        if message:
            print(message)
        return status
    path = err.ctx.command_path if getattr(err, "ctx", None) else "forebear"
    return fail(message.rstrip("."), status, f"{path} --help")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"forebear {__version__}")
        sys.stdout.flush()
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


def __getattr__(name: str) -> Any:
    if name == "app":
        # The whole of it, for completion scripts and for the reference page; a call builds only its part.
        return build()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
