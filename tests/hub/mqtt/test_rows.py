"""A `$batch` with rows: its readings, its values for now, its brief report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from contracts.messages import Report, parse
from contracts.reading import SeriesKey
from hub.database.errors import DatabaseAwayError
from hub.devices.overview import overview
from hub.mqtt.delivery import Delivery
from hub.mqtt.last_reports import LastReports
from hub.mqtt.listener import Listener
from hub.runtime.problems import Problems
from tests.hub.mqtt.test_listener import Recorder
from tests.support.broker import open_folder, until
from tests.support.mqtt311 import Client
from tests.support.mqtt_side import Shown, running_side

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOOT = "9f3a61c2"
TEMPERATURE = SeriesKey("dev", "TemperatureSensor", 0, "CurrentTemperature")
LOW = SeriesKey("dev", "BatteryService", 0, "StatusLowBattery")
WHOLE = {
    "firmware": "1.0.0", "model": "sensor", "board": "nodemcu", "reset": "power", "boot": BOOT,
    "up": 300, "seq": 1, "awake_ms": 900, "rssi": -61, "heap_free": 18432, "next_wake_s": 300,
    "config": 2, "battery_mv": 2980,
}  # fmt: skip


def rows(up=600, **members):
    sent = {"boot": BOOT, "up": up, "series": ["8A/11"], "rows": [[2, 0, 21.5]], **members}
    return json.dumps(sent).encode()


def send(listener, rest, payload, **flags):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    listener.deliver(Delivery(f"HomeKit/dev/{rest}", data, flags.pop("at", NOW), **flags))


class Parts:
    """A listener with its neighbours; `reports` are what handlers heard, with their instants."""

    def __init__(self, stored=None):
        self.recorder, self.shown, self.problems = Recorder(), Shown(), Problems()
        self.live, self.reports, self.asked = [], [], []

        async def ask(device):
            self.asked.append(device)
            if isinstance(stored, Exception):
                raise stored
            return stored

        self.listener = Listener(
            self.recorder,
            self.shown,
            self.recorder,
            self.problems,
            on_reading=self.live.append,
            last_reports=LastReports(ask),
        )
        self.listener.on(Report, self._report)

    async def _report(self, report, delivery):
        self.reports.append((report, delivery.at))


async def test_rows_are_shown_kept_and_told_like_any_reading():
    parts = Parts()
    send(parts.listener, "$batch", rows(rows=[[1, 300, 20], [2, 0, 21.5]]))
    assert [(r.value, live) for r, live in parts.shown.updates] == [(21.5, True)]
    assert [(r.identity.seq, r.at, r.value) for r in parts.recorder.kept] == [
        (1, NOW - timedelta(seconds=300), 20),
        (2, NOW, 21.5),
    ]
    assert (parts.live, parts.recorder.acknowledged) == ([], [])
    parts.recorder.commit()
    assert [r.value for r in parts.live] == [20, 21.5]
    assert parts.recorder.acknowledged == ["HomeKit/dev/$batch"]


async def test_values_for_now_are_shown_and_never_kept():
    parts = Parts()
    send(parts.listener, "$batch", rows(now={"96/79": 1}))
    shown = {r.series: (r.value, r.at) for r, live in parts.shown.updates if live}
    assert shown == {TEMPERATURE: (21.5, NOW), LOW: (1, NOW)}
    assert [r.series for r in parts.recorder.kept] == [TEMPERATURE]
    parts.recorder.commit()
    assert [r.series for r in parts.live] == [TEMPERATURE]
    parts.recorder.acknowledged.clear()
    # With nothing to keep it is acknowledged at once.
    send(parts.listener, "$batch", rows(rows=[], now={"96/79": 0, "NoSensor/On": 1}))
    assert parts.recorder.acknowledged == ["HomeKit/dev/$batch"]
    assert parts.problems.total == {"service": 1}


async def test_a_value_for_now_that_waited_is_as_old_as_its_message():
    parts = Parts()
    send(parts.listener, "$batch", rows(up=0, now={"96/79": 0}))
    send(parts.listener, "$batch", rows(up=600, now={"96/79": 1}), at=NOW + timedelta(hours=2))
    late = [r.at for r, _ in parts.shown.updates if r.series == LOW][-1]
    assert late == NOW + timedelta(seconds=600)


async def test_a_brief_report_is_a_report_for_everybody():
    parts = Parts()
    send(parts.listener, "$report", WHOLE)
    send(parts.listener, "$batch", rows(report=[300, 412, -70, 18000, 2970]))
    await until(lambda: len(parts.reports) == 2)
    report, at = parts.reports[-1]
    assert report.raw == WHOLE | {
        "up": 600, "since": 300, "seq": 2, "awake_ms": 412, "rssi": -70, "heap_free": 18000,
        "battery_mv": 2970, "reset": "deepsleep",
    }  # fmt: skip
    assert at == NOW
    # The bridge hears when it wakes next, as by a whole one.
    device, shown, live = parts.shown.reports[-1]
    assert (device, shown.next_wake_s, shown.firmware, live) == ("dev", 300, "1.0.0", True)
    assert parts.asked == []
    # Acknowledged when both the readings and the report are safe.
    assert parts.recorder.acknowledged == ["HomeKit/dev/$report"]
    parts.recorder.commit()
    await until(lambda: parts.recorder.acknowledged[-1] == "HomeKit/dev/$batch")


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_brief_report_says_not_again_where_the_device_was_set_up_to_be(restarted):
    """That is of its start; what was said before is not said anew each wake."""
    whole = WHOLE | {"place": "House / Attic"}
    parts = Parts(whole)
    if not restarted:
        send(parts.listener, "$report", whole)
    for up in (600, 900):
        send(parts.listener, "$batch", rows(up=up, report=[300, 412, -70, 18000]))
    heard = 2 if restarted else 3
    await until(lambda: len(parts.reports) == heard)
    said = [report.raw.get("place") for report, _ in parts.reports]
    assert said == ([] if restarted else ["House / Attic"]) + [None, None]


async def test_a_brief_report_that_waited_in_the_broker_says_that_it_was_there():
    parts = Parts()
    send(parts.listener, "$report", WHOLE)
    late = NOW + timedelta(hours=2)
    send(parts.listener, "$batch", rows(up=900, report=[300, 412, -70, 18000]), at=late)
    await until(lambda: len(parts.reports) == 2)
    made = NOW + timedelta(seconds=600)
    assert parts.reports[-1][1] == made
    assert parts.shown.waited == [0, (late - made).total_seconds()]


async def test_after_a_start_the_last_report_is_read_from_the_database():
    parts = Parts(WHOLE | {"up": 900, "since": 300, "reset": "deepsleep"})
    send(parts.listener, "$batch", rows(up=1200, report=[300, 412, -70, 18000]))
    parts.recorder.commit()
    await until(lambda: len(parts.recorder.acknowledged) == 1)
    send(parts.listener, "$batch", rows(up=1500, report=[300, 413, -70, 18000]))
    await until(lambda: len(parts.reports) == 2)
    assert [(r.up, r.awake_ms, r.firmware) for r, _ in parts.reports] == [
        (1200, 412, "1.0.0"),
        (1500, 413, "1.0.0"),
    ]
    assert parts.asked == ["dev"]


@pytest.mark.parametrize(
    "stored",
    [None, {}, WHOLE, WHOLE | {"boot": "00000000", "up": 600}, WHOLE | {"up": "damaged"}],
)
async def test_what_builds_on_a_report_that_never_came_is_none(stored):
    """Its readings are kept all the same; the device says a whole one within the hour."""
    parts = Parts(stored)
    send(parts.listener, "$batch", rows(up=900, report=[600, 412, -70, 18000]))
    parts.recorder.commit()
    await until(lambda: len(parts.recorder.acknowledged) == 1)
    assert parts.reports == []
    assert len(parts.recorder.kept) == 1
    assert parts.problems.total == {"report": 1}
    assert parts.shown.reports == []


async def test_without_a_database_nothing_is_made_up():
    parts = Parts(DatabaseAwayError("away"))
    send(parts.listener, "$batch", rows(report=[300, 412, -70, 18000]))
    parts.recorder.commit()
    await until(lambda: len(parts.recorder.acknowledged) == 1)
    assert (parts.reports, parts.problems.total) == ([], {})


async def test_memory_for_last_reports_is_bounded():
    reports = LastReports(limit=2)
    for number in range(3):
        message = parse(f"HomeKit/dev_{number}/$report", json.dumps(WHOLE).encode())
        assert isinstance(message, Report)
        reports.keep(message)
    batches = [parse(f"HomeKit/dev_{n}/$batch", rows(report=[300, 1, 1, 1])) for n in range(3)]
    assert [reports.complete(batch) is not None for batch in batches] == [False, True, True]


async def test_a_restart_of_the_hub_lies_between_a_whole_report_and_a_brief_one(store):
    password = "0123456789abcdef" * 2

    async def tell(side, rest, payload):
        port = side.ports["mqtt"]
        async with await Client.connect("127.0.0.1", port, "dev", "dev", password) as client:
            assert client.code == 0
            await client.publish(f"HomeKit/dev/{rest}", payload)

    async def seen():
        return {one.device: one for one in await overview(store.of("home"))}

    async def told(seq):
        report = (await seen())["dev"].report if await seen() else None
        return report is not None and report["seq"] == seq

    with open_folder() as folder:
        async with running_side(store, folder) as side:
            await side.book.provision("dev", "home", password)
            await tell(side, "$report", json.dumps(WHOLE))
            await until(lambda: told(1))
        async with running_side(store, folder) as side:
            await tell(side, "$batch", rows(report=[300, 412, -70, 18000, 2970]))
            await until(lambda: told(2))
            device = (await seen())["dev"]
            assert device.report == WHOLE | {
                "up": 600, "since": 300, "seq": 2, "awake_ms": 412, "rssi": -70,
                "heap_free": 18000, "battery_mv": 2970, "reset": "deepsleep",
            }  # fmt: skip
            assert (device.next_wake_at - device.report_at).total_seconds() == 300
            assert device.battery_mv == 2970
            await until(lambda: side.ingest.of("home").counts["stored"] == 1)
