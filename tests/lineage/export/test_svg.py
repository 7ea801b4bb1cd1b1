"""The drawing: everything is there, in its place, and inside its box."""

from __future__ import annotations

import builtins
import re
import struct
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from forebear.errors import Unsupported
from forebear.lineage.drawing.text import text_width
from forebear.lineage.export import png, svg
from forebear.lineage.model import GraphData
from forebear.records.lineage import EdgeKind, NodeInfo
from forebear.testing.graphs import HOSTILE, edge, line_of, run_info, version_info

SVG = "{http://www.w3.org/2000/svg}"
SIZES = {"name": (13.0, True), "sub": (11.0, False)}


def drawn(graph: GraphData) -> ET.Element:
    return ET.fromstring(svg.write(graph))


def boxes(tree: ET.Element) -> dict[str, ET.Element]:
    return {str(g.get("data-id")): g for g in tree.iter(f"{SVG}g") if "node" in g.get("class", "").split()}


def width_of(box: ET.Element) -> float:
    rect = box.find(f"{SVG}rect")
    if rect is not None:
        return float(rect.get("width", 0))
    hull = box.find(f"{SVG}path")
    assert hull is not None
    return max(float(x) for x in re.findall(r"[MLH](-?[\d.]+)", hull.get("d", "")))


def texts(box: ET.Element) -> list[tuple[str, ET.Element]]:
    return [(text.get("class", ""), text) for text in box.iter(f"{SVG}text")]


def with_aliases(*aliases: str, label: str = "data:v0") -> NodeInfo:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return NodeInfo(0, "artifact", "team/digits/data:v0", label, "dataset", "COMMITTED", at, aliases)


@pytest.mark.parametrize("label", [*HOSTILE, "W" * 60, "狐" * 60, "🦊" * 60, "i" * 400, "name" * 30 + ":v12"])
def test_text_stays_in_its_box(label: str):
    graph = GraphData((version_info(0, label, type=label or None), run_info(0, label, type=label or None)), ())
    for box in boxes(drawn(graph)).values():
        for kind, text in texts(box):
            size, bold = SIZES[kind]
            end = float(text.get("x", 0)) + text_width(text.text or "", size, bold=bold)
            assert end <= width_of(box) - 8


def test_a_cut_name_keeps_its_version_and_the_title_keeps_all():
    label = "a-name-that-goes-on-and-on-and-on-and-on:v123"
    box = boxes(drawn(GraphData((version_info(0, label),), ())))["team/digits/data:v0"]
    name = next(text.text for kind, text in texts(box) if kind == "name")
    assert name.endswith("…:v123")
    assert name.startswith("a-name-that")
    assert box.findtext(f"{SVG}title") == "team/digits/data:v0 · dataset · COMMITTED"


def test_aliases_are_pills_and_those_without_room_are_counted():
    box = boxes(drawn(GraphData((with_aliases("latest", "prod"),), ())))["team/digits/data:v0"]
    assert [text.text for kind, text in texts(box) if not kind] == ["latest", "prod"]
    many = [f"alias-number-{n}" for n in range(12)]
    box = boxes(drawn(GraphData((with_aliases(*many),), ())))["team/digits/data:v0"]
    pills = [text.text for kind, text in texts(box) if not kind]
    assert pills[-1] == f"+{12 - (len(pills) - 1)}"
    for rect in box.iter(f"{SVG}rect"):
        if rect.get("rx") == "8":
            assert float(rect.get("x", 0)) + float(rect.get("width", 0)) <= width_of(box) - 8
    assert "alias-number-11" in str(box.findtext(f"{SVG}title"))


def test_runs_and_versions_have_shapes_of_their_own():
    found = boxes(drawn(GraphData((version_info(0), run_info(0)), ())))
    version, run = found["team/digits/data:v0"], found["team/digits/r0"]
    assert version.find(f"{SVG}rect") is not None
    assert run.find(f"{SVG}rect") is None
    assert str(run.find(f"{SVG}circle").get("class")) == "dot finished"  # type: ignore[union-attr]


def test_edges_tell_what_they_are():
    raw, run, made, again = version_info(0), run_info(0), version_info(1), run_info(1)
    graph = GraphData(
        (raw, run, made, again),
        (
            edge(raw, run),
            edge(run, made),
            edge(again, made, EdgeKind.REPRODUCED),
            edge(made, run, EdgeKind.FEEDBACK),
            edge(run, again, EdgeKind.FORKED),
            edge(again, again, EdgeKind.REWOUND),
        ),
        stale=frozenset({run.key, made.key}),
        outdated=frozenset({raw.key}),
    )
    tree = drawn(graph)
    paths = [path for path in tree.iter(f"{SVG}path") if path.get("data-kind")]
    assert {(p.get("data-kind"), p.get("class")) for p in paths} == {
        ("used", "edge stale"),
        ("logged", "edge stale"),
        ("reproduced", "edge reproduced"),
        ("feedback", "edge feedback"),
        ("forked", "edge forked"),
        ("rewound", "edge rewound"),
    }
    style = tree.findtext(f"{SVG}style")
    for look in ("stale", "reproduced", "feedback", "forked", "rewound"):
        assert re.search(rf"\.edge\.{look}{{[^}}]*stroke-dasharray", str(style))
    legend = next(group for group in tree.iter(f"{SVG}g") if group.get("class") == "legend")
    assert {text.text for text in legend.iter(f"{SVG}text")} >= {
        "built on an old version",
        "reproduced",
        "feedback",
        "forked",
        "rewound",
    }
    assert "prefers-color-scheme:dark" in str(style)


def test_a_run_that_was_rewound_has_a_line_around_its_box():
    run = run_info(0)
    tree = drawn(GraphData((run,), (edge(run, run, EdgeKind.REWOUND),)))
    box = boxes(tree)[run.id]
    x, y = map(float, re.findall(r"[\d.]+", box.get("transform", "")))
    path = next(path for path in tree.iter(f"{SVG}path") if path.get("data-kind"))
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d", ""))]
    assert numbers[0] == pytest.approx(x + width_of(box), abs=0.1)
    assert numbers[-1] == pytest.approx(x - 7, abs=0.1)
    down = float(re.findall(r"V([\d.]+)", path.get("d", ""))[0])
    assert y + 48 < down < float(tree.get("height", 0)) - 8


def test_a_run_that_was_deleted_is_faint():
    run = replace(run_info(0), state="deleted")
    assert "gone" in str(boxes(drawn(GraphData((run,), ())))[run.id].get("class"))


def test_an_edge_ends_at_its_boxes():
    graph = line_of(20)
    tree = drawn(graph)
    left = {}
    right = {}
    for key, box in boxes(tree).items():
        x, y = map(float, re.findall(r"[\d.]+", box.get("transform", "")))
        left[key], right[key] = (x, y), (x + width_of(box), y)
    for path in tree.iter(f"{SVG}path"):
        if path.get("data-source"):
            numbers = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d", ""))]
            start = right[str(path.get("data-source"))]
            end = left[str(path.get("data-target"))]
            assert numbers[0] == pytest.approx(start[0], abs=0.2)
            assert start[1] < numbers[1] < start[1] + 70
            assert numbers[-2] == pytest.approx(end[0] - 7, abs=0.2)
            assert end[1] < numbers[-1] < end[1] + 70


def test_the_drawing_holds_all_that_is_drawn():
    drawing = svg.draw(line_of(200))
    tree = ET.fromstring(drawing.svg)
    for box in boxes(tree).values():
        x, y = map(float, re.findall(r"[\d.]+", box.get("transform", "")))
        assert x > 0
        assert x + width_of(box) < drawing.width
        assert 0 < y < drawing.height - 70


# -- PNG -----------------------------------------------------------------------------------------------------------


def size_of(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_a_picture_is_twice_the_drawing(count: int):
    pytest.importorskip("resvg_py", reason="the extra media is not installed")
    graph = line_of(count) if count else GraphData((), ())
    drawing = svg.draw(graph)
    width, height = size_of(png.write(graph))
    assert width == int(drawing.width * 2)
    assert height == pytest.approx(drawing.height * 2, abs=2)


def test_a_picture_has_ink_where_the_boxes_are():
    pytest.importorskip("resvg_py", reason="the extra media is not installed")
    image = pytest.importorskip("PIL.Image", reason="pillow, of the extra media, is not installed")
    import io

    picture = image.open(io.BytesIO(png.write(line_of(4)))).convert("RGB")
    colours = picture.getcolors(1_000_000)
    paper = max(colours)[1]
    assert paper == (0xFA, 0xFB, 0xFD)
    assert (0x25, 0x63, 0xEB) in {colour for _, colour in colours}


def test_a_huge_drawing_is_scaled_down(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("resvg_py", reason="the extra media is not installed")
    monkeypatch.setattr(png, "MAX_PIXELS", 200_000)
    width, height = size_of(png.write(line_of(60)))
    # A row of pixels more, for the height is rounded up.
    assert 150_000 < width * height < 200_000 + width


def test_without_the_extra_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "resvg_py":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(Unsupported, match=re.escape("pip install 'forebear[media]'")):
        png.write(GraphData((), ()))
