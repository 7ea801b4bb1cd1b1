"""Listing everything below a prefix of an object store: page by page, and several stretches of the names at a time.

A page holds a thousand objects and says how the next one is asked for, so that one page after the other takes as long
as a thousand answers. But stores keep names in order, and a listing may begin after any name. So a stretch of names is
divided wherever there is a free hand: in the middle of the names that it may still hold, without knowing which of them
there are. What lies in the upper half is then listed by somebody else, and an upper half that is empty costs a request.

Not every server keeps that order, or begins where it is told to (directory buckets of S3 have no order, Azure begins
at its own marks only). A stretch is divided only after a look has shown that the server does; else pages are asked for
one after the other.
"""

from __future__ import annotations

import contextlib
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from forebear.blobs.azure_listing import azure_page
from forebear.errors import StorageFailure

#: Objects of a page, the most that S3 gives.
PAGE_OBJECTS = 1_000
#: Pages asked for at the same time; with `PAGE_OBJECTS` of 1 KiB each this bounds the memory of listing.
MAX_PAGES = 8
#: What names in the middle are made of: in order, and understood by every server.
_ALPHABET = "-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
#: Characters of a name that count when a middle is looked for; names that are equal so far are not divided.
_COUNTED = 200
#: Characters of a name in the middle behind what it shares with the lower end.
_SPARE = 3
#: Pages that are looked at before others are asked for at the same time.
_LOOKED_AT = 2
#: How often a stretch is divided at most while one page of it is on its way.
_DIVISIONS = 3
#: Pages that a stretch must seem to have left to be divided.
_WORTH_PAGES = 2
#: After every name.
_END = "\U0010ffff"

#: What asks for a page, as parameters of the store's own call.
Token = dict[str, str]
Info = dict[str, Any]


class Page(NamedTuple):
    """One answer: names and what is told of them, and what asks for the rest; ``None`` at the end."""

    objects: list[tuple[str, Info]]
    more: Token | None


class Pages(Protocol):
    """Gives the pages of one prefix. Safe to use from several threads."""

    def ask(self, token: Token) -> Page:
        """Return a page; the first one for an empty token."""

    def after(self, name: str) -> Token | None:
        """Return what asks for the names after ``name``; it may itself be among them. ``None`` where nothing does."""

    def expect_many(self) -> None:
        """Prepare for many pages; called once, before others than this thread ask for them."""


class S3Pages:
    """The objects below a prefix of a bucket, as they are now; with ``versions`` each tells its version."""

    def __init__(self, system: Any, path: str, *, versions: bool) -> None:
        self._system = system
        self._versions = versions
        self._bucket, key, _ = system.split_path(path)
        self.prefix = f"{key.rstrip('/')}/" if key else ""

    def ask(self, token: Token) -> Page:
        """See `Pages.ask`."""
        method = "list_object_versions" if self._versions else "list_objects_v2"
        options = {"Bucket": self._bucket, "Prefix": self.prefix, "MaxKeys": PAGE_OBJECTS, **token}
        page = self._system.call_s3(method, **options)
        if not self._versions:
            found = [(info["Key"], info) for info in page.get("Contents", ())]
            more = page.get("NextContinuationToken") if page.get("IsTruncated") else None
            return Page(found, {"ContinuationToken": more} if more else None)
        found = [(info["Key"], info) for info in page.get("Versions", ()) if info.get("IsLatest")]
        if not page.get("IsTruncated"):
            return Page(found, None)
        markers = {"KeyMarker": page.get("NextKeyMarker"), "VersionIdMarker": page.get("NextVersionIdMarker")}
        return Page(found, {name: marker for name, marker in markers.items() if marker})

    def after(self, name: str) -> Token:
        """See `Pages.after`."""
        return {"KeyMarker" if self._versions else "StartAfter": name}

    def expect_many(self) -> None:
        """See `Pages.expect_many`. Cost: 100 ms, for a client of its own."""
        given = self._system
        if "session" in given.storage_options:
            return  # the caller's own, in which nothing may be changed
        own = type(given)(*given.storage_args, **{**given.storage_options, "skip_instance_cache": True})
        own.connect()
        # Two thirds of the time that a page takes here go into its thousand dates, and nobody wants them.
        with contextlib.suppress(AttributeError, ValueError):  # other versions of botocore
            own.session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=str)
        self._system = own


class GcsPages:
    """The objects below a prefix of a bucket of GCS."""

    _FIELDS = "items(name,size,etag,generation,md5Hash),nextPageToken"

    def __init__(self, system: Any, path: str) -> None:
        self._system = system
        self._bucket, key, _ = system.split_path(path)
        self.prefix = f"{key.rstrip('/')}/" if key else ""

    def ask(self, token: Token) -> Page:
        """See `Pages.ask`."""
        options = {"prefix": self.prefix, "fields": self._FIELDS, "maxResults": PAGE_OBJECTS, **token}
        page = self._system.call("GET", "b/{}/o", self._bucket, json_out=True, **options)
        more = page.get("nextPageToken")
        found = [(info["name"], info) for info in page.get("items", ())]
        return Page(found, {**token, "pageToken": more} if more else None)

    def after(self, name: str) -> Token:
        """See `Pages.after`."""
        return {"startOffset": name}

    def expect_many(self) -> None:
        """See `Pages.expect_many`."""


class AzurePages:
    """The objects below a prefix of a container of Azure, one page after the other."""

    def __init__(self, system: Any, path: str) -> None:
        self._system = system
        self._container, _, key = path.partition("/")
        self.prefix = f"{key.rstrip('/')}/" if key else ""

    def ask(self, token: Token) -> Page:
        """See `Pages.ask`."""
        found, more = azure_page(
            self._system, self._container, self.prefix, after=token.get("marker"), objects=PAGE_OBJECTS
        )
        return Page(found, {"marker": more} if more else None)

    def after(self, name: str) -> Token | None:
        """See `Pages.after`. Not every version of the service begins anywhere but at a mark of its own."""
        return None

    def expect_many(self) -> None:
        """See `Pages.expect_many`."""


def listed(pages: Pages) -> Iterator[list[tuple[str, Info]]]:
    """Yield names and what is told of them, a page at a time; pages are in no order where several are asked for.

    Raises:
        StorageFailure: the server kept an order of names at first, and then not any more.

    Cost: one request a thousand objects, some dozens more where several are asked for at once. Memory: `MAX_PAGES`
    pages.
    """
    whole = _Stretch("", _END, {})
    page = Page([], {})
    for _ in range(_LOOKED_AT):
        if page.more is not None:
            page = pages.ask(page.more)
            yield page.objects
            if not _in_order(page.objects, whole.after):
                break
            whole.take(page)
    if page.more is not None:
        pages.expect_many()
    middle = whole.middle() if whole.is_whole and whole.more is not None else None
    if middle is not None and (token := pages.after(middle)) is not None:
        # A server that does not begin where it is told to begins at the first name again.
        upper = pages.ask(token)
        if _in_order(upper.objects, middle):
            whole.until = middle
            yield from _several(pages, whole, _Stretch(middle, _END, None), upper)
            return
    while page.more is not None:
        page = pages.ask(page.more)
        yield page.objects


class _Stretch:
    """The names after ``after`` up to ``until``; ``more`` asks for the next of them."""

    def __init__(self, after: str, until: str, more: Token | None) -> None:
        self.after = after
        self.until = until
        self.more = more
        #: Last names of the two newest pages.
        self._ends = ("", "")
        #: Whether its upper half would be a new one: not since it was divided, unless that half was empty.
        self.is_whole = False
        #: How often it may be divided before the next page comes; what may be empty costs a request.
        self.divisions = 0

    def take(self, page: Page) -> list[tuple[str, Info]]:
        """Return what a page holds of this stretch, and see whether that was the last."""
        found = page.objects
        if not _in_order(found, self.after):
            raise StorageFailure(
                f"a listing is out of order: {found[0][0]!r} and others were told after {self.after!r}; "
                "tell its server's makers, and refer to folders further down",
                code="listing-disorder",
            )
        self.more = page.more
        if found and found[-1][0] > self.until:
            self.more = None
        # A server may begin with the very name that it was to begin after.
        found = [item for item in found if self.after < item[0] <= self.until]
        if found:
            self.after = found[-1][0]
            self._ends = (self._ends[1], self.after)
            # Two pages show how its names go on.
            self.is_whole = bool(self._ends[0])
            self.divisions = _DIVISIONS if self.is_whole else 0
        return found

    def pages_left(self) -> int:
        """Return how many pages it may still have if its names go on as in the newest."""
        first, last = map(_number, self._ends)
        return (_number(self.until) - _number(self.after)) // max(1, last - first)

    def middle(self) -> str | None:
        """Return a name in its middle; ``None`` where there is none."""
        equal = _shared(self.after, self.until)
        equal_in_page = _shared(*self._ends)
        name = ""
        if equal_in_page > equal + 1:
            # What follows each other begins alike. Down to where all of it does is found by halves.
            name = self.after[: (equal + equal_in_page) // 2] + _ALPHABET[-1]
        if not self.after < name < self.until:
            name = _between(self.after, self.until)
        return name if self.after < name < self.until else None


def _several(pages: Pages, lower: _Stretch, upper: _Stretch, page: Page) -> Iterator[list[tuple[str, Info]]]:
    """List two stretches, dividing them further; ``page`` is the first of the upper one."""
    yield upper.take(page)
    with ThreadPoolExecutor(MAX_PAGES, thread_name_prefix="forebear-list") as pool:
        running: dict[Future[Page], _Stretch] = {}

        def ask(stretch: _Stretch) -> None:
            if stretch.more is not None:
                running[pool.submit(pages.ask, stretch.more)] = stretch

        try:
            ask(lower)
            ask(upper)
            while running:
                while len(running) < MAX_PAGES and (half := _upper_half(pages, running.values())) is not None:
                    ask(half)
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    stretch = running.pop(future)
                    found = stretch.take(future.result())
                    yield found
                    ask(stretch)
                    if not found:
                        # An upper half was empty, so that the lower one is as long as it was.
                        for other in running.values():
                            other.is_whole = other.divisions > 0
        finally:
            pool.shutdown(cancel_futures=True)


def _upper_half(pages: Pages, stretches: Iterable[_Stretch]) -> _Stretch | None:
    """Divide the longest stretch that is worth it, and return its upper half."""
    whole = [(each.pages_left(), each) for each in stretches if each.is_whole]
    for left, stretch in sorted(whole, key=itemgetter(0), reverse=True):
        middle = stretch.middle() if left >= _WORTH_PAGES else None
        stretch.is_whole = False
        stretch.divisions -= 1
        if middle is not None and (token := pages.after(middle)) is not None:
            half = _Stretch(middle, stretch.until, token)
            stretch.until = middle
            return half
    return None


def _in_order(objects: list[tuple[str, Info]], after: str = "") -> bool:
    last = after
    for name, _ in objects:
        if name < last:
            return False
        last = name
    return True


# -- names as numbers -------------------------------------------------------------------------------------------------


def _digits(name: str) -> list[int]:
    """Return the first characters of a name as digits; the order of names is kept, if not every difference."""
    digits = [max(0, bisect_right(_ALPHABET, char) - 1) for char in name[:_COUNTED]]
    return digits + [0] * (_COUNTED - len(digits))


def _between(low: str, high: str) -> str:
    """Return a name in the middle of two, if their characters that count leave one."""
    digits = _digits(low)
    middle = _of_number((_number_of(digits) + _number(high)) // 2)
    differs = next((at for at in range(_COUNTED) if middle[at] != digits[at]), _COUNTED)
    return "".join(_ALPHABET[digit] for digit in middle[: differs + 1 + _SPARE])


def _shared(first: str, second: str) -> int:
    """Return how many characters two names have in common at their beginning."""
    return len(os.path.commonprefix([first, second]))


def _number(name: str) -> int:
    return _number_of(_digits(name))


def _number_of(digits: list[int]) -> int:
    number = 0
    for digit in digits:
        number = number * len(_ALPHABET) + digit
    return number


def _of_number(number: int) -> list[int]:
    digits = []
    for _ in range(_COUNTED):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(digit)
    return digits[::-1]
