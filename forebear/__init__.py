"""forebear versions the data and models of machine-learning pipelines and knows what every model came from.

Public names are handed on from the modules that own them, when they are first asked for: importing the package opens
nothing and costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from forebear._version import __version__

if TYPE_CHECKING:
    from forebear.api.api import Api as Api
    from forebear.artifacts.artifact import Artifact as Artifact
    from forebear.errors import AlreadyExists as AlreadyExists
    from forebear.errors import Conflict as Conflict
    from forebear.errors import CorruptData as CorruptData
    from forebear.errors import ForebearError as ForebearError
    from forebear.errors import InvalidInput as InvalidInput
    from forebear.errors import NotFound as NotFound
    from forebear.errors import StorageFailure as StorageFailure
    from forebear.errors import Unsupported as Unsupported
    from forebear.lineage.queries import Lineage as Lineage
    from forebear.settings import Settings as Settings
    from forebear.tracking.face import finish as finish
    from forebear.tracking.face import log_artifact as log_artifact
    from forebear.tracking.face import log_model as log_model
    from forebear.tracking.face import use_artifact as use_artifact
    from forebear.tracking.face import use_model as use_model
    from forebear.tracking.init import init as init
    from forebear.tracking.run import Run as Run

#: Public name → the module that owns it.
_OWNERS = {
    "AlreadyExists": "forebear.errors",
    "Api": "forebear.api.api",
    "Artifact": "forebear.artifacts.artifact",
    "Conflict": "forebear.errors",
    "CorruptData": "forebear.errors",
    "ForebearError": "forebear.errors",
    "InvalidInput": "forebear.errors",
    "Lineage": "forebear.lineage.queries",
    "NotFound": "forebear.errors",
    "Run": "forebear.tracking.run",
    "Settings": "forebear.settings",
    "StorageFailure": "forebear.errors",
    "Unsupported": "forebear.errors",
    "finish": "forebear.tracking.face",
    "init": "forebear.tracking.init",
    "log_artifact": "forebear.tracking.face",
    "log_model": "forebear.tracking.face",
    "use_artifact": "forebear.tracking.face",
    "use_model": "forebear.tracking.face",
}

__all__ = [  # noqa: RUF022 - a list that checkers can read; test_face.py keeps it equal to _OWNERS
    "AlreadyExists",
    "Api",
    "Artifact",
    "Conflict",
    "CorruptData",
    "ForebearError",
    "InvalidInput",
    "Lineage",
    "NotFound",
    "Run",
    "Settings",
    "StorageFailure",
    "Unsupported",
    "__version__",
    "finish",
    "init",
    "log_artifact",
    "log_model",
    "run",
    "use_artifact",
    "use_model",
]


def __getattr__(name: str) -> Any:
    if name == "run":
        # The current run changes, so it is looked up each time and never kept here.
        return import_module("forebear.tracking.current").current_run()
    if name in _OWNERS:
        value = getattr(import_module(_OWNERS[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'forebear' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
