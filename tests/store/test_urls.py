from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest

from forebear.errors import InvalidInput
from forebear.store.urls import parse_store_url, shown_url, with_blobs

TEAM = "postgresql://ada@host:5433/db?blobs=s3://bucket/pre"


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("/data/store", "/data/store"),
        ("/data/with space", "/data/with space"),
        ("/data/what?is=this", "/data/what?is=this"),
        ("file:///data/a%20b", "/data/a b"),
        ("file://localhost/data", "/data"),
        ("local:///data", "/data"),
    ],
)
def test_a_folder(url: str, folder: str) -> None:
    found = parse_store_url(url)
    assert (found.folder, found.catalog, found.blobs, found.options) == (Path(folder), None, None, {})
    assert found.shown == found.address == folder
    assert not found.is_far


def test_a_folder_is_where_the_process_is(home: Path) -> None:
    assert parse_store_url("here").folder == Path.cwd() / "here"
    assert parse_store_url(Path("here")).folder == Path.cwd() / "here"
    assert parse_store_url("~/there").folder == home / "there"


def test_a_folder_with_blobs_elsewhere() -> None:
    found = parse_store_url("/data/store?blobs=s3://bucket/pre&endpoint_url=http://127.0.0.1:9000&region=eu-1")
    assert (found.folder, found.blobs) == (Path("/data/store"), "s3://bucket/pre")
    assert found.options == {"endpoint_url": "http://127.0.0.1:9000", "client_kwargs": {"region_name": "eu-1"}}
    assert found.tail == "blobs=s3://bucket/pre&endpoint_url=http://127.0.0.1:9000&region=eu-1"
    assert found.is_far
    assert parse_store_url(found.address) == found == with_blobs(Path("/data/store"), found.tail)
    assert not parse_store_url("/data/store?blobs=/other/disk").is_far


@pytest.mark.parametrize(
    ("tail", "blobs", "options"),
    [
        ("blobs=gs://bucket/pre&anon=1", "gs://bucket/pre", {"token": "anon"}),
        ("blobs=s3://bucket&anon=yes", "s3://bucket", {"anon": True}),
        ("blobs=s3://bucket&anon=0&profile=team", "s3://bucket", {"anon": False, "profile": "team"}),
        ("blobs=az://container/pre&account_name=a", "az://container/pre", {"account_name": "a"}),
        ("blobs=memory://place/pre", "memory://place/pre", {}),
        ("blobs=file:///shared/blobs", "/shared/blobs", {}),
        ("blobs=/shared/a%26b", "/shared/a&b", {}),
    ],
)
def test_places_of_blobs(tail: str, blobs: str, options: dict[str, object]) -> None:
    for before in ("postgresql://host/db", "/data/store"):
        found = parse_store_url(f"{before}?{tail}")
        assert (found.blobs, found.options) == (blobs, options)
        assert parse_store_url(found.shown) == found


def test_a_database() -> None:
    found = parse_store_url(f"{TEAM}&schema=team&sslmode=require")
    assert found.folder is None
    assert found.catalog == "postgresql://ada@host:5433/db?schema=team&sslmode=require"
    assert (found.blobs, found.is_far) == ("s3://bucket/pre", True)
    assert found.shown == found.address == f"{TEAM}&schema=team&sslmode=require"
    assert parse_store_url(TEAM.replace("postgresql", "postgres")) == parse_store_url(TEAM)
    assert parse_store_url("postgresql:///db?host=/run/pg&blobs=/b").catalog == "postgresql:///db?host=/run/pg"


def test_a_password_opens_and_is_never_shown() -> None:
    url = "postgresql://ada:s3cr%2Fet@host/db?blobs=s3://bucket/pre&password=hidden"
    found = parse_store_url(url)
    assert found.catalog == "postgresql://ada:s3cr%2Fet@host/db?password=hidden"
    assert parse_store_url(found.address) == found
    for text in (found.shown, repr(found), str([found]), shown_url(url)):
        assert "s3cr" not in text
        assert "hidden" not in text
    assert found.shown == "postgresql://ada@host/db?blobs=s3://bucket/pre"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://bucket/pre", "a store cannot be at s3"),
        ("https://host", "a store cannot be at https"),
        ("postgresql://host/db", r"needs a place for blobs: add \?blobs="),
        ("/data?blobs=", "names one place"),
        ("/data?blobs=/a&blobs=/b", "names one place"),
        ("/data?blobs=/a&colour=red", "colour=…, which means nothing here; there are blobs"),
        ("/data?blobs=s3://b/p&colour=red", "there are blobs, endpoint_url, region, profile, anon"),
        ("/data?blobs=s3://", "names no bucket"),
        ("file:///data?blobs", "not name=value"),
    ],
)
def test_what_is_no_store(url: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse_store_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "/data?blobs=s3://b/p&secret=TOPSECRET",
        "/data?blobs=s3://b/p&aws_secret_access_key=TOPSECRET",
        "/data?blobs=gs://b/p&token=TOPSECRET",
        "/data?blobs=s3://user:TOPSECRET@b/p",
        "/data?blobs=s3://b/p&endpoint_url=http://user:TOPSECRET@host",
        "postgresql://host/db?blobs=az://c/p&connection_string=TOPSECRET",
        "postgresql://ada:TOPSECRET@x@host/db?blobs=s3://b/p",
        "postgresql://ada:TOP/SECRET@host/db?blobs=s3://b/p",
        "postgresql://ada:TOP?SECRET@host/db?blobs=s3://b/p",
        "postgresql://ada:TOP#SECRET@host/db?blobs=s3://b/p",
        "postgresql://ada:TOP[SECRET@host/db?blobs=s3://b/p",
    ],
)
def test_secrets_are_refused_without_being_told(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_store_url(url)
    told = "".join(traceback.format_exception(caught.value))
    # The line of this test that called is part of the traceback, but not what it called with.
    assert "TOPSECRET" not in told
    assert "SECRET@" not in told
    assert "SECRET" not in shown_url(url)


def test_anything_can_be_shown() -> None:
    assert shown_url("/data/store") == "/data/store"
    assert shown_url("s3://bucket/pre") == "s3://…"
    assert shown_url("postgresql://ada:secret@host/db") == "postgresql://…"
    assert shown_url(Path("/a")) == os.fspath(Path("/a"))
