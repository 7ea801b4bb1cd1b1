"""The page about capture names what is measured, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from forebear.tracking.capture.system import GpuProbe, all_probes
from tests.tracking.capture.test_system import fake_nvml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "capture.md"


def test_every_measurement_is_on_the_page() -> None:
    named = set(re.findall(r"`(system\.[\w.]+)`", PAGE.read_text()))
    measured = set(GpuProbe(fake_nvml())())
    for probe in (*all_probes(Path.cwd()), *all_probes(Path.cwd())):
        measured |= probe().keys()
    measured = {re.sub(r"\.\d+(?=\.|$)", ".0", name) for name in measured}
    # Containers often hide the counters of their disks.
    assert named - {"system.cpu.1"} - measured <= {"system.disk.readMBps", "system.disk.writeMBps"}
    assert measured <= named
