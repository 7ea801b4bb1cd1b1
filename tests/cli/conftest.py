"""The command line called in this process, and a store with a small pipeline in it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import forebear
from forebear.api.api import Api
from forebear.cli import main
from forebear.cli.output import Output, View
from forebear.store.shared import close_stores


class Answer(NamedTuple):
    status: int
    out: str
    err: str
    view: View | None

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def json(self) -> Any:
        assert len(self.lines) == 1, self.out
        return json.loads(self.out)

    def json_lines(self) -> list[Any]:
        return [json.loads(text) for text in self.lines]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Call the command line with words; the answer has what it printed, and the last view that it showed."""
    shown: list[View] = []
    show = Output.show

    def spy(self: Output, view: View) -> None:
        shown.append(view)
        show(self, view)

    monkeypatch.setattr(Output, "show", spy)
    monkeypatch.setenv("FOREBEAR_SILENT", "1")

    def call(*words: object, status: int | None = 0) -> Answer:
        capsys.readouterr()
        shown.clear()
        found = main([str(word) for word in words])
        printed = capsys.readouterr()
        assert status is None or found == status, printed.out + printed.err
        return Answer(found, printed.out, printed.err, shown[-1] if shown else None)

    yield call
    close_stores()


@pytest.fixture
def data() -> Path:
    """A folder of a few files."""
    return make_data()


def make_data() -> Path:
    folder = Path("data")
    (folder / "images").mkdir(parents=True)
    for number in range(5):
        (folder / "images" / f"{number}.png").write_text(f"image {number}")
    (folder / "labels.csv").write_text("id,label,score\n1,a,0.5\n2,b,\n")
    (folder / "notes.txt").write_text("line one\nline two\n")
    return folder


@pytest.fixture
def digits(cli, made_once) -> Path:
    """The first version of ``digits`` in project ``p``, with the alias ``prod``, and a folder of what comes next."""
    return made_once("digits", lambda: make_digits(cli))


def make_digits(cli) -> Path:
    data = make_data()
    cli("init", "--project", "p")
    cli("artifact", "put", data, "-n", "digits", "-a", "prod", "-m", "n=5", "-m", "source=scan", "-d", "The digits")
    (data / "labels.csv").write_text("id,label,score,extra\n1,a,0.5,x\n2,b,3,y\n3,c,4,z\n")
    (data / "notes.txt").write_text("line one\nline 2\nline three\n")
    os.rename(data / "images" / "1.png", data / "images" / "one.png")
    (data / "images" / "2.png").unlink()
    (data / "images" / "new.png").write_text("a new image")
    return data


@pytest.fixture
def two(cli, digits: Path) -> Path:
    cli("artifact", "put", digits, "--name", "digits")
    return digits


@pytest.fixture
def pipeline(cli, made_once) -> dict[str, str]:
    """digits:v0 → prepare → split:v0 → train (twice) → model:v0, v1 → evaluate → report:v0; then digits:v1.

    Both trainings log 30 rows, and the first keeps two files, one of them the log of what it printed.

    Returns the ids of the runs by job type; the trainings are ``train`` and ``train2``.
    """
    return made_once("pipeline", lambda: make_pipeline(cli))


def make_pipeline(cli) -> dict[str, str]:
    digits = make_digits(cli)
    ids = {}
    logged = [{"loss": 1 / (number + 1), "acc": number / 30} for number in range(30)]

    def step(job: str, used: list[str], name: str, type: str, **config: Any) -> None:
        with forebear.init(job_type=job.rstrip("2"), config=config) as run:
            for ref in used:
                run.use_artifact(ref)
            made = forebear.Artifact(name, type)
            made.add({"run": job}, "content")
            run.log_artifact(made)
            ids[job] = run.id
            for row in logged if job.startswith("train") else ():
                run.log({**row, "acc": row["acc"] * (2 if job == "train2" else 1)})

    step("prepare", ["digits:latest"], "split", "dataset", share=0.2)
    step("train", ["split:latest"], "model", "model", lr=0.1, net={"layers": 2})
    step("train2", ["split:latest"], "model", "model", lr=0.01, net={"layers": 2})
    for name, text in (("output.log", "epoch 1\nepoch 2\ndone\n"), ("plots/loss.svg", "<svg/>")):
        path = Path("kept", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        Api().run(ids["train"]).upload_file(path, root="kept")
    step("evaluate", ["model:latest", "digits:latest"], "report", "table")
    cli("artifact", "put", digits, "--name", "digits")
    return ids


@pytest.fixture
def search(cli, made_once) -> str:
    """Five of the six trials of a sweep of project ``p``, declared by ``search.yaml``, are over; returns its id."""
    return made_once("search", lambda: make_search(cli))


def make_search(cli) -> str:
    cli("init", "--project", "p")
    Path("search.yaml").write_text(
        "method: random\nname: a search\nseed: 5\nrun_cap: 6\ncommand: ['true']\n"
        "metric: {name: loss, goal: minimize}\n"
        "parameters:\n"
        "  lr: {min: 0.0, max: 1.0}\n"
        "  optimizer: {parameters: {kind: {values: [adam, sgd]}, momentum: {min: 0.0, max: 0.9}}}\n"
        "  batch_size: {values: [16, 32, 64]}\n"
    )
    path = cli("sweep", "search.yaml", "-q").out.strip()

    def train() -> None:
        with forebear.init() as run:
            run.log({"loss": run.config["lr"] ** 2 + run.config["optimizer"]["momentum"]})

    forebear.agent(path, function=train, count=5)
    return path.rpartition("/")[2]
