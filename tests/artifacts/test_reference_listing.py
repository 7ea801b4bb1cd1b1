"""Listings in pages: everything once, whatever the names are, in few requests, several at a time, from any server."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.artifacts.reference_listing import MAX_PAGES, Page, Token, listed
from forebear.errors import StorageFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PAGE = 50


class Server:
    """Names in pages, as object stores give them.

    Args:
        starts: What it makes of the name that a listing is to begin after: nothing, the name itself too, or all behind.
    """

    def __init__(self, names: Iterable[str], *, starts: str = "after", order: Callable[[str], object] | None = None):
        self.names = sorted(names, key=order)
        self.starts = starts
        self.asked = 0
        self.at_once = self.most_at_once = 0
        self.waits = False
        self._lock = threading.Lock()
        self._together = threading.Event()

    def ask(self, token: Token) -> Page:
        with self._lock:
            self.asked += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            if self.at_once > 1:
                self._together.set()
        try:
            # The first pages come alone; of those behind them one waits until another is asked for.
            if self.waits and self.asked > 4:
                self._together.wait(5)
            return self._page(token)
        finally:
            with self._lock:
                self.at_once -= 1

    def _page(self, token: Token) -> Page:
        begin = int(token.get("at", self._begin(token.get("after"))))
        end = begin + PAGE
        found = [(name, {"number": begin + at}) for at, name in enumerate(self.names[begin:end])]
        return Page(found, {"at": str(end)} if end < len(self.names) else None)

    def _begin(self, name: str | None) -> int:
        if name is None or self.starts == "anywhere":
            return 0
        return (bisect_left if self.starts == "at" else bisect_right)(self.names, name)

    def after(self, name: str) -> Token:
        return {"after": name}

    def expect_many(self) -> None:
        assert self.at_once == 0


def names_of(server: Server) -> list[str]:
    """Return all names listed, having seen that none came twice."""
    found = [name for page in listed(server) for name, _ in page]
    assert len(set(found)) == len(found)
    return sorted(found)


FOLDERS = [f"p/d{number // 100:04}/f{number % 100:02}.bin" for number in range(10_000)]
CLASSES = [f"train/images/class_{number % 10:04}/{number * 7919 % 65537:08x}.jpg" for number in range(10_000)]


@pytest.mark.parametrize("starts", ["after", "at"])
@pytest.mark.parametrize("names", [FOLDERS, CLASSES], ids=["folders", "classes"])
def test_few_requests_more_than_pages_and_several_at_a_time(names: list[str], starts: str):
    server = Server(names, starts=starts)
    server.waits = True
    assert names_of(server) == sorted(names)
    assert server.asked <= 2 * len(names) / PAGE
    assert 1 < server.most_at_once <= MAX_PAGES


@pytest.mark.parametrize("starts", ["after", "at", "anywhere"])
@given(names=st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4), max_size=400))
def test_all_names_once(names: set[str], starts: str):
    assert names_of(Server(names, starts=starts)) == sorted(names)


@given(names=st.sets(st.text("abAB/-é~", min_size=1, max_size=12), min_size=200, max_size=400))
def test_all_names_once_where_they_lie_close(names: set[str]):
    assert names_of(Server(names)) == sorted(names)


def test_pages_come_one_after_the_other_from_a_server_without_order():
    server = Server(FOLDERS[:1000], order=lambda name: name[::-1])
    assert names_of(server) == FOLDERS[:1000]
    assert (server.asked, server.most_at_once) == (20, 1)


def test_pages_come_one_after_the_other_from_a_server_that_begins_where_it_likes():
    server = Server(FOLDERS[:1000], starts="anywhere")
    assert names_of(server) == FOLDERS[:1000]
    assert (server.asked, server.most_at_once) == (21, 1), "one look shows it"


@pytest.mark.parametrize("count", [0, 1, PAGE, PAGE + 1])
def test_short_listings_take_a_request_a_page(count: int):
    server = Server(FOLDERS[:count])
    assert names_of(server) == FOLDERS[:count]
    assert server.asked <= 1 + 4 * (count > PAGE)


def test_a_page_may_be_empty_before_the_end():
    """Of versions, the newest may be a mark that says that the object is deleted."""

    class Deleted(Server):
        def _page(self, token: Token) -> Page:
            page = super()._page(token)
            return Page([item for item in page.objects if item[1]["number"] % 300 >= 100], page.more)

    for first in (0, 100):  # the first page has nothing, or something
        server = Deleted(FOLDERS[first : first + 3000])
        assert names_of(server) == [name for number, name in enumerate(server.names) if number % 300 >= 100]


def test_a_server_that_loses_its_order_is_not_believed():
    class Confused(Server):
        def _page(self, token: Token) -> Page:
            page = super()._page(token)
            return Page(page.objects[::-1] if self.asked > 10 else page.objects, page.more)

    with pytest.raises(StorageFailure, match="out of order") as caught:
        names_of(Confused(FOLDERS))
    assert caught.value.code == "listing-disorder"


def test_what_fails_ends_the_listing():
    class Failing(Server):
        def _page(self, token: Token) -> Page:
            if self.asked > 20:
                raise TimeoutError("no answer")
            return super()._page(token)

    server = Failing(FOLDERS)
    with pytest.raises(TimeoutError, match="no answer"):
        names_of(server)
    assert server.asked <= 20 + 2 * MAX_PAGES


def test_a_listing_may_be_left_early():
    server = Server(FOLDERS)
    pages = listed(server)
    for _ in range(5):
        next(pages)
    pages.close()
    assert server.asked <= 5 + 2 * MAX_PAGES
