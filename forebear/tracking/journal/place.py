"""Where journals lie: ``journals/<entity>/<project>/<run id>/<start ms>-<random>.journal`` in the folder of a store."""

from __future__ import annotations

import hashlib
import os
import re
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from forebear.blobs.local import storage_failure

JOURNALS = "journals"
SUFFIX = ".journal"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
#: As `new_name` writes them; more digits would be a time after the year 9999.
_MILLISECONDS = re.compile(r"[0-9]{1,13}")
#: File systems take names of 255 bytes.
_MAX_QUOTED = 200


class RunPlace(NamedTuple):
    """Names of a run as the path of a journal tells them; ``None`` where a name was too long for a folder."""

    entity: str | None
    project: str | None
    run_id: str | None


def journal_folder(root: str | os.PathLike[str], entity: str, project: str, run_id: str) -> Path:
    """Return the folder of a run's journals, below the folder of the store. Nothing is made."""
    return Path(root, JOURNALS, quoted(entity), quoted(project), quoted(run_id))


def run_of(folder: Path) -> RunPlace:
    """Return whose journals a folder holds."""
    return RunPlace(*(_unquoted(part) for part in folder.parts[-3:]))


def new_name() -> str:
    """Return a name for a journal that no other has, without its suffix; names sort by time."""
    return f"{time.time_ns() // 1_000_000:013d}-{os.urandom(8).hex()}"


def time_of(path: Path) -> int:
    """Return when a journal was begun, in microseconds since 1970; 0 where its name does not tell."""
    digits = path.name.partition("-")[0]
    return int(digits) * 1_000 if _MILLISECONDS.fullmatch(digits) else 0


def journals_in(folder: Path) -> list[Path]:
    """Return the journals of a run, oldest first; none where there is no folder.

    Raises:
        StorageFailure: the folder cannot be listed.
    """
    return [path for path in _listed(folder) if path.name.endswith(SUFFIX)]


def all_folders(root: str | os.PathLike[str]) -> list[Path]:
    """Return the folders of a store that may hold journals, sorted; not those of others who let nobody in.

    Raises:
        StorageFailure: a folder cannot be listed.
    """
    found = [Path(root, JOURNALS)]
    for _ in RunPlace._fields:
        found = [path for folder in found for path in _listed(folder, theirs=True) if path.is_dir()]
    return found


def _listed(folder: Path, *, theirs: bool = False) -> list[Path]:
    """What is in a folder, sorted; nothing where it is not there or, if it may be ``theirs``, lets nobody in."""
    try:
        return [folder / name for name in sorted(os.listdir(folder))]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as err:
        if theirs and isinstance(err, PermissionError):
            return []
        raise storage_failure(err, f"list {folder}") from err


def quoted(text: str) -> str:
    """Return a name as that of a folder: ASCII, no dots alone, at most 200 characters."""
    name = _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode()), text)
    if not name.strip("."):
        name = name.replace(".", "%2E")
    if len(name) > _MAX_QUOTED:
        name = "%%" + hashlib.sha256(text.encode()).hexdigest()
    return name


def _unquoted(name: str) -> str | None:
    return None if name.startswith("%%") else unquote(name)
