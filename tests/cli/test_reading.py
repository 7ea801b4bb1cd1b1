"""A plain command line is read without Typer, and as Typer reads it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from forebear.cli import app, reading
from forebear.cli.declare import Argument, Command, Group


def every_command() -> dict[tuple[str, ...], Command]:
    found: dict[tuple[str, ...], Command] = {}
    for word in reading.MODULES:
        entry = reading.entry(word)
        if isinstance(entry, Group):
            found |= {(word, name): command for name, command in entry.commands.items()}
        else:
            found[word,] = entry
    return found


COMMANDS = every_command()


def samples(command: Command) -> list[str]:
    """A word for every argument, and every option with a value; what may come again comes twice."""
    words: list[str] = []
    for parameter in command.parameters:
        value = [] if parameter.kind is bool else ["7"] if parameter.kind is int else [f"{parameter.name} value"]
        again = 2 if parameter.many else 1
        if isinstance(parameter.declared, Argument):
            words += value * again
        else:
            for name in parameter.names if parameter.many else parameter.names[-1:]:
                words += [name, *value]
    return words


def through_typer(path: tuple[str, ...], words: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, object] | None:
    """What Typer calls a command with, without what was left at its default."""
    calls = []
    monkeypatch.setattr(app, "call", lambda command, given: calls.append((command, given)) or 0)
    if app.run([*path, *words]) != 0:
        return None
    ((command, given),) = calls
    defaults = {parameter.name: parameter.default for parameter in command.parameters}
    given = {name: list(value) if isinstance(value, (list, tuple)) else value for name, value in given.items()}
    return {name: value for name, value in given.items() if value not in (defaults[name], [])}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_both_ways_read_the_same(path, monkeypatch):
    command = COMMANDS[path]
    words = samples(command)
    given = reading.read(command, words)
    assert given is not None
    assert set(given) == {parameter.name for parameter in command.parameters}
    assert through_typer(path, words, monkeypatch) == given


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_both_ways_need_the_same(path, monkeypatch):
    command = COMMANDS[path]
    needed = [f"x{n}" for n, parameter in enumerate(command.parameters) if parameter.required]
    assert through_typer(path, needed, monkeypatch) == reading.read(command, needed)
    assert (through_typer(path, needed[:-1], monkeypatch) is None) == (reading.read(command, needed[:-1]) is None)
    many = any(parameter.many and not parameter.names for parameter in command.parameters)
    places = sum(not parameter.names for parameter in command.parameters)
    crowd = ["x"] * (places + 1)
    assert (reading.read(command, crowd) is not None) == many
    assert (through_typer(path, crowd, monkeypatch) is not None) == many


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--nmae", "x"],
        ["data", "--name"],
        ["data", "--name=x"],
        ["data", "-nx"],
        ["--", "data"],
        ["data", "--name", "--json"],
        ["data", "-"],
    ],
)
def test_what_is_not_plain_goes_to_typer(words):
    assert reading.read(COMMANDS["artifact", "put"], words) is None


@pytest.mark.parametrize("number", ["x", "-1", "", "1.5", "٣"])
def test_what_is_no_number_goes_to_typer(number):
    assert reading.read(COMMANDS["run", "ls"], ["--limit", number]) is None


def test_a_number_below_the_least_goes_to_typer():
    assert reading.read(COMMANDS["lineage", "up"], ["x", "--depth", "0"]) is None
    assert reading.read(COMMANDS["lineage", "up"], ["x", "--depth", "1"]) == {"ref": "x", "depth": 1}


def test_an_empty_word_is_a_value():
    assert reading.read(COMMANDS["artifact", "alias"], ["a", "b", "--expect", ""])["expect"] == ""


@pytest.mark.parametrize("words", [[], ["nope"], ["artifact"], ["artifact", "nope"], ["--json", "doctor"]])
def test_what_is_no_command_goes_to_typer(words):
    assert reading.find(words) is None


def test_plain_command_lines_load_neither_typer_nor_rich(cli, pipeline):
    code = (
        "import sys; from forebear.cli import main; status = main(sys.argv[1:]); "
        "heavy = {'typer', 'click', 'pydantic', 'rich', 'networkx', 'fsspec'} & set(sys.modules); "
        "sys.exit(status or ', '.join(sorted(heavy)) or 0)"
    )
    for words in (
        ["artifact", "put", "data", "--name", "digits"],
        ["artifact", "get", "digits", "--root", "out"],
        ["artifact", "ls", "--json"],
        ["diff", "digits:v0", "digits:v1"],
        ["lineage", "up", "model", "--depth", "2"],
        ["run", "ls", "--limit", "3"],
        ["doctor"],
    ):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stderr)


def test_only_the_called_group_is_loaded():
    code = (
        "import sys; from forebear.cli import main; main(['run', '--help']); "
        "others = ('artifact', 'diff', 'lineage', 'doctor'); "
        "sys.exit(' '.join(name for name in others if 'forebear.cli.' + name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
