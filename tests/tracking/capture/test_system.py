"""The machine is measured while a run goes on, and what cannot be measured is left out."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

import pytest

from forebear.tracking.capture import system
from forebear.tracking.capture.system import GpuProbe, Probe, SystemMonitor, all_probes, gpu_probe, measure

WAIT = 30.0


class Taken:
    """Keeps measurements and tells when there are enough."""

    def __init__(self, enough: int) -> None:
        self.values: list[dict[str, float]] = []
        self._enough = enough
        self.there = threading.Event()

    def __call__(self, values: dict[str, float]) -> None:
        self.values.append(values)
        if len(self.values) >= self._enough:
            self.there.set()


def test_the_machine_is_measured() -> None:
    taken = Taken(2)
    monitor = SystemMonitor(taken, Path.cwd(), interval=0.1, first=0.0)
    monitor.start()
    assert taken.there.wait(WAIT)
    monitor.stop()
    last = taken.values[-1]
    assert 0 <= last["system.cpu"] <= 100
    assert last["system.cpu.0"] >= 0
    assert last["system.proc.cpu"] >= 0
    assert last["system.proc.threads"] >= 2
    assert 0 < last["system.memory"] <= 100
    assert 1 < last["system.proc.memory.rssMB"] < 100_000
    assert 0 < last["system.proc.memory.percent"] < 100
    assert last["system.memory.availableMB"] > 0
    assert 0 < last["system.disk.usagePercent"] <= 100
    assert last["system.disk.usageGB"] > 0
    assert last["system.network.sentMBps"] >= 0
    assert last["system.network.receivedMBps"] >= 0
    assert all(isinstance(value, float | int) for value in last.values())


def test_a_folder_that_is_gone_leaves_the_rest_to_be_measured(tmp_path: Path) -> None:
    taken = Taken(1)
    measure(all_probes(tmp_path / "gone"), taken)
    assert "system.memory" in taken.values[0]
    assert not any(name.startswith("system.disk") for name in taken.values[0])


def one_probe(*results: Any) -> Any:
    left = list(results)

    def probe() -> dict[str, float]:
        result = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(result, Exception):
            raise result
        return {"x": result}

    return lambda folder: [probe]


def test_it_ends_at_once_with_a_last_measurement() -> None:
    taken = Taken(1)
    monitor = SystemMonitor(taken, Path.cwd(), interval=1_000.0, first=0.0, probes=one_probe(1.0, 2.0))
    monitor.start()
    assert taken.there.wait(WAIT)
    begun = time.monotonic()
    monitor.stop()
    monitor.stop()
    assert time.monotonic() - begun < 1
    assert taken.values == [{"x": 1.0}, {"x": 2.0}]
    assert not [one for one in threading.enumerate() if one.name == "forebear-system"]


def test_a_short_run_measures_nothing_and_loads_nothing() -> None:
    program = (
        "import sys; from pathlib import Path; from forebear.tracking.capture.system import SystemMonitor\n"
        "monitor = SystemMonitor(print, Path.cwd()); monitor.start(); monitor.stop()\n"
        "assert not {'psutil', 'pynvml', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == ""


def test_a_probe_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def bad() -> dict[str, float]:
        raise RuntimeError("no driver")

    taken = Taken(9)
    measure([bad, lambda: {"y": 1.0}], taken)
    measure([bad], taken)
    assert taken.values == [{"y": 1.0}]


def test_a_taker_that_fails_does_not_end_it() -> None:
    calls = Taken(3)

    def take(values: dict[str, float]) -> None:
        calls(values)
        raise OSError("disk full")

    monitor = SystemMonitor(take, Path.cwd(), interval=0.1, first=0.0, probes=one_probe(1.0))
    monitor.start()
    assert calls.there.wait(WAIT)
    monitor.stop()


def test_a_probe_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_JOIN_SECONDS", 0.05)
    hanging, go = threading.Event(), threading.Event()

    def probe() -> dict[str, float]:
        hanging.set()
        go.wait(WAIT)
        return {}

    monitor = SystemMonitor(Taken(1), Path.cwd(), first=0.0, probes=lambda folder: [probe])
    monitor.start()
    thread = monitor._thread
    assert thread is not None
    assert hanging.wait(WAIT)
    monitor.stop()
    go.set()
    thread.join(WAIT)
    assert not thread.is_alive()


def test_a_forked_child_has_no_part_in_it() -> None:
    taken = Taken(1)
    monitor = SystemMonitor(taken, Path.cwd(), interval=1_000.0, first=0.0, probes=one_probe(1.0))
    monitor.start()
    assert taken.there.wait(WAIT)
    pid = os.fork()
    if not pid:
        monitor.stop()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert monitor._thread is not None
    assert monitor._thread.is_alive()
    monitor.stop()


def test_a_measurement_is_cheap() -> None:
    probes = all_probes(Path.cwd())
    best = 1.0
    for _ in range(20):
        begun = time.perf_counter()
        measure(probes, lambda values: None)
        best = min(best, time.perf_counter() - begun)
    assert best < 0.005


def test_rates_are_per_second_and_never_negative() -> None:
    now = 10.0
    rates = system._Rates(lambda: now)
    assert rates.of((0, 0)) == ()
    now = 12.0
    assert rates.of((4 * 1024**2, 1024**2)) == (2.0, 0.5)
    assert rates.of((9, 9)) == ()
    now = 13.0
    assert rates.of((0, 9)) == (0.0, 0.0)


# -- GPUs, of which a machine that tests may have none -----------------------------------------------------------


class NVMLError(Exception):
    pass


def fake_nvml(count: int = 2, *, works: bool = True) -> Any:
    def power(handle: int) -> int:
        if handle == 1:
            raise NVMLError("not supported")
        return 250_500

    def init() -> None:
        if not works:
            raise NVMLError("no driver")

    return types.SimpleNamespace(
        NVMLError=NVMLError,
        NVML_TEMPERATURE_GPU=0,
        nvmlInit=init,
        nvmlDeviceGetCount=lambda: count,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: b"Tester 9000",
        nvmlDeviceGetUtilizationRates=lambda handle: types.SimpleNamespace(gpu=90 + handle, memory=40),
        nvmlDeviceGetMemoryInfo=lambda handle: types.SimpleNamespace(used=3 * 1024**3, total=12 * 1024**3),
        nvmlDeviceGetTemperature=lambda handle, sensor: 71,
        nvmlDeviceGetPowerUsage=power,
    )


def test_gpus_are_measured_as_far_as_they_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml())
    probe: Probe | None = gpu_probe()
    assert isinstance(probe, GpuProbe)
    assert (probe.count, probe.name) == (2, "Tester 9000")
    one = {"gpu": 90.0, "memory": 40.0, "memoryAllocatedMB": 3072.0, "memoryAllocated": 25.0, "temp": 71.0}
    expected = {f"system.gpu.0.{name}": value for name, value in (one | {"powerWatts": 250.5}).items()}
    expected |= {f"system.gpu.1.{name}": value for name, value in (one | {"gpu": 91.0}).items()}
    assert probe() == expected


@pytest.mark.parametrize("module", [None, fake_nvml(works=False), fake_nvml(0)])
def test_without_package_driver_or_device_there_are_no_gpus(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", module)
    assert gpu_probe() is None
