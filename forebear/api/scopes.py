"""Paths that name a project, a run or a collection, with the parts that they leave open filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.errors import InvalidInput

if TYPE_CHECKING:
    from forebear.settings import Settings

#: Path that means every project.
EVERYTHING = "*"


def split_path(path: str, settings: Settings, form: str = "name") -> tuple[str, str, str]:
    """Return entity, project and name of ``[[entity/]project/]name``; the settings fill in what is left open.

    ``entity/project/runs/id``, as addresses of runs are written in W&B, is read too.

    Raises:
        InvalidInput: it has another form.
    """
    parts = path.strip("/").split("/")
    if len(parts) == 4 and parts[2] == "runs":
        del parts[2]
    if len(parts) > 3 or not all(parts):
        raise InvalidInput(f"{path!r} is not of the form [[entity/]project/]{form}", code="invalid-ref")
    defaults = [settings.entity, settings.project]
    entity, project, name = (*defaults[: 3 - len(parts)], *parts)
    return entity, project, name


def split_project(path: str | None, settings: Settings) -> tuple[str, str]:
    """Return entity and project of ``[entity/]project``; of ``None``, those of the settings.

    Raises:
        InvalidInput: it has another form.
    """
    if path is None:
        return settings.entity, settings.project
    parts = path.split("/")
    if len(parts) > 2 or not all(parts):
        raise InvalidInput(f"{path!r} is not of the form [entity/]project", code="invalid-ref")
    entity, project = (settings.entity, *parts) if len(parts) == 1 else parts
    return entity, project
