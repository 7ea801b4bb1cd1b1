"""Watching a torch module: histograms of its gradients and parameters, now and then, in the rows that the run logs.

Bins are counted where the tensor is, so that of a large layer only 64 numbers leave the GPU. A watched module can be
copied and pickled as ever: what is put on it turns into something that does nothing.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput
from forebear.tracking.terminal import termwarn

if TYPE_CHECKING:
    from forebear.media.graph import Graph
    from forebear.tracking.run import Run

GRADIENTS, PARAMETERS, ALL = "gradients", "parameters", "all"
BINS = 64

#: Run → what watches its modules.
_watched: weakref.WeakKeyDictionary[Run, list[_Watch]] = weakref.WeakKeyDictionary()


def watch(
    run: Run,
    models: Any,
    criterion: Any = None,
    log: str | None = GRADIENTS,
    log_freq: int = 1000,
    idx: int | None = None,
    log_graph: bool = False,
) -> None:
    """Log gradients and parameters of modules until the run ends: at the first pass and every ``log_freq`` passes.

    The histograms go into the row that the run logs next, as ``gradients/<parameter>`` and ``parameters/<parameter>``.

    Args:
        run: The run that logs.
        models: A torch module, or several.
        criterion: Accepted for older scripts.
        log: ``gradients``, ``parameters``, ``all``, or ``None`` for neither.
        log_freq: Passes between two histograms.
        idx: Number of the first module among those of the script; those above 0 have it in their names.
        log_graph: Keep the layers of each module as a `Graph` in the summary.

    Raises:
        InvalidInput: something is no torch module, is watched already, or a word or number is not known.

    Cost: for each parameter two reductions and a count, at the passes that are logged; a comparison at the others.
    """
    if log not in {GRADIENTS, PARAMETERS, ALL, None}:
        raise InvalidInput(f"watch(log={log!r}) is unknown; there are gradients, parameters, all", code="invalid-watch")
    passes: Any = log_freq
    if isinstance(passes, bool) or not isinstance(passes, int) or passes < 1:
        raise InvalidInput(f"watch(log_freq={log_freq!r}): give a number of passes above 0", code="invalid-watch")
    chosen = _modules(models)
    known = _watched.get(run)
    if known is None:
        known = _watched.setdefault(run, [])
        run.at_end(lambda: unwatch(run))
    for model in chosen:
        if any(one.model() is model for one in known):
            raise InvalidInput("this module is watched already; call unwatch() on it first", code="watched-already")
    first = len(known) if idx is None else idx
    for number, model in enumerate(chosen, first):
        prefix = f"graph_{number}" if number else ""
        known.append(_Watch(run, model, prefix, log, log_freq))
        if log_graph:
            run.summary[f"graph_{number}"] = graph_of(model)


def unwatch(run: Run, models: Any = None) -> None:
    """Stop watching modules, by default all that the run watches."""
    known = _watched.get(run, [])
    chosen = None if models is None else _modules(models)
    for one in known[:]:
        if chosen is None or any(one.model() is model for model in chosen):
            one.stop()
            known.remove(one)


def graph_of(model: Any) -> Graph:
    """Return the modules of a torch module as a graph: a node each, with class and parameters; edges lead inside."""
    from forebear.media.graph import Graph

    graph = Graph("torch")
    for name, module in model.named_modules():
        own = list(module.named_parameters(recurse=False))
        graph.add_node(
            id=name or "(model)",
            name=name or "(model)",
            class_name=type(module).__name__,
            num_parameters=[parameter.numel() for _, parameter in own],
            parameters=[[key, list(parameter.shape)] for key, parameter in own],
        )
        if name:
            graph.add_edge(name.rpartition(".")[0] or "(model)", name)
    return graph


class _Watch:
    """What is put on one module."""

    def __init__(self, run: Run, model: Any, prefix: str, log: str | None, freq: int) -> None:
        self.model: weakref.ref[Any] = weakref.ref(model)
        self._run = weakref.ref(run)
        self._freq = freq
        self._handles: list[Any] = []
        #: Passes so far, by what is counted.
        self._passes: dict[str, int] = {}
        start = f"{prefix}/" if prefix else ""
        if log in {PARAMETERS, ALL}:
            self._handles.append(model.register_forward_hook(_Hook(self._log_parameters(f"{start}parameters/"))))
        if log in {GRADIENTS, ALL}:
            for name, parameter in model.named_parameters():
                if parameter.requires_grad:
                    hook = self._log_gradient(f"{start}gradients/{name}")
                    self._handles.append(parameter.register_hook(_Hook(hook)))

    def stop(self) -> None:
        """Take everything off."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _is_due(self, name: str) -> bool:
        passes = self._passes.get(name, 0)
        self._passes[name] = passes + 1
        return passes % self._freq == 0

    def _log_parameters(self, prefix: str) -> Callable[..., None]:
        def log_parameters(model: Any, inputs: Any, outputs: Any) -> None:
            if model.training and self._is_due(prefix):
                self._log({f"{prefix}{name}": parameter for name, parameter in model.named_parameters()})

        return log_parameters

    def _log_gradient(self, name: str) -> Callable[..., None]:
        def log_gradient(gradient: Any) -> None:
            if self._is_due(name):
                self._log({name: gradient})

        return log_gradient

    def _log(self, tensors: dict[str, Any]) -> None:
        run = self._run()
        if run is None:
            return
        found = {name: histogram for name, tensor in tensors.items() if (histogram := histogram_of(tensor)) is not None}
        if found:
            run.log(found, commit=False)


class _Hook:
    """A function on a module. Copies of the module, and pickles of it, get one that does nothing."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function

    def __call__(self, *args: Any) -> None:
        try:
            self._function(*args)
        except Exception as err:  # whatever cannot be counted, the training goes on
            termwarn(f"a watched module could not be looked at: {type(err).__name__}: {err}", repeat=False)

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        return _no_hook, ()


def _no_hook() -> Callable[..., None]:
    return _do_nothing


def _do_nothing(*args: Any) -> None:
    """Take the place of a hook in a copy of a module."""


def histogram_of(tensor: Any) -> Any:
    """Return the histogram of the finite values of a tensor; ``None`` where there are none. Runs on its device."""
    import torch

    from forebear.media.histogram import Histogram  # loads numpy, which torch has loaded anyway

    with torch.no_grad():
        values = tensor.detach()
        if values.layout != torch.strided:
            values = values.coalesce().values()
        values = values.abs() if values.is_complex() else values
        values = values.flatten()
        # Other types have no histc; 64-bit numbers beyond the range of 32 bits are rare in a model, and infinite then.
        values = values if values.dtype == torch.float64 else values.float()
        values = values[values.isfinite()]
        if not values.numel():
            return None
        low, high = (float(edge) for edge in torch.aminmax(values))
        if low == high:
            return Histogram(np_histogram=([values.numel()], [low, _next(high)]))
        counts = torch.histc(values, bins=BINS, min=low, max=high)
    width = (high - low) / BINS
    return Histogram(np_histogram=(counts.tolist(), [low + width * number for number in range(BINS)] + [high]))


def _next(value: float) -> float:
    return value + max(abs(value) * 1e-6, 1e-12)


def _modules(models: Any) -> list[Any]:
    torch = sys.modules.get("torch")
    found = list(models) if isinstance(models, Iterable) and not hasattr(models, "named_parameters") else [models]
    for model in found:
        if torch is None or not isinstance(model, torch.nn.Module):
            raise InvalidInput(
                f"watch() takes torch modules (torch.nn.Module), not {type(model).__name__}", code="not-a-module"
            )
    return found
