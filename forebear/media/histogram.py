"""Histograms: how many values fell between which."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from forebear.errors import InvalidInput
from forebear.media.arrays import is_array, loaded, plain, size_of, to_numpy
from forebear.media.base import Keep, Media, Read

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MAX_BINS = 512
#: A list longer than this is worth the 100 ms that numpy takes to load.
LONG_LIST = 200_000
#: Values of an array that are counted at a time, so that a tensor of a GiB needs no second one.
_PIECE = 1 << 18


class Histogram(Media):
    """Counts of values in bins of equal width, or in bins that are given.

    NaN and infinite values belong to no bin; how many there were is kept as `left_out`.

    Args:
        sequence: Numbers: a list, an array or a tensor of any shape.
        np_histogram: Counts and edges as ``numpy.histogram`` returns them, instead of ``sequence``.
        num_bins: How many bins, up to 512.

    Raises:
        InvalidInput: both or neither are given, or they hold something else than numbers.
    """

    kind: ClassVar[str] = "histogram"
    MAX_LENGTH: ClassVar[int] = MAX_BINS

    def __init__(
        self,
        sequence: Any = None,
        np_histogram: tuple[Any, Any] | None = None,
        num_bins: int = 64,
    ) -> None:
        if (sequence is None) == (np_histogram is None):
            raise InvalidInput("a histogram is made of a sequence or of an np_histogram", code="media-histogram")
        #: How many values each bin has.
        self.histogram: list[float]
        #: Edges of the bins, one more than there are.
        self.bins: list[float]
        #: How many values were NaN or infinite.
        self.left_out = 0
        if np_histogram is not None:
            self.histogram, self.bins = _given(np_histogram)
        else:
            self.histogram, self.bins, self.left_out = _counted(sequence, _bins(num_bins))

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return counts as ``values`` and edges as ``bins``; there is no file."""
        value: dict[str, Any] = {"_type": self.kind, "values": self.histogram, "bins": self.bins}
        return value | ({"left_out": self.left_out} if self.left_out else {})

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the histogram."""
        histogram = cls(np_histogram=(value["values"], value["bins"]))
        histogram.left_out = value.get("left_out", 0)
        return histogram

    def __repr__(self) -> str:
        return f"Histogram({sum(self.histogram):g} values in {len(self.histogram)} bins)"


def _bins(num_bins: Any) -> int:
    if not hasattr(num_bins, "__index__") or isinstance(num_bins, bool) or not 0 < int(num_bins) <= MAX_BINS:
        raise InvalidInput(f"num_bins is a whole number from 1 to {MAX_BINS}, not {num_bins!r}", code="media-histogram")
    return int(num_bins)


def _given(np_histogram: Any) -> tuple[list[float], list[float]]:
    if not isinstance(np_histogram, (tuple, list)) or len(np_histogram) != 2:
        raise InvalidInput("np_histogram is a pair of counts and edges", code="media-histogram")
    counts, edges = (plain(part) for part in np_histogram)
    for what, numbers in (("counts", counts), ("edges", edges)):
        if not isinstance(numbers, (list, tuple)) or not all(_is_finite(number) for number in numbers):
            raise InvalidInput(
                f"the {what} of np_histogram are finite numbers, not {numbers!r:.100}", code="media-histogram"
            )
    if len(edges) != len(counts) + 1 or not 0 < len(counts) <= MAX_BINS:
        raise InvalidInput(
            f"np_histogram has {len(counts)} counts and {len(edges)} edges; there are 1 to {MAX_BINS} counts and one "
            "edge more",
            code="media-histogram",
        )
    if any(low > high for low, high in zip(edges, edges[1:], strict=False)):
        raise InvalidInput("the edges of np_histogram do not rise", code="media-histogram")
    return [plain(count) for count in counts], [plain(edge) for edge in edges]


def _is_finite(number: Any) -> bool:
    number = plain(number)
    return isinstance(number, (int, float)) and math.isfinite(number)


def _counted(sequence: Any, num_bins: int) -> tuple[list[float], list[float], int]:
    """Return counts, edges and how many values are not finite."""
    if is_array(sequence):
        return _count_array(to_numpy(sequence), num_bins)
    if isinstance(sequence, (str, bytes, Mapping)) or not hasattr(sequence, "__iter__"):
        raise InvalidInput(f"a histogram needs numbers, not {sequence!r:.100}", code="media-histogram")
    values: Sequence[Any] = sequence if isinstance(sequence, (list, tuple)) else list(sequence)
    if loaded("numpy") or len(values) > LONG_LIST:
        return _count_array(_array(values), num_bins)
    return _count_list(_flat(values), num_bins)


def _array(values: Sequence[Any]) -> Array:
    if any(is_array(value) and size_of(value) != 1 for value in values[:1]):  # a list of tensors of any shapes
        import numpy as np  # loaded: the values are of it, or of something that needs it

        return np.concatenate([to_numpy(value).ravel() for value in values])
    return to_numpy(values)


def _flat(values: Sequence[Any]) -> list[float]:
    """Return the numbers of a list and of lists in it, without those of numpy's making."""
    found: list[float] = []
    for value in values:
        value = plain(value)
        if isinstance(value, (list, tuple)):
            found += _flat(value)
        elif isinstance(value, (int, float)):
            found.append(value)
        else:
            raise InvalidInput(f"a histogram needs numbers, but {value!r:.100} is among them", code="media-histogram")
    return found


def _count_list(values: list[float], num_bins: int) -> tuple[list[float], list[float], int]:
    finite = [value for value in values if math.isfinite(value)]
    edges = _edges(min(finite, default=0.0), max(finite, default=1.0), num_bins)
    low, scale = edges[0], num_bins / (edges[-1] - edges[0])
    counts = [0] * num_bins
    for value in finite:
        index = min(int((value - low) * scale), num_bins - 1)
        # Rounding may put a value beside its edge; the edges decide.
        if value < edges[index]:
            index -= 1
        elif value >= edges[index + 1] and index < num_bins - 1:
            index += 1
        counts[index] += 1
    return [*counts], edges, len(values) - len(finite)


def _count_array(values: Array, num_bins: int) -> tuple[list[float], list[float], int]:
    import numpy as np  # loaded: the values are of it

    if values.dtype.kind not in "biuf":
        raise InvalidInput(f"a histogram needs numbers, not {values.dtype}", code="media-histogram")
    flat = values.reshape(-1)
    pieces = [flat[start : start + _PIECE] for start in range(0, flat.size, _PIECE)]
    ends = [(float(piece.min()), float(piece.max())) for piece in pieces]
    for number, (low, high) in enumerate(ends):
        if not (math.isfinite(low) and math.isfinite(high)):  # rare; all other pieces stay views
            piece = pieces[number] = pieces[number][np.isfinite(pieces[number])]
            ends[number] = (float(piece.min(initial=np.inf)), float(piece.max(initial=-np.inf)))
    low, high = min((low for low, _ in ends), default=0.0), max((high for _, high in ends), default=1.0)
    edges = _edges(low, high, num_bins) if low <= high else _edges(0.0, 1.0, num_bins)
    counts = np.zeros(num_bins, dtype=np.int64)
    at = np.asarray(edges)
    low, scale = edges[0], num_bins / (edges[-1] - edges[0])
    for piece in pieces:
        numbers = piece.astype(np.float64)
        index = ((numbers - low) * scale).astype(np.int32)
        np.minimum(index, num_bins - 1, out=index)
        index -= numbers < at[index]
        index += (numbers >= at[index + 1]) & (index < num_bins - 1)
        counts += np.bincount(index, minlength=num_bins)
    return [*map(int, counts)], edges, flat.size - sum(piece.size for piece in pieces)


def _edges(low: float, high: float, num_bins: int) -> list[float]:
    """Return rising edges from ``low`` to ``high``, further apart where numbers are too coarse for so many bins.

    Raises:
        InvalidInput: the range has no width that a number can hold.
    """
    low, high = float(low) + 0.0, float(high) + 0.0  # of zeros with a sign it is chance which is met first
    if not math.isfinite((high - low) * num_bins):
        raise InvalidInput(f"values from {low:g} to {high:g} are too far apart for a histogram", code="media-histogram")
    if low == high:
        low, high = low - 0.5, high + 0.5
    step = (high - low) / num_bins
    edges = [low + step * index for index in range(num_bins)] + [high]
    if all(left < right for left, right in zip(edges, edges[1:], strict=False)) and math.isfinite(1 / step):
        return edges
    margin = max(0.5, math.ulp(max(abs(low), abs(high))) * num_bins)
    return _edges(low - margin, high + margin, num_bins)
