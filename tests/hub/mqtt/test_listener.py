"""What a message does: shown at once, kept, acknowledged after that; refused ones are counted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from contracts.messages import Batch, Online, Report
from contracts.reading import Identity, SeriesKey, SourceScale
from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from hub.mqtt.delivery import Delivery
from hub.mqtt.listener import Listener
from hub.runtime.problems import Problems
from tests.support.broker import until
from tests.support.mqtt_side import Shown

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAME = "TemperatureSensor/CurrentTemperature"
SERIES = SeriesKey("dev", "TemperatureSensor", 0, "CurrentTemperature")


class Recorder:
    """A source and an intake: what was acknowledged, what waits for its commit."""

    def __init__(self):
        self.acknowledged = []
        self.kept = []
        self.waiting = []

    def acknowledge(self, delivery):
        self.acknowledged.append(delivery.topic)

    def put(self, readings, done):
        self.kept.extend(readings)
        self.waiting.append(done)

    def commit(self):
        for done in self.waiting:
            done()
        self.waiting.clear()


@pytest.fixture
def parts():
    return Recorder(), Shown(), Problems(), []


@pytest.fixture
def listener(parts):
    recorder, shown, problems, safe = parts
    return Listener(recorder, shown, recorder, problems, on_committed=safe.append)


def send(listener, rest, payload, **flags):
    data = payload if isinstance(payload, bytes) else payload.encode()
    listener.deliver(Delivery(f"HomeKit/dev/{rest}", data, flags.pop("at", NOW), **flags))


def batch(*readings, up=100, boot="9f3a61c2", **more):
    return json.dumps({"boot": boot, "up": up, "readings": readings, **more})


def test_shown_at_once_kept_acknowledged_after_the_commit(listener, parts):
    recorder, shown, *_ = parts
    send(listener, NAME, "20.5")
    assert [(r.value, live) for r, live in shown.updates] == [(20.5, True)]
    assert [(r.series, r.value, r.at) for r in recorder.kept] == [(SERIES, 20.5, NOW)]
    assert recorder.acknowledged == []
    recorder.commit()
    assert recorder.acknowledged == [f"HomeKit/dev/{NAME}"]


def test_a_replayed_retained_value_is_no_news(listener, parts):
    recorder, shown, *_ = parts
    send(listener, "Switch/On", "1", retained=True)
    assert shown.updates[0][1] is False
    assert recorder.kept[0].redelivered
    send(listener, "Switch/On", b"", retained=True)
    assert shown.removed == []


def test_a_batch_comes_with_its_own_times_and_identities(listener, parts):
    recorder, shown, _, safe = parts
    send(listener, "$batch", batch([1, 300, NAME, 20], [2, 0, NAME, 21], [3, 5, "Switch/On", True]))
    assert [(r.identity, r.at) for r in recorder.kept] == [
        (Identity("9f3a61c2", 1), NOW - timedelta(seconds=300)),
        (Identity("9f3a61c2", 2), NOW),
        (Identity("9f3a61c2", 3), NOW - timedelta(seconds=5)),
    ]
    # HomeKit is shown the newest of each.
    assert sorted(r.value for r, _ in shown.updates) == [True, 21]
    assert safe == []
    recorder.commit()
    assert [(b.after, b.last) for b in safe] == [(0, 3)]
    assert recorder.acknowledged == ["HomeKit/dev/$batch"]


def test_a_batch_that_waited_in_the_broker_gets_honest_times(listener, parts):
    recorder, *_ = parts
    send(listener, "$batch", batch([1, 0, NAME, 20], up=0))
    send(listener, "$batch", batch([2, 10, NAME, 21], up=600), at=NOW + timedelta(hours=2))
    assert recorder.kept[-1].at == NOW + timedelta(seconds=590)


def test_plain_values_of_a_device_that_batches_are_shown_and_not_stored(listener, parts):
    recorder, shown, *_ = parts
    send(listener, "$batch", batch([1, 0, NAME, 20]))
    recorder.commit()
    send(listener, NAME, "20")
    assert len(recorder.kept) == 1
    assert len(shown.updates) == 2
    assert recorder.acknowledged[-1] == f"HomeKit/dev/{NAME}"


@pytest.mark.parametrize(
    ("rest", "payload", "kind"),
    [
        (NAME, "nan", "not-finite"),
        (NAME, "1e9", "range"),
        (NAME, "warm", "format"),
        ("NoSensor/CurrentTemperature", "20", "service"),
        ("TemperatureSensor/NoCharacteristic", "20", "characteristic"),
        (NAME, b"\xff", "utf-8"),
        (NAME, "1" * 2**20, "too-large"),
        ("$batch", "{", "json"),
    ],
)
def test_what_is_refused_is_counted_and_acknowledged(listener, parts, rest, payload, kind):
    recorder, shown, problems, _ = parts
    send(listener, rest, payload)
    assert problems.total == {kind: 1}
    assert (shown.updates, recorder.kept) == ([], [])
    assert len(recorder.acknowledged) == 1


def test_a_bad_entry_costs_only_itself_and_is_accounted_for(listener, parts):
    recorder, _, problems, safe = parts
    send(listener, "$batch", batch([1, 0, NAME, 20], [2, 0, NAME, 1e9], [3, 0, "Bad", 1]))
    recorder.commit()
    assert [r.identity.seq for r in recorder.kept] == [1]
    assert problems.total == {"range": 1, "arity": 1}
    assert [(b.after, b.last) for b in safe] == [(0, 3)]


def test_a_device_has_so_many_series_and_no_more(listener, parts):
    """35,000 that the definitions allow held up everybody, and were all drawn on pages."""
    recorder, shown, problems, _ = parts
    names = [
        f"{service}/{index}/{name}"
        for service, name in (
            ("TemperatureSensor", "CurrentTemperature"), ("Switch", "On"), ("Outlet", "On")
        )
        for index in range(100)
    ]  # fmt: skip
    for name in names[:150]:
        send(listener, name, "1")
    for names_now in (names, reversed(names)):
        send(listener, "$batch", batch(*([n, 0, name, 1] for n, name in enumerate(names_now, 1))))
    assert len({one.series for one in recorder.kept}) == 256
    assert len({one.series for one, _ in shown.updates}) == 256
    assert problems.total == {"series": 2 * 44}
    # What it had goes on, and so do others.
    send(listener, "$batch", batch([301, 0, names[0], 1]))
    other = Delivery(f"HomeKit/other/{names[-1]}", b"1", NOW)
    listener.deliver(other)
    assert recorder.kept[-2].identity.seq == 301
    assert recorder.kept[-1].series.device == "other"
    recorder.commit()
    assert len(recorder.acknowledged) == 150 + 4


def test_a_batch_of_nothing_but_refused_readings_is_acknowledged(listener, parts):
    recorder, _, _, safe = parts
    send(listener, "$batch", batch([1, 0, NAME, "nan"]))
    assert recorder.acknowledged == ["HomeKit/dev/$batch"]
    assert len(safe) == 1


async def test_others_hear_of_messages_before_the_acknowledgement(listener, parts):
    recorder, shown, problems, _ = parts
    heard = []

    async def on_report(report, delivery):
        heard.append(report.battery_mv)

    def on_online(online, delivery):
        raise RuntimeError("a defect of a part")

    listener.on(Report, on_report)
    listener.on(Online, on_online)
    send(listener, "$report", '{"battery_mv": 2980}')
    assert recorder.acknowledged == []
    await until(lambda: recorder.acknowledged == ["HomeKit/dev/$report"])
    assert heard == [2980]
    assert [(device, live) for device, _, live in shown.reports] == [("dev", True)]
    send(listener, "$online", "1")
    await until(lambda: len(recorder.acknowledged) == 2)
    assert problems.total == {"handler": 1}


async def test_a_report_that_waited_in_the_broker_is_dated_by_the_devices_clock(listener, parts):
    _, shown, *_ = parts
    heard = []
    listener.on(Report, lambda report, delivery: heard.append((report.up, delivery.at)))
    boot = '"boot": "9f3a61c2"'
    send(listener, "$batch", batch([1, 0, NAME, 20], up=0))
    send(listener, "$report", f'{{{boot}, "up": 0}}')
    # Made ten minutes later, delivered after two hours in which the hub was away.
    send(listener, "$report", f'{{{boot}, "up": 600}}', at=NOW + timedelta(hours=2))
    # Others cannot say when they were made: without a clock, of a new boot identity, retained.
    later = NOW + timedelta(hours=3)
    send(listener, "$report", f"{{{boot}}}", at=later)
    send(listener, "$report", '{"boot": "00000000", "up": 5}', at=later)
    send(listener, "$report", f'{{{boot}, "up": 700}}', at=later, retained=True)
    await until(lambda: len(heard) == 5)
    made = NOW + timedelta(seconds=600)
    assert heard == [(0, NOW), (600, made), (None, later), (5, later), (700, later)]
    assert shown.waited == [0, 6600, 0, 0, 0]


@pytest.mark.parametrize(
    ("state", "prompt"), [("updating", True), ("failed", True), ("accepted", False)]
)
async def test_a_clock_that_stood_still_in_an_ota_server_dates_nothing(
    listener, parts, state, prompt
):
    recorder, *_ = parts
    send(listener, "$batch", batch([1, 0, NAME, 20], up=100))
    send(listener, "$ota/state", f'{{"id": 1, "state": "{state}"}}')
    # A minute later its clock is where it was.
    later = NOW + timedelta(seconds=60)
    send(listener, "$batch", batch([2, 0, NAME, 21], up=101), at=later)
    assert recorder.kept[-1].at == (later if prompt else NOW + timedelta(seconds=1))


def test_a_defect_of_the_bridge_does_not_stop_the_others(listener, parts):
    recorder, shown, problems, _ = parts

    def broken(reading, *, live):
        raise RuntimeError("a defect")

    shown.update = broken
    send(listener, NAME, "20")
    assert problems.total == {"defect": 1}
    assert len(recorder.acknowledged) == 1


def test_what_the_hub_writes_itself_is_acknowledged_and_nothing_more(listener, parts):
    recorder, shown, problems, _ = parts
    for rest in ("$ack", "$config", "Switch/On/set"):
        send(listener, rest, "1")
    assert len(recorder.acknowledged) == 3
    assert (shown.updates, recorder.kept, problems.total) == ([], [], {})


def test_removal_takes_it_out_of_homekit(listener, parts):
    _, shown, *_ = parts
    send(listener, "Switch/On", b"")
    assert shown.removed == [SeriesKey("dev", "Switch", 0, "On")]


async def test_a_batch_is_dispatched_after_its_commit(listener, parts):
    recorder, *_ = parts
    lost = []
    listener.on(Batch, lambda message, _: lost.append(message.lost))
    send(listener, "$batch", batch([1, 0, NAME, 20], lost=4))
    assert lost == []
    recorder.commit()
    await until(lambda: lost == [4])
    await until(lambda: len(recorder.acknowledged) == 1)


@pytest.fixture
def told():
    return []


@pytest.fixture
def lively(parts, told):
    recorder, shown, problems, _ = parts
    return Listener(recorder, shown, recorder, problems, on_reading=told.append)


def test_onlookers_hear_of_a_value_once_it_is_stored(lively, parts, told):
    # Heard before that, one who asks the database just now would have it from neither.
    send(lively, NAME, "20.5")
    send(lively, "$batch", batch([1, 0, NAME, 21.0]))
    assert parts[0].waiting
    assert told == []
    parts[0].commit()
    assert [(r.series, r.value, r.at) for r in told] == [(SERIES, 20.5, NOW), (SERIES, 21.0, NOW)]


def test_onlookers_hear_of_all_of_a_batch_in_the_order_of_its_times(lively, parts, told):
    send(lively, "$batch", batch([1, 300, NAME, 20.0], [3, 0, NAME, 22.0], [2, 150, NAME, 21.0]))
    parts[0].commit()
    assert [r.value for r in told] == [20.0, 21.0, 22.0]


def test_onlookers_do_not_hear_the_same_twice_from_a_device_that_batches(lively, parts, told):
    send(lively, "$batch", batch([1, 0, NAME, 20.0]))
    send(lively, NAME, "20.0")
    parts[0].commit()
    assert len(told) == 1


def test_onlookers_hear_nothing_replayed_and_nothing_refused(lively, parts, told):
    send(lively, NAME, "20.5", retained=True)
    send(lively, NAME, "warm")
    send(lively, "$batch", batch([1, 0, NAME, 20.0]), retained=True)
    parts[0].commit()
    assert told == []


def test_how_a_number_was_read_goes_with_its_reading(parts):
    recorder, shown, problems, _ = parts
    profile = {"values": {NAME: {"unit": "F"}}}
    rules = Mapping.model_validate({"presets": ["tasmota"], "devices": {"dev": profile}})
    listener = Listener(recorder, shown, recorder, problems, translator=Translator(rules))
    send(listener, NAME, "68")
    send(listener, "$batch", batch([1, 0, NAME, "86"]))
    for unit in ("C", "F"):
        payload = {"SI7021": {"Temperature": 50.0}, "TempUnit": unit}
        listener.deliver(Delivery("tele/plug/SENSOR", json.dumps(payload).encode(), NOW))
    assert [(round(r.value, 6), r.source) for r in recorder.kept] == [
        (20, SourceScale("F")), (30, SourceScale("F")), (50, SourceScale()), (10, SourceScale("F")),
    ]  # fmt: skip
