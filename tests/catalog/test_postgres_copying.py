"""Many rows at once arrive in PostgreSQL as they are: packed here where they are of one width, else by its client."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from forebear.catalog import postgres_driver
from forebear.catalog.postgres import PostgresCatalog
from forebear.catalog.postgres_address import address_of
from forebear.catalog.postgres_copying import packed_rows
from forebear.catalog.postgres_driver import COPY_ROWS, PostgresDriver

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BYTEA, BIGINT, INTEGER, SMALLINT, TEXT = 17, 20, 23, 21, 25


def digests(number: int) -> tuple[Any, ...]:
    return (number.to_bytes(32, "big"), number - 2**63, -number)


@pytest.mark.parametrize(
    ("row", "types"),
    [
        ((b"", 1), (BYTEA, BIGINT)),
        ((b"x", None), (BYTEA, BIGINT)),
        ((None, 1), (BYTEA, BIGINT)),
        ((b"x", 1.5), (BYTEA, BIGINT)),
        ((b"x", True), (BYTEA, BIGINT)),
        ((b"x", 2**63), (BYTEA, BIGINT)),
        ((b"x", 2**31), (BYTEA, INTEGER)),
        ((memoryview(b"x"), 1), (BYTEA, BIGINT)),
        ((b"x", "y"), (BYTEA, TEXT)),
    ],
)
def test_what_is_no_number_and_no_digest_is_left_to_the_client(row: Sequence[Any], types: Sequence[int]):
    assert packed_rows([row, row], types) is None


def test_widths_that_differ_are_left_to_the_client():
    assert packed_rows([(b"x",), (b"xx",)], [BYTEA]) is None


def test_a_packed_row_is_lengths_and_values():
    pieces = packed_rows([(b"ab", 1, 2, 3)], [BYTEA, BIGINT, INTEGER, SMALLINT])
    assert pieces is not None
    content = b"".join(pieces)
    assert content[:19] == b"PGCOPY\n\xff\r\n\0" + bytes(8)
    values = b"\0\0\0\2ab" + b"\0\0\0\x08" + bytes(7) + b"\1" + b"\0\0\0\4" + bytes(3) + b"\2" + b"\0\0\0\2" + b"\0\3"
    assert content[19:] == b"\0\4" + values + b"\xff\xff"


@pytest.mark.server
class TestOnAServer:
    @pytest.fixture
    def driver(self, url: str) -> Iterator[PostgresDriver]:
        with closing(PostgresCatalog(url)), closing(PostgresDriver(address_of(url))) as driver:
            driver.execute("CREATE TABLE many (digest BYTEA, at BIGINT, number INTEGER, PRIMARY KEY (digest, at))")
            yield driver

    @pytest.mark.parametrize("tail", ["", "ON CONFLICT (digest, at) DO NOTHING"])
    @pytest.mark.parametrize("odd", [None, (b"short", 1, 2), (b"x" * 32, 1, None)], ids=["packed", "width", "null"])
    def test_rows_arrive_as_they_are(self, driver: PostgresDriver, tail: str, odd: tuple[Any, ...] | None):
        rows = [digests(number) for number in range(COPY_ROWS + 5_000)]
        if odd is not None:
            rows.append(odd)
        with driver.transaction():
            driver.insert("INSERT INTO many (digest, at, number)", rows, tail)
        found = list(driver.rows("SELECT digest, at, number FROM many"))
        assert sorted((bytes(row[0]), row[1], row[2] or 0) for row in found) == sorted(
            (row[0], row[1], row[2] or 0) for row in rows
        )

    def test_rows_are_packed_where_a_version_is_committed(
        self, driver: PostgresDriver, monkeypatch: pytest.MonkeyPatch
    ):
        packed: list[bool] = []

        def watching(rows: Sequence[Sequence[Any]], types: Sequence[int]) -> Iterator[bytes] | None:
            pieces = packed_rows(rows, types)
            packed.append(pieces is not None)
            return pieces

        monkeypatch.setattr(postgres_driver, "packed_rows", watching)
        with driver.transaction():
            driver.insert("INSERT INTO many (digest, at, number)", [digests(at) for at in range(COPY_ROWS + 1)], "")
        assert packed == [True]
