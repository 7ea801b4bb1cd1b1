"""Arrays and numbers of any library, known by what they can do: nothing here imports numpy or torch.

An array has ``shape``, ``dtype`` and ``tolist``: those of numpy, torch, jax, tensorflow (eager) and cupy all do.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np


def module_of(value: object) -> str:
    """The top-level package that ``value``'s type comes from: ``"numpy"``, ``"PIL"``, ``"builtins"``, …."""
    return type(value).__module__.partition(".")[0]


def is_array(value: object) -> bool:
    """Whether ``value`` is an array or a scalar of an array library."""
    return hasattr(value, "shape") and hasattr(value, "dtype") and (hasattr(value, "tolist") or hasattr(value, "numpy"))


def is_torch(value: object) -> bool:
    """Whether ``value`` is a tensor of torch, whose images have their channels first."""
    return module_of(value) == "torch"


def size_of(array: Any) -> int:
    """How many values an array holds; 1 for a scalar."""
    count = 1
    for length in array.shape:
        count *= int(length)
    return count


def to_numpy(value: Any) -> np.ndarray[Any, Any]:
    """Return an array, a nested list or a tensor, wherever it lies, as a numpy array.

    Raises:
        InvalidInput: it is not rectangular.
    """
    import numpy as np  # 100 ms; whoever has arrays has paid them

    if hasattr(value, "detach"):  # torch: out of the graph, and out of the GPU
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
    if not hasattr(value, "__array__") and hasattr(value, "numpy"):
        value = value.numpy()
    try:
        return np.asarray(value)
    except ValueError as err:
        raise InvalidInput(f"the rows of a list of {len(value)} differ in length: {err}", code="media-shape") from err


def plain(value: Any) -> Any:
    """Return ``value`` as Python's own types where an array library made it: scalars, and arrays as nested lists."""
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        if hasattr(value, "detach"):
            value = value.detach()
        return value.tolist()
    if hasattr(value, "numpy") and hasattr(value, "dtype"):
        return value.numpy().tolist()
    return value


def loaded(package: str) -> bool:
    """Whether ``package`` was imported by anybody: what it makes cannot be met otherwise."""
    return package in sys.modules
