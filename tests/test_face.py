"""The public face: names and signatures that people's scripts depend on. A change of it must be seen in a diff.

``python tests/test_face.py`` writes the pinned form anew.
"""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import forebear

PINNED = Path(__file__).with_name("face.json")


def _signature(value: object) -> str:
    try:
        return str(inspect.signature(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "?"


def _members(value: type) -> dict[str, str]:
    found = {}
    for name, member in sorted(vars(value).items()):
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            found[name] = "property" + (", can be set" if member.fset else "")
        elif callable(member) or isinstance(member, (classmethod, staticmethod)):
            found[name] = _signature(getattr(value, name))
    return found


def face() -> dict[str, object]:
    """Names of the package; for functions their signature, for classes the signatures of their members."""
    described: dict[str, object] = {}
    for name in sorted(forebear.__all__):
        value = getattr(forebear, name)
        if inspect.isclass(value) and not issubclass(value, Exception):
            described[name] = {"()": _signature(value)} | _members(value)
        elif callable(value):
            described[name] = _signature(value)
        else:
            described[name] = type(value).__name__
    return described


def test_names_and_signatures_are_the_pinned_ones() -> None:
    assert face() == json.loads(PINNED.read_text())


def test_every_public_name_has_an_owner_and_the_other_way_round() -> None:
    elsewhere = {"__version__", *forebear._CURRENT, *forebear._MODULES}
    assert set(forebear.__all__) == set(forebear._OWNERS) | elsewhere
    assert dir(forebear) == sorted(forebear.__all__)


def test_names_are_documented() -> None:
    for name in forebear.__all__:
        value = getattr(forebear, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), name


def test_importing_opens_nothing_and_loads_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys, threading, forebear; "
        "heavy = {'networkx', 'fsspec', 'typer', 'rich', 'sqlite_utils', 'pysqlite3', 'numpy', 'blake3', 'msgspec'}; "
        "print(sorted(heavy & set(sys.modules)), threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] 1"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(forebear, "no_such_name")


if __name__ == "__main__":
    PINNED.write_text(json.dumps(face(), indent=1, sort_keys=True) + "\n")
