"""Several values logged under one name: a list of images is one value of the row, and so are the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from forebear.errors import InvalidInput
from forebear.media.base import Keep, Media, Read
from forebear.media.image import Image
from forebear.media.registry import revive

#: By the kind of the members: the word of a list of them, and the field that holds them.
_WORDS = {
    "audio-file": ("audio", "audio"),
    "html-file": ("html", "html"),
    "molecule-file": ("molecule", "molecules"),
    "object3D-file": ("object3D", "objects"),
    "video-file": ("videos", "videos"),
}
_OTHERS = ("media", "media")
#: Fields of an image that a list of images holds once for each, and what they are called there.
_EACH = {
    "path": "filenames",
    "digest": "digests",
    "size": "sizes",
    "caption": "captions",
    "classes": "all_classes",
    "boxes": "all_boxes",
    "masks": "all_masks",
}
_SIZES = {"width": "widths", "height": "heights"}


class MediaList(Media):
    """Media values of one step under one name.

    Args:
        items: The values, at least one.
    """

    kind: ClassVar[str] = "media"

    def __init__(self, items: Iterable[Any]) -> None:
        given = list(items)
        strange = [type(item).__name__ for item in given if not isinstance(item, Media)]
        self.items: list[Media] = given
        if strange or not self.items:
            raise InvalidInput(
                f"a list of media holds media values, not {strange[0] if strange else 'nothing'}", code="media-list"
            )

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return the forms of all values in one."""
        kinds = {item.kind for item in self.items}
        kind, field = _WORDS.get(kinds.pop(), _OTHERS) if len(kinds) == 1 else _OTHERS
        return {"_type": kind, "count": len(self.items), field: [item.to_json(keep) for item in self.items]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the values."""
        fields = dict([*_WORDS.values(), _OTHERS])
        return cls([revive(item, read) for item in value[fields[value["_type"]]]])

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Media]:
        return iter(self.items)

    def __getitem__(self, index: int) -> Media:
        return self.items[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.items!r})"


class ImageList(MediaList):
    """Images of one step under one name."""

    kind: ClassVar[str] = "images/separated"

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return one form with a list for each field: file names, captions, boxes, ….

        Width, height and format are those of the first; ``widths`` and ``heights`` are there where images differ.
        """
        forms = [image.to_json(keep) for image in self.items]
        first = forms[0]
        value = {"_type": self.kind, "count": len(forms)}
        value |= {name: first[name] for name in ("format", "width", "height", "grouping") if name in first}
        for name, plural in _EACH.items():
            if any(name in form for form in forms):
                value[plural] = [form.get(name) for form in forms]
        for name, plural in _SIZES.items():
            if any(form.get(name) != first.get(name) for form in forms):
                value[plural] = [form.get(name) for form in forms]
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the images; their bytes are read when they are asked for."""
        lists = {name: value[plural] for name, plural in (_EACH | _SIZES).items() if plural in value}
        if not lists or any(len(column) != value["count"] for column in lists.values()):
            raise ValueError("it has more or fewer images than it says")
        same = {name: value[name] for name in ("width", "height", "grouping") if name in value}
        forms = [
            {"_type": Image.kind, **same, **{name: column[index] for name, column in lists.items()}}
            for index in range(value["count"])
        ]
        return cls([Image.from_json({k: v for k, v in form.items() if v is not None}, read) for form in forms])


def list_of(items: Sequence[Media]) -> MediaList:
    """Return media values as one value."""
    return (ImageList if all(isinstance(item, Image) for item in items) else MediaList)(items)
