"""What holds for every command: its three ways to answer, its width, its help."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer.main

from forebear.api.api import Api
from forebear.cli import failures, main
from forebear.cli.app import app
from forebear.cli.layout import plain, width_of
from forebear.cli.output import Output, Screen
from forebear.cli.progress import Watch
from forebear.errors import Conflict, CorruptData, ForebearError, InvalidInput, NotFound

#: A call of every command that answers with a view.
CALLS = [
    ["artifact", "put", "data"],
    ["artifact", "get", "digits:v0"],
    ["artifact", "ls"],
    ["artifact", "ls", "--all"],
    ["artifact", "ls", "digits"],
    ["artifact", "show", "digits:v0"],
    ["artifact", "files", "digits"],
    ["artifact", "diff", "digits:v0", "digits:v1"],
    ["artifact", "alias", "digits", "new"],
    ["artifact", "alias", "digits", "--history"],
    ["artifact", "tag", "digits", "new"],
    ["artifact", "rm", "report", "--yes"],
    ["artifact", "verify", "digits"],
    ["artifact", "policy", "digits"],
    ["artifact", "policy", "digits", "--keep-last", "1"],
    ["artifact", "pin", "digits:v0"],
    ["diff", "digits:v0", "digits:v1"],
    ["diff", "digits:v0", "digits:v1", "--stat"],
    ["diff", "digits:v0", "digits:v1", "--path", "labels.csv"],
    ["diff", "digits:v0", "digits:v1", "--path", "notes.txt"],
    ["run", "ls"],
    ["run", "ls", "--all"],
    ["run", "ls", "--filter", "config.lr<1", "--sort", "config.lr"],
    ["run", "ls", "--group-by", "job_type", "--columns", "config.lr"],
    ["run", "show", "RUN"],
    ["run", "compare", "RUN", "RUN2"],
    ["run", "history", "RUN"],
    ["run", "history", "RUN", "--output", "rows.csv"],
    ["run", "log", "RUN"],
    ["run", "tail", "RUN"],
    ["run", "files", "RUN"],
    ["run", "restore", "RUN", "--replace"],
    ["run", "rm", "RUN", "--yes"],
    ["sync"],
    ["store", "copy", ".forebear", "copied"],
    ["lineage", "show", "split"],
    ["lineage", "up", "model"],
    ["lineage", "down", "digits:v0"],
    ["lineage", "down", "digits:v0", "-t", "model"],
    ["lineage", "path", "digits:v0", "model"],
    ["lineage", "impact", "data/images/3.png"],
    ["lineage", "stale"],
    ["lineage", "diff", "model:v0", "model:v1"],
    ["lineage", "export", "split"],
    ["lineage", "export", "split", "-o", "g.svg"],
    ["sweep", "declare", "search.yaml"],
    ["sweep", "ls"],
    ["sweep", "ls", "--all"],
    ["sweep", "show", "SWEEP"],
    ["sweep", "best", "SWEEP"],
    ["sweep", "importance", "SWEEP"],
    ["sweep", "export", "SWEEP"],
    ["sweep", "export", "SWEEP", "-o", "trials.csv"],
    ["sweep", "pause", "SWEEP"],
    ["sweep", "resume", "SWEEP"],
    ["sweep", "stop", "SWEEP"],
    ["sweep", "cancel", "SWEEP"],
    ["sweep", "rerun-failed", "SWEEP"],
    ["sweep", "rm", "SWEEP", "--yes"],
    ["agent", "SWEEP"],
    ["init"],
    ["gc"],
    ["gc", "--dry-run"],
    ["gc", "--now", "--trash", "0"],
    ["undelete", "report"],
    ["undelete", "report:v0"],
    ["doctor"],
    ["fsck"],
    ["fsck", "--read-data", "--repair"],
    ["recover"],
]
#: Words before commands.
GROUPS = ("artifact", "run", "store", "lineage", "sweep")


def commands(command, path=()):
    below = getattr(command, "commands", {})
    if not below:
        yield path
    for name, sub in below.items():
        yield from commands(sub, (*path, name))


EVERY_COMMAND = sorted(commands(typer.main.get_command(app)))


@pytest.fixture
def named(request):
    """Make what commands are asked about, and put its ids in the place of words in capitals."""

    def named(words):
        if words[0] in {"sweep", "agent"}:
            known = {"SWEEP": request.getfixturevalue("search")}
        else:
            pipeline = request.getfixturevalue("pipeline")
            known = {"RUN": pipeline["train"], "RUN2": pipeline["train2"]}
        if words[0] == "undelete":
            with suppress(NotFound):  # it was, a moment ago
                Api().artifact("report:v0").delete(delete_aliases=True)
        return [known.get(word, word) for word in words]

    return named


def test_every_command_is_called_here():
    called = {tuple(words[:2]) if words[0] in GROUPS else (words[0],) for words in CALLS}
    assert called == set(EVERY_COMMAND)


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_answers_fit_the_terminal(cli, named, words):
    view = cli(*named(words)).view
    now = datetime.now(UTC)
    if words[:2] == ["lineage", "export"] and "-o" not in words:
        return  # text for another program is never cut
    if words[:2] == ["run", "log"]:
        return  # nor is what was printed
    for width in (50, 80, 120):
        lines = list(view.lines(Screen(width, now)))
        wide = [plain(spans) for spans in lines if width_of(spans) > width]
        # A path where something lies is shown whole, to be copied.
        assert [text for text in wide if "/work" not in text and "put PATH" not in text] == []


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_answers_in_json_and_quietly(cli, named, words):
    answer = cli(*named(words), "--json")
    assert answer.err == ""
    records = answer.json_lines()
    assert records or words == ["sync"]
    assert all(type(record) is dict for record in records)
    assert answer.view.many or len(records) == 1
    assert words[0] != "sync" or answer.out == ""
    quiet = cli(
        *named([word if word != "rm" else "show" for word in words if word != "--yes" or "rm" not in words]),
        "-q",
        status=None,
    )
    assert "\x1b" not in quiet.out


@pytest.mark.parametrize("path", [(), *EVERY_COMMAND, ("artifact",), ("run",), ("store",), ("lineage",)], ids=" ".join)
def test_every_command_has_help(cli, path):
    answer = cli(*path, "--help")
    assert "Usage: forebear" in answer.out
    assert "Traceback" not in answer.out
    assert cli(*path, "-h").out == answer.out


@pytest.mark.parametrize("path", EVERY_COMMAND, ids=" ".join)
def test_every_command_takes_the_shared_options(path):
    command = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    options = {name for parameter in command.params for name in parameter.opts}
    assert {"--json", "--quiet", "--store", "--project", "--entity"} <= options
    assert command.help
    assert all(getattr(parameter, "help", None) for parameter in command.params)


@pytest.mark.parametrize("path", EVERY_COMMAND, ids=" ".join)
def test_every_command_is_in_the_reference(path):
    page = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md"
    assert f"`forebear {' '.join(path)}`" in page.read_text(encoding="utf-8")


def test_a_bare_group_shows_its_help(cli):
    assert "artifact" in cli(status=2).out
    assert "stale" in cli("lineage", status=2).out


@pytest.mark.parametrize("words", [["--version"], ["-V"]])
def test_version(cli, words):
    import forebear

    assert cli(*words).out == f"forebear {forebear.__version__}\n"
    assert main(["artifact", "--version"]) == 2


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (["artefact"], "No such command 'artefact'", "forebear --help"),
        (["artifact", "sow"], "No such command 'sow'", "forebear artifact --help"),
        (["artifact", "ls", "--nope"], "No such option", "forebear artifact ls --help"),
        (["artifact", "show"], "Missing argument 'REF'", "forebear artifact show --help"),
        (["run", "ls", "--limit", "x"], "'--limit'", "forebear run ls --help"),
        (["artifact", "put"], "Missing argument 'PATH'", "forebear artifact put --help"),
    ],
)
def test_wrong_use(cli, words, said, hint):
    answer = cli(*words, status=2)
    first, second = answer.err.splitlines()
    assert first.startswith("forebear: error: ")
    assert said in first
    assert second == f"hint: {hint}"
    assert answer.out == ""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ForebearError("m"), 1),
        (InvalidInput("m"), 2),
        (NotFound("m"), 3),
        (CorruptData("m"), 4),
        (Conflict("m"), 5),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "Permission denied", "/x"), 1),
    ],
)
def test_exit_status_by_class_of_error(capsys, error, status):
    def work():
        raise error

    assert failures.guarded(work) == status
    printed = capsys.readouterr()
    assert printed.err.startswith("forebear: error: ")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_a_mistake_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        failures.guarded(lambda: 1 // 0)


def test_errors_are_folded_for_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    failures.fail("word " * 30, 2)
    assert max(map(len, capsys.readouterr().err.splitlines())) <= 40


def test_colour_only_on_a_terminal(cli, two, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in cli("artifact", "ls").out
    assert "\x1b" not in cli("artifact", "ls", "--json").out
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert "\x1b[1;36mdigits" in cli("artifact", "ls").out
    assert "\x1b" not in cli("artifact", "ls", "--json").out
    assert "\x1b" not in cli("artifact", "ls", "-q").out
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;36m" not in cli("artifact", "ls").out


def test_notes_are_for_people(capsys):
    Output().note("hello")
    Output(as_json=True).note("hello")
    Output(quiet=True).note("hello")
    assert capsys.readouterr().err == "forebear: hello\n"


def test_json_of_text_that_is_no_ascii(cli, data):
    cli("artifact", "put", data, "-d", "größer\n数字")
    assert json.loads(cli("artifact", "show", "data", "--json").out)["description"] == "größer\n数字"
    assert r"größer\n数字" in cli("artifact", "show", "data").out


# ── progress ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_bar_waits_until_patience_runs_out(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Watch("adding", bytes_total=100) as watch:
        watch(1, 50)
        assert watch._bar is None
    assert capsys.readouterr().err == ""


def test_a_bar_is_drawn_and_goes_away(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with Watch("adding data", bytes_total=100) as watch:
        watch._begin()
        watch(3, 50)
        assert watch._bar.tasks[0].completed == 50
        assert "3 files" in watch._bar.tasks[0].description
    assert watch._bar is None
    assert capsys.readouterr().out == ""


def test_no_bar_without_a_terminal_or_for_the_quiet(monkeypatch):
    assert Watch("adding")._timer is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert Watch("adding", hidden=True)._timer is None


def test_a_bar_that_comes_too_late_is_not_drawn(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Watch("adding") as watch:
        pass
    watch._begin()
    assert watch._bar is None
