"""The code of a run is found without what others wrote, and kept as an artifact or as a file."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from forebear.errors import InvalidInput
from forebear.tracking.capture.code import find_code, log_code, save_program
from tests.tracking.repositories import git, make_repository


def write(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")


def found(root: str = ".", *functions: Any) -> list[str]:
    return [os.path.relpath(path, root) for path in find_code(os.path.abspath(root), *functions)]


def test_python_files_of_ones_own_are_code() -> None:
    write("train.py", "lib/model.py", "lib/data.csv", ".git/hook.py", ".hidden/x.py", "venv/y.py", "my-env/z.py",
          "my-env/pyvenv.cfg", "lib/__pycache__/m.py", "node_modules/n.py", "thing.egg-info/e.py",
          "a/site-packages/s.py", "build/b.py", "env/__init__.py", "env/cart.py")  # fmt: skip
    Path("dangling.py").symlink_to("nowhere")
    os.mkfifo("pipe.py")
    assert found() == ["train.py", "env/__init__.py", "env/cart.py", "lib/model.py"]


def test_functions_choose_by_path_alone_or_by_path_and_root() -> None:
    write("a.py", "b.yaml", "sub/c.yaml")
    root = os.getcwd()
    assert found(".", lambda path: path.endswith(".yaml")) == ["b.yaml", "sub/c.yaml"]
    assert found(".", None, lambda path, root: os.path.relpath(path, root) == "a.py") == []
    assert found(".", lambda path, top: top == root and path.endswith("l"), lambda p: "sub" in p) == ["b.yaml"]
    assert found(".", str.isascii) == ["a.py", "b.yaml", "sub/c.yaml"]


def test_what_git_ignores_is_left_out() -> None:
    make_repository(Path())
    write("x.py", "gen/y.py", "sub/gen/z.py", "keep ü.py", "sub/k.py")
    Path(".gitignore").write_text("gen/\nx.*\n")
    write("tracked.py")
    git("add", "-f", "x.py")
    assert found() == ["keep ü.py", "tracked.py", "train.py", "x.py", "sub/k.py"]
    assert found("sub") == ["k.py"]


def test_a_folder_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidInput, match="there is no such folder"):
        find_code(os.path.abspath("none"))


class FakeRun:
    project = "my project"

    def __init__(self) -> None:
        self.logged: list[Any] = []

    def log_artifact(self, artifact: Any) -> Any:
        self.logged.append(artifact)
        return artifact


def test_code_becomes_an_artifact(monkeypatch: pytest.MonkeyPatch) -> None:
    write("src/train.py", "src/sub/model.py")
    main = types.ModuleType("__main__")
    main.__file__ = "/x/my train.py"
    monkeypatch.setitem(sys.modules, "__main__", main)
    run: Any = FakeRun()
    artifact = log_code(run, "src")
    assert artifact is not None
    assert (artifact.name, artifact.type) == ("source-my_project-my_train", "code")
    assert sorted(entry.path for entry in artifact.files()) == ["sub/model.py", "train.py"]
    named = log_code(run, None, "mine", exclude_fn=lambda path: path.endswith("model.py"))
    assert named is not None
    assert [entry.path for entry in named.files()] == ["src/train.py"]
    assert log_code(run, "src", include_fn=lambda path: False) is None
    assert len(run.logged) == 2


class Files(dict[str, bytes]):
    def add_file(self, name: str, path: str) -> None:
        self[name] = Path(path).read_bytes()

    def add_bytes(self, name: str, content: bytes) -> None:
        self[name] = content


@pytest.fixture
def files() -> Any:
    return Files()


def test_the_program_is_kept(files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write("sub/train.py", "../elsewhere.py", "work.ipynb")
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    for path, name in (("sub/train.py", "code/sub/train.py"), ("../elsewhere.py", "code/elsewhere.py")):
        main.__file__ = path
        assert save_program(files) == name
    assert save_program(files, "work.ipynb") == "code/work.ipynb"
    main.__vsc_ipynb_file__ = os.path.abspath("work.ipynb")  # type: ignore[attr-defined]
    assert save_program(files) == "code/work.ipynb"
    assert files["code/sub/train.py"] == b"# sub/train.py\n"


def test_without_a_file_there_is_nothing_to_keep(files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert save_program(files) is None
    assert files == {}


def test_cells_of_a_notebook_are_kept_where_its_file_is_not_known() -> None:
    program = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("x = 1", store_history=True)
shell.run_cell("y = 'ü'\\nprint(x)", store_history=True)
import sys
vars(sys.modules["__main__"]).pop("__file__", None)
from forebear.tracking.capture.code import save_program
kept = {}
class Files:
    add_bytes = staticmethod(kept.__setitem__)
assert save_program(Files) == "code/session.py"
assert kept["code/session.py"].decode() == "# %%\\nx = 1\\n\\n# %%\\ny = 'ü'\\nprint(x)\\n", kept
shell.history_manager.end_session()
"""
    Path("program.py").write_text(program)
    done = subprocess.run([sys.executable, "program.py"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
