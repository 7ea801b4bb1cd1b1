"""Lock files fetch from the public indexes and from nowhere else."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parent.parent
PUBLIC_HOSTS = {"pypi.org", "files.pythonhosted.org", "registry.npmjs.org"}
LOCK_NAMES = ("uv.lock", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "poetry.lock")
NOT_OURS = {".venv", ".cache", "node_modules", "out", ".git"}
#: npm repeats the pages where packages ask for money, and those of their licenses; nothing is fetched from them.
PAGES = re.compile(r'"(?:funding|license)":\s*(\{[^{}]*\}|\[[^\[\]]*\]|"[^"]*")')
URL = re.compile(r"(?:git\+)?[a-z][a-z0-9+.]*://[^\s\"'<>,)]+")


def lock_files() -> list[Path]:
    found = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in NOT_OURS]
        found += [Path(folder, name) for name in names if name in LOCK_NAMES]
    return sorted(found)


def foreign_urls(text: str) -> list[str]:
    urls = URL.findall(PAGES.sub("", text))
    return [url for url in urls if urlsplit(url).hostname not in PUBLIC_HOSTS or not url.startswith("https://")]


def test_there_is_a_lock_file_for_the_chosen_tool():
    assert ROOT / "uv.lock" in lock_files()


@pytest.mark.parametrize("path", lock_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_lock_file_names_public_indexes_only(path: Path):
    assert foreign_urls(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        'source = { registry = "https://mirror.example.org/simple" }',
        'source = { registry = "file:///srv/wheels" }',
        '"resolved": "git+ssh://git@github.com/someone/something.git#0123"',
        '{ url = "http://files.pythonhosted.org/packages/a.whl" }',
        '{ url = "https://files.pythonhosted.org.example.com/packages/a.whl" }',
    ],
)
def test_a_foreign_host_would_be_seen(line: str):
    assert foreign_urls(f'{{ url = "https://files.pythonhosted.org/packages/b.whl" }}\n{line}') != []


def test_money_pages_of_npm_are_not_sources():
    text = '"resolved": "https://registry.npmjs.org/a/-/a-1.tgz", "funding": {"url": "https://opencollective.com/a"}'
    assert foreign_urls(text) == []


def test_every_locked_package_has_a_hash():
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    for package in lock["package"]:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        if "editable" in package["source"]:
            assert package["name"] == "forebear"
        else:
            assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]


def test_lock_file_is_committed():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "uv.lock"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip(f"git cannot read this checkout: {listed.stderr.strip()}")
    assert listed.stdout.strip() == "uv.lock"
