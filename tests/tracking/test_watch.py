"""Gradients and parameters of torch modules are logged with the rows of the run, and modules stay what they were."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest

from forebear.errors import InvalidInput
from forebear.tracking.watch import BINS, graph_of, histogram_of, unwatch, watch

torch = pytest.importorskip("torch")


class FakeRun:
    """Accumulates as a run does, and commits with `step`."""

    def __init__(self) -> None:
        self.row: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}
        self.callbacks: list[Any] = []

    def log(self, values: dict[str, Any], commit: bool | None = None) -> None:
        self.row |= values
        if commit is not False:
            self.rows.append(self.row)
            self.row = {}

    def at_end(self, callback: Any) -> None:
        self.callbacks.append(callback)


@pytest.fixture
def run() -> Any:
    return FakeRun()


def network() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))


def train(run: Any, model: Any, passes: int) -> None:
    for number in range(passes):
        model.zero_grad()
        model(torch.ones(2, 4)).sum().backward()
        run.log({"loss": float(number)})


NAMES = {"0.weight", "0.bias", "2.weight", "2.bias"}


def test_gradients_are_logged_at_the_first_pass_and_now_and_then(run: Any) -> None:
    model = network()
    watch(run, model, log_freq=3)
    train(run, model, 7)
    with_gradients = [number for number, row in enumerate(run.rows) if len(row) > 1]
    assert with_gradients == [0, 3, 6]
    assert set(run.rows[0]) == {"loss", *(f"gradients/{name}" for name in NAMES)}
    assert sum(run.rows[0]["gradients/0.weight"].histogram) == 12


def test_parameters_and_all(run: Any) -> None:
    model = network()
    watch(run, model, log="parameters", log_freq=1)
    train(run, model, 1)
    assert set(run.rows[0]) == {"loss", *(f"parameters/{name}" for name in NAMES)}
    unwatch(run, model)
    watch(run, [model], log="all", log_freq=1)
    train(run, model, 1)
    assert len(run.rows[1]) == 9
    model.eval()
    train(run, model, 1)
    assert not [name for name in run.rows[2] if name.startswith("parameters")]


def test_several_modules_have_numbers(run: Any) -> None:
    first, second = network(), network()
    watch(run, (first, second), log="gradients", log_freq=1)
    train(run, first, 1)
    train(run, second, 1)
    assert set(run.rows[1]) == {"loss", *(f"graph_1/gradients/{name}" for name in NAMES)}


def test_unwatch_and_the_end_of_the_run_take_all_off(run: Any) -> None:
    model, other = network(), network()
    watch(run, [model, other], log="all", log_freq=1)
    unwatch(run, other)
    train(run, other, 1)
    assert set(run.rows[0]) == {"loss"}
    (callback,) = run.callbacks
    callback()
    train(run, model, 1)
    assert set(run.rows[1]) == {"loss"}
    assert not model._forward_hooks
    watch(run, model)


def test_wrong_use_is_refused(run: Any) -> None:
    model = network()
    with pytest.raises(InvalidInput, match=r"takes torch modules \(torch.nn.Module\), not str"):
        watch(run, "model")
    with pytest.raises(InvalidInput, match="there are gradients, parameters, all"):
        watch(run, model, log="everything")
    for freq in (0, True, 1.5):
        with pytest.raises(InvalidInput, match="above 0"):
            watch(run, model, log_freq=freq)
    watch(run, model)
    with pytest.raises(InvalidInput, match="watched already"):
        watch(run, model)


def test_a_watched_module_is_copied_and_pickled_without_its_run(run: Any) -> None:
    model = network()
    watch(run, model, log="all", log_freq=1)
    saved = io.BytesIO()
    torch.save(model, saved)
    saved.seek(0)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), torch.load(saved, weights_only=False)):
        train(run, twin, 1)
        assert set(run.rows.pop()) == {"loss"}
        assert torch.equal(twin[0].weight, model[0].weight)
    train(run, model, 1)
    assert len(run.rows.pop()) == 9


def test_a_run_that_refuses_does_not_stop_the_training(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model = network()
    watch(run, model, log_freq=1)

    def refuse(values: Any, commit: Any = None) -> None:
        raise RuntimeError("run is over")

    run.log = refuse
    model(torch.ones(2, 4)).sum().backward()
    assert model[0].weight.grad is not None
    assert "a watched module could not be looked at: RuntimeError: run is over" in capsys.readouterr().err


def test_frozen_and_unused_parameters_are_no_trouble(run: Any) -> None:
    model = network()
    model[0].weight.requires_grad_(False)
    watch(run, model, log="all", log_freq=1)
    model[2](torch.ones(2, 3)).sum().backward()
    run.log({})
    assert set(run.rows[0]) == {"gradients/2.weight", "gradients/2.bias"}


def test_histograms_count_what_is_finite() -> None:
    tensor = torch.tensor([0.0, 1.0, 2.0, float("nan"), float("inf"), -float("inf")])
    histogram = histogram_of(tensor)
    assert sum(histogram.histogram) == 3
    assert (histogram.bins[0], histogram.bins[-1], len(histogram.bins)) == (0.0, 2.0, BINS + 1)
    assert histogram_of(torch.tensor([float("nan")])) is None
    assert histogram_of(torch.empty(0)) is None
    constant = histogram_of(torch.full((5,), 3.0))
    assert constant.histogram == [5]
    assert constant.bins[0] == 3.0 < constant.bins[1]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int64", "bool", "complex64"])
def test_all_kinds_of_tensors_have_histograms(dtype: str) -> None:
    tensor = torch.tensor([[0, 1], [1, 1]]).to(getattr(torch, dtype))
    assert sum(histogram_of(tensor).histogram) == 4


def test_sparse_gradients_have_histograms(run: Any) -> None:
    model = torch.nn.Embedding(10, 2, sparse=True)
    watch(run, model, log_freq=1)
    model(torch.tensor([1, 2])).sum().backward()
    run.log({})
    assert sum(run.rows[0]["gradients/weight"].histogram) == 4


def test_layers_are_kept_as_a_graph(run: Any) -> None:
    model = network()
    watch(run, model, log=None, log_graph=True)
    graph = run.summary["graph_0"]
    assert [node.id for node in graph.nodes] == ["(model)", "0", "1", "2"]
    assert len(graph.edges) == 3
    assert len(graph_of(torch.nn.Linear(2, 1)).nodes) == 1
