"""What charts ask of models and data of scikit-learn. It is imported in here only, when a chart needs it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput, Unsupported

if TYPE_CHECKING:
    import numpy as np


def library(module: str) -> Any:
    """Return a module of scikit-learn.

    Raises:
        Unsupported: it is not installed.
    """
    try:
        return import_module(f"sklearn.{module}")  # 1 s for the first, only for people who have models of it
    except ImportError as err:
        raise Unsupported(
            "this chart needs scikit-learn, which is not installed; pip install scikit-learn brings it",
            code="missing-extra",
        ) from err


def need(**given: Any) -> None:
    """Raise `InvalidInput` if an argument is left out."""
    missing = [name for name, value in given.items() if value is None]
    if missing:
        raise InvalidInput(f"this chart needs {' and '.join(missing)}, which are not given", code="chart-data")


def need_method(model: Any, *methods: str) -> None:
    """Raise `InvalidInput` if a model cannot do what a chart asks of it."""
    missing = [method for method in methods if not callable(getattr(model, method, None))]
    if missing:
        raise InvalidInput(
            f"a {type(model).__name__} has no {missing[0]}(), which this chart needs", code="chart-model"
        )


def is_fitted(model: Any) -> bool:
    """Whether a model was fitted."""
    try:
        library("utils.validation").check_is_fitted(model)
    except library("exceptions").NotFittedError:
        return False
    return True


def fresh(model: Any) -> Any:
    """Return an unfitted copy of a model, which itself is left as it is."""
    need_method(model, "fit")
    return library("base").clone(model)


def fitted(model: Any, X: Any, y: Any) -> Any:
    """Return the model, or a fitted copy if it is not fitted."""
    return model if is_fitted(model) else fresh(model).fit(X, y)


def same_length(**given: Any) -> None:
    """Raise `InvalidInput` unless all arguments have as many samples."""
    sizes = {name: len(value) if not hasattr(value, "shape") else value.shape[0] for name, value in given.items()}
    if len(set(sizes.values())) > 1:
        counts = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        raise InvalidInput(f"the numbers of samples differ: {counts}", code="chart-data")


def array(values: Any) -> np.ndarray[Any, Any]:
    """Return a list, array, series or data frame as an array."""
    import numpy as np  # loaded already: scikit-learn needs it

    return np.asarray(values.toarray() if hasattr(values, "toarray") else values)


def feature_names(model: Any, given: Sequence[Any] | None, count: int) -> list[str]:
    """Return the names of a model's features: as given, as it saw them, or ``feature 0``, ….

    Raises:
        InvalidInput: other than ``count`` names are given.
    """
    seen = getattr(model, "feature_names_in_", None)
    names = given if given is not None else seen if seen is not None else [f"feature {n}" for n in range(count)]
    if len(names) != count:
        raise InvalidInput(f"feature_names has {len(names)} names for {count} features", code="chart-data")
    return [str(name) for name in names]


def label_names(classes: Sequence[Any], labels: Sequence[Any] | None) -> dict[Any, str]:
    """Return the name of each class: by its place in the sorted classes, or as an index into ``labels``.

    Raises:
        InvalidInput: there are fewer labels than classes.
    """
    from forebear.plot.labels import are_numbers_below  # loaded already

    if labels is None:
        return {item: str(item) for item in classes}
    names = [str(name) for name in labels]
    if are_numbers_below(list(classes), len(names)):
        return {item: names[int(item)] for item in classes}
    if len(names) != len(classes):
        raise InvalidInput(
            f"labels has {len(names)} names for the {len(classes)} classes {list(classes)[:5]}", code="chart-data"
        )
    return dict(zip(classes, names, strict=True))
