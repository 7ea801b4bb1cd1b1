"""forebear versions the data and models of machine-learning pipelines and knows what every model came from.

Public names are handed on from the modules that own them, when they are first asked for: importing the package opens
nothing and costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from forebear._version import __version__

if TYPE_CHECKING:
    from forebear import plot as plot
    from forebear import sklearn as sklearn
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
    from forebear.media.audio import Audio as Audio
    from forebear.media.bokeh import Bokeh as Bokeh
    from forebear.media.boxes import BoundingBoxes2D as BoundingBoxes2D
    from forebear.media.classes import Classes as Classes
    from forebear.media.graph import Graph as Graph
    from forebear.media.histogram import Histogram as Histogram
    from forebear.media.html import Html as Html
    from forebear.media.image import Image as Image
    from forebear.media.joined_table import JoinedTable as JoinedTable
    from forebear.media.masks import ImageMask as ImageMask
    from forebear.media.molecule import Molecule as Molecule
    from forebear.media.object3d import Object3D as Object3D
    from forebear.media.partitioned_table import PartitionedTable as PartitionedTable
    from forebear.media.plotly import Plotly as Plotly
    from forebear.media.table import Table as Table
    from forebear.media.video import Video as Video
    from forebear.plot.custom_chart import CustomChart as CustomChart
    from forebear.plot.custom_chart import plot_table as plot_table
    from forebear.plot.custom_chart import visualize as visualize
    from forebear.settings import Settings as Settings
    from forebear.sweeps.agent import agent as agent
    from forebear.sweeps.lifecycle import sweep as sweep
    from forebear.sweeps.stepping import controller as controller
    from forebear.tracking import tensorboard as tensorboard
    from forebear.tracking.alerts import AlertLevel as AlertLevel
    from forebear.tracking.face import alert as alert
    from forebear.tracking.face import define_metric as define_metric
    from forebear.tracking.face import finish as finish
    from forebear.tracking.face import log as log
    from forebear.tracking.face import log_artifact as log_artifact
    from forebear.tracking.face import log_code as log_code
    from forebear.tracking.face import log_model as log_model
    from forebear.tracking.face import mark_preempting as mark_preempting
    from forebear.tracking.face import restore as restore
    from forebear.tracking.face import save as save
    from forebear.tracking.face import unwatch as unwatch
    from forebear.tracking.face import use_artifact as use_artifact
    from forebear.tracking.face import use_model as use_model
    from forebear.tracking.face import watch as watch
    from forebear.tracking.init import init as init
    from forebear.tracking.login import login as login
    from forebear.tracking.login import setup as setup
    from forebear.tracking.login import teardown as teardown
    from forebear.tracking.run import Run as Run
    from forebear.tracking.terminal import termerror as termerror
    from forebear.tracking.terminal import termlog as termlog
    from forebear.tracking.terminal import termwarn as termwarn
    from forebear.tracking.trial_context import TrialStopped as TrialStopped

#: Public name → the module that owns it.
_OWNERS = {
    "AlertLevel": "forebear.tracking.alerts",
    "AlreadyExists": "forebear.errors",
    "Api": "forebear.api.api",
    "Artifact": "forebear.artifacts.artifact",
    "Audio": "forebear.media.audio",
    "Bokeh": "forebear.media.bokeh",
    "BoundingBoxes2D": "forebear.media.boxes",
    "Classes": "forebear.media.classes",
    "Conflict": "forebear.errors",
    "CorruptData": "forebear.errors",
    "CustomChart": "forebear.plot.custom_chart",
    "ForebearError": "forebear.errors",
    "Graph": "forebear.media.graph",
    "Histogram": "forebear.media.histogram",
    "Html": "forebear.media.html",
    "Image": "forebear.media.image",
    "ImageMask": "forebear.media.masks",
    "InvalidInput": "forebear.errors",
    "JoinedTable": "forebear.media.joined_table",
    "Lineage": "forebear.lineage.queries",
    "Molecule": "forebear.media.molecule",
    "NotFound": "forebear.errors",
    "Object3D": "forebear.media.object3d",
    "PartitionedTable": "forebear.media.partitioned_table",
    "Plotly": "forebear.media.plotly",
    "Run": "forebear.tracking.run",
    "Settings": "forebear.settings",
    "StorageFailure": "forebear.errors",
    "Table": "forebear.media.table",
    "TrialStopped": "forebear.tracking.trial_context",
    "Unsupported": "forebear.errors",
    "Video": "forebear.media.video",
    "agent": "forebear.sweeps.agent",
    "alert": "forebear.tracking.face",
    "controller": "forebear.sweeps.stepping",
    "define_metric": "forebear.tracking.face",
    "finish": "forebear.tracking.face",
    "init": "forebear.tracking.init",
    "log": "forebear.tracking.face",
    "log_artifact": "forebear.tracking.face",
    "log_code": "forebear.tracking.face",
    "log_model": "forebear.tracking.face",
    "login": "forebear.tracking.login",
    "mark_preempting": "forebear.tracking.face",
    "plot_table": "forebear.plot.custom_chart",
    "restore": "forebear.tracking.face",
    "save": "forebear.tracking.face",
    "setup": "forebear.tracking.login",
    "sweep": "forebear.sweeps.lifecycle",
    "teardown": "forebear.tracking.login",
    "termerror": "forebear.tracking.terminal",
    "termlog": "forebear.tracking.terminal",
    "termwarn": "forebear.tracking.terminal",
    "unwatch": "forebear.tracking.face",
    "use_artifact": "forebear.tracking.face",
    "use_model": "forebear.tracking.face",
    "visualize": "forebear.plot.custom_chart",
    "watch": "forebear.tracking.face",
}

__all__ = [  # noqa: RUF022 - a list that checkers can read; test_face.py keeps it equal to _OWNERS
    "AlertLevel",
    "AlreadyExists",
    "Api",
    "Artifact",
    "Audio",
    "Bokeh",
    "BoundingBoxes2D",
    "Classes",
    "Conflict",
    "CorruptData",
    "CustomChart",
    "ForebearError",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "InvalidInput",
    "JoinedTable",
    "Lineage",
    "Molecule",
    "NotFound",
    "Object3D",
    "PartitionedTable",
    "Plotly",
    "Run",
    "Settings",
    "StorageFailure",
    "Table",
    "TrialStopped",
    "Unsupported",
    "Video",
    "__version__",
    "agent",
    "alert",
    "config",
    "controller",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "plot",
    "plot_table",
    "restore",
    "run",
    "save",
    "setup",
    "sklearn",
    "summary",
    "sweep",
    "teardown",
    "tensorboard",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "use_artifact",
    "use_model",
    "visualize",
    "watch",
]


#: What changes with the current run is looked up each time and never kept here: name → module and function.
_CURRENT = {
    "config": ("forebear.tracking.face", "current_config"),
    "run": ("forebear.tracking.current", "current_run"),
    "summary": ("forebear.tracking.face", "current_summary"),
}
_MODULES = {"plot": "forebear.plot", "sklearn": "forebear.sklearn", "tensorboard": "forebear.tracking.tensorboard"}


def __getattr__(name: str) -> Any:
    if name in _CURRENT:
        module, function = _CURRENT[name]
        return getattr(import_module(module), function)()
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _OWNERS:
        value = getattr(import_module(_OWNERS[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'forebear' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
