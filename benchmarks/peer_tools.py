"""Other tools that version files, each used as its manual has it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import SCRIPTS, Command

if TYPE_CHECKING:
    from benchmarks.tools import Tool, Work


def all_peers() -> list[Tool]:
    """Return every tool and variant that forebear is compared with."""
    return [
        Dvc("DVC"),
        Dvc("DVC, hard links", "hardlink"),
        Mlflow(),
        Wandb(),
        Restic("restic"),
        Restic("restic, uncompressed", "--compression", "off"),
        Borg("borg"),
        Borg("borg, uncompressed", "--compression", "none"),
    ]


def missing_of(*programs: str) -> str | None:
    """Return which of some programs is not installed, in words."""
    for program in programs:
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return None


def _contents(data: Path) -> tuple[Path, str]:
    """Return where to stand, and what to name there, so that a tool keeps no path that leads to the data."""
    return (data, ".") if data.is_dir() else (data.parent, data.name)


# -- DVC ------------------------------------------------------------------------------------------------------------


class Dvc:
    """DVC in a git repository, with a copy of the data in it; ``cache.type`` is what DVC chooses, or as given."""

    def __init__(self, name: str, cache_type: str | None = None) -> None:
        self.name, self._cache_type = name, cache_type

    def missing(self) -> str | None:
        """See `Tool.missing`."""
        return missing_of("dvc", "git")

    def begin(self, place: Path, data: Path) -> tuple[Work, list[Command]]:
        """See `Tool.begin`."""
        work = DvcWork(place)
        commands = [
            Command(["mkdir", "-p", place]),
            Command(["cp", "-r", data, work.data]),
            Command(["git", "init", "--quiet"], place),
            Command(["sh", "-c", r"printf '/data\n/site\n' > .git/info/exclude"], place),
            work.dvc("init"),
        ]
        if self._cache_type is not None:
            commands.append(work.dvc("config", "cache.type", self._cache_type))
        return work, [*commands, *work.commit()]


class DvcWork:
    """One repository of DVC."""

    def __init__(self, place: Path) -> None:
        self.store, self.data = place, place / "data"

    def put(self) -> Command:
        """See `Work.put`; what was put before is committed first, because DVC compares commits of git."""
        return self.dvc("add", "data")._replace(before=self.commit())

    def get(self, out: Path) -> Command:
        """See `Work.get`; DVC restores in place, so the data is moved away, to where it was asked for."""
        return self.dvc("checkout", "data.dvc")._replace(before=[Command(["mv", self.data, out])])

    def diff(self) -> Command:
        """See `Work.diff`."""
        return self.dvc("diff", "HEAD~1", "HEAD")._replace(before=self.commit())

    def dvc(self, *words: str) -> Command:
        """Return a call of DVC."""
        # Its databases are in /var/tmp otherwise.
        env = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(self.store / "site")}
        return Command(["dvc", words[0], "--quiet", *words[1:]], self.store, env)

    def commit(self) -> list[Command]:
        """Return the commands that commit what DVC has written, if it has."""
        who = "-c user.name=bench -c user.email=bench@localhost"
        code = f"git add --all && (git diff --cached --quiet || git {who} commit --quiet --message version)"
        return [Command(["sh", "-c", code], self.store)]


# -- MLflow ---------------------------------------------------------------------------------------------------------


class Mlflow:
    """MLflow without a server: runs and artifacts in a folder."""

    name = "MLflow"

    def missing(self) -> str | None:
        """See `Tool.missing`."""
        return missing_of("mlflow")

    def begin(self, place: Path, data: Path) -> tuple[Work, list[Command]]:
        """See `Tool.begin`."""
        return MlflowWork(place, data), [Command(["mkdir", "-p", place])]


class MlflowWork:
    """One folder of MLflow."""

    def __init__(self, place: Path, data: Path) -> None:
        self.store, self.data = place, data

    def put(self) -> Command:
        """See `Work.put`."""
        return self._script("mlflow_put.py", self.data)

    def get(self, out: Path) -> Command:
        """See `Work.get`."""
        return self._script("mlflow_get.py", out)

    def diff(self) -> None:
        """See `Work.diff`."""

    def _script(self, name: str, path: Path) -> Command:
        # It wants a database of those who have not decided for a folder.
        env = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
        return Command([python_of("mlflow"), SCRIPTS / name, self.store, path], self.store, env)


# -- wandb ----------------------------------------------------------------------------------------------------------


class Wandb:
    """The wandb client, offline."""

    name = "wandb offline"

    def missing(self) -> str | None:
        """See `Tool.missing`."""
        return missing_of("wandb")

    def begin(self, place: Path, data: Path) -> tuple[Work, list[Command]]:
        """See `Tool.begin`."""
        return WandbWork(place, data), [Command(["mkdir", "-p", place])]


class WandbWork:
    """One folder of wandb. Offline it keeps what would be sent to a server, and gives nothing back."""

    def __init__(self, place: Path, data: Path) -> None:
        self.store, self.data = place, data

    def put(self) -> Command:
        """See `Work.put`."""
        places = {f"WANDB_{name}_DIR": str(self.store / name.lower()) for name in ("DATA", "CONFIG", "CACHE")}
        env = {
            "WANDB_MODE": "offline",
            "WANDB_SILENT": "true",
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_DIR": str(self.store),
        }
        return Command([python_of("wandb"), SCRIPTS / "wandb_put.py", self.data], self.store, env | places)

    def get(self, out: Path) -> None:
        """See `Work.get`."""

    def diff(self) -> None:
        """See `Work.diff`."""


# -- restic and borg ------------------------------------------------------------------------------------------------


class Restic:
    """Restic with a short password; it has no repositories without encryption."""

    def __init__(self, name: str, *options: str) -> None:
        self.name, self._options = name, options

    def missing(self) -> str | None:
        """See `Tool.missing`."""
        return missing_of("restic")

    def begin(self, place: Path, data: Path) -> tuple[Work, list[Command]]:
        """See `Tool.begin`."""
        work = ResticWork(place, data, self._options)
        return work, [work.restic("init")]


class ResticWork:
    """One repository of restic."""

    def __init__(self, place: Path, data: Path, options: tuple[str, ...]) -> None:
        self.store, self.data, self._options = place, data, options

    def put(self) -> Command:
        """See `Work.put`."""
        folder, name = _contents(self.data)
        return self.restic("backup", *self._options, name, cwd=folder)

    def get(self, out: Path) -> Command:
        """See `Work.get`."""
        return self.restic("restore", "latest", "--target", out)

    def diff(self) -> Command:
        """See `Work.diff`."""
        snapshots = sorted((self.store / "snapshots").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return self.restic("diff", *(path.name for path in snapshots[-2:]))

    def restic(self, *words: str | Path, cwd: Path | None = None) -> Command:
        """Return a call of restic."""
        return Command(["restic", "--quiet", "--repo", self.store, *words], cwd, {"RESTIC_PASSWORD": "bench"})


class Borg:
    """Borg without encryption."""

    def __init__(self, name: str, *options: str) -> None:
        self.name, self._options = name, options

    def missing(self) -> str | None:
        """See `Tool.missing`."""
        return missing_of("borg")

    def begin(self, place: Path, data: Path) -> tuple[Work, list[Command]]:
        """See `Tool.begin`."""
        return BorgWork(place, data, self._options), [Command(["borg", "init", "--encryption", "none", place])]


class BorgWork:
    """One repository of borg."""

    def __init__(self, place: Path, data: Path, options: tuple[str, ...]) -> None:
        self.store, self.data, self._options = place, data, options
        self._archives = 0

    def put(self) -> Command:
        """See `Work.put`."""
        self._archives += 1
        folder, name = _contents(self.data)
        return Command(["borg", "create", *self._options, self._archive(self._archives), name], folder)

    def get(self, out: Path) -> Command:
        """See `Work.get`; borg writes where it stands."""
        made = Command(["mkdir", "-p", out])
        return Command(["borg", "extract", self._archive(self._archives)], out, before=[made])

    def diff(self) -> Command:
        """See `Work.diff`."""
        return Command(["borg", "diff", self._archive(self._archives - 1), str(self._archives)])

    def _archive(self, number: int) -> str:
        return f"{self.store}::{number}"


def python_of(program: str) -> Path:
    """Return the interpreter that a program is installed for."""
    return Path(shutil.which(program) or program).with_name("python")
