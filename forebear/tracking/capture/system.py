"""Measuring the machine every few seconds while a run goes on: CPU, memory, disk, network, NVIDIA GPUs.

A thread does it, and only it loads psutil, and only after a moment: a run of half a second pays nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

#: Seconds until the first measurement; rates need two looks at the counters.
FIRST_SECONDS = 1.0
#: A shorter interval would measure the measuring.
MIN_INTERVAL = 0.1
#: Seconds that the end of a run waits for a measurement that hangs, for instance in a dead network file system.
_JOIN_SECONDS = 1.0
#: Cores measured one by one; on a larger machine that would be most of what is kept.
MAX_CORES = 64
_MB = 1024 * 1024
_GB = 1024 * _MB

#: Takes one measurement; names are those of the reference page docs/reference/capture.md.
Take = Callable[[dict[str, float]], None]


class Probe(Protocol):
    """One thing that can be measured."""

    def __call__(self) -> dict[str, float]:
        """Return values by name; none where nothing can be told."""
        ...


class SystemMonitor:
    """Measures from `start` to `stop`, and hands each measurement on."""

    def __init__(
        self,
        take: Take,
        folder: Path,
        *,
        interval: float = 15.0,
        first: float = FIRST_SECONDS,
        probes: Callable[[Path], list[Probe]] | None = None,
    ) -> None:
        """Prepare.

        Args:
            take: Called in the thread with each measurement; what it raises is passed over.
            folder: Its disk is the one whose usage is measured.
            interval: Seconds between measurements.
            first: Seconds until the first one.
            probes: Makes what is measured, in the thread.
        """
        self._take = take
        self._folder = folder
        self._interval = max(interval, MIN_INTERVAL)
        self._first = min(first, self._interval)
        self._make = probes or all_probes
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._owner = os.getpid()

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="forebear-system", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, with a last measurement if there was a first; does nothing in a forked child, which has no thread."""
        if self._thread is None or os.getpid() != self._owner:
            return
        self._over.set()
        self._thread.join(_JOIN_SECONDS)
        self._thread = None

    def _run(self) -> None:
        if self._over.wait(self._first):
            return
        probes = self._make(self._folder)
        wait = MIN_INTERVAL  # counters were looked at just now
        while True:
            over = self._over.wait(wait)
            measure(probes, self._take)
            if over:
                return
            wait = self._interval


def measure(probes: list[Probe], take: Take) -> None:
    """Measure once and hand it on. A probe that fails leaves its values out: others may still tell something."""
    values: dict[str, float] = {}
    for probe in probes:
        try:
            values |= probe()
        except Exception:  # psutil, a driver or the kernel cannot tell: the run has no use for the reason
            continue
    if values:
        try:
            take(values)
        except Exception:  # the journal speaks for itself where it cannot write
            return


def all_probes(folder: Path) -> list[Probe]:
    """Return what can be measured on this machine. Cost: loads psutil, 15 ms, and looks for GPUs."""
    import psutil

    process = psutil.Process()
    makers: list[Callable[[], Probe | None]] = [
        lambda: CpuProbe(psutil, process),
        lambda: MemoryProbe(psutil, process),
        lambda: DiskProbe(psutil, folder),
        lambda: NetworkProbe(psutil),
        gpu_probe,
    ]
    found: list[Probe] = []
    for make in makers:
        with suppress(Exception):  # a disk that is away, a kernel that hides something: the others may still tell
            probe = make()
            if probe is not None:
                found.append(probe)
    return found


class CpuProbe:
    """Percent of the CPUs that the machine and this process used since the last look."""

    def __init__(self, psutil: Any, process: Any) -> None:
        self._psutil = psutil
        self._process = process
        self()

    def __call__(self) -> dict[str, float]:
        """Return percents (of one core for the process) and the number of its threads."""
        cores = self._psutil.cpu_percent(percpu=True)
        values = {f"system.cpu.{number}": percent for number, percent in enumerate(cores[:MAX_CORES])}
        values["system.cpu"] = sum(cores) / max(1, len(cores))
        values["system.proc.cpu"] = self._process.cpu_percent()
        values["system.proc.threads"] = float(self._process.num_threads())
        return values


class MemoryProbe:
    """Memory of the machine and of this process."""

    def __init__(self, psutil: Any, process: Any) -> None:
        self._psutil = psutil
        self._process = process

    def __call__(self) -> dict[str, float]:
        """Return percents and MiB."""
        machine, resident = self._psutil.virtual_memory(), self._process.memory_info().rss
        return {
            "system.memory": machine.percent,
            "system.memory.availableMB": machine.available / _MB,
            "system.proc.memory.rssMB": resident / _MB,
            "system.proc.memory.percent": 100.0 * resident / machine.total,
        }


class _Rates:
    """Turns counters into MiB a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[float, tuple[int, ...]] | None = None

    def of(self, counters: tuple[int, ...]) -> tuple[float, ...]:
        """Return the rates since the last look; nothing at the first one."""
        now = self._clock()
        before, self._last = self._last, (now, counters)
        if before is None or now <= before[0]:
            return ()
        seconds = now - before[0]
        # A counter that was reset, as by a driver that was loaded again, must not show a negative rate.
        return tuple(max(0, new - old) / seconds / _MB for new, old in zip(counters, before[1], strict=True))


class DiskProbe:
    """Use of one disk, and what all disks read and write."""

    def __init__(self, psutil: Any, folder: Path) -> None:
        self._psutil = psutil
        self._folder = str(folder)
        self._rates = _Rates()
        self()

    def __call__(self) -> dict[str, float]:
        """Return percent, GiB, and MiB a second."""
        usage = self._psutil.disk_usage(self._folder)
        values = {"system.disk.usagePercent": usage.percent, "system.disk.usageGB": usage.used / _GB}
        counters = self._psutil.disk_io_counters()  # None in many containers
        if counters is not None:
            rates = self._rates.of((counters.read_bytes, counters.write_bytes))
            values |= dict(zip(("system.disk.readMBps", "system.disk.writeMBps"), rates, strict=False))
        return values


class NetworkProbe:
    """What all network interfaces send and receive."""

    def __init__(self, psutil: Any) -> None:
        self._psutil = psutil
        self._rates = _Rates()
        self()

    def __call__(self) -> dict[str, float]:
        """Return MiB a second."""
        counters = self._psutil.net_io_counters()
        rates = self._rates.of((counters.bytes_sent, counters.bytes_recv))
        return dict(zip(("system.network.sentMBps", "system.network.receivedMBps"), rates, strict=False))


class GpuProbe:
    """NVIDIA GPUs, by NVML."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]

    @property
    def count(self) -> int:
        """Number of devices."""
        return len(self._handles)

    @property
    def name(self) -> str:
        """Name of the first device."""
        name = self._nvml.nvmlDeviceGetName(self._handles[0])
        return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)

    def __call__(self) -> dict[str, float]:
        """Return percents, MiB, degrees Celsius and watts; what a device does not tell is left out."""
        values: dict[str, float] = {}
        for index, handle in enumerate(self._handles):
            for read in (self._use, self._memory, self._temperature, self._power):
                try:
                    values |= {f"system.gpu.{index}.{name}": value for name, value in read(handle).items()}
                except self._nvml.NVMLError:
                    continue
        return values

    def _use(self, handle: Any) -> dict[str, float]:
        rates = self._nvml.nvmlDeviceGetUtilizationRates(handle)
        return {"gpu": float(rates.gpu), "memory": float(rates.memory)}

    def _memory(self, handle: Any) -> dict[str, float]:
        memory = self._nvml.nvmlDeviceGetMemoryInfo(handle)
        return {"memoryAllocatedMB": memory.used / _MB, "memoryAllocated": 100.0 * memory.used / memory.total}

    def _temperature(self, handle: Any) -> dict[str, float]:
        return {"temp": float(self._nvml.nvmlDeviceGetTemperature(handle, self._nvml.NVML_TEMPERATURE_GPU))}

    def _power(self, handle: Any) -> dict[str, float]:
        return {"powerWatts": self._nvml.nvmlDeviceGetPowerUsage(handle) / 1000}


def gpu_probe() -> GpuProbe | None:
    """Return what measures the NVIDIA GPUs; ``None`` without `nvidia-ml-py`, driver or device."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        probe = GpuProbe(pynvml)
    except pynvml.NVMLError:
        return None
    return probe if probe.count else None
