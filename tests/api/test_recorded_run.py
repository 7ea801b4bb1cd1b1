from __future__ import annotations

import threading

import pytest

import forebear
from forebear.api import recorded_run
from forebear.errors import Conflict, InvalidInput, NotFound, StorageFailure
from forebear.records.runs import NewRun, RunOrigin


def test_what_a_run_is(api):
    run = api.run("a")
    assert (run.id, run.name, run.display_name, run.state) == ("a", "run a", "run a", "finished")
    assert (run.entity, run.project, run.group, run.job_type) == ("local", "p", "g0", "train")
    assert (run.tags, run.notes, run.exit_code, run.error) == (["even"], "first", 0, None)
    assert run.config == {"lr": 0.001, "model": "mlp", "net": {"layers": 0}}
    assert run.summary["best"] == {"acc": 0.0}
    assert run.summary_metrics["acc"] == 39 / 40
    assert run.created_at <= run.ended_at
    assert (run.url, run.sweep_id, run.lost_rows, run.stop_requested) == (None, None, 0, False)
    assert run.user == run.username == run.metadata["username"]
    assert run.metadata["args"] == run.metadata["command"][1:]
    assert run.storage_id == str(run.record.key)
    assert run.path == ["local", "p", "a"]
    assert repr(run) == "<Run local/p/a finished>"
    assert "local/p/a" in run.to_html()


def test_a_snapshot_cannot_be_changed_by_accident(api):
    run = api.run("a")
    run.config["net"]["layers"] = 7
    run.summary["best"]["acc"] = 7
    assert run.record.config["net"]["layers"] == 0
    assert run.record.summary["best"]["acc"] == 0.0
    assert run.load(force=True)["best"] == {"acc": 0.0}
    assert run.config["net"]["layers"] == 0


def test_what_is_set_is_kept_by_update(api):
    run = api.run("a")
    run.name, run.notes, run.group, run.job_type = "new name", "noted", "g9", "eval"
    run.tags.append("chosen")
    run.config["net"]["layers"] = 7
    run.summary["best"]["acc"] = 0.5
    run.summary["more"] = [1, 2]
    assert api.run("a").name == "run a"
    run.update()
    found = api.run("a")
    assert (found.name, found.notes, found.group, found.job_type) == ("new name", "noted", "g9", "eval")
    assert found.tags == ["even", "chosen"]
    assert found.config["net"] == {"layers": 7}
    assert found.summary["best"] == {"acc": 0.5}
    assert found.summary["more"] == [1, 2]
    assert [each.id for each in api.runs(filters={"config.net.layers": 7, "tags": "chosen"})] == ["a"]


def test_whole_dictionaries_and_other_ways_to_say_it(api):
    run = api.run("b")
    run.display_name, run.tags, run.config, run.summary = "shown", ["x", "x"], {"only": 1}, {"acc": 1}
    run.save()
    found = api.run("b")
    assert (found.name, found.tags, found.config, dict(found.summary)) == ("shown", ["x"], {"only": 1}, {"acc": 1})


def test_scripts_that_export_runs_find_the_plain_summary(api):
    found = api.run("a").summary._json_dict
    assert type(found) is dict
    assert found == api.run("a").record.summary


def test_a_summary_that_is_updated_is_kept_at_once(api):
    run = api.run("a")
    run.summary["x"] = 1
    run.summary.update({"y": 2}, z=3)
    assert {key: api.run("a").summary[key] for key in "xyz"} == {"x": 1, "y": 2, "z": 3}


def test_an_update_leaves_alone_what_others_changed(api):
    one, other = api.run("a"), api.run("a")
    other.notes = "from the other"
    other.update()
    one.tags = ["mine"]
    one.update()
    assert (api.run("a").notes, api.run("a").tags) == ("from the other", ["mine"])


def test_nothing_set_writes_nothing(api, monkeypatch):
    run = api.run("a")
    monkeypatch.setattr(type(api.store.catalog), "update_run", lambda *_: pytest.fail("it wrote"))
    run.update()


def test_a_tag_that_is_not_allowed(api):
    run = api.run("a")
    run.tags = ["a/b"]
    with pytest.raises(InvalidInput, match="tag 'a/b' is not allowed"):
        run.update()


# -- its end -----------------------------------------------------------------------------------------------------------


def test_a_deleted_run_is_gone(api):
    run = api.run("a")
    run.delete()
    with pytest.raises(NotFound):
        api.run("a")
    with pytest.raises(NotFound, match="local/p/a: it was deleted"):
        run.load(force=True)
    assert [each.id for each in api.runs()] == ["b", "c", "d"]


def test_a_deleted_run_leaves_or_takes_its_versions(api):
    for name in ("one", "two"):
        with forebear.init(id=name) as run:
            artifact = forebear.Artifact("made", "dataset")
            artifact.add({"by": name}, "x")
            run.log_artifact(artifact, aliases=["prod"])
    api.run("one").delete()
    assert [each.version for each in api.artifacts("made")] == ["v1", "v0"]
    api.run("two").delete(delete_artifacts=True)
    assert [each.version for each in api.artifacts("made")] == ["v0"]


def test_a_running_run_is_not_deleted_by_accident(api):
    live = forebear.init(id="live")
    with pytest.raises(Conflict, match="local/p/live is running; stop it first, or say force=True"):
        api.run("live").delete()
    live.finish()
    elsewhere = NewRun("local", "p", "far", "far", origin=RunOrigin(host="another", pid=1))
    api.store.catalog.add_run(elsewhere)
    with pytest.raises(Conflict):
        api.run("far").delete()
    api.run("far").delete(force=True)
    assert "far" not in [run.id for run in api.runs()]


def test_a_run_is_asked_to_stop(api):
    with forebear.init(id="live"):
        api.run("live").stop()
        assert api.run("live").stop_requested


def test_waiting_for_the_end(api, monkeypatch):
    monkeypatch.setattr(recorded_run, "POLL_SECONDS", 0.01)
    live = forebear.init(id="live")
    run = api.run("live")
    with pytest.raises(Conflict, match=r"local/p/live still runs after 0.0 s"):
        run.wait_until_finished(timeout=0.0)
    waiting = threading.Thread(target=run.wait_until_finished, args=(60,))
    waiting.start()
    live.finish()
    waiting.join()
    assert run.state == "finished"


def test_a_run_whose_process_is_gone_is_found_by_its_real_state(api):
    gone = RunOrigin(host=api.run("a").origin.host, pid=2**22 + 1)
    api.store.catalog.add_run(NewRun("local", "p", "dead", "dead", origin=gone))
    assert [run.id for run in api.runs(filters={"state": "crashed"})] == ["dead"]
    assert len(api.runs(filters={"state": "running"})) == 0


# -- artifacts ---------------------------------------------------------------------------------------------------------


def test_artifacts_of_a_run_that_is_over(api):
    data = forebear.Artifact("data", "dataset")
    data.add({"x": 1}, "x")
    made = api.run("a").log_artifact(data, aliases=["prod"], tags=["t"])
    assert (made.name, made.tags) == ("data:v0", ["t"])
    assert api.run("b").use_artifact(api.artifact("data:prod"), use_as="train") is not None
    assert [each.name for each in api.run("a").logged_artifacts(per_page=5)] == ["data:v0"]
    assert [each.name for each in api.run("b").used_artifacts()] == ["data:v0"]
    assert api.artifact("data").logged_by().id == "a"
    assert api.run("c").log_artifact(api.artifact("data")).name == "data:v0"
    assert [run.id for run in api.reproduced_by("data")] == ["c"]


def test_artifacts_of_another_store_are_refused(api, tmp_path):
    with forebear.init(store=tmp_path / "other") as run:
        foreign = forebear.Artifact("data", "dataset")
        foreign.add({"x": 1}, "x")
        run.log_artifact(foreign)
    for call in (api.run("a").use_artifact, api.run("a").log_artifact):
        with pytest.raises(InvalidInput, match="this run is in"):
            call(foreign)


def test_a_store_that_cannot_be_written_can_be_read(api, monkeypatch):
    gone = RunOrigin(host=api.run("a").origin.host, pid=2**22 + 1)
    api.store.catalog.add_run(NewRun("local", "p", "dead", "dead", origin=gone))

    def refuse(*_):
        raise StorageFailure("the disk is read-only")

    monkeypatch.setattr(type(api.store.catalog), "update_run", refuse)
    assert api.run("dead").state == "crashed"
    assert len(api.runs()) == 5
