"""The groups of commands, joined. A group's module is loaded only when one of its commands is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from forebear._version import __version__
from forebear.cli.failures import INTERRUPTED, fail, guarded

HELP = "Versions the data and models of ML pipelines, and knows what every model came from."

#: Word after ``forebear`` → module that adds it by its ``add_to(app)``. Each costs 5 to 20 ms.
MODULES = {
    "artifact": "forebear.cli.artifact",
    "diff": "forebear.cli.diff",
    "run": "forebear.cli.run",
    "lineage": "forebear.cli.lineage",
    "init": "forebear.cli.init",
    "doctor": "forebear.cli.doctor",
}
#: Base of the errors that a wrong use raises; Typer carries it without a public name.
_USAGE: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def build(only: str | None = None) -> typer.Typer:
    """Return the whole command line, or the part of it that is needed for the command ``only``."""
    app = typer.Typer(
        name="forebear",
        help=HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_options)
    modules = MODULES.values() if only not in MODULES else [MODULES[only]]
    for module in modules:
        import_module(module).add_to(app)
    return app


def run(words: Sequence[str]) -> int:
    """Run the command that ``words`` name and return its exit status."""
    app = build(next((word for word in words if not word.startswith("-")), None))
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
