"""docs/topics.md, line by line, and what must be refused by name."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.messages import (
    AccessoryRemoval,
    Batch,
    Enrol,
    Ignored,
    Online,
    OtaState,
    Problem,
    Report,
    StateValue,
    parse,
)
from contracts.reading import SeriesKey

BATCH = {"boot": "9f3a61c2", "up": 86400, "lost": 0, "readings": []}
TEMPERATURE = "TemperatureSensor/CurrentTemperature"


def batch(**changes) -> bytes:
    return json.dumps({**BATCH, **changes}).encode()


@pytest.mark.parametrize(
    ("topic", "payload", "series", "raw"),
    [
        (
            "esp8266_12345678/TemperatureSensor/CurrentTemperature",
            "20.125",
            SeriesKey("esp8266_12345678", "TemperatureSensor", 0, "CurrentTemperature"),
            "20.125",
        ),
        (
            "123456789ABCDEF/TemperatureSensor/2/CurrentTemperature",
            "-1",
            SeriesKey("123456789ABCDEF", "TemperatureSensor", 2, "CurrentTemperature"),
            "-1",
        ),
        ("TEST/Switch/0/On", "1", SeriesKey("TEST", "Switch", 0, "On"), "1"),
        (
            "TEST/AccessoryInformation/Name",
            "Küche",
            SeriesKey("TEST", "AccessoryInformation", 0, "Name"),
            "Küche",
        ),
    ],
)
def test_a_state(topic, payload, series, raw):
    assert parse(f"HomeKit/{topic}", payload.encode()) == StateValue(series, raw)


def test_an_empty_state_removes():
    assert parse("HomeKit/TEST/Switch/On", b"") == AccessoryRemoval(
        SeriesKey("TEST", "Switch", 0, "On")
    )


@pytest.mark.parametrize("rest", ["$ack", "$config", "$ota", "Switch/On/set", "Switch/1/On/set"])
def test_what_the_hub_writes_is_no_news(rest):
    assert isinstance(parse(f"HomeKit/dev/{rest}", b"\xff anything"), Ignored)


def test_online():
    assert parse("HomeKit/dev/$online", b"1") == Online("dev", True)
    assert parse("HomeKit/dev/$online", b"0") == Online("dev", False)


def test_a_report():
    sent = {
        "firmware": "0.1.0", "board": "nodemcu", "model": "sensor", "reset": "deepsleep",
        "boot": "9f3a61c2", "seq": 42, "awake_ms": 412, "battery_mv": 2980, "rssi": -61,
        "heap_free": 18432, "next_wake_s": 300, "later": {"member": [1]},
    }  # fmt: skip
    report = parse("HomeKit/dev/$report", json.dumps(sent).encode())
    assert isinstance(report, Report)
    assert (report.device, report.battery_mv, report.next_wake_s) == ("dev", 2980, 300)
    assert report.raw == sent
    awake = parse("HomeKit/dev/$report", b'{"next_wake_s": null, "battery_mv": null}')
    assert isinstance(awake, Report)
    assert (awake.next_wake_s, awake.battery_mv) == (None, None)


def test_a_report_cannot_name_another_device():
    report = parse("HomeKit/dev/$report", b'{"device": "other"}')
    assert isinstance(report, Report)
    assert report.device == "dev"


def test_ota_state():
    state = parse("HomeKit/dev/$ota/state", b'{"state": "refused", "reason": "battery"}')
    assert isinstance(state, OtaState)
    assert (state.device, state.state, state.reason) == ("dev", "refused", "battery")


def test_an_enrolment():
    payload = {"id": "dev", "password": "0" * 32, "model": "sensor", "firmware": "0.1.0"}
    enrol = parse("enrol/dev", json.dumps(payload).encode())
    assert isinstance(enrol, Enrol)
    assert enrol.password == "0" * 32
    assert "0000" not in repr(enrol)


def test_a_batch():
    got = parse(
        "HomeKit/dev/$batch",
        batch(readings=[[41, 300, TEMPERATURE, 20.125], [42, 0, "Switch/1/On", True]], lost=3),
    )
    assert isinstance(got, Batch)
    assert (got.boot, got.up, got.lost, got.last, got.problems) == ("9f3a61c2", 86400, 3, 42, ())
    assert [(e.seq, e.age, e.raw) for e in got.entries] == [(41, 300, 20.125), (42, 0, True)]
    assert got.entries[1].series == SeriesKey("dev", "Switch", 1, "On")


@pytest.mark.parametrize(
    "bad",
    [
        None, [], [1, 2, 3], [0, 0, TEMPERATURE, 1], [True, 0, TEMPERATURE, 1],
        [2, -1, TEMPERATURE, 1], [2, True, TEMPERATURE, 1], [2, "0", TEMPERATURE, 1],
        [2, 2**40, TEMPERATURE, 1], [2, 0, 7, 1], [2, 0, "A/B/C/D", 1], [2, 0, "", 1],
        [2, 0, "$batch", 1], [2, 0, TEMPERATURE, None], [2, 0, TEMPERATURE, [1]],
        [2, 0, TEMPERATURE, "x" * 2000], [2, 0, TEMPERATURE, "a\nb"], [2**31, 0, TEMPERATURE, 1],
    ],
)  # fmt: skip
def test_a_bad_entry_costs_only_itself(bad):
    got = parse(
        "HomeKit/dev/$batch",
        batch(readings=[[1, 0, TEMPERATURE, 1], bad, [3, 0, TEMPERATURE, 3]]),
    )
    assert isinstance(got, Batch)
    assert [e.seq for e in got.entries] == [1, 3]
    assert [p.device for p in got.problems] == ["dev"]
    assert got.last == 3


@pytest.mark.parametrize(
    ("topic", "payload", "kind"),
    [
        ("HomeKit", b"1", "topic"),
        ("other/dev/Switch/On", b"1", "device-id"),
        ("HomeKit/", b"1", "device-id"),
        ("HomeKit//Switch/On", b"1", "device-id"),
        ("HomeKit/a+b/Switch/On", b"1", "device-id"),
        ("HomeKit/a\x00b/Switch/On", b"1", "device-id"),
        (f"HomeKit/{'x' * 65}/Switch/On", b"1", "device-id"),
        ("HomeKit/dev", b"1", "arity"),
        ("HomeKit/dev/Switch", b"1", "arity"),
        ("HomeKit/dev/Switch/0/On/more", b"1", "arity"),
        ("HomeKit/dev/Switch/x/On", b"1", "index"),
        ("HomeKit/dev/Switch/-1/On", b"1", "index"),
        ("HomeKit/dev/Switch/01/On", b"1", "index"),
        ("HomeKit/dev/Switch/100/On", b"1", "index"),
        ("HomeKit/dev/Sw#tch/On", b"1", "name"),
        ("HomeKit/dev/Switch/O\nn", b"1", "name"),
        ("HomeKit/dev/Switch/On", b"1\n", "control"),
        ("HomeKit/dev/Switch/On", b"\xff", "utf-8"),
        ("HomeKit/dev/Switch/On", b"1" * 2**20, "too-large"),
        ("HomeKit/dev/$nothing", b"1", "topic"),
        ("HomeKit/dev/$online", b"yes", "online"),
        ("HomeKit/dev/$batch", b"1" * 2**20, "too-large"),
        ("HomeKit/dev/$batch", b"\xff", "utf-8"),
        ("HomeKit/dev/$batch", b"", "json"),
        ("HomeKit/dev/$batch", b"[]", "json"),
        ("HomeKit/dev/$batch", b"[" * 10_000, "json"),
        ("HomeKit/dev/$batch", b'{"up": NaN}', "json"),
        ("HomeKit/dev/$report", b'{"x": %s1%s}' % (b"[" * 16, b"]" * 16), "json"),
        ("HomeKit/dev/$report", b'{"x": %s1%s}' % (b'{"x": ' * 300, b"}" * 300), "json"),
        ("HomeKit/dev/$batch", b'{"up": 1e999}', "json"),
        ("HomeKit/dev/$batch", b'{"a": "\\u0000"}', "json"),
        ("HomeKit/dev/$batch", b'{"a": "\\ud800"}', "json"),
        ("HomeKit/dev/$batch", batch(boot="xyz"), "batch"),
        ("HomeKit/dev/$batch", batch(boot=12345678), "batch"),
        ("HomeKit/dev/$batch", batch(up=True), "batch"),
        ("HomeKit/dev/$batch", batch(up=-1), "batch"),
        ("HomeKit/dev/$batch", batch(lost=1.5), "batch"),
        ("HomeKit/dev/$batch", batch(readings={}), "batch"),
        ("HomeKit/dev/$batch", batch(readings=[[]] * 1000), "batch"),
        ("HomeKit/dev/$report", b'{"battery_mv": true}', "report"),
        ("HomeKit/dev/$report", b'{"seq": "1"}', "report"),
        ("HomeKit/dev/$report", b'{"reset": "magic"}', "report"),
        ("HomeKit/dev/$ota/state", b'{"state": "perhaps"}', "otastate"),
        ("enrol/dev", b'{"id": "dev", "password": ""}', "enrol"),
        ("enrol/dev", b'{"id": "dev", "password": "%s"}' % (b"x" * 1000), "enrol"),
        ("enrol/dev", b'{"id": "dev", "password": "with a space in it"}', "enrol"),
        ("enrol/dev", b'{"id": "other", "password": "%s"}' % (b"0" * 32), "enrol"),
        ("enrol/dev/x", b"{}", "topic"),
        ("enrol/a:b", b"{}", "device-id"),
    ],
)
def test_what_is_refused_and_how_it_is_counted(topic, payload, kind):
    got = parse(topic, payload)
    assert isinstance(got, Problem)
    assert got.kind == kind
    assert len(got.detail) <= 200
    assert got.detail.isprintable()


def test_what_is_as_deep_as_it_may_be_is_taken():
    found = parse("HomeKit/dev/$report", b'{"x": %s1%s}' % (b"[" * 15, b"]" * 15))
    assert isinstance(found, Report)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
levels = st.sampled_from(
    ["HomeKit", "enrol", "dev", "$batch", "$report", "$ota", "state", "$online", "Switch", "On",
     "0", "set", "", "+", "#", "\x00", "é"]
)  # fmt: skip
entries = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 100), st.just(TEMPERATURE), json_values)
    | json_values,
    max_size=6,
)
payloads = (
    st.binary(max_size=60)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries(
        {"boot": st.just("9f3a61c2"), "up": json_values, "readings": entries}
    ).map(lambda value: json.dumps(value).encode())
)


@given(st.lists(levels, max_size=6).map("/".join) | st.text(max_size=40), payloads)
@example("HomeKit/dev/$batch", b'{"boot": "9f3a61c2", "up": 1, "readings": [[1, 0, "A/B", 1]]}')
def test_anything_is_understood_or_refused(topic, payload):
    got = parse(topic, payload)
    if isinstance(got, Batch):
        assert all(entry.seq <= got.last for entry in got.entries)
        assert len(got.entries) + len(got.problems) == len(json.loads(payload)["readings"])
    if isinstance(got, Report):
        json.dumps(dict(got.raw), allow_nan=False).encode()
