"""Forebear as a tool that versions files, by a script and by its command line; peers are of the same shape."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol, runtime_checkable

from benchmarks.harness import PYTHON, SCRIPTS, Command

#: The command as users start it; it lies beside the interpreter.
FOREBEAR = Path(sys.executable).with_name("forebear")


class Work(Protocol):
    """One repository of a tool, and the data it versions. A command is ``None`` where the tool has no such thing."""

    #: Where the data lies for this tool; some insist on having it inside their own folder.
    data: Path
    #: The folder whose growth counts.
    store: Path

    def put(self) -> Command:
        """Make a version of the data."""
        ...

    def get(self, out: Path) -> Command | None:
        """Put the newest version into a new folder."""
        ...

    def diff(self) -> Command | None:
        """Compare the last two versions."""
        ...


@runtime_checkable
class LinkWork(Work, Protocol):
    """A repository into which and out of which files can also be linked."""

    def put_link(self, data: Path) -> Command:
        """Make a version of a file that is linked into the store."""
        ...

    def get_link(self, out: Path) -> Command:
        """Put the newest version into a new folder by links."""
        ...


class Tool(Protocol):
    """Something that versions files."""

    name: str

    def missing(self) -> str | None:
        """Why it cannot be measured here; ``None`` if it can."""
        ...

    def begin(self, place: Path, data: Path) -> tuple[Work, list[Command]]:
        """Return an empty repository in the folder ``place``, and the commands that make it, which are not timed."""
        ...


class ScriptWork:
    """A forebear store, spoken to by scripts."""

    def __init__(self, store: Path, data: Path) -> None:
        self.store, self.data = store, data

    def put(self) -> Command:
        """See `Work.put`."""
        return Command([PYTHON, SCRIPTS / "put.py", self.store, self.data])

    def put_link(self, data: Path) -> Command:
        """See `LinkWork.put_link`."""
        return Command([PYTHON, SCRIPTS / "put.py", self.store, data, "--link"])

    def get(self, out: Path) -> Command:
        """See `Work.get`."""
        return Command([PYTHON, SCRIPTS / "get.py", self.store, out])

    def get_link(self, out: Path) -> Command:
        """See `LinkWork.get_link`."""
        return Command([PYTHON, SCRIPTS / "get.py", self.store, out, "--link"])

    def diff(self) -> Command:
        """See `Work.diff`."""
        return Command([PYTHON, SCRIPTS / "diff.py", self.store])


class CommandLineWork:
    """A forebear store, spoken to by the command line."""

    def __init__(self, store: Path, data: Path) -> None:
        self.store, self.data = store, data

    def put(self) -> Command:
        """See `Work.put`."""
        return self._call("artifact", "put", self.data, "--name", "data")

    def put_link(self, data: Path) -> Command:
        """See `LinkWork.put_link`."""
        return self._call("artifact", "put", data, "--name", "data", "--link")

    def get(self, out: Path) -> Command:
        """See `Work.get`."""
        return self._call("artifact", "get", "data:latest", "--root", out)

    def get_link(self, out: Path) -> Command:
        """See `LinkWork.get_link`."""
        return self._call("artifact", "get", "data:latest", "--root", out, "--link")

    def diff(self) -> Command:
        """See `Work.diff`."""
        return self._call("diff", "data:v0", "data:v1")

    def _call(self, *words: str | Path) -> Command:
        return Command([FOREBEAR, *words, "--store", self.store, "--project", "bench"])


class Script:
    """Forebear by a Python script."""

    name = "script"

    def missing(self) -> str | None:
        """See `Tool.missing`."""
        return None

    def begin(self, place: Path, data: Path) -> tuple[ScriptWork, list[Command]]:
        """See `Tool.begin`."""
        return ScriptWork(place, data), _init(place)


class CommandLine:
    """Forebear by the command ``forebear``."""

    name = "CLI"

    def missing(self) -> str | None:
        """See `Tool.missing`."""
        return None if FOREBEAR.exists() else "the command forebear is not installed beside this Python"

    def begin(self, place: Path, data: Path) -> tuple[CommandLineWork, list[Command]]:
        """See `Tool.begin`."""
        return CommandLineWork(place, data), _init(place)


def _init(store: Path) -> list[Command]:
    code = "import sys; from forebear.store.opening import open_store; open_store(sys.argv[1]).close()"
    return [Command([PYTHON, "-c", code, store])]
