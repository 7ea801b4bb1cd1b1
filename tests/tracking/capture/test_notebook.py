"""In a notebook what cells print is kept and shown, run after run."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

CELLS = [
    "import sys\nfrom pathlib import Path\nfrom forebear.tracking.capture.console import Console\n"
    "console = Console(Path('output.log'), mode)\nconsole.start()\nprint('one')",
    "print('two', file=sys.stderr)\nfor n in range(100): print(n, end='\\r')\nprint()",
    "console.stop()\nprint('three')",
    "console.start()\nprint('four')\nconsole.stop()",
    "from forebear.tracking.capture.code import save_program\n"
    "class Files:\n    def add_bytes(self, name, content): Path('kept.py').write_bytes(content)\n"
    "print(save_program(Files()))",
]


@pytest.mark.parametrize("mode", ["auto", "redirect"])
def test_cells_print_into_the_log_and_below_themselves(mode: str) -> None:
    cells = [f"mode = {mode!r}\n{CELLS[0]}", *CELLS[1:]]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    shown = ["".join(one["text"] for one in cell["outputs"]) for cell in notebook.cells]
    assert shown[0] == "one\n"
    assert "two\n" in shown[1]
    assert shown[2:] == ["three\n", "four\n", "code/session.py\n"]
    assert Path("output.log").read_text() == "one\ntwo\n99\nfour\n"

    kept = Path("kept.py").read_text()
    assert kept.count("# %%") == len(CELLS)
    assert CELLS[1] in kept
