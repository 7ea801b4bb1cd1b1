"""Threads for work on blobs, which is done all the same where no thread can be had: while the interpreter ends.

Runs end when their process does, and what they kept is stored then. By that time `concurrent.futures` takes no more
work, and Python 3.12 begins no thread. Imported late: `concurrent.futures` takes 6 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

_T = TypeVar("_T")
#: Threads for what a loop of asyncio cannot wait for, such as the address of a host.
_LOOP_THREADS = 8


class Workers(ThreadPoolExecutor):
    """A pool of threads that does what it is given in the caller's thread once no other works any more."""

    #: Whether that is so.
    _alone = False

    def submit(self, fn: Callable[..., _T], /, *args: Any, **options: Any) -> Future[_T]:
        """See `concurrent.futures.Executor.submit`."""
        if not self._alone:
            try:
                return super().submit(fn, *args, **options)
            except RuntimeError:
                if self._shutdown:  # by its owner, and that is a mistake
                    raise
            self._alone = True
            self.shutdown(wait=True)  # what was given before is done before
        done: Future[_T] = Future()
        try:
            done.set_result(fn(*args, **options))
        except BaseException as err:
            done.set_exception(err)
        return done


def let_loop_work_to_the_end(system: Any) -> None:
    """Let the loop of a file system of fsspec look up hosts while the interpreter ends, too.

    fsspec has one loop for all systems; asyncio gives it an executor once it is needed, and that takes no more then.
    """
    loop = getattr(system, "loop", None)
    if loop is not None and not isinstance(getattr(loop, "_default_executor", None), Workers):
        loop.set_default_executor(Workers(_LOOP_THREADS, thread_name_prefix="forebear-loop"))
