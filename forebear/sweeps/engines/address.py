"""What people write behind ``--on``: an engine, where it is, and what its jobs need.

::

    dask                         the scheduler that Dask's configuration names, else workers begun on this machine
    dask://host:8786?GPU=1       a scheduler; options are resources that its workers were begun with
    dask:///shared/file.json     the scheduler that a file names; tls://host:8786 behind dask:// is taken as it is
    ray                          the cluster that RAY_ADDRESS or this machine has, else one begun on this machine
    ray://host:10001?num_gpus=1  a cluster through its client port; options are what a job of it needs
    slurm://partition?time=240   a partition; options are those of sbatch, with _ in the place of -
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl

from forebear.errors import InvalidInput

DASK, RAY, SLURM = "dask", "ray", "slurm"
ENGINES = (DASK, RAY, SLURM)


class Address(NamedTuple):
    """An engine, its place (empty: the engine finds it), and options by name."""

    engine: str
    place: str
    options: dict[str, str]

    def number(self, name: str, default: float) -> float:
        """Return an option that is a number of at least 0.

        Raises:
            InvalidInput: it is none.
        """
        text = self.options.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise InvalidInput(
                f"--on {self.engine}: option {name}={text} is no number of at least 0", code="engine-option"
            )
        return value


def parse_address(text: str) -> Address:
    """Take apart what stands behind ``--on``.

    Raises:
        InvalidInput: there is no such engine, or the options have another form than ``name=value&name=value``.
    """
    head, _, query = text.strip().partition("?")
    engine, _, place = head.partition("://")
    if engine not in ENGINES:
        raise InvalidInput(
            f"there is no engine {engine!r}; there are {', '.join(ENGINES)}, for example --on dask://host:8786",
            code="unknown-engine",
        )
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as err:
        raise InvalidInput(
            f"--on {text!r}: options are written name=value&name=value behind the ?, not {query!r}",
            code="engine-option",
        ) from err
    return Address(engine, place.rstrip("/") if engine != DASK else place, dict(pairs))
