"""A tensor as torch makes them, as far as media look at it; torch itself is too large for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np


class Tensor:
    """Numbers in a graph on some device: ``numpy()`` takes them only after ``detach`` and ``cpu``."""

    def __init__(self, values: Any, *, dtype: str | None = None, attached: bool = True) -> None:
        self._values = np.asarray(values)
        self.dtype = f"torch.{dtype or self._values.dtype}"
        self.attached = attached

    @property
    def shape(self) -> tuple[int, ...]:
        return self._values.shape

    def detach(self) -> Tensor:
        return Tensor(self._values, dtype=self.dtype.removeprefix("torch."), attached=False)

    def cpu(self) -> Tensor:
        return self

    def float(self) -> Tensor:
        return Tensor(self._values.astype("float32"), attached=self.attached)

    def numpy(self) -> Any:
        assert not self.attached, "a tensor that needs its gradient has no numpy()"
        assert self.dtype != "torch.bfloat16", "numpy has no such type"
        return self._values

    def tolist(self) -> Any:
        return self._values.tolist()

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.numpy()


Tensor.__module__ = "torch"
