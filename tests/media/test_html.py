"""Pages: what is text and what a path, and where the style goes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from forebear.errors import InvalidInput
from forebear.media.html import INJECTED, Html
from forebear.media.registry import revive
from tests.media.kept_files import Files


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>a</p>", f"{INJECTED}<p>a</p>"),
        ("plain text", f"{INJECTED}plain text"),
        ("", INJECTED),
        ("<html><head lang='x'><title>t</title>", f"<html><head lang='x'>{INJECTED}<title>t</title>"),
        ("<!DOCTYPE html><HTML lang='de'><body>", f"<!DOCTYPE html><HTML lang='de'><head>{INJECTED}</head><body>"),
        ("<!doctype html>\n<p>a</p>", f"<!doctype html>{INJECTED}\n<p>a</p>"),
        ("<header>a</header>", f"{INJECTED}<header>a</header>"),
    ],
)
def test_style_goes_into_the_head(page: str, expected: str) -> None:
    assert Html(page).html == expected
    assert Html(page, inject=False).html == page
    assert Html(Html(page).html).html == expected, "and only once"


def test_a_page_comes_back() -> None:
    files = Files()
    page = Html("<p>ä 日本</p>", caption="c")
    value = page.to_json(files)
    assert value["_type"] == "html-file"
    assert value["path"].startswith("media/html/")
    assert value["path"].endswith(".html")
    assert files.read(value["path"]).decode() == page.html
    back = revive(value, files.read)
    assert back == page
    assert isinstance(back, Html)
    assert back.html == page.html


def test_paths_and_open_files(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("<p>a</p>")
    for given in (file, str(file), file.open(), io.BytesIO(b"<p>a</p>")):
        assert Html(given).html == f"{INJECTED}<p>a</p>"
        if hasattr(given, "close"):
            given.close()
    files = Files()
    assert files.read(Html(file, inject=False).to_json(files)["path"]) == b"<p>a</p>"
    with pytest.raises(InvalidInput, match=r"no\.html' is given as a page, but nothing is there"):
        Html(str(tmp_path / "no.html"))
    with pytest.raises(InvalidInput, match="nothing is there"):
        Html(tmp_path / "no")


def test_text_that_looks_like_a_path(tmp_path: Path) -> None:
    assert Html("see report.html", data_is_not_path=True).html == f"{INJECTED}see report.html"
    assert Html("<a>x.html").html == f"{INJECTED}<a>x.html"
    assert Html("a\nb.html").html == f"{INJECTED}a\nb.html"


def test_a_page_elsewhere_stays_there() -> None:
    assert Html("https://example.org/report").url == "https://example.org/report"


def test_bytes_of_another_encoding_are_kept() -> None:
    assert Html(b"<p>\xe4</p>").content == INJECTED.encode() + b"<p>\xe4</p>"
    assert Html("a\ud800b", inject=False).content == b"a?b"


def test_a_notebook_shows_it_in_a_frame() -> None:
    shown = Html('<p class="a">', inject=False)._repr_html_()
    assert 'srcdoc="&lt;p class=&quot;a&quot;&gt;"' in shown


@pytest.mark.parametrize("value", [3, None, ["<p>"]])
def test_what_is_no_page(value: object) -> None:
    with pytest.raises(InvalidInput, match="a page is a path, bytes or an open file"):
        Html(value)
