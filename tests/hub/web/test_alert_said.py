"""Alerts, stored in English as they were sent, said in another language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.language.words import spoken
from hub.web.notifications.alert_said import ALERTS, alert_said

HUB = Path(__file__).parents[3] / "hub"


@pytest.mark.parametrize(
    ("stored", "german"),
    [
        ("temperature 16.5 °C, above 5 °C since 17:31", "Temperatur 16,5 °C, über 5 °C seit 17:31"),
        (
            "relative humidity 61 %, above 60.5 % since 9:01 (at its worst 70.5 %)",
            "Relative Luftfeuchte 61 %, über 60,5 % seit 9:01 (im Äußersten 70,5 %)",
        ),
        ("contact open since 14:00", "Kontakt offen seit 14:00"),
        (
            "temperature 7.0 °C since 8:00, after below 3 °C since 7:00; known since 9:00",
            "Temperatur 7,0 °C seit 8:00, davor unter 3 °C seit 7:00; bekannt seit 9:00",
        ),
        (
            "the disk is full: 9 MiB are free for /d: make room on that disk",
            "die Platte ist voll: 9 MiB sind für /d frei: schaffen Sie auf dieser Platte Platz",
        ),
        ("the backup failed 3 times: no room", "die Sicherung misslang 3-mal: no room"),
        ("something else since 9:00", "something else since 9:00"),
        ("", ""),
    ],
)
def test_what_is_known_is_translated_with_what_it_names(stored, german):
    with spoken("de"):
        assert alert_said(stored) == german
    assert alert_said(stored) == stored


def test_each_is_still_what_an_alert_says():
    sources = [*(HUB / "notifications").rglob("*.py"), HUB / "runtime" / "disk.py"]
    code = re.sub(r'"\s+f?"|\s+', " ", "\n".join(one.read_text("utf-8") for one in sources))
    stale = [
        message
        for message in ALERTS
        if max(re.split(r"\{\w+\}", message), key=len).strip(" :(") not in code
    ]
    assert not stale
