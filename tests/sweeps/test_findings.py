"""What scripts ask of a sweep that they looked up."""

from __future__ import annotations

import sys

import pytest

import forebear
from forebear.errors import InvalidInput, Unsupported
from forebear.sweeps.findings import best, front, importance
from forebear.sweeps.lifecycle import sweep

METRICS = [{"name": "loss"}, {"name": "right", "goal": "maximize"}]
SPACE = {"x": {"min": 0.0, "max": 1.0}, "idle": {"min": 0.0, "max": 1.0}}


@pytest.mark.usefixtures("store")
def test_a_sweep_of_the_api_tells_what_it_found() -> None:
    declaration = {"method": "random", "seed": 4, "run_cap": 12, "metrics": METRICS, "parameters": SPACE}
    sweep_id = sweep(declaration, project="p")
    searched = forebear.Api(project="p").sweep(sweep_id)
    assert (best(searched), front(searched)) == (None, [])
    with pytest.raises(InvalidInput, match="importance needs at least 5 trials"):
        importance(searched)

    def train() -> None:
        with forebear.init() as run:
            x = run.config["x"]
            run.log({"loss": (x - 0.5) ** 2, "right": x})

    forebear.agent(sweep_id, function=train, project="p")
    # The trials are read anew, though the sweep was looked up before.
    trials = searched.trials
    nearest, farthest = (min(trials, key=lambda one: abs(one.params["x"] - place)) for place in (0.5, 1.0))
    assert best(searched) == best(searched, "loss") == nearest
    assert best(searched, "right") == farthest
    assert [front(searched)[place] for place in (0, -1)] == [nearest, farthest]
    of_right = importance(searched, "right")
    assert (of_right.objective, of_right.trials) == ("right", 12)
    assert [weight.name for weight in of_right.weights] == ["x", "idle"]
    assert of_right.weights[0].importance > 0.9
    with pytest.raises(InvalidInput, match="the sweep has no objective 'none'; it has loss, right"):
        best(searched, "none")


@pytest.mark.usefixtures("store")
def test_a_sweep_that_searches_for_nothing_has_no_best() -> None:
    sweep_id = sweep({"method": "random", "parameters": SPACE}, project="p")
    searched = forebear.Api(project="p").sweep(sweep_id)
    assert front(searched) == []
    for ask in (best, importance):
        with pytest.raises(InvalidInput, match="it has none"):
            ask(searched)


@pytest.mark.usefixtures("store")
def test_without_what_it_computes_with_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    declaration = {"method": "random", "metric": {"name": "loss"}, "parameters": SPACE}
    searched = forebear.Api(project="p").sweep(sweep(declaration, project="p"))
    for name in ("scipy", "scipy.linalg", "scipy.linalg.lapack"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Unsupported, match=r"importance needs NumPy and SciPy .*forebear\[sweeps\]"):
        importance(searched)
    assert best(searched) is None
