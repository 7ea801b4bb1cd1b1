"""The helper that runs servers ends them, and says why one did not come up."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.servers import free_port, running

if TYPE_CHECKING:
    from pathlib import Path

SERVE = (
    "import os, sys, http.server as h; open(sys.argv[2], 'w').write(str(os.getpid())); h.test(port=int(sys.argv[1]))"
)

pytestmark = pytest.mark.server


def test_a_server_ends_with_the_block_also_when_it_fails(tmp_path: Path):
    port, pid_file = free_port(), tmp_path / "pid"
    command = [sys.executable, "-c", SERVE, str(port), str(pid_file)]
    with pytest.raises(ZeroDivisionError), running(command, port, tmp_path / "log"):
        raise ZeroDivisionError
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_server_that_does_not_come_up_says_why(tmp_path: Path):
    command = [sys.executable, "-c", "raise SystemExit('no such disk')"]
    with pytest.raises(RuntimeError, match="no such disk"), running(command, free_port(), tmp_path / "log"):
        pytest.fail("the server is not there")
