"""From a word of the stored form to the class that reads it; a class's module is imported when it is first met."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from forebear.errors import CorruptData, ForebearError, InvalidInput
from forebear.media.base import Media, Read

#: Code of the error for a kind that nobody registered.
_UNKNOWN_KIND = "media-kind"
#: By the value of ``_type``: where the class is. Layers above add theirs with `register`.
KINDS: dict[str, str] = {
    "audio": "forebear.media.lists:MediaList",
    "audio-file": "forebear.media.audio:Audio",
    "bokeh-file": "forebear.media.bokeh:Bokeh",
    "boxes2D": "forebear.media.boxes:BoundingBoxes2D",
    "classes": "forebear.media.classes:Classes",
    "custom-chart": "forebear.plot.custom_chart:CustomChart",
    "graph-file": "forebear.media.graph:Graph",
    "histogram": "forebear.media.histogram:Histogram",
    "html": "forebear.media.lists:MediaList",
    "html-file": "forebear.media.html:Html",
    "image-file": "forebear.media.image:Image",
    "images/separated": "forebear.media.lists:ImageList",
    "joined-table": "forebear.media.joined_table:JoinedTable",
    "mask": "forebear.media.masks:ImageMask",
    "media": "forebear.media.lists:MediaList",
    "molecule": "forebear.media.lists:MediaList",
    "molecule-file": "forebear.media.molecule:Molecule",
    "object3D": "forebear.media.lists:MediaList",
    "object3D-file": "forebear.media.object3d:Object3D",
    "partitioned-table": "forebear.media.partitioned_table:PartitionedTable",
    "plotly-file": "forebear.media.plotly:Plotly",
    "table-file": "forebear.media.table:Table",
    "video-file": "forebear.media.video:Video",
    "videos": "forebear.media.lists:MediaList",
}


def register(kind: str, target: str) -> None:
    """Let `revive` find the class of ``kind`` at ``target``, a text such as ``"package.module:Class"``.

    Raises:
        InvalidInput: another class has that kind.
    """
    present = KINDS.setdefault(kind, target)
    if present != target:
        raise InvalidInput(f"the kind {kind!r} is {present} already, so it cannot be {target}", code=_UNKNOWN_KIND)


def class_of(kind: str) -> type[Media]:
    """Return the class of a kind.

    Raises:
        InvalidInput: nobody registered it.
    """
    target = KINDS.get(kind)
    if target is None:
        raise InvalidInput(
            f"there is no media of kind {kind!r}; there are {', '.join(sorted(KINDS))}", code=_UNKNOWN_KIND
        )
    module, _, name = target.partition(":")
    found = getattr(import_module(module), name)
    assert isinstance(found, type)
    assert issubclass(found, Media)
    return found


def is_media(value: object) -> bool:
    """Whether a JSON value is the stored form of a media value that `revive` reads."""
    return isinstance(value, Mapping) and isinstance(kind := value.get("_type"), str) and kind in KINDS


def revive(value: Mapping[str, Any], read: Read) -> Media:
    """Return the media value whose stored form is ``value``; ``read`` gives the bytes of a kept file.

    Raises:
        InvalidInput: its ``_type`` is unknown.
        CorruptData: it lacks a field.
    """
    kind = value.get("_type")
    cls = class_of(str(kind))
    try:
        return cls.from_json(value, read)
    except InvalidInput as err:
        if err.code == _UNKNOWN_KIND:
            raise
        raise CorruptData(f"a stored value of kind {kind!r} cannot be read: {err}", code="media-form") from err
    except ForebearError:  # NotFound is a KeyError, and says more
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as err:
        raise CorruptData(f"a stored value of kind {kind!r} cannot be read: {err!r}", code="media-form") from err
