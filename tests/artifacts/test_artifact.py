"""The artifact API, line by line, as scripts use it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.blobs.digest import digest_of
from forebear.errors import Conflict, CorruptData, InvalidInput, NotFound

if TYPE_CHECKING:
    from forebear.tracking.run import Run


@pytest.fixture
def run() -> Run:
    return forebear.init(project="p", job_type="test", settings={"silent": True})


@pytest.fixture
def data(home: Path) -> Path:
    """A folder ``data`` in the working folder: two files, one of them in a folder."""
    (Path("data") / "sub").mkdir(parents=True)
    Path("data/a.txt").write_text("alpha")
    Path("data/sub/b.txt").write_text("beta")
    return Path("data")


def log(run: Run, files: dict[str, str], name: str = "ds", aliases: list[str] | None = None, **options: Any) -> Any:
    artifact = forebear.Artifact(name, "dataset")
    for path, content in files.items():
        artifact.add(content, path)
    return run.log_artifact(artifact, aliases=aliases, **options)


def tree(root: str | Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in sorted(Path(root).rglob("*")) if path.is_file()}


def api() -> forebear.Api:
    return forebear.Api(project="p")


# -- a draft ------------------------------------------------------------------------------------------------------


def test_a_draft_says_what_it_will_be(run: Run, data: Path) -> None:
    draft = forebear.Artifact("ds", "dataset", description="words", metadata={"n": 2})
    assert draft.add_dir(data) == 2
    assert (draft.name, draft.collection_name, draft.type, draft.state) == ("ds", "ds", "dataset", "PENDING")
    assert (draft.size, draft.file_count) == (9, 2)
    assert (draft.description, draft.metadata, draft.aliases, draft.tags) == ("words", {"n": 2}, [], [])
    assert draft.is_draft()
    digest = draft.digest
    run.log_artifact(draft)
    assert draft.digest == digest
    assert not draft.is_draft()


@pytest.mark.parametrize(
    "ask", ["version", "qualified_name", "id", "project", "entity", "created_at", "added_bytes", "source_name"]
)
def test_what_only_a_version_has_is_refused_to_a_draft(run: Run, ask: str) -> None:
    with pytest.raises(Conflict, match="has no version yet; log it with"):
        getattr(forebear.Artifact("ds", "dataset"), ask)


@pytest.mark.parametrize("call", ["wait", "download", "verify", "checkout", "delete", "file", "used_by", "logged_by"])
def test_what_only_a_version_can_do_is_refused_to_a_draft(run: Run, call: str) -> None:
    with pytest.raises(Conflict, match="has no version yet"):
        getattr(forebear.Artifact("ds", "dataset"), call)()


def test_the_four_ways_of_adding(run: Run, data: Path) -> None:
    draft = forebear.Artifact("ds", "dataset")
    entry = draft.add_file("data/a.txt")
    assert (entry.path, entry.size, entry.digest) == ("a.txt", 5, digest_of(b"alpha").hex())
    assert draft.add_file(data / "a.txt", name="x/y.txt").path == "x/y.txt"
    assert draft.add_dir("data", name="all") == 2
    with draft.new_file("new.txt") as file:
        file.write("wörter\n")
    with draft.new_file("new.bin", mode="wb") as file:
        file.write(b"\x00\xff")
    draft.add("text", "plain.txt")
    draft.add({"a": [1, None]}, "table")
    run.log_artifact(draft)
    assert [file.path for file in draft.files()] == [
        "a.txt", "all/a.txt", "all/sub/b.txt", "new.bin", "new.txt", "plain.txt", "table.json", "x/y.txt",
    ]  # fmt: skip
    assert draft.read("new.txt") == "wörter\n".encode()
    assert draft.read("new.bin") == b"\x00\xff"
    assert draft.get("table") == {"a": [1, None]}
    assert json.loads(draft.read("table.json")) == {"a": [1, None]}
    assert draft.get("none") is None


def test_content_is_taken_when_it_is_added(run: Run, data: Path) -> None:
    draft = forebear.Artifact("ds", "dataset")
    draft.add_file("data/a.txt")
    draft.add_file("data/sub/b.txt", is_tmp=True)
    Path("data/a.txt").write_text("changed later")
    assert not Path("data/sub/b.txt").exists()
    run.log_artifact(draft)
    assert (draft.read("a.txt"), draft.read("b.txt")) == (b"alpha", b"beta")


def test_a_new_file_whose_block_fails_is_not_part_of_it(run: Run) -> None:
    draft = forebear.Artifact("ds", "dataset")

    def fail() -> None:
        with draft.new_file("a") as file:
            file.write("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert draft.file_count == 0


def test_new_file_refuses_what_is_there_unless_it_may_overwrite(run: Run) -> None:
    draft = forebear.Artifact("ds", "dataset")
    draft.add("one", "a")

    def write(**options: Any) -> None:
        with draft.new_file("a", **options) as file:
            file.write("two")

    with pytest.raises(Conflict, match="has 'a' already"):
        write()
    with pytest.raises(InvalidInput, match="mode 'r'"):
        write(mode="r")
    write(mode="w")
    assert draft.get_entry("a").size == 3
    write(overwrite=True)


def test_the_same_path_twice(run: Run, data: Path) -> None:
    draft = forebear.Artifact("ds", "dataset")
    draft.add_file("data/a.txt")
    draft.add_file("data/a.txt")
    Path("data/a.txt").write_text("other")
    with pytest.raises(Conflict, match=r"different 'a.txt' already"):
        draft.add_file("data/a.txt")
    with pytest.raises(Conflict, match=r"different 'a.txt' already"):
        draft.add_dir("data")
    draft.add_file("data/a.txt", overwrite=True)
    draft.add_dir("data", merge=True)
    assert draft.file_count == 2


def test_an_unknown_policy_is_refused_and_known_ones_are_taken(run: Run, data: Path) -> None:
    draft = forebear.Artifact("ds", "dataset")
    draft.add_file("data/a.txt", policy="immutable", skip_cache=True)
    draft.add_dir("data", policy="mutable")
    with pytest.raises(InvalidInput, match="policy 'frozen'"):
        draft.add_file("data/a.txt", policy="frozen")


def test_removing_from_a_draft(run: Run, data: Path) -> None:
    draft = forebear.Artifact("ds", "dataset")
    draft.add_dir("data")
    draft.remove("sub")
    entry = draft.get_entry("a.txt")
    draft.remove(entry)
    assert draft.file_count == 0
    with pytest.raises(NotFound, match=r"no file or folder 'a.txt'"):
        draft.remove("a.txt")
    with pytest.raises(NotFound, match=r"no file 'a.txt'"):
        draft.get_entry("a.txt")


@pytest.mark.parametrize("change", ["add_file", "add_dir", "add", "add_reference", "remove", "new_file"])
def test_a_version_never_changes(run: Run, data: Path, change: str) -> None:
    version = log(run, {"a.txt": "1"})
    arguments = {"add": ("x", "b"), "add_dir": ("data",), "new_file": ("b",)}.get(change, ("data/a.txt",))

    def attempt() -> None:
        with contextlib.ExitStack() as stack:
            result = getattr(version, change)(*arguments)
            if change == "new_file":
                stack.enter_context(result)

    with pytest.raises(Conflict, match=r"ds:v0 is logged and never changes; make changes in artifact.new_draft"):
        attempt()


def test_a_large_file_can_be_linked_in_and_out(run: Run) -> None:
    Path("big.bin").write_bytes(os.urandom(3_000_000))
    draft = forebear.Artifact("model", "model")
    draft.add_file("big.bin", link=True)
    run.log_artifact(draft)
    out = draft.download("out", link=True)
    assert os.path.samefile("big.bin", f"{out}/big.bin")
    assert not os.stat("big.bin").st_mode & 0o222
    draft.verify()
    draft.verify("out")


# -- metadata and names ---------------------------------------------------------------------------------------------


def test_metadata_becomes_json(run: Run) -> None:
    draft = forebear.Artifact("ds", "dataset", metadata={"f": float("nan"), "t": (1, 2), "d": {"x": None}, "s": "ä"})
    draft.add("x", "a")
    assert run.log_artifact(draft).metadata == {"f": None, "t": [1, 2], "d": {"x": None}, "s": "ä"}
    assert api().artifact("ds").metadata == {"f": None, "t": [1, 2], "d": {"x": None}, "s": "ä"}


def test_metadata_that_json_cannot_hold_is_refused(run: Run) -> None:
    circle: list[Any] = []
    circle.append(circle)
    for value in (float("inf"), -float("inf"), {"x": [float("inf")]}, object(), {1: 2}, "\udcff", circle):
        with pytest.raises(InvalidInput) as caught:
            forebear.Artifact("ds", "dataset", metadata={"key": value})
        assert caught.value.code == "invalid-metadata"
        assert "metadata['key']" in str(caught.value)
    with pytest.raises(InvalidInput, match="is a dictionary"):
        forebear.Artifact("ds", "dataset", metadata=[1])  # type: ignore[arg-type]
    draft = forebear.Artifact("ds", "dataset")
    draft.add("x", "a")
    draft.metadata["late"] = float("inf")
    with pytest.raises(InvalidInput, match="infinite"):
        run.log_artifact(draft)
    draft.metadata["late"] = float("nan")
    assert run.log_artifact(draft).metadata == {"late": None}


# -- versions -------------------------------------------------------------------------------------------------------


def test_a_version_exists_when_logging_returns(run: Run) -> None:
    version = log(run, {"a": "1"}, aliases=["prod"], tags=["checked"])
    assert version.wait() is version
    assert (version.version, version.name, version.source_name) == ("v0", "ds:v0", "ds:v0")
    assert version.qualified_name == version.id == "local/p/ds:v0"
    assert (version.entity, version.project, version.type, version.state) == ("local", "p", "dataset", "COMMITTED")
    assert (version.aliases, version.tags) == (["latest", "prod"], ["checked"])
    assert (version.size, version.file_count) == (1, 1)
    assert version.added_bytes > 0
    assert len(version.digest) == 64
    assert abs(datetime.fromisoformat(version.created_at) - datetime.now(UTC)) < timedelta(minutes=1)


def test_other_content_is_the_next_version_and_the_same_content_is_the_same(run: Run) -> None:
    first = log(run, {"a": "1"}, aliases=["prod"])
    second = log(run, {"a": "2"})
    again = log(run, {"a": "1"}, aliases=["best"], tags=["t"])
    assert [item.version for item in (first, second, again)] == ["v0", "v1", "v0"]
    assert again.digest == first.digest != second.digest
    assert again.aliases == ["best", "latest", "prod"]
    assert again.tags == ["t"]
    assert api().artifact("ds:latest").version == "v0"
    assert [item.version for item in api().artifacts("ds")] == ["v1", "v0"]
    assert log(run, {"a": "3"}).version == "v2"


def test_the_digest_depends_on_paths_and_contents_alone(run: Run, tmp_path: Path) -> None:
    first = log(run, {"a": "1", "b/c": "2"})
    second = forebear.Artifact("other", "model", description="else", metadata={"x": 1})
    second.add("2", "b/c")
    second.add("1", "a")
    with forebear.init(project="q", store=str(tmp_path / "else"), reinit="create_new") as elsewhere:
        elsewhere.log_artifact(second)
    assert second.digest == first.digest
    assert log(run, {"a": "1", "b": "2"}).digest != first.digest


def test_aliases_move_when_they_are_logged_and_only_then(run: Run) -> None:
    log(run, {"a": "1"}, aliases=["prod", "stable"])
    log(run, {"a": "2"}, aliases=["prod"])
    log(run, {"a": "3"})
    found = {name: api().artifact(f"ds:{name}").version for name in ("latest", "prod", "stable")}
    assert found == {"latest": "v2", "prod": "v1", "stable": "v0"}
    assert log(run, {"a": "1"}, aliases="prod").version == "v0"  # type: ignore[arg-type]
    assert api().artifact("ds:prod").version == "v0"


def test_numbers_are_never_used_again(run: Run) -> None:
    log(run, {"a": "1"})
    second = log(run, {"a": "2"})
    second.delete()
    assert second.state == "DELETED"
    assert log(run, {"a": "2"}).version == "v2"
    for item in api().artifacts("ds"):
        item.delete(delete_aliases=True)
    assert log(run, {"a": "1"}).version == "v3"
    with pytest.raises(NotFound, match="v1 of artifact 'ds' was deleted; it has v3"):
        api().artifact("ds:v1")


def test_a_version_with_aliases_is_not_deleted_unasked(run: Run) -> None:
    version = log(run, {"a": "1"}, aliases=["prod"])
    with pytest.raises(Conflict, match="prod"):
        version.delete()
    assert api().artifact("ds:prod").state == "COMMITTED"
    version.delete(delete_aliases=True)
    with pytest.raises(NotFound, match="all its versions were deleted"):
        api().artifact("ds:prod")
    with pytest.raises(NotFound):
        version.save()


def test_a_deleted_latest_falls_back(run: Run) -> None:
    log(run, {"a": "1"})
    log(run, {"a": "2"}).delete()
    assert api().artifact("ds").version == "v0"


def test_a_collection_has_one_type(run: Run) -> None:
    log(run, {"a": "1"})
    other = forebear.Artifact("ds", "model")
    other.add("2", "a")
    with pytest.raises(Conflict, match="'?dataset'?"):
        run.log_artifact(other)
    assert [item.version for item in api().artifacts("ds")] == ["v0"]


def test_expect_makes_a_move_compare_and_swap(run: Run) -> None:
    log(run, {"a": "1"}, aliases=["prod"], expect="")
    log(run, {"a": "2"}, aliases=["prod"], expect="v0")
    late = forebear.Artifact("ds", "dataset")
    late.add("3", "a")
    with pytest.raises(Conflict, match="prod"):
        run.log_artifact(late, aliases=["prod"], expect="v0")
    assert late.is_draft()
    assert [item.version for item in api().artifacts("ds")] == ["v1", "v0"]
    # Whoever lost looks again and repeats, with the very same draft.
    run.log_artifact(late, aliases=["prod"], expect="v1")
    assert (late.version, api().artifact("ds:prod").version) == ("v2", "v2")
    late.verify()


def test_an_empty_artifact_is_a_version_too(run: Run) -> None:
    version = run.log_artifact(forebear.Artifact("none", "dataset"))
    assert (version.version, version.size, version.file_count) == ("v0", 0, 0)
    assert version.files() == []
    assert os.listdir(version.download("out")) == []
    version.verify()


def test_an_incremental_artifact_begins_with_the_newest_version(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBEAR_PROJECT", "p")
    log(run, {"a": "1", "b": "2"})
    more = forebear.Artifact("ds", "dataset", incremental=True)
    more.add("3", "c")
    more.add("new", "a", overwrite=True)
    run.log_artifact(more)
    assert {file.path: file.read() for file in more.files()} == {"a": b"new", "b": b"2", "c": b"3"}
    first = forebear.Artifact("fresh", "dataset", incremental=True)
    first.add("1", "a")
    assert run.log_artifact(first).file_count == 1


def test_an_incremental_artifact_follows_the_project_of_its_run(run: Run) -> None:
    """Nothing but init says which project it is."""
    log(run, {"a": "1", "b": "2"})
    more = forebear.Artifact("ds", "dataset", incremental=True)
    more.add("3", "c")
    assert run.log_artifact(more).file_count == 3


def test_a_new_draft_holds_the_version_and_changes_it_not(run: Run) -> None:
    version = log(run, {"a": "1", "b": "2"})
    draft = version.new_draft()
    draft.remove("a")
    draft.add("3", "c")
    assert version.file_count == 2
    run.log_artifact(draft)
    assert (draft.version, [file.path for file in draft.files()]) == ("v1", ["b", "c"])
    assert log(run, {"b": "2", "c": "3"}).version == "v1"


def test_logging_a_version_again_is_the_same_version_or_a_copy_elsewhere(run: Run) -> None:
    version = log(run, {"a": "1"})
    assert run.log_artifact(version, aliases=["again"]).name == "ds:v0"
    with forebear.init(project="q", reinit="create_new") as other:
        copy = other.log_artifact(version)
    assert copy.qualified_name == "local/q/ds:v0"
    assert copy.read("a") == b"1"


def test_a_bare_path_becomes_an_artifact(run: Run, data: Path) -> None:
    folder = run.log_artifact("data", name="ds", type="dataset", aliases=["prod"])
    assert (folder.name, folder.type, folder.aliases) == ("ds:v0", "dataset", ["latest", "prod"])
    assert [file.path for file in folder.files()] == ["a.txt", "sub/b.txt"]
    file = run.log_artifact(data / "a.txt")
    assert (file.name, file.type) == (f"run-{run.id}-a.txt:v0", "unspecified")
    with pytest.raises(InvalidInput, match=r"cannot add none.txt: No such file"):
        run.log_artifact("none.txt")


@pytest.mark.parametrize("name", ["my data (1).csv", "größe.txt", "a..b", "x" * 200, ".", "..", "-.-"])
def test_a_bare_path_of_any_name_gets_a_name_that_is_allowed(run: Run, name: str) -> None:
    Path("there").mkdir()
    Path("there", name if name not in {".", ".."} else "file").write_text("x")
    os.chdir("there")
    artifact = run.log_artifact(name)
    assert artifact.collection_name.startswith(f"run-{run.id}-")
    assert api().artifact(artifact.name).file_count == 1


# -- finding ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def history(run: Run) -> list[Any]:
    """Three versions; prod stood on v0, then on v1."""
    return [
        log(run, {"a": "1"}, aliases=["prod"]),
        log(run, {"a": "2"}, aliases=["prod", "best"]),
        log(run, {"a": "3"}),
    ]


def test_every_form_of_a_reference_is_understood(run: Run, history: list[Any]) -> None:
    first, second, third = history
    forms = {
        "ds": third,
        "ds:latest": third,
        "ds:v0": first,
        "ds:prod": second,
        "p/ds:best": second,
        "local/p/ds:v2": third,
        "local/p/ds": third,
        f"ds@{first.digest}": first,
        f"ds@{second.digest[:8]}": second,
        f"local/p/ds@{third.digest[:20]}": third,
        f"ds:prod@{second.created_at}": second,
        f"ds:prod@{first.created_at}": first,
        f"p/ds:latest@{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}": third,
    }
    for form, expected in forms.items():
        assert api().artifact(form).version == expected.version, form
        assert run.use_artifact(form).version == expected.version, form


def test_an_alias_before_it_was_given_says_when_that_was(run: Run, history: list[Any]) -> None:
    with pytest.raises(NotFound, match="'prod' of artifact 'ds' named no version at 2020-01-01.* given first at 20"):
        api().artifact("ds:prod@2020-01-01T00:00")


@pytest.mark.parametrize(
    "form", ["", "ds:", "a/b/c/ds", "ds@xyz", "ds@abc", "ds:v1@2026-01-01", "ds:prod@soon", "/ds", "ds:a/b", "../ds"]
)
def test_what_is_no_reference_is_refused(run: Run, history: list[Any], form: str) -> None:
    with pytest.raises(InvalidInput):
        api().artifact(form)
    with pytest.raises(InvalidInput):
        run.use_artifact(form)


def test_what_is_unknown_is_answered_with_what_there_is(run: Run, history: list[Any]) -> None:
    for use in (api().artifact, run.use_artifact):
        with pytest.raises(
            NotFound, match="no alias 'stage' on artifact 'ds'; it has best, latest, prod and versions v0"
        ):
            use("ds:stage")
        with pytest.raises(NotFound, match="v9 of artifact 'ds' does not exist; it has v0 to v2"):
            use("ds:v9")
        with pytest.raises(NotFound, match="no artifact 'dss' in project local/p; did you mean 'ds'"):
            use("dss")
        with pytest.raises(NotFound, match="begins with 00000000; it has v0 to v2"):
            use("ds@00000000")
        with pytest.raises(NotFound, match="in project local/elsewhere; there is local/p/ds"):
            use("elsewhere/ds")
    with pytest.raises(NotFound, match="did you mean 'ds'"):
        api().artifacts("dss")


def test_the_type_asked_for_must_fit(run: Run, history: list[Any]) -> None:
    assert api().artifact("ds", type="dataset").type == "dataset"
    for ask in (api().artifact, api().artifacts, run.use_artifact):
        with pytest.raises(InvalidInput, match="has type 'dataset', not 'model'"):
            ask("ds", type="model")


def test_saving_changes_of_a_version(run: Run) -> None:
    log(run, {"a": "1"}, aliases=["old", "kept"])
    version = api().artifact("ds:v0")
    version.description = "said later"
    version.metadata["accuracy"] = 0.5
    version.aliases = ["kept", "new"]
    version.tags.append("reviewed")
    version.save()
    found = api().artifact("ds:v0")
    assert (found.description, found.metadata) == ("said later", {"accuracy": 0.5})
    assert (found.aliases, found.tags) == (["kept", "latest", "new"], ["reviewed"])
    found.description, found.metadata, found.tags, found.aliases = None, {}, [], []
    found.save()
    found = api().artifact("ds:v0")
    assert (found.description or "", found.metadata, found.aliases, found.tags) == ("", {}, ["latest"], [])


def test_saving_a_draft_logs_it_without_a_run(home: Path) -> None:
    draft = forebear.Artifact("ds", "dataset")
    draft.add("x", "a")
    draft.aliases = ["prod"]
    draft.save()
    assert (draft.qualified_name, draft.aliases) == ("local/uncategorized/ds:v0", ["latest", "prod"])
    assert draft.logged_by() is None
    assert forebear.Api().artifact("ds:prod").read("a") == b"x"


@pytest.mark.parametrize("bad", ["v3", "a/b", "", "a:b", " a", "a\n", "x" * 129])
def test_aliases_that_are_not_allowed_are_refused_before_anything_happens(run: Run, bad: str) -> None:
    with pytest.raises(InvalidInput):
        log(run, {"a": "1"}, aliases=[bad])
    with pytest.raises(NotFound):
        api().artifact("ds")
    version = log(run, {"a": "1"})
    version.aliases.append(bad)
    with pytest.raises(InvalidInput):
        version.save()
    assert api().artifact("ds").aliases == ["latest"]


# -- lineage ----------------------------------------------------------------------------------------------------------


def test_who_made_it_and_who_used_it(run: Run) -> None:
    data = log(run, {"a": "1"})
    run.finish()
    with forebear.init(project="p", job_type="train") as train:
        used = train.use_artifact("ds:latest", use_as="training data")
        train.use_artifact(used)
        model = train.log_model(used.file("in"), name="model", aliases=["best"])
        assert [item.name for item in train.used_artifacts()] == ["ds:v0"]
        assert [item.name for item in train.logged_artifacts()] == ["model:v0"]
    maker = data.logged_by()
    assert maker is not None
    assert (maker.id, maker.job_type, maker.state) == (run.id, "test", "finished")
    assert [item.id for item in data.used_by()] == [train.id]
    assert [item.name for item in data.used_by()[0].logged_artifacts()] == ["model:v0"]
    origin = api().artifact("model:best").logged_by()
    assert origin is not None
    assert [item.name for item in origin.used_artifacts()] == ["ds:v0"]
    assert model.used_by() == []


def test_looking_something_up_is_no_use(run: Run) -> None:
    version = log(run, {"a": "1"})
    api().artifact("ds").download("out")
    assert version.used_by() == []
    assert run.used_artifacts() == []


def test_the_same_content_logged_by_a_later_run_keeps_its_origin(run: Run) -> None:
    version = log(run, {"a": "1"})
    run.finish()
    with forebear.init(project="p") as later:
        log(later, {"a": "1"})
        assert [item.name for item in later.logged_artifacts()] == ["ds:v0"]
    origin = version.logged_by()
    assert origin is not None
    assert origin.id == run.id


def test_a_run_that_uses_its_own_output_does_not_fail(run: Run) -> None:
    log(run, {"a": "1"})
    assert run.use_artifact("ds:latest").version == "v0"
    assert [item.name for item in run.used_artifacts()] == ["ds:v0"]


def test_using_a_draft_logs_it(run: Run) -> None:
    draft = forebear.Artifact("ds", "dataset")
    draft.add("x", "a")
    assert run.use_artifact(draft, aliases=["raw"]).aliases == ["latest", "raw"]


def test_models(run: Run, data: Path) -> None:
    one = run.log_model("data/a.txt", name="one")
    several = run.log_model("data", name="several", aliases=["best"])
    assert (one.type, several.type) == ("model", "model")
    assert Path(run.use_model("one:latest")).read_text() == "alpha"
    assert tree(run.use_model("several:best")) == {"a.txt": "alpha", "sub/b.txt": "beta"}
    log(run, {"a": "1"})
    with pytest.raises(InvalidInput, match="has type 'dataset', not a model"):
        run.use_model("ds:latest")


# -- getting it back --------------------------------------------------------------------------------------------------


def test_download_puts_files_in_place_and_keeps_the_others(run: Run, data: Path) -> None:
    version = run.log_artifact("data", name="ds", type="dataset")
    assert version.download() == os.path.join("artifacts", "ds:v0")
    assert tree("artifacts/ds:v0") == tree("data")
    Path("out").mkdir()
    Path("out/mine").write_text("mine")
    Path("out/a.txt").write_text("wrong")
    assert version.download("out") == "out"
    assert tree("out") == {**tree("data"), "mine": "mine"}


def test_the_folder_for_downloads_can_be_moved(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_ARTIFACT_DIR", "elsewhere")
    assert log(run, {"a": "1"}).download() == os.path.join("elsewhere", "ds:v0")


def test_files_that_are_in_place_are_not_touched(run: Run, data: Path) -> None:
    Path("data/big").write_bytes(random.Random(1).randbytes(2_000_000))
    version = run.log_artifact("data", name="ds", type="dataset")
    version.download("out")
    before = {path: (os.stat(path).st_ino, os.stat(path).st_mtime_ns) for path in Path("out").rglob("*")}
    version.download("out")
    assert {path: (os.stat(path).st_ino, os.stat(path).st_mtime_ns) for path in Path("out").rglob("*")} == before
    Path("out/a.txt").write_text("ALPHA")
    os.utime("out/a.txt", ns=(before[Path("out/a.txt")][1],) * 2)
    version.download("out")
    assert Path("out/a.txt").read_text() == "alpha"
    assert os.stat("out/big").st_ino == before[Path("out/big")][0]


def test_a_part_is_downloaded_by_its_prefix(run: Run, data: Path) -> None:
    version = run.log_artifact("data", name="ds", type="dataset")
    version.download("out", path_prefix="sub/")
    assert tree("out") == {"sub/b.txt": "beta"}
    with pytest.raises(NotFound, match="begins with 'nix'"):
        version.download("out", path_prefix="nix")


def test_a_part_of_many_reads_few_pages(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = forebear.Artifact("many", "dataset")
    for number in range(6_000):
        draft.add(str(number), f"d{number % 60:02}/{number:06}.txt")
    version = run.log_artifact(draft)
    pages = list(version.manifest.page_digests())
    assert len(pages) > 10
    asked: list[bytes] = []
    real = version.store.read_many
    monkeypatch.setattr(version.store, "read_many", lambda digests: asked.extend(found := list(digests)) or real(found))
    version.download("out", path_prefix="d07/")
    assert len(tree("out")) == 100
    assert len(set(asked) & set(pages)) <= 4
    asked.clear()
    assert version.get_entry("d59/000059.txt").size == 2
    assert len(asked) <= 3


def test_checkout_removes_what_is_not_part_of_it(run: Run, data: Path) -> None:
    first = run.log_artifact("data", name="ds", type="dataset")
    draft = first.new_draft()
    draft.remove("sub")
    draft.add("new", "sub2/c.txt")
    second = run.log_artifact(draft)
    assert first.checkout("out") == "out"
    Path("out/extra/deep").mkdir(parents=True)
    Path("out/extra/deep/x").write_text("x")
    Path("out/link").symlink_to("/etc")
    second.checkout("out")
    assert tree("out") == {"a.txt": "alpha", "sub2/c.txt": "new"}
    assert sorted(os.listdir("out")) == ["a.txt", "sub2"]
    first.checkout("out")
    assert tree("out") == tree("data")


def test_checkout_turns_files_into_folders_and_back(run: Run) -> None:
    file = log(run, {"x": "file", "y/z": "deep"})
    folder = log(run, {"x/a": "inside", "y": "flat"})
    for version, expected in ((file, {"x": "file", "y/z": "deep"}), (folder, {"x/a": "inside", "y": "flat"})) * 2:
        version.checkout("out")
        assert tree("out") == expected


def test_verify_names_every_difference_of_a_folder(run: Run, data: Path) -> None:
    version = run.log_artifact("data", name="ds", type="dataset")
    version.verify()
    version.download("out")
    version.verify("out")
    Path("out/a.txt").write_text("other")
    Path("out/sub/b.txt").unlink()
    Path("out/new").write_text("")
    with pytest.raises(CorruptData, match="ds:v0 is not whole") as caught:
        version.verify("out")
    for words in ("a.txt: changed", "sub/b.txt: missing", "new: not part of the version"):
        assert words in str(caught.value)
    assert len(version.damage("out")) == 3
    with pytest.raises(NotFound, match="no folder"):
        version.verify("nowhere")


def test_one_file_and_many_files(run: Run, data: Path) -> None:
    one = log(run, {"x.txt": "1"}, name="one")
    assert Path(one.file()).read_text() == "1"
    assert os.path.samefile(one.file("there"), "there/x.txt")
    many = run.log_artifact("data", name="ds", type="dataset")
    with pytest.raises(InvalidInput, match="has 2 files"):
        many.file()
    assert [file.path for file in many.files()] == ["a.txt", "sub/b.txt"]
    assert [file.path for file in many.files(names=["sub/b.txt", "none"])] == ["sub/b.txt"]
    entry = many.get_entry("sub/b.txt")
    assert (entry.name, entry.size, entry.ref) == ("sub/b.txt", 4, None)
    assert entry.read() == b"beta"
    assert Path(entry.download("there")).read_text() == "beta"
    assert many.get_path("a.txt").digest == digest_of(b"alpha").hex()
    with pytest.raises(NotFound, match="no file 'none'"):
        many.get_entry("none")
    with pytest.raises(InvalidInput, match="is a file, not a reference"):
        entry.ref_target()


def test_progress_adds_up(run: Run, data: Path) -> None:
    taken, placed = [], []
    draft = forebear.Artifact("ds", "dataset")
    draft.add_dir("data", progress=lambda files, size: taken.append((files, size)))
    version = run.log_artifact(draft)
    version.download("out", progress=lambda files, size: placed.append((files, size)))
    for calls in (taken, placed):
        assert (sum(files for files, _ in calls), sum(size for _, size in calls)) == (2, 9)


def test_an_unchanged_folder_is_not_read_again(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = time.time() - 3600
    for path in ("data/a.txt", "data/sub/b.txt"):
        os.utime(path, (old, old))
    # The time a file's name or place changed last cannot be set back, so the clock that is compared with it goes on.
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10_000_000_000)
    first = run.log_artifact("data", name="ds", type="dataset")
    opened: list[str] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest, **named: opened.append(str(path)) or real(path, *rest, **named))
    assert run.log_artifact("data", name="ds", type="dataset").name == first.name
    assert not [path for path in opened if path.endswith(".txt")]
    Path("data/a.txt").write_text("omega")
    assert run.log_artifact("data", name="ds", type="dataset").version == "v1"
    assert [os.path.basename(path) for path in opened if path.endswith(".txt")] == ["a.txt"]


def test_a_file_that_changed_within_the_tick_of_the_clock_is_hashed_again(run: Run, data: Path) -> None:
    """Same size, same times: only reading tells them apart, so what is fresh is not trusted."""
    for number in range(5):
        Path("data/a.txt").write_text(f"text{number}")
        os.utime("data/a.txt", ns=(1_700_000_000_000_000_000,) * 2)
        assert run.log_artifact("data", name="ds", type="dataset").read("a.txt") == b"text%d" % number


def test_how_it_shows_itself(run: Run) -> None:
    draft = forebear.Artifact("ds", "dataset", metadata={"<b>": "<script>"})
    assert repr(draft) == "<Artifact ds (dataset)>"
    assert "draft" in draft._repr_html_()
    draft.add("x", "a")
    run.log_artifact(draft)
    assert repr(draft) == "<Artifact local/p/ds:v0>"
    assert repr(draft.get_entry("a")) == "<ArtifactFile a of ds:v0>"
    assert "&lt;script&gt;" in draft._repr_html_()
    assert "<script>" not in draft._repr_html_()
