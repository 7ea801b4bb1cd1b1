from __future__ import annotations

import pytest

import forebear
from forebear.api.api import Api
from forebear.api.collections import ArtifactCollection
from forebear.api.recorded_run import RecordedRun
from forebear.errors import InvalidInput, NotFound
from forebear.records.runs import Project


@pytest.fixture
def stocked(api: Api) -> Api:
    with forebear.init(id="maker", job_type="make") as run:
        for number in range(2):
            artifact = forebear.Artifact("digits", "dataset")
            artifact.add({"n": number}, "x")
            run.log_artifact(artifact, tags=["odd"] if number else [])
        model = forebear.Artifact("net", "model")
        model.add({"w": 1}, "w")
        run.log_artifact(model)
    return api


def ids(runs):
    return [run.id for run in runs]


def test_settings_come_from_arguments_in_both_spellings(api):
    url = api.store.url
    assert Api(url, entity="me", project="q").settings.project == "q"
    assert Api({"entity": "me", "project": "q"}).settings.entity == "me"
    assert Api(overrides={"project": "q", "base_url": "https://x"}, timeout=9, api_key="k").settings.project == "q"
    assert Api(url, entity="me").default_entity == "me"
    assert Api(url, entity="me").viewer.username == "me"
    assert api.flush() is None


# -- runs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (None, "abcd"),
        ({"config.lr": {"$lt": 0.05}}, "ab"),
        ({"config.model.value": "cnn"}, "bd"),
        ({"summary_metrics.best.acc": {"$gte": 0.2}}, "cd"),
        ({"summary_metrics.acc": {"$exists": False}}, "c"),
        ({"state": "failed"}, "d"),
        ({"$or": [{"state": "failed"}, {"tags": "even"}]}, "acd"),
        ({"tags": {"$nin": ["even"]}, "group": "g0"}, "b"),
        ({"displayName": {"$regex": "[ab]$"}}, "ab"),
        ({"name": "c"}, "c"),
        ({"createdAt": {"$gt": "2020-01-01"}, "jobType": "train"}, "abcd"),
        ({"createdAt": {"$lt": "2020-01-01"}}, ""),
        ({"notes": None}, "bcd"),
    ],
)
def test_filters(api, filters, found):
    runs = api.runs(filters=filters)
    assert ids(runs) == list(found)
    assert len(runs) == len(found)


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("+created_at", "abcd"),
        ("-created_at", "dcba"),
        ("-config.lr", "dcba"),
        ("summary_metrics.acc,-config.lr", "dbac"),
        (["config.model", "-name"], "dbca"),
    ],
)
def test_orders(api, order, found):
    assert ids(api.runs(order=order)) == list(found)


def test_paths_of_projects(api):
    with forebear.init(project="q", id="other"):
        pass
    assert ids(api.runs("q")) == ["other"]
    assert ids(api.runs("local/q")) == ["other"]
    assert ids(api.runs("*")) == [*"abcd", "other"]
    assert ids(api.runs("nix")) == []
    assert ids(api.runs(states=["failed"])) == ["d"]
    assert ids(api.runs(include_sweeps=False)) == [*"abcd"]
    with pytest.raises(InvalidInput, match="is not of the form"):
        api.runs("a/b/c")


@pytest.mark.parametrize("path", ["a", "p/a", "local/p/a", "/local/p/runs/a"])
def test_paths_of_runs(api, path):
    assert api.run(path).path == ["local", "p", "a"]


def test_a_run_that_is_not_there(api):
    with pytest.raises(NotFound, match="no run 'x' in project local/p; the newest are d, c, b, a"):
        api.run("x")
    with pytest.raises(NotFound, match="has no runs yet"):
        api.run("nix/x")


def test_projects(api):
    assert [project.name for project in api.projects()] == ["p"]
    assert isinstance(api.project("p"), Project)
    assert api.project("local/p").run_count == 4
    with pytest.raises(NotFound, match="there is no project local/x; projects of local: p"):
        api.project("x")
    with pytest.raises(NotFound, match="projects of me: none"):
        api.project("p", entity="me")


# -- artifacts ---------------------------------------------------------------------------------------------------------


def test_versions_of_a_collection(stocked):
    assert [each.name for each in stocked.artifacts("digits")] == ["digits:v1", "digits:v0"]
    assert [each.name for each in stocked.artifacts("dataset", "local/p/digits")] == ["digits:v1", "digits:v0"]
    assert [each.name for each in stocked.artifacts(type_name="dataset", name="digits", tags="odd")] == ["digits:v1"]
    with pytest.raises(InvalidInput, match="has type 'dataset', not 'model'"):
        stocked.artifacts("model", "digits")
    with pytest.raises(InvalidInput, match="needs the name"):
        stocked.artifacts()
    with pytest.raises(NotFound):
        stocked.artifacts("dataset", "nix")


def test_what_there_is_of_artifacts(stocked):
    assert stocked.artifact_exists("digits:v0")
    assert stocked.artifact_exists("digits", "dataset")
    assert not stocked.artifact_exists("digits:v7")
    assert not stocked.artifact_exists("digits", "model")
    with pytest.raises(InvalidInput):
        stocked.artifact_exists("a b:c:d")
    assert stocked.artifact_collection_exists("net", "model")
    assert not stocked.artifact_collection_exists("net", "dataset")
    assert not stocked.artifact_collection_exists("nix", "model")


def test_walking_through_types_and_collections(stocked):
    assert [each.name for each in stocked.artifact_types()] == ["dataset", "model"]
    [digits] = stocked.artifact_type("dataset").collections()
    assert (digits.name, digits.type, digits.entity, digits.project) == ("digits", "dataset", "local", "p")
    assert digits.aliases == ["latest"]
    assert [each.version for each in digits.artifacts()] == ["v1", "v0"]
    assert len(digits) == len(digits.versions()) == 2
    assert digits.latest().name == "digits:v1"
    assert stocked.artifact_type("model", "p").collection("net").qualified_name == "local/p/net"
    assert stocked.artifact_type("model").collection("nix") is None
    assert stocked.artifact_collection("model", "net").id == stocked.artifact_collections(type_name="model")[0].id
    with pytest.raises(NotFound, match="no artifact has type 'x'; the types there are: dataset, model"):
        stocked.artifact_type("x")


def test_paths_of_anything(stocked):
    assert isinstance(stocked.from_path("p"), Project)
    assert isinstance(stocked.from_path("local/p"), Project)
    assert isinstance(stocked.from_path("p/a"), RecordedRun)
    assert isinstance(stocked.from_path("local/p/digits"), ArtifactCollection)
    assert stocked.from_path("p/digits:v0").name == "digits:v0"
    with pytest.raises(NotFound):
        stocked.from_path("local/p/nix")


def test_runs_that_made_a_content_again(stocked):
    with forebear.init(id="again") as run:
        artifact = forebear.Artifact("net", "model")
        artifact.add({"w": 1}, "w")
        run.log_artifact(artifact)
    assert [run.id for run in stocked.reproduced_by("net")] == ["again"]
