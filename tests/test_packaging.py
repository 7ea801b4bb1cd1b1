"""What people install holds every module, and asks for no more than it says."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
MODULE_FILES = {path.relative_to(ROOT).as_posix() for path in (ROOT / "forebear").rglob("*.py")}
#: Extras whose libraries are engines that people choose for themselves.
ENGINES = ("dask", "ray", "slurm")
#: Extras that make test installs, engines included: they are tried for real.
TEST_EXTRAS = ("s3", "gcs", "azure", "http", "postgres", "media", "charts", "sweeps", "frames", "tensorboard", *ENGINES)
GIANTS = re.compile(r"(torch|torchvision|tensorflow|jax|jaxlib|triton)$|nvidia-(?!ml-py$)|cuda-")

IMPORT_ALL = """
import importlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root))
for path in sorted((root / "forebear").rglob("*.py")):
    parts = path.relative_to(root).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    if parts[-1] != "__main__":
        module = importlib.import_module(name)
        assert pathlib.Path(module.__file__) == path, (module.__file__, path)
        print(name)
"""


def run(*command: str | Path, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHON"))}
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def build(source: Path, target: str, folder: Path) -> Path:
    """Build one distribution of ``source`` with the backend that is installed, without a network."""
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, cwd=source)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def wheel_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def sdist_names(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {PurePosixPath(*PurePosixPath(name).parts[1:]).as_posix() for name in archive.getnames()}


def test_wheel_holds_every_module_and_nothing_beside_them(wheel: Path):
    code = {name for name in wheel_names(wheel) if ".dist-info/" not in name}
    assert code >= MODULE_FILES | {"forebear/py.typed"}
    assert {name.partition("/")[0] for name in code} == {"forebear"}
    assert not [name for name in code if "__pycache__" in name]


def test_wheel_carries_the_license(wheel: Path):
    assert [name for name in wheel_names(wheel) if name.endswith("/LICENSE")]


def test_sdist_holds_every_module_and_what_checks_them(sdist: Path):
    names = sdist_names(sdist)
    assert names >= MODULE_FILES | {"forebear/py.typed", "pyproject.toml", "uv.lock"}
    assert names >= {"Makefile", "README.md", "LICENSE"}
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    assert names >= {name for name in tests if "/node_modules/" not in name}
    assert not [name for name in names if {"out", ".venv", ".cache", ".forebear"} & set(PurePosixPath(name).parts)]


def test_wheel_built_from_the_sdist_is_the_same(wheel: Path, sdist: Path, tmp_path: Path):
    unpacked, made = tmp_path / "unpacked", tmp_path / "made"
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (source,) = unpacked.iterdir()
    assert wheel_names(build(source, "wheel", made)) == wheel_names(wheel)


def test_every_module_of_the_wheel_imports(installed: Path, tmp_path: Path):
    printed = run(sys.executable, "-W", "error", "-c", IMPORT_ALL, installed, cwd=tmp_path)
    assert len(printed.split()) == len([name for name in MODULE_FILES if not name.endswith("__main__.py")])


def test_entry_points_lead_somewhere(installed: Path, tmp_path: Path):
    (metadata,) = installed.glob("forebear-*.dist-info")
    points = configparser.ConfigParser()
    points.read(metadata / "entry_points.txt", encoding="utf-8")
    assert dict(points["console_scripts"]) == {"forebear": "forebear.cli:main"}
    assert set(points["fsspec.specs"]) == {"forebear"}
    for target in (points["console_scripts"]["forebear"], points["fsspec.specs"]["forebear"]):
        module, _, name = target.partition(":")
        code = f"import sys; sys.path.insert(0, sys.argv[1]); from {module} import {name}; print(callable({name}))"
        assert run(sys.executable, "-c", code, installed, cwd=tmp_path).strip() == "True"


def test_extra_all_is_everything_but_the_engines():
    extras = PROJECT["project"]["optional-dependencies"]
    (line,) = extras["all"]
    named = set(re.fullmatch(r"forebear\[(.*)\]", line).group(1).split(","))
    assert named == set(extras) - {*ENGINES, "all"}


def closure(start: list[dict]) -> set[str]:
    """Return the names of everything that ``start`` brings, by the lock file."""
    packages: dict[str, list[dict]] = {}
    for package in LOCK["package"]:
        packages.setdefault(package["name"], []).append(package)
    todo, seen = [(item["name"], extra) for item in start for extra in (None, *item.get("extra", []))], set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for package in packages[name]:
            optional = package.get("optional-dependencies", {})
            needed = package.get("dependencies", []) if extra is None else optional.get(extra, [])
            todo += [(item["name"], more) for item in needed for more in (None, *item.get("extra", []))]
    return {name for name, _ in seen}


def locked(*, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> set[str]:
    (own,) = [package for package in LOCK["package"] if package["name"] == "forebear"]
    start = list(own["dependencies"])
    for extra in extras:
        start += own["optional-dependencies"][extra]
    for group in groups:
        start += own["dev-dependencies"][group]
    return closure(start)


@pytest.mark.parametrize(
    ("extras", "groups"),
    [((), ()), (("media",), ("demo",)), (TEST_EXTRAS, ("dev",)), (("all",), ())],
    ids=["core", "demo", "test", "all"],
)
def test_nothing_gigantic_is_pulled_in(extras: tuple[str, ...], groups: tuple[str, ...]):
    names = locked(extras=extras, groups=groups)
    assert "msgspec" in names
    assert sorted(name for name in names if GIANTS.match(name)) == []


def test_engines_come_only_where_they_are_asked_for():
    assert {"ray", "distributed", "submitit"} <= locked(extras=tuple(ENGINES))
    assert not {"ray", "distributed", "submitit"} & locked(extras=("all",))


def test_a_giant_would_be_seen():
    assert GIANTS.match("torch")
    assert GIANTS.match("nvidia-cublas-cu12")
    assert not GIANTS.match("pytorch-ignite")


def test_core_is_small():
    # 31 with psutil, PyYAML and the cutter of large files, each a wheel that brings nothing else.
    assert len(locked()) <= 31
