"""What tests of faults share: a process without the powers of root."""

from __future__ import annotations

import ctypes
import json
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def run_as_nobody_special(work: Callable[[], str]) -> str:
    """Run ``work`` in a child that may read only what permissions allow, and return what it returned.

    Root may read everything; what lets it is two capabilities (capabilities(7)), which the child gives up.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
                data = (ctypes.c_uint32 * 6)()
                libc = ctypes.CDLL(None, use_errno=True)
                assert libc.capget(header, data) == 0
                for field in (0, 1):  # effective, permitted
                    data[field] &= ~(1 << 1 | 1 << 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
                assert libc.capset(header, data) == 0
            os.write(write, json.dumps(work()).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)
    with open(read, "rb") as answer:
        text = answer.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return str(json.loads(text))


@pytest.fixture
def as_nobody_special() -> Callable[[Callable[[], str]], str]:
    """Runs a function in a child that may read and write only what permissions allow; gives what it returned."""
    return run_as_nobody_special
