"""Names that would be paths, or break lines, references and terminals, are refused wherever they can be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.errors import ForebearError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BAD = {
    "empty": "",
    "dots": "..",
    "dots inside": "a/../b",
    "slash": "a/b",
    "backslash": "a\\b",
    "colon": "a:b",
    "at": "a@b",
    "newline": "a\nb",
    "NUL": "a\x00b",
    "escape": "a\x1b[2J",
    "too long": "x" * 129,
    "space in front": " a",
    "no text": 7,
}


@pytest.fixture
def run() -> Iterator[forebear.Run]:
    with forebear.init(project="p", settings={"silent": True}) as run:
        yield run


def draft() -> forebear.Artifact:
    made = forebear.Artifact("ds", "dataset")
    made.add("x", "a")
    return made


PLACES: dict[str, Callable[[forebear.Run, Any], Any]] = {
    "artifact name": lambda run, name: forebear.Artifact(name, "dataset"),
    "artifact type": lambda run, name: forebear.Artifact("ds", name),
    "name of a path": lambda run, name: run.log_artifact(__file__, name=name or "/"),
    "alias": lambda run, name: run.log_artifact(draft(), aliases=[name]),
    "tag": lambda run, name: run.log_artifact(draft(), tags=[name]),
    "project": lambda run, name: forebear.init(project=name or "/", reinit="create_new"),
    "entity": lambda run, name: forebear.init(entity=name or "/", reinit="create_new"),
    "run id": lambda run, name: forebear.init(id=name or "/", reinit="create_new"),
    "run tag": lambda run, name: forebear.init(tags=[name], reinit="create_new"),
}


@pytest.mark.parametrize("name", BAD.values(), ids=BAD)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_bad_name_is_refused_with_words_and_leaves_no_trace(
    run: forebear.Run, place: Callable[[forebear.Run, Any], Any], name: Any
) -> None:
    with pytest.raises(InvalidInput) as caught:
        place(run, name)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    assert "\x00" not in message
    assert "\x1b" not in message
    assert len(message) < 400
    assert run.store.catalog.collections() == []
    assert len(run.store.catalog.runs()) == 1


@pytest.mark.parametrize("text", ["a/../b", "../b", "a\\b", "a\nb", "a\x00", "x" * 129, "a b", "ä", ".hidden", "a..b"])
def test_a_reference_with_a_bad_name_is_refused(run: forebear.Run, text: str) -> None:
    with pytest.raises(ForebearError):
        run.use_artifact(text)
    with pytest.raises(ForebearError):
        forebear.Api(project="p").artifacts(text)


@pytest.mark.parametrize("name", ["a", "x" * 128, "A-b_c.d", "0", "-", "_", "a.b.c"])
def test_names_that_are_allowed_work_all_the_way(run: forebear.Run, name: str) -> None:
    made = forebear.Artifact(name, "dataset")
    made.add("x", "a")
    run.log_artifact(made, aliases=["größe", "a b", "x" * 128], tags=["日本"])
    assert run.use_artifact(f"{name}:größe").version == "v0"
    assert forebear.Api(project="p").artifact(f"p/{name}:a b").tags == ["日本"]
