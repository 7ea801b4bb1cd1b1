"""What a run needed around it: the installed packages."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from forebear.records.redaction import redact_text

#: Names of the files among those of a run.
REQUIREMENTS, CONDA = "requirements.txt", "conda-packages.txt"
_DIST_INFO, _EGG_INFO = ".dist-info", ".egg-info"


def requirements(paths: Iterable[str] | None = None) -> str:
    """Return the installed packages as pip reads them, ``name==version`` a line, sorted.

    A package that came from an address (a repository, a local folder) is followed by it as a comment.

    Args:
        paths: Folders to look into, by default those that Python imports from; earlier ones win.

    Cost: lists each folder; a package's own files are not read. 2 ms for 400 packages, where `importlib.metadata` takes
    200 ms.
    """
    found: dict[str, str] = {}
    for folder in dict.fromkeys(sys.path if paths is None else paths):
        for name, line in _packages_in(folder or os.curdir):
            found.setdefault(name, line)
    return "".join(f"{found[name]}\n" for name in sorted(found))


def conda_packages(prefix: str | None = None) -> str:
    """Return the packages of the conda environment as ``conda create --file`` reads them; empty outside of one.

    Args:
        prefix: Folder of the environment, by default that of this Python.
    """
    try:
        names = os.listdir(os.path.join(sys.prefix if prefix is None else prefix, "conda-meta"))
    except OSError:
        return ""
    packages = [name.removesuffix(".json").rsplit("-", 2) for name in names if name.endswith(".json")]
    return "".join(f"{'='.join(parts)}\n" for parts in sorted(packages) if len(parts) == 3)


def _packages_in(folder: str) -> Iterable[tuple[str, str]]:
    try:
        names = os.listdir(folder)
    except OSError:  # a zip file, or a folder that is not there
        return
    for name in names:
        if name.endswith(_DIST_INFO):
            package, _, version = name.removesuffix(_DIST_INFO).partition("-")
            source = _source(os.path.join(folder, name, "direct_url.json"))
        elif name.endswith(_EGG_INFO):
            package, _, version = name.removesuffix(_EGG_INFO).partition("-")
            version, source = version.split("-py")[0], ""
        else:
            continue
        if package and version:
            shown = package.replace("_", "-")
            yield shown.lower(), f"{shown}=={version}{source}"


def _source(file: str) -> str:
    """Return where a package came from (PEP 610), as a comment; empty where it came from an index."""
    try:
        direct = json.loads(Path(file).read_bytes())
        url, revision = str(direct["url"]), direct.get("vcs_info", {}).get("commit_id")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return ""
    return f"  # {redact_text(url)}{f'@{revision}' if revision else ''}"
