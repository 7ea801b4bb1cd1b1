"""What may stand behind ``--on``."""

from __future__ import annotations

import pytest

from forebear.errors import InvalidInput
from forebear.sweeps.engines.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("dask", ("dask", "", {})),
        ("dask://host:8786", ("dask", "host:8786", {})),
        ("dask://tls://host:8786", ("dask", "tls://host:8786", {})),
        ("dask:///shared/scheduler.json", ("dask", "/shared/scheduler.json", {})),
        ("dask://host:8786?GPU=1&MEM=2", ("dask", "host:8786", {"GPU": "1", "MEM": "2"})),
        ("ray", ("ray", "", {})),
        ("ray?num_gpus=1", ("ray", "", {"num_gpus": "1"})),
        ("ray://head:10001/?num_gpus=0.5", ("ray", "head:10001", {"num_gpus": "0.5"})),
        ("slurm", ("slurm", "", {})),
        ("slurm://gpu?time=240&constraint=a100%26x", ("slurm", "gpu", {"time": "240", "constraint": "a100&x"})),
        ("slurm://?cluster=local", ("slurm", "", {"cluster": "local"})),
    ],
)
def test_an_address_is_taken_apart(text: str, found: tuple[str, str, dict[str, str]]) -> None:
    assert parse_address(text) == Address(*found)


@pytest.mark.parametrize("text", ["", "kubernetes", "http://host", "Dask", "dask:/host", "slurm,dask"])
def test_there_are_three_engines(text: str) -> None:
    with pytest.raises(InvalidInput, match="there are dask, ray, slurm, for example --on dask://host:8786") as caught:
        parse_address(text)
    assert caught.value.code == "unknown-engine"


def test_options_are_pairs() -> None:
    with pytest.raises(InvalidInput, match="options are written name=value") as caught:
        parse_address("slurm://gpu?time")
    assert caught.value.code == "engine-option"


def test_some_options_are_numbers() -> None:
    address = parse_address("ray?num_gpus=0.5&a=b&c=-1&d=inf")
    assert (address.number("num_gpus", 0), address.number("num_cpus", 2)) == (0.5, 2)
    for name in "acd":
        with pytest.raises(InvalidInput, match=f"option {name}=.* is no number of at least 0"):
            address.number(name, 0)
