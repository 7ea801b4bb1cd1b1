"""The code of a run: the program itself as a file of the run, or all code below a folder as an artifact."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput
from forebear.tracking.repository import find_repository

if TYPE_CHECKING:
    from forebear.artifacts.artifact import Artifact
    from forebear.tracking.files import RunFiles
    from forebear.tracking.run import Run

TYPE = "code"
#: Folder of the run's files for its program.
FOLDER = "code"
#: Folders that hold no code of one's own, wherever they are.
_NOT_OURS = frozenset(
    {"__pycache__", "node_modules", "site-packages", "wandb", "mlruns", "build", "dist", "venv", "env", "artifacts"}
)
#: A virtual environment has this file at its top.
_ENVIRONMENT_MARK = "pyvenv.cfg"
#: Files asked about in one call of git.
_GIT_SECONDS = 10.0
#: Bytes of a program that is kept; what is larger was not written by hand.
_MAX_PROGRAM_BYTES = 10 * 1024 * 1024
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def log_code(
    run: Run,
    root: str | os.PathLike[str] | None = ".",
    name: str | None = None,
    include_fn: Callable[..., bool] | None = None,
    exclude_fn: Callable[..., bool] | None = None,
) -> Artifact | None:
    """Log the code below a folder as an artifact of type ``code``.

    Left out are hidden folders, virtual environments, installed packages, and what git ignores.

    Args:
        run: The run that logs it.
        root: The folder, by default the working folder.
        name: Name of the artifact, by default ``source-<project>-<program>``.
        include_fn: Says of a path whether it is code, by default of those that end in ``.py``. It may take the root as
            a second argument.
        exclude_fn: Says of a path that would be taken whether it is left out.

    Returns:
        The version, or ``None`` if no file was found.

    Raises:
        InvalidInput: the folder is not there.
    """
    from forebear.artifacts.artifact import Artifact

    folder = os.path.abspath(os.curdir if root is None else root)
    paths = find_code(folder, include_fn, exclude_fn)
    if not paths:
        return None
    artifact = Artifact(name or _default_name(run.project), TYPE)
    for path in paths:
        artifact.add_file(path, name=os.path.relpath(path, folder).replace(os.sep, "/"))
    return run.log_artifact(artifact)


def find_code(
    root: str, include_fn: Callable[..., bool] | None = None, exclude_fn: Callable[..., bool] | None = None
) -> list[str]:
    """Return the paths of files below ``root`` that are code, sorted; see `log_code`."""
    if not os.path.isdir(root):
        raise InvalidInput(f"cannot log the code in {root}: there is no such folder", code="no-such-folder")
    includes = _with_root(include_fn or _is_python, root)
    excludes = _with_root(exclude_fn, root) if exclude_fn is not None else None
    found = [path for path in _walk(root) if includes(path) and not (excludes is not None and excludes(path))]
    ignored = _ignored(root, found) if found else set()
    return [path for path in found if path not in ignored]


def save_program(files: RunFiles, notebook: str | None = None) -> str | None:
    """Keep the program that runs as a file of the run; return its name there, or ``None`` where there is none.

    Args:
        notebook: Path of the notebook, where somebody knows it. Otherwise the cells that ran so far are kept.
    """
    path = notebook or _program()
    if path and os.path.isfile(path) and os.path.getsize(path) <= _MAX_PROGRAM_BYTES:
        name = f"{FOLDER}/{_inner_name(path)}"
        files.add_file(name, path)
        return name
    cells = _cells()
    if not cells:
        return None
    name = f"{FOLDER}/session.py"
    files.add_bytes(name, "\n\n".join(f"# %%\n{cell}" for cell in cells).encode("utf-8", "replace") + b"\n")
    return name


def _is_python(path: str) -> bool:
    return path.endswith(".py")


def _with_root(function: Callable[..., bool], root: str) -> Callable[[str], bool]:
    """Return a function of the path alone. Users' functions take the path, or the path and the root."""
    try:
        inspect.signature(function).bind("", "")
    except (TypeError, ValueError):
        return function
    return lambda path: function(path, root)


def _walk(root: str) -> Iterator[str]:
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if _is_ours(parent, name))
        for name in sorted(names):
            path = os.path.join(parent, name)
            if os.path.isfile(path):
                yield path


def _is_ours(parent: str, name: str) -> bool:
    if name.startswith(".") or name.endswith(".egg-info"):
        return False
    folder = os.path.join(parent, name)
    if os.path.exists(os.path.join(folder, _ENVIRONMENT_MARK)):
        return False
    # A package of this name is code; a folder that tools write to is not.
    return name not in _NOT_OURS or os.path.exists(os.path.join(folder, "__init__.py"))


def _ignored(root: str, paths: list[str]) -> set[str]:
    """Return the paths that git ignores; none where there is no git or no repository."""
    if find_repository(Path(root)) is None:
        return set()
    import subprocess  # 12 ms, only inside a repository

    asked = b"\0".join(os.fsencode(path) for path in paths)
    try:
        done = subprocess.run(
            ["git", "-C", root, "check-ignore", "-z", "--stdin"],
            input=asked, capture_output=True, timeout=_GIT_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return set()
    return {os.fsdecode(path) for path in done.stdout.split(b"\0") if path}


def _default_name(project: str) -> str:
    program = os.path.splitext(os.path.basename(_program() or "session"))[0]
    return f"source-{_UNSAFE.sub('_', project)}-{_UNSAFE.sub('_', program)}"


def _program() -> str | None:
    main: Any = sys.modules.get("__main__")
    # VS Code tells the notebook's path in a variable of this name.
    path = getattr(main, "__vsc_ipynb_file__", None) or getattr(main, "__file__", None)
    return os.path.abspath(path) if path else None


def _inner_name(path: str) -> str:
    """Return the path below the working folder, or the name alone where it lies elsewhere."""
    name = os.path.relpath(path).replace(os.sep, "/")
    return os.path.basename(path) if name.startswith("../") else name


def _cells() -> list[str]:
    """Return what was run in IPython so far."""
    shell_module: Any = sys.modules.get("IPython")
    shell = shell_module.get_ipython() if shell_module is not None else None
    manager = getattr(shell, "history_manager", None)
    if manager is None:
        return []
    return [str(cell) for cell in manager.input_hist_parsed if cell]
