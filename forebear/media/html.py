"""Pages of HTML."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from forebear.media.base import content_of
from forebear.media.files import FileMedia, Source, is_path, is_url, path_source

#: What goes into the head of a page: links open beside what shows the page, and plain text is no serif.
INJECTED = '<base target="_blank"><style>body{font-family:system-ui,sans-serif;margin:0.5em}</style>'

_HEAD = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)
_HTML = re.compile(r"<html(\s[^>]*)?>", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)


class Html(FileMedia):
    """A page or a piece of one.

    Args:
        data: HTML as text or an open file; or the path of a file whose name ends in ``.html`` or ``.htm``.
        inject: Add a few words of style, and let links open elsewhere.
        data_is_not_path: Take text that looks like a path as HTML.
        caption: Text beside the page.

    Raises:
        InvalidInput: nothing is at the path.
    """

    kind: ClassVar[str] = "html-file"
    folder: ClassVar[str] = "html"

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False, caption: object = None) -> None:
        source: Source
        if is_path(data) and not (isinstance(data, str) and (data_is_not_path or not _looks_like_path(data))):
            source, _ = path_source(data, "a page")
        elif isinstance(data, str):
            source = data.encode(errors="replace")
        else:
            source = content_of(data, "a page")
        if inject and not isinstance(source, str):
            content = source if isinstance(source, bytes) else content_of(data, "a page")
            source = injected(content.decode(errors="surrogateescape")).encode(errors="surrogateescape")
        super().__init__(source, ".html", caption)

    @property
    def html(self) -> str:
        """The page as text."""
        return self.content.decode(errors="replace")

    def _repr_html_(self) -> str:
        """Show the page in a notebook, apart from the notebook's own style and scripts."""
        import html

        return f'<iframe srcdoc="{html.escape(self.html)}" style="border:none;width:100%;height:400px"></iframe>'


def _looks_like_path(text: str) -> bool:
    return "<" not in text and "\n" not in text and (is_url(text) or text.lower().endswith((".html", ".htm")))


def injected(page: str) -> str:
    """Return a page with `INJECTED` in its head; a piece without a head gets it in front."""
    if INJECTED in page:
        return page
    for pattern, before, after in ((_HEAD, "", ""), (_HTML, "<head>", "</head>"), (_DOCTYPE, "", "")):
        found = pattern.search(page) if pattern is not _DOCTYPE else pattern.match(page)
        if found:
            return f"{page[: found.end()]}{before}{INJECTED}{after}{page[found.end() :]}"
    return INJECTED + page
