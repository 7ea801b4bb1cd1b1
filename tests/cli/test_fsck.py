"""``forebear fsck`` and ``forebear recover``: what they say, and how they end."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from forebear.api.checking.report import Checkup, Repair, Trouble
from forebear.cli.layout import plain
from forebear.cli.output import Screen
from forebear.cli.views.checking import CheckView
from forebear.store.shared import close_stores, shared_store


@pytest.fixture
def packs(cli: Any, digits: Path) -> list[Path]:
    """Objects of a store with one version, digits:v0, which has the aliases latest and prod."""
    return sorted(path for path in Path(".forebear/objects/pack").rglob("*") if path.is_file())


def damage(path: Path) -> None:
    close_stores()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)


def test_a_sound_store_exits_with_0(cli: Any, digits: Path) -> None:
    packs = list(shared_store().objects.names("pack/"))
    assert cli("fsck").out.startswith("sound  ")
    answer = cli("fsck", "--read-data", "--json").json()
    assert answer["ok"] is True
    assert answer["read_objects"] == answer["objects"] == len(packs)
    assert answer["troubles"] == []
    assert cli("fsck", "-q").out == ""
    assert cli("fsck", "--read-data-subset", "1/1", "--json").json()["read_bytes"] == answer["read_bytes"]
    assert cli("fsck", "--rebuild-index", "--json").json()["repairs"][0]["kind"] == "index"


def test_damage_exits_with_4_and_names_what_it_hits(cli: Any, packs: list[Path]) -> None:
    for pack in packs:
        damage(pack)
    answer = cli("fsck", "--read-data", status=4)
    assert answer.out.startswith("damaged  ")
    for words in ("local/p/digits:v0", "local/p/digits:prod", "fsck --repair", "damaged-object pack/"):
        assert words in answer.out
    assert cli("fsck", "--read-data", "-q", status=4).lines == ["local/p/digits:v0"]
    found = cli("fsck", "--read-data", "--json", status=4).json()
    # Troubles stand in the order of the names of objects, which are digests; one of these holds nothing of a version.
    assert ["local/p/digits:latest", "local/p/digits:prod"] in [each["aliases"] for each in found["troubles"]]


def test_a_repair_heals_from_another_store(cli: Any, packs: list[Path]) -> None:
    close_stores()
    shutil.copytree(".forebear", "copy")
    for pack in packs:
        damage(pack)
    assert "what is lost:" in cli("fsck", "--read-data", "--repair", status=4).out
    answer = cli("fsck", "--repair", "--from", "copy")
    assert answer.out.startswith("mended  ")
    assert "healed" in answer.out
    assert cli("artifact", "verify", "digits").status == 0
    assert cli("fsck", "--read-data").out.startswith("sound")


def test_wrong_uses_exit_with_2_or_3(cli: Any, packs: list[Path]) -> None:
    assert "5%" in cli("fsck", "--read-data-subset", "many", status=2).err
    close_stores()
    shutil.copytree(".forebear", "copy")
    assert "only for a repair" in cli("fsck", "--from", "copy", status=2).err
    assert "no store" in cli("fsck", "--repair", "--from", "nowhere", status=3).err
    assert "no store" in cli("fsck", "--store", "nowhere", status=3).err
    assert "no store" in cli("recover", "--store", "nowhere", status=3).err


def test_a_lost_catalog_is_made_again(cli: Any, packs: list[Path]) -> None:
    close_stores()
    for path in Path(".forebear").glob("catalog.db*"):
        path.unlink()
    assert "forebear recover --store" in cli("fsck", status=4).err
    answer = cli("recover")
    assert answer.out.startswith("a new catalog  1 version, 2 aliases, 1 run")
    assert cli("artifact", "verify", "digits:prod").status == 0
    assert cli("recover").out.startswith("nothing to recover")
    assert cli("recover", "--json").json()["versions_same"] == 1


def test_a_damaged_catalog_is_kept_and_damaged_records_are_told(cli: Any, packs: list[Path]) -> None:
    close_stores()
    Path(".forebear/catalog.db").write_bytes(b"noise" * 5_000)
    (record,) = Path(".forebear/objects/versions").rglob("*.json")
    record.chmod(0o644)
    record.write_text("{")
    answer = cli("recover", status=4)
    assert "catalog.db.damaged-1" in answer.out
    assert "damaged versions/" in answer.out
    assert cli("recover", "-q", status=4).lines == [str(record.relative_to(".forebear/objects"))]


def test_long_lists_are_cut_for_people_alone() -> None:
    names = tuple(f"e/p/n:v{number}" for number in range(50))
    trouble = Trouble("missing-blob", "loose/ab/" + "ab" * 32, "object is gone", names, (), (), names, 7)
    found = Checkup(
        "u",
        unknown_objects=1,
        trash_objects=2,
        troubles=[trouble] * 30,
        repairs=[Repair("object", "x", "put aside")] * 30,
    )
    view = CheckView(found)
    lines = [plain(spans) for spans in view.lines(Screen(None, datetime.now(UTC)))]
    text = "\n".join(lines)
    for words in (
        "1 object (0 B) that no index knows",
        "2 objects (0 B) in the trash",
        "and 30 more",
        "and 37 more",
        "… and 10 more; --json",
        "… and 10 more repairs",
        "abababababababab…",
    ):
        assert words in text, text
    (record,) = view.records()
    assert len(record["troubles"]) == 30
