"""The reference pages that are written by hand name everything that there is."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from forebear import errors, settings
from forebear.blobs.pack import PACK_BYTES
from forebear.blobs.writer import SMALL_BYTES
from forebear.catalog.schema import SCHEMA_VERSION
from forebear.catalog.sqlite import SqliteCatalog
from forebear.lineage.export.registry import FORMATS

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
ERROR_CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """Return what stands below each second-level heading that is one word of code."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {head.strip().strip("`"): body for head, body in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.fixture
def schema(tmp_path):
    """Tables with their columns, and indexes with their tables, of a fresh catalog."""
    import pysqlite3

    SqliteCatalog(tmp_path / "catalog.db").close()
    db = pysqlite3.connect(str(tmp_path / "catalog.db"))
    named = db.execute("SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
    tables = {
        name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")] for type, name, _ in named if type == "table"
    }
    db.close()
    return tables, {name: table for type, name, table in named if type == "index"}


def test_the_schema_page_names_every_table_column_and_index(schema):
    tables, indexes = schema
    text = sections(page("catalog-schema.md"))
    documented = {name: re.findall(r"^\| `(\w+)` \|", text[name], re.MULTILINE) for name in text if name in tables}
    assert documented == tables
    for index, table in indexes.items():
        assert f"`{index}`" in text[table], f"{index} is not named below {table}"
    assert len(re.findall(r"`\w+` \(`", page("catalog-schema.md"))) == len(indexes), "the page names an index too many"


def test_the_schema_page_is_of_this_schema():
    assert f"schema **{SCHEMA_VERSION}**" in page("catalog-schema.md")


def test_the_settings_page_names_every_setting_and_variable():
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| ([^|]*)\|", page("settings.md"), re.MULTILINE)}
    assert {field: tuple(re.findall(r"`(\w+)`", names)) for field, names in rows.items()} == settings.ENVIRONMENT
    in_files = re.findall(r"^\| `(\w+)` \| [^|]*\| yes ", page("settings.md"), re.MULTILINE)
    assert tuple(in_files) == settings._FILE_FIELDS


@pytest.mark.parametrize("kind", ERROR_CLASSES, ids=lambda kind: kind.__name__)
def test_the_errors_page_lists_each_class_with_its_code_and_status(kind):
    row = next(line for line in page("errors.md").splitlines() if line.startswith(f"| `{kind.__name__}` |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[3:] == [f"`{kind.default_code}`", str(kind.exit_status)]
    also = {base.__name__ for base in kind.__bases__} - {"ForebearError"}
    assert set(re.findall(r"`(\w+)`", cells[1])) == also


def test_the_errors_page_names_only_codes_that_are_raised():
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "forebear").rglob("*.py"))
    rows = re.findall(r"^\| ((?:`[a-z-]+`,? ?)+)\|", page("errors.md"), re.MULTILINE)
    codes = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}
    assert codes
    assert not {code for code in codes if f'"{code}"' not in sources}


def test_the_format_page_gives_the_numbers_of_the_code():
    text = page("repository-format.md")
    assert f"{SMALL_BYTES // 1024} KiB and more are written loose" in text
    assert f"close a pack at about {PACK_BYTES // 1024**2} MiB" in text


def test_the_export_page_names_every_format():
    text = (ROOT / "docs" / "how-to" / "export-lineage.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`[\w-]+`,? ?)+)\|", text, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row)} == set(FORMATS)


def test_the_generated_pages_are_those_of_the_code():
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "reference.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"run `make docs`:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
