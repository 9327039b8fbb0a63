"""What the home page and the page of devices are made of, without a browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from contracts.reading import SeriesKey
from hub.anomalies.detect import Anomaly, AnomalyKind
from hub.anomalies.profile import learn
from hub.anomalies.watch import SeriesAnomaly
from hub.devices.glance import DeviceGlance, Glance
from hub.devices.overview import LastValue
from hub.web.devices.view import devices_view, spark_series
from hub.web.home.sentences import sentences
from hub.web.home.view import usual_of

NOW = datetime(2026, 3, 20, 12, 20, tzinfo=UTC)
KEY = SeriesKey("room", "TemperatureSensor", 0, "CurrentTemperature")


def odd(kind: AnomalyKind, short: str, *, muted: bool = False, key: SeriesKey = KEY):
    finding = Anomaly(kind, NOW, None, NOW, 24.4, f"{short} in numbers", short)
    return SeriesAnomaly(key, "Temperature", finding, muted)


def test_what_is_usual_is_by_the_hour_of_the_window_in_the_places_own_time():
    # Twelve days in which each hour of the day, an hour ahead of UTC, has a value of its own.
    start = NOW.replace(hour=23, minute=0) - timedelta(days=13)
    bins = [
        ((start + timedelta(hours=n)).timestamp(), float(n % 24), n % 24 + 0.5)
        for n in range(12 * 24)
    ]
    profile = learn(bins, [], unit="°C", offset=3600)
    usual = usual_of(profile, NOW)
    assert len(usual) == 24
    # The last hour before 12:20 is 11:50 in its middle: 12:50 there, whose hours are 11 to 13.
    assert usual[-1] == (11.0, 13.5)
    # A day before that it was a little later in the day.
    assert usual[0] == (12.0, 14.5)
    assert usual_of(learn([], [], unit="°C", offset=0), NOW) == [None] * 24


def test_a_jump_out_of_the_range_is_told_once_and_what_is_muted_is_marked():
    other = SeriesKey("room", "HumiditySensor", 0, "CurrentRelativeHumidity")
    lines = sentences(
        [],
        [
            odd(AnomalyKind.RANGE, "Usual 19 to 22", muted=True),
            odd(AnomalyKind.JUMP, "Jumped to 24"),
            odd(AnomalyKind.JUMP, "Jumped to 90", key=other),
        ],
        {"room": "Geography"},
    )
    assert [(one["short"], one["muted"]) for one in lines] == [
        ("Usual 19 to 22", True),
        ("Jumped to 90", False),
    ]
    assert lines[0]["odd"] == "room/TemperatureSensor/CurrentTemperature range"
    assert lines[0]["text"] == "temperature Usual 19 to 22 in numbers"


def test_the_table_says_what_is_unusual_old_and_weak():
    def one(device: str, firmware: str, rssi: object, board: str = "nodemcu") -> DeviceGlance:
        report = {"firmware": firmware, "board": board, "rssi": rssi}
        value = LastValue(replace(KEY, device=device), 20.0, NOW, 20.0)
        return DeviceGlance(device, None, None, NOW, None, report, values=[value])

    glance = Glance(
        [],
        [
            one("new", "1.10.0", -60),
            one("old", "1.9.0", -70),
            one("other", "1.0.0", -81, board="d1"),
            one("strange", "next", True),
        ],
    )
    found = [
        odd(AnomalyKind.RANGE, "Usual 19 to 22", key=replace(KEY, device="new")),
        odd(AnomalyKind.RANGE, "Usual 1 to 2", muted=True, key=replace(KEY, device="old")),
        odd(AnomalyKind.STUCK, "20 since noon", muted=True, key=replace(KEY, device="new")),
    ]
    view = devices_view(glance, {}, [], [], NOW, odd=found)
    shown = {one["id"]: one for one in view["devices"]}
    assert {key: one["old"] for key, one in shown.items()} == {
        "new": False, "old": True, "other": False, "strange": False,
    }  # fmt: skip
    assert {key: (one["wifi"], one["dbm"]) for key, one in shown.items()} == {
        "new": ("good", -60), "old": ("fair", -70), "other": ("weak", -81), "strange": ("", None),
    }  # fmt: skip
    assert shown["new"]["problem"] == {"level": 1, "text": "Temperature: usual 19 to 22"}
    assert shown["old"]["problem"] == {"level": 0, "text": "Muted"}
    assert spark_series(glance)["old"] == replace(KEY, device="old")
