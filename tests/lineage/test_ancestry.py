"""What differs in where two versions came from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import msgspec
import pytest

from forebear.errors import NotFound
from forebear.lineage.ancestry import diff_ancestry
from forebear.lineage.model import AncestryDiff, CodeState, ConfigChange, RunChange
from forebear.records.runs import RunOrigin
from forebear.testing.builders import Author, ManualClock, node

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog
    from forebear.records.artifacts import Version


def trained(author: Author, run_id: str, *uses: Version, **fields: object) -> Version:
    """A model made by a run of job type train, unless the fields of the run say otherwise."""
    run = author.run(run_id, *uses, **{"job_type": "train", **fields})
    return author.version(f"weights of {run_id}", name="model", type="model", run=run)


def data_changes(diff: AncestryDiff) -> dict[str, tuple[str, list[str], list[str]]]:
    return {
        change.collection: (change.change, [v.label for v in change.old], [v.label for v in change.new])
        for change in diff.data
    }


def only_run(diff: AncestryDiff) -> RunChange:
    (change,) = diff.runs
    return change


def test_data_is_matched_by_collection(catalog: Catalog, author: Author):
    kept = author.version("same", name="labels")
    first, second = author.version("a"), author.version("b")
    gone, come = author.version("g", name="gone"), author.version("c", name="come")
    diff = diff_ancestry(
        catalog,
        node(trained(author, "r1", kept, first, gone)),
        node(trained(author, "r2", kept, second, come)),
    )
    assert data_changes(diff) == {
        "team/digits/data": ("changed", ["data:v0"], ["data:v1"]),
        "team/digits/gone": ("removed", ["gone:v0"], []),
        "team/digits/come": ("added", [], ["come:v0"]),
    }
    assert diff.shared == 1
    assert (diff.old.label, diff.new.label) == ("model:v0", "model:v1")


def test_config_is_compared_value_by_value(catalog: Catalog, author: Author):
    old = {"lr": 0.1, "seed": 1, "opt": {"name": "sgd", "beta": {"b1": 0.9}}, "only_old": None, "flag": 1}
    new = {"lr": 0.01, "seed": 1, "opt": {"name": "adam", "beta": {"b1": 0.9}}, "only_new": [1], "flag": True}
    diff = diff_ancestry(catalog, node(trained(author, "r1", config=old)), node(trained(author, "r2", config=new)))
    assert only_run(diff).config == (
        ConfigChange("flag", 1, True),
        ConfigChange("lr", 0.1, 0.01),
        ConfigChange("only_new", msgspec.UNSET, [1]),
        ConfigChange("only_old", None, msgspec.UNSET),
        ConfigChange("opt.name", "sgd", "adam"),
    )
    # A side that lacks the key is left out of JSON, which is something else than null.
    assert msgspec.json.encode(only_run(diff).config[3]) == b'{"key":"only_old","old":null}'


def test_code_is_compared_by_commit_and_dirt(catalog: Catalog, author: Author):
    def model(name: str, commit: str | None, dirty: bool | None = False) -> int:
        return node(trained(author, name, origin=RunOrigin(program="train.py", git_commit=commit, git_dirty=dirty)))

    first, same, moved, dirty = model("r1", "aaa"), model("r2", "aaa"), model("r3", "bbb"), model("r4", "aaa", True)
    assert not only_run(diff_ancestry(catalog, first, same)).code_changed
    change = only_run(diff_ancestry(catalog, first, moved))
    assert change.code_changed
    assert change.old_code == CodeState("aaa", False, "train.py")
    assert change.new_code == CodeState("bbb", False, "train.py")
    assert only_run(diff_ancestry(catalog, first, dirty)).code_changed


def test_runs_are_matched_by_role(catalog: Catalog, author: Author):
    def model(tag: str, **fields: object) -> int:
        return node(trained(author, tag, name=f"lucky-{tag}", **fields))

    by_program = {"job_type": None, "origin": RunOrigin(program="jobs/fit.py")}
    diff = diff_ancestry(catalog, model("a", **by_program), model("b", **by_program))
    assert (only_run(diff).role, only_run(diff).old.label, only_run(diff).new.label) == ("fit.py", "lucky-a", "lucky-b")
    by_name = diff_ancestry(catalog, model("c", job_type=None), model("d", job_type=None))
    assert [(run.role, run.old is None, run.new is None) for run in by_name.runs] == [
        ("lucky-c", False, True),
        ("lucky-d", True, False),
    ]
    assert by_name.runs[0].config == ()
    assert not by_name.runs[0].code_changed


def test_runs_of_one_role_are_paired_nearest_first(catalog: Catalog, author: Author, clock: ManualClock):
    def line(tag: str) -> int:
        clock.tick()
        far = author.version(f"f{tag}", name="step", run=author.run(f"far-{tag}", job_type="fit", config={"at": "far"}))
        near = author.run(f"near-{tag}", far, job_type="fit", config={"at": "near"})
        return node(author.version(f"n{tag}", name="model", run=near))

    diff = diff_ancestry(catalog, line("a"), line("b"))
    assert [(run.old.label, run.new.label, run.config) for run in diff.runs] == [
        ("near-a", "near-b", ()),
        ("far-a", "far-b", ()),
    ]


def test_a_version_and_its_own_ancestor(catalog: Catalog, author: Author):
    base = trained(author, "pretrain")
    tuned = trained(author, "tune", base, job_type="tune")
    diff = diff_ancestry(catalog, node(base), node(tuned))
    assert data_changes(diff) == {"team/digits/model": ("added", [], ["model:v0"])}
    assert [(run.role, run.old) for run in diff.runs] == [("tune", None)]


def test_a_version_does_not_differ_from_itself(catalog: Catalog, story: SimpleNamespace):
    diff = diff_ancestry(catalog, node(story.scores), node(story.scores))
    assert (diff.data, diff.runs, diff.shared) == ((), (), 8)


def test_ancestry_as_of_a_time(catalog: Catalog, author: Author, clock: ManualClock):
    run = author.run("r1", author.version("a"), job_type="train")
    old, new = author.version("m", name="model", type="model", run=run), trained(author, "r2")
    clock.tick()
    then = clock.now
    clock.tick()
    catalog.add_use(run.key, author.version("late", name="extra").id)
    assert "team/digits/extra" in data_changes(diff_ancestry(catalog, node(old), node(new)))
    assert "team/digits/extra" not in data_changes(diff_ancestry(catalog, node(old), node(new), before=then))


def test_an_unknown_node_is_named(catalog: Catalog, story: SimpleNamespace):
    with pytest.raises(NotFound, match="no version of key 4711"):
        diff_ancestry(catalog, node(story.scores), 9422)
