"""Imports run down the layers, and each outside library is spoken to in one place."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "forebear"
MODULES = sorted(PACKAGE.rglob("*.py"))
ENVIRONMENT_NAMES = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}


def run_contracts(cwd: Path, *options: str) -> subprocess.CompletedProcess[str]:
    call = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    # The folder comes first on the path, so that a doctored copy is looked at and not the installed package.
    code = f"import sys; sys.path.insert(0, {str(cwd)!r}); {call}"
    command = [sys.executable, "-c", code, "--no-cache", *options]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def environment_reads(source: str) -> list[int]:
    """Return the lines where ``source`` touches the environment of the process."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT_NAMES:
            lines.append(node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            lines += [node.lineno for name in node.names if name.name in ENVIRONMENT_NAMES]
    return lines


def face_imports(source: str) -> list[int]:
    """Return the lines where ``source`` imports ``forebear`` itself, and not a module below it."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            lines += [node.lineno for name in node.names if name.name == "forebear"]
        elif isinstance(node, ast.ImportFrom) and node.module == "forebear":
            lines += [node.lineno for name in node.names if not _is_module(name.name)]
    return lines


def _is_module(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


def test_contracts_hold():
    result = run_contracts(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("records/extra.py", "from forebear.catalog import port", "layers"),
        ("artifacts/extra.py", "import forebear.lineage", "layers"),
        ("blobs/extra.py", "import forebear.catalog.port", "layers"),
        ("store/extra.py", "import forebear.testing", "testing-apart"),
        ("artifacts/extra.py", "import networkx", "networkx"),
        ("lineage/extra.py", "def walk():\n    import networkx.algorithms", "networkx"),
        ("tracking/extra.py", "import fsspec", "fsspec"),
        ("artifacts/extra.py", "from blake3 import blake3", "blake3"),
        ("blobs/extra.py", "import sqlite3", "sql"),
    ],
)
def test_contract_sees_a_breach(tmp_path: Path, module: str, line: str, contract: str):
    for path in (*MODULES, ROOT / "pyproject.toml"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Empty modules keep the graph small; the breach stands alone in it.
        copy.write_bytes(path.read_bytes() if path.suffix == ".toml" else b"")
    (tmp_path / "forebear" / module).write_text(f"{line}\n", encoding="utf-8")
    result = run_contracts(tmp_path, "--contract", contract)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 broken" in result.stdout


def test_only_settings_reads_the_environment():
    found = {
        str(path.relative_to(ROOT)): lines
        for path in MODULES
        if path != PACKAGE / "settings.py" and (lines := environment_reads(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['A']",
        "from os import getenv",
        "import os as o\no.getenv('A')",
        "from os import environ as e",
    ],
)
def test_a_read_of_the_environment_would_be_seen(source: str):
    assert environment_reads(source)


def test_nobody_inside_imports_the_face():
    found = {
        str(path.relative_to(ROOT)): lines
        for path in MODULES
        if path != PACKAGE / "__init__.py" and (lines := face_imports(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize("source", ["import forebear", "from forebear import init", "import forebear as wandb"])
def test_an_import_of_the_face_would_be_seen(source: str):
    assert face_imports(source)


def test_an_import_of_a_module_is_not_one_of_the_face():
    assert face_imports("from forebear import errors\nimport forebear.names") == []
