"""``forebear doctor --scan-secrets`` names what older runs hold, and shows none of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.records.runs import RunChanges, RunOrigin
from forebear.store.shared import close_stores
from tests.records import secrets_corpus as corpus

if TYPE_CHECKING:
    from forebear.store.store import Store

KEY = corpus.KEYS["Hugging Face"]
PASSWORD = corpus.PASSWORD


@pytest.fixture
def store(cli: Any) -> Store:
    """A store with one run that says nothing it should not."""
    cli("init", "--project", "p")
    with forebear.init(
        project="p", config={"lr": 0.1, "max_tokens": 512, "tokenizer": "bert"}, settings={"silent": True}
    ) as run:
        run.log({"loss": 0.5})
    return forebear.Api(project="p").store


def write(store: Store, **fields: Any) -> None:
    """Write into the run what forebear itself would not write."""
    (run,) = store.catalog.runs()
    store.catalog.update_run(run.key, RunChanges(**fields))


def test_a_store_without_secrets(cli: Any, store: Store) -> None:
    answer = cli("doctor", "--scan-secrets")
    assert answer.lines == ["no secrets found in 1 run and 0 versions"]
    assert cli("doctor", "--scan-secrets", "--json").out == ""


def test_each_field_of_a_run_is_looked_at(cli: Any, store: Store) -> None:
    (run,) = store.catalog.runs()
    write(
        store,
        config={
            "lr": 0.1,
            "openai": {"api_key": corpus._HEX},
            "stores": [f"s3://a:{PASSWORD}@b", {"token": "t-" + corpus._HEX}],
        },
        notes=f"log in with {KEY}",
        summary={"where": f"https://host/x?X-Amz-Signature={corpus._HEX}"},
        tags=("fine", corpus.KEYS["GitHub"]),
        error=f"OperationalError: postgresql://ada:{PASSWORD}@db",
        origin=RunOrigin(
            command=("train.py", "--password", "short", f"--key={KEY}", "--lr=0.1"),
            git_remote=f"https://ada:{PASSWORD}@github.com/a/b",
        ),
    )
    answer = cli("doctor", "--scan-secrets", "--json", status=1)
    found = {record["field"]: record for record in answer.json_lines()}
    assert found.keys() == {
        "config.openai.api_key",
        "config.stores[0]",
        "config.stores[1].token",
        "notes",
        "summary.where",
        "tags[1]",
        "error",
        "command[2]",
        "command[3]",
        "git_remote",
    }
    assert {record["path"] for record in found.values()} == {run.qualified_name}
    assert {record["kind"] for record in found.values()} == {"run"}
    assert found["notes"] == {
        "kind": "run",
        "path": run.qualified_name,
        "field": "notes",
        "what": "a key by its form",
        "shown": f"hf_{KEY[3]}*** ({len(KEY)} characters)",
    }


def test_versions_collections_and_sweeps_are_looked_at_too(cli: Any, store: Store) -> None:
    artifact = forebear.Artifact(
        "data", "dataset", metadata={"source": {"password": PASSWORD}}, description=f"by {KEY}"
    )
    artifact.add(b"x", "x")
    with forebear.init(project="p", settings={"silent": True}) as run:
        run.log_artifact(artifact)
    forebear.sweep({"method": "grid", "parameters": {"api_key": {"values": [KEY]}}}, project="p")
    found = cli("doctor", "--scan-secrets", "--json", status=1).json_lines()
    entity = store.catalog.runs()[0].entity
    assert {(record["kind"], record["path"].partition("/p/")[2][:7], record["field"]) for record in found} >= {
        ("version", "data:v0", "metadata.source.password"),
        ("version", "data:v0", "description"),
    }
    assert any(
        record["kind"] == "sweep" and record["field"].startswith("config.parameters.api_key") for record in found
    )
    assert all(record["path"].startswith(f"{entity}/p/") for record in found)


def test_nothing_that_is_printed_shows_a_secret(cli: Any, store: Store) -> None:
    texts = {f"t{number}": sample.text for number, sample in enumerate(corpus.TEXTS)}
    write(store, config={"texts": texts, **corpus.NAMED_SECRETS})
    printed = [cli("doctor", "--scan-secrets", *more, status=1).out for more in ((), ("--json",), ("--quiet",))]
    for sample in corpus.TEXTS:
        assert not any(sample.secret in out or sample.secret[8:] in out for out in printed)
    for value in corpus.NAMED_SECRETS.values():
        assert not any(value in out for out in printed)
    fields = {json.loads(text)["field"] for text in printed[1].splitlines()}
    assert fields >= {f"config.texts.{key}" for key in texts}
    assert fields >= {f"config.{name}" for name in corpus.NAMED_SECRETS}


def test_people_read_where_it_is_and_what_to_do(cli: Any, store: Store) -> None:
    write(store, notes=f"log in with {KEY}")
    (run,) = store.catalog.runs()
    answer = cli("doctor", "--scan-secrets", status=1)
    assert answer.lines[0].split() == ["WHERE", "FIELD", "WHAT", "SECRET"]
    assert run.qualified_name in answer.lines[1]
    assert "notes" in answer.lines[1]
    assert "1 secret in 1 run and 0 versions" in answer.out
    assert "make a new one" in answer.out
    assert cli("doctor", "--scan-secrets", "--quiet", status=1).lines == [run.qualified_name]


def test_one_project_alone(cli: Any, store: Store) -> None:
    write(store, notes=KEY)
    with forebear.init(project="other", settings={"silent": True}):
        pass
    assert cli("doctor", "--scan-secrets", "--project", "other").lines == ["no secrets found in 1 run and 0 versions"]
    cli("doctor", "--scan-secrets", "--project", "p", status=1)


def test_no_store(cli: Any) -> None:
    assert "there is no store" in cli("doctor", "--scan-secrets", status=3).err


def test_what_ends_a_run_is_redacted_before_it_is_kept(cli: Any, store: Store) -> None:
    def fail() -> None:
        with forebear.init(project="p", settings={"silent": True}):
            raise RuntimeError(f"cannot log in at https://ada:{PASSWORD}@host with api_key={corpus._HEX}")

    with pytest.raises(RuntimeError):
        fail()
    error = store.catalog.runs()[0].error
    assert error is not None
    assert error.startswith("RuntimeError: cannot log in at https://***@host")
    assert PASSWORD not in error
    assert corpus._HEX not in error
    cli("doctor", "--scan-secrets")
    close_stores()


def test_what_ends_a_trial_is_redacted_before_it_is_kept(cli: Any, store: Store) -> None:
    def train() -> None:
        with forebear.init(settings={"silent": True}):
            raise RuntimeError(f"cannot log in at https://ada:{PASSWORD}@host")

    sweep_id = forebear.sweep({"method": "grid", "parameters": {"x": {"values": [1]}}}, project="p")
    forebear.agent(sweep_id, train, project="p", count=1)
    (sweep,) = store.catalog.sweeps()
    (trial,) = store.catalog.trials(sweep.key)
    assert trial.error is not None
    assert "https://***@host" in trial.error
    assert PASSWORD not in trial.error
    cli("doctor", "--scan-secrets")
