"""Conformance of a catalog's projects and runs."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from forebear.errors import AlreadyExists, NotFound
from forebear.records.runs import CRASHED, FAILED, FINISHED, RUNNING, Project, RunChanges, RunOrigin
from forebear.testing.builders import ENTITY, PROJECT, Author, Tick, new_run

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog

ORIGIN = RunOrigin(
    command=("python", "train.py", "--lr", "0.1"),
    program="train.py",
    git_commit="0" * 40,
    git_branch="main",
    git_dirty=True,
    host="box",
    user="anna",
    python="3.12.1",
    pid=17,
    pid_started=2**40,
)


class RunSuite:
    """What every catalog promises of projects and runs."""

    def test_a_new_run_is_running(self, catalog: Catalog, tick: Tick) -> None:
        now = tick()
        given = new_run(
            "r1",
            name="brave-fox",
            job_type="train",
            group="g",
            notes="n",
            tags=("b", "a"),
            config={"lr": 0.1, "layers": [1, 2], "nested": {"none": None}},
            origin=ORIGIN,
        )
        run = catalog.add_run(given)
        assert (run.entity, run.project, run.id, run.name) == (ENTITY, PROJECT, "r1", "brave-fox")
        assert (run.job_type, run.group, run.notes, set(run.tags)) == ("train", "g", "n", {"a", "b"})
        assert (run.config, run.origin) == (given.config, ORIGIN)
        assert (run.state, run.created_at) == (RUNNING, now)
        assert (run.ended_at, run.exit_code, run.error) == (None, None, None)
        assert catalog.run(ENTITY, PROJECT, "r1") == run

    def test_a_run_needs_little(self, catalog: Catalog) -> None:
        run = catalog.add_run(new_run())
        assert (run.job_type, run.group, run.notes, run.tags) == (None, None, None, ())
        assert (run.config, run.origin) == ({}, RunOrigin())

    def test_a_run_id_is_taken_once_in_a_project(self, catalog: Catalog, author: Author) -> None:
        first = author.run("r1", name="first")
        with pytest.raises(AlreadyExists, match="r1"):
            author.run("r1", name="second")
        assert catalog.runs() == [first]
        assert author.run("r1", project="elsewhere").key != first.key
        assert author.run("r1", entity="anna").key != first.key

    def test_unknown_runs_are_none_or_left_out(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        assert catalog.run(ENTITY, PROJECT, "r2") is None
        assert catalog.run(ENTITY, "other", "r1") is None
        assert catalog.run("other", PROJECT, "r1") is None
        assert catalog.runs_by_key(iter([run.key, 4711, run.key])) == {run.key: run}
        assert catalog.runs_by_key([]) == {}

    def test_changes_replace_what_they_name(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        run = author.run("r1", notes="keep", tags=("t",), config={"lr": 0.1})
        ended = tick() + timedelta(microseconds=1)
        catalog.update_run(run.key, RunChanges(state=FAILED, ended_at=ended, exit_code=1, error="boom"))
        found = catalog.run(ENTITY, PROJECT, "r1")
        assert found is not None
        assert (found.state, found.ended_at, found.exit_code, found.error) == (FAILED, ended, 1, "boom")
        assert (found.notes, found.tags, found.config, found.created_at) == (
            "keep",
            ("t",),
            {"lr": 0.1},
            run.created_at,
        )
        changes = RunChanges(
            name="new",
            notes=None,
            tags=(),
            config={"k": [None]},
            state=RUNNING,
            ended_at=None,
            exit_code=None,
            error=None,
        )
        catalog.update_run(run.key, changes)
        found = catalog.runs_by_key([run.key])[run.key]
        assert (found.name, found.notes, found.tags, found.config) == ("new", None, (), {"k": [None]})
        assert (found.state, found.ended_at, found.exit_code, found.error) == (RUNNING, None, None, None)

    def test_no_changes_change_nothing(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1", notes="keep")
        catalog.update_run(run.key, RunChanges())
        assert catalog.runs() == [run]

    def test_only_runs_that_are_there_are_changed(self, catalog: Catalog) -> None:
        for changes in (RunChanges(), RunChanges(state=FINISHED)):
            with pytest.raises(NotFound):
                catalog.update_run(4711, changes)

    def test_runs_are_found_by_scope_and_state_newest_first(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        keys: dict[str, int] = {}
        for name, scope in [("a", {}), ("b", {"project": "other"}), ("c", {"entity": "anna"}), ("d", {}), ("e", {})]:
            keys[name] = author.run(name, **scope).key
            tick()
        catalog.update_run(keys["a"], RunChanges(state=FINISHED))
        catalog.update_run(keys["d"], RunChanges(state=CRASHED))

        def found(**asked: Any) -> str:
            return "".join(run.id for run in catalog.runs(**asked))

        assert found() == "edcba"
        assert found(entity=ENTITY) == "edba"
        assert found(entity=ENTITY, project=PROJECT) == "eda"
        assert found(project=PROJECT) == "edca"
        assert found(states=iter([FINISHED, CRASHED])) == "da"
        assert found(project="other", states=[RUNNING]) == "b"
        assert found(states=[]) == ""
        assert found(entity="nobody") == ""

    def test_runs_of_one_moment_keep_their_order(self, catalog: Catalog, author: Author) -> None:
        for name in "abc":
            author.run(name)
        assert [run.id for run in catalog.runs()] == ["c", "b", "a"]

    def test_projects_come_with_what_is_in_them(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        assert catalog.projects() == []
        first = tick()
        author.run("r1", project="zeta")
        second = tick()
        author.version("a", project="alpha")
        tick()
        author.version("a", project="zeta")
        author.version("a", project="zeta", name="other")
        author.run("r1", project="alpha", entity="anna")
        third = tick() - timedelta(seconds=60)
        expected = [
            Project("anna", "alpha", third, 1, 0),
            Project(ENTITY, "alpha", second, 0, 1),
            Project(ENTITY, "zeta", first, 1, 2),
        ]
        assert catalog.projects() == expected
        assert catalog.projects(ENTITY) == expected[1:]
        assert catalog.projects("nobody") == []
