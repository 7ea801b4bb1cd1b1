"""Runs of other processes, read from outside: while they log, after they were killed, and in a terminal."""

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

from forebear.api.api import Api

FOREBEAR = Path(sys.executable).parent / "forebear"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
#: Seconds until something that has to happen is said not to.
PATIENCE = 60

# Logs a row for each line that it reads, and says so; ends when its input does.
TRAINING = """
import sys
import forebear
with forebear.init(id="live", project="p", config={"lr": 0.1}) as run:
    for step, line in enumerate(sys.stdin):
        print("epoch", step, flush=True)
        run.log({"loss": float(line), "acc": step / 10})
        print("logged", file=sys.stderr, flush=True)
"""


class Training:
    """A training in a process of its own, which logs when it is told to."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", TRAINING]
        environment = {**os.environ, "FOREBEAR_SILENT": "1"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)

    def log(self, *losses: float) -> None:
        for loss in losses:
            self.process.stdin.write(f"{loss}\n")
            self.process.stdin.flush()
            while "logged" not in self.process.stderr.readline():
                assert self.process.poll() is None

    def end(self) -> None:
        self.process.communicate(timeout=PATIENCE)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=PATIENCE)


@pytest.fixture
def training(monkeypatch):
    monkeypatch.setenv("FOREBEAR_PROJECT", "p")
    call("init")
    found = Training()
    yield found
    if found.process.poll() is None:
        found.kill()
    for stream in (found.process.stdin, found.process.stdout, found.process.stderr):
        stream.close()


def call(*words: object) -> str:
    done = subprocess.run([str(FOREBEAR), *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_run_of_another_process_is_read_while_it_logs(training):
    training.log(3, 2)
    run = Api().run("live")
    assert run.state == "running"
    assert [row["loss"] for row in run.scan_history()] == [3, 2]
    training.log(1)
    assert list(run.history()["loss"]) == [3, 2, 1]
    assert json.loads(call("run", "show", "live", "--json"))["history"]["loss"]["last"] == 1
    training.end()
    run.wait_until_finished(PATIENCE)
    assert run.summary["loss"] == 1
    printed = call("run", "log", "live").splitlines()
    assert [line for line in printed if line != "logged"] == ["epoch 0", "epoch 1", "epoch 2"]


def test_a_killed_run_is_whole_and_has_crashed(training):
    training.log(*range(20))
    training.kill()
    assert json.loads(call("run", "ls", "--json"))["state"] == "crashed"
    run = Api().run("live")
    assert [row["loss"] for row in run.scan_history()] == list(range(20))
    assert run.summary["loss"] == 19
    assert [found.id for found in Api().runs(filters={"state": "crashed", "summary_metrics.loss": {"$gt": 18}})] == [
        "live"
    ]


def test_following_in_a_terminal(training):
    training.log(3, 2)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    command = [str(FOREBEAR), "run", "tail", "live", "-f"]
    follower = subprocess.Popen(command, stdout=slave, stderr=slave, stdin=slave, env=environment)
    os.close(slave)
    screen = _Screen(master)
    try:
        screen.wait_for("loss 3")
        training.log(1, 0.5)
        screen.wait_for("loss 1")
        training.end()
        screen.wait_for("finished")
        assert follower.wait(PATIENCE) == 0
    finally:
        follower.kill()
        follower.wait()
        os.close(master)
    rows = [line.split() for line in screen.text.splitlines() if "loss" in line]
    assert [(row[0], row[4]) for row in rows] == [("0", "3"), ("1", "2"), ("2", "1"), ("3", "0.5")]
    assert all(len(line) <= 40 for line in screen.text.splitlines())


def test_following_is_left_by_an_interrupt(training):
    training.log(1)
    follower = subprocess.Popen(
        [str(FOREBEAR), "run", "tail", "live", "-f"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert "loss 1" in follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    _, said = follower.communicate(timeout=PATIENCE)
    assert follower.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said


class _Screen:
    """What a program printed on a terminal so far, without colours."""

    def __init__(self, master: int) -> None:
        self._master = master
        self.text = ""

    def wait_for(self, words: str) -> None:
        end = time.monotonic() + PATIENCE
        while words not in self.text:
            assert time.monotonic() < end, self.text
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self.text += ESCAPE.sub("", os.read(self._master, 65536).decode())
                except OSError:  # the other side is gone
                    assert words in self.text, self.text
