"""The installed command, as people and scripts call it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

FOREBEAR = Path(sys.executable).parent / "forebear"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

STEP = """
import sys
import forebear
job, used, name, kind = sys.argv[1:5]
with forebear.init(job_type=job, config={"lr": 0.1}) as run:
    run.use_artifact(used)
    made = forebear.Artifact(name, kind)
    made.add({"job": job, "config": dict(run.config)}, "content")
    run.log_artifact(made)
"""


def call(*words: object, status: int = 0, **options) -> str:
    command = [str(FOREBEAR), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout if status == 0 else done.stdout + done.stderr


@pytest.fixture
def shop(made_once) -> Path:
    """A pipeline of separate processes in the working folder."""
    return made_once("shop", make_shop)


def make_shop() -> Path:
    Path("step.py").write_text(STEP)
    data = Path("data")
    data.mkdir()
    (data / "sales.csv").write_text("day,amount\n2026-01-01,3\n")
    call("init", "--project", "shop")
    call("artifact", "put", data, "--name", "sales", "--alias", "prod")
    for words in (["prepare", "sales:prod", "split", "dataset"], ["train", "split:latest", "model", "model"]):
        subprocess.run([sys.executable, "step.py", *words], check=True, capture_output=True)
    return data


def test_a_pipeline_from_the_shell(shop):
    assert call("lineage", "up", "model", "-q").splitlines()[-2] == "local/shop/sales:v0"
    (shop / "sales.csv").write_text("day,amount,shop\n2026-01-01,3,A\n2026-01-02,4,B\n")
    assert json.loads(call("artifact", "put", shop, "--name", "sales", "--json"))["version"] == "v1"
    assert "model:v0" in call("lineage", "stale")
    assert call("diff", "sales:v0", "sales:v1", "--path", "sales.csv").splitlines()[-3].split() == [
        "+", "shop", "–", "text"
    ]  # fmt: skip
    call("artifact", "alias", "sales:v1", "prod", "--expect", "v0")
    assert "was expected on v0" in call("artifact", "alias", "sales:v0", "prod", "--expect", "v0", status=5)
    call("artifact", "get", "sales:prod", "--root", "out")
    assert Path("out/sales.csv").read_text() == (shop / "sales.csv").read_text()
    call("lineage", "export", "model", "--output", "graph.svg")
    assert Path("graph.svg").read_text().startswith("<svg")
    assert "all is well" in call("doctor")


def test_a_put_remembers_the_command_that_was_typed(shop):
    run = json.loads(call("artifact", "show", "sales:v0", "--json"))["logged_by"]
    record = json.loads(call("run", "show", run, "--json"))
    assert record["job_type"] == "cli"
    assert record["command"][-7:] == ["artifact", "put", "data", "--name", "sales", "--alias", "prod"]
    assert "forebear artifact put data --name sales --alias prod" in call("run", "show", run)


def test_the_store_is_found_from_below(shop):
    Path("a/b").mkdir(parents=True)
    assert call("artifact", "ls", "-q", cwd="a/b").splitlines() == [
        "local/shop/model",
        "local/shop/sales",
        "local/shop/split",
    ]


def test_damage_has_a_status_of_its_own(shop):
    for pack in Path(".forebear/objects/pack").rglob("*"):
        if pack.is_file() and b"amount" in pack.read_bytes():
            pack.chmod(0o644)
            pack.write_bytes(pack.read_bytes().replace(b"amount", b"amounT"))
    assert "sales.csv" in call("artifact", "verify", "sales", status=4)
    assert "sales.csv" in call("artifact", "get", "sales", status=4)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["artifact", "show", "nope"], 3),
        (["artifact", "show", "sales:nope"], 3),
        (["run", "show", "nope"], 3),
        (["artifact", "put", "nowhere"], 2),
        (["artifact", "nope"], 2),
        (["nope"], 2),
        (["artifact", "rm", "sales"], 2),
        (["artifact", "rm", "sales", "--yes"], 5),
        (["lineage", "up", "sales", "--as-of", "yesterday"], 2),
    ],
)
def test_a_mistake_is_one_line_and_a_status(shop, words, status):
    lines = call(*words, status=status).splitlines()
    assert lines[0].startswith("forebear: error: ")
    assert all(line.startswith("hint: ") for line in lines[1:])


def test_version_starts_at_once():
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", str(FOREBEAR), "--version"], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.startswith("forebear ")
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in loaded.stderr.splitlines()}
    assert names & {"typer", "click", "rich", "msgspec", "fsspec", "networkx", "sqlite3", "pysqlite3"} == set()


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "forebear", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == call("--version")


@pytest.mark.parametrize(
    ("shell", "said"), [("bash", "complete -o"), ("zsh", "#compdef forebear"), ("fish", "complete")]
)
def test_completion_scripts(shell, said):
    script = call(env={**os.environ, "_FOREBEAR_COMPLETE": f"source_{shell}"})
    assert said in script
    assert "forebear" in script


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("forebear art", ["artifact"]),
        ("forebear artifact v", ["verify"]),
        ("forebear artifact show s", ["sales", "split"]),
        ("forebear lineage up mo", ["model"]),
        ("forebear diff sa", ["sales"]),
        ("forebear artifact ls --js", ["--json"]),
    ],
)
def test_completions(shop, typed, offered):
    words = typed.split()
    env = {"_FOREBEAR_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    assert call(env={**os.environ, **env}).split() == offered


def test_completion_without_a_store_is_silent():
    env = {"_FOREBEAR_COMPLETE": "complete_bash", "COMP_WORDS": "forebear artifact show s", "COMP_CWORD": "3"}
    assert call(env={**os.environ, **env}).strip() == ""


def test_a_reader_that_goes_away_is_no_error():
    many = Path("many")
    many.mkdir()
    for number in range(3000):
        (many / f"a-file-with-a-rather-long-name-{number:05}.txt").write_text("")
    call("artifact", "put", many)
    for words in (["artifact", "files", "many"], ["artifact", "files", "many", "--json"]):
        command = subprocess.Popen([str(FOREBEAR), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        command.stdout.readline()
        command.stdout.close()
        said = command.stderr.read()
        command.stderr.close()
        assert command.wait() == 141
        assert said == b""


def test_output_goes_where_the_encoding_is_poor(shop):
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    assert "?" in call("lineage", "up", "model", env=env)


class Terminal:
    """A command on a terminal of a given width."""

    def __init__(self, *words: str, columns: int = 80) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        env = {**os.environ, "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [str(FOREBEAR), *words], stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
        )
        os.close(slave)
        self.text = ""

    def read_until(self, expected: str, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while expected not in self.text and time.monotonic() < end and self._read():
            pass
        assert expected in self.text, self.text

    def _read(self) -> bool:
        if not select.select([self.master], [], [], 1)[0]:
            return True
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            return False
        self.text += piece.decode()
        return bool(piece)

    def interrupt(self) -> int:
        """Press Ctrl-C, again while nothing comes of it: one just before a read begins is seen by the next only."""
        while self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            end = time.monotonic() + 5
            while self.process.poll() is None and time.monotonic() < end:
                self._read()
        return self.finish()

    def finish(self) -> int:
        while self._read():
            pass
        os.close(self.master)
        return self.process.wait(timeout=30)


@pytest.mark.parametrize("columns", [50, 80])
def test_a_terminal_gets_colour_and_lines_that_fit(shop, columns):
    for words in (["artifact", "ls"], ["lineage", "show", "split"], ["run", "ls"], ["artifact", "show", "sales"]):
        terminal = Terminal(*words, columns=columns)
        assert terminal.finish() == 0
        assert "\x1b[" in terminal.text
        assert max(map(len, ESCAPE.sub("", terminal.text).splitlines())) <= columns


def test_rm_asks(shop):
    call("artifact", "alias", "sales", "prod", "--remove")
    terminal = Terminal("artifact", "rm", "sales:v0")
    terminal.read_until("delete local/shop/sales:v0?")
    os.write(terminal.master, b"n\n")
    assert terminal.finish() == 1
    assert "nothing was deleted" in terminal.text
    terminal = Terminal("artifact", "rm", "sales:v0")
    terminal.read_until("delete local/shop/sales:v0?")
    os.write(terminal.master, b"y\n")
    assert terminal.finish() == 0
    assert "was deleted" in call("artifact", "show", "sales:v0", status=3)


def test_an_interrupt_is_no_traceback(shop):
    terminal = Terminal("artifact", "rm", "sales:v0")
    terminal.read_until("delete local/shop/sales:v0?")
    assert terminal.interrupt() == 130
    assert "Traceback" not in terminal.text
    assert "forebear: error: interrupted" in terminal.text
