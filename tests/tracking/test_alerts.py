"""Alerts are said once in a while, and kept line by line."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forebear.errors import InvalidInput
from forebear.tracking import alerts as module
from forebear.tracking.alerts import FILE_NAME, AlertLevel, Alerts


@pytest.fixture
def alerts(tmp_path: Path) -> Alerts:
    return Alerts(tmp_path)


def kept(folder: Path) -> list[dict[str, Any]]:
    file = folder / FILE_NAME
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_an_alert_is_said_and_kept(alerts: Alerts, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alerts.send("Low accuracy", "0.3 is below 0.5", "WARN")
    assert alerts.send("Done")
    assert alerts.send("Broken", level=AlertLevel.ERROR)
    assert capsys.readouterr().err.splitlines() == [
        "forebear: warning: alert: Low accuracy: 0.3 is below 0.5",
        "forebear: alert: Done",
        "forebear: error: alert: Broken",
    ]
    found = kept(tmp_path)
    assert [(one["level"], one["title"], one["text"]) for one in found] == [
        ("WARN", "Low accuracy", "0.3 is below 0.5"), ("INFO", "Done", ""), ("ERROR", "Broken", ""),
    ]  # fmt: skip
    assert abs((datetime.now(UTC) - datetime.fromisoformat(found[0]["time"])).total_seconds()) < 60


def test_the_same_title_waits_and_others_do_not(
    alerts: Alerts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    assert alerts.send("a", wait_duration=60)
    assert not alerts.send("a", wait_duration=timedelta(minutes=1))
    assert alerts.send("b", wait_duration=60)
    now += 59
    assert not alerts.send("a", wait_duration=60)
    now += 1
    assert alerts.send("a")
    assert not alerts.send("a")
    assert alerts.send("a", wait_duration=0)
    assert [one["title"] for one in kept(tmp_path)] == ["a", "b", "a", "a"]


def test_the_memory_of_titles_is_bounded(alerts: Alerts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 10)
    for number in range(50):
        alerts.send(str(number), wait_duration=1_000)
    assert len(alerts._sent) == 10
    assert not alerts.send("49", wait_duration=1_000)


@pytest.mark.parametrize("level", ["info", "INFO", None, AlertLevel.INFO])
def test_levels_may_be_written_in_any_way(alerts: Alerts, tmp_path: Path, level: Any) -> None:
    alerts.send("x", level=level)
    assert kept(tmp_path)[0]["level"] == "INFO"


def test_an_unknown_level_is_refused(alerts: Alerts, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="alert level 'PANIC' is unknown; there are INFO, WARN, ERROR"):
        alerts.send("x", level="PANIC")
    assert kept(tmp_path) == []


def test_secrets_are_hidden_and_any_text_is_kept(alerts: Alerts, tmp_path: Path) -> None:
    alerts.send("login failed", "password=hunter2\nline \udcff ü")
    assert kept(tmp_path)[0]["text"] == "password=***\nline \\udcff ü".replace("\\udcff", "?")


def test_a_forked_child_may_send(alerts: Alerts, tmp_path: Path) -> None:
    with alerts._lock:  # as another thread of the parent would
        pid = os.fork()
        if not pid:
            code = 1
            try:
                code = 0 if alerts.send("from a child") else 2
            finally:
                os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    assert [one["title"] for one in kept(tmp_path)] == ["from a child"]
