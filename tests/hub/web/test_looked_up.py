"""What the pages look up in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts.reading import SeriesKey
from hub.database.database import Database
from hub.devices.changes import DeviceChanges
from hub.devices.glance import glance
from hub.devices.history import changes_of, device_at
from hub.devices.repository import DeviceRepository
from hub.places.repository import PlaceRepository
from hub.readings.points import PointRepository, Resolution
from hub.readings.reports import report_days
from hub.readings.repository import ReadingRepository
from hub.readings.service import ReadingService
from hub.readings.state_at import state_at
from hub.web.charts import BinRanges
from hub.web.device.spans import latest
from hub.web.device.traces import TraceRequest, draw
from tests.hub.anomalies.ordinary import A_DAY, series
from tests.hub.anomalies.stored import store_series

KEY = SeriesKey("cellar", "TemperatureSensor", 0, "CurrentTemperature")
SWITCH = SeriesKey("lamp", "Switch", 0, "On")
NOW = datetime.now(UTC)


async def test_firmware_has_a_history_by_the_newest_reports(store: Database):
    devices = DeviceRepository(store.of("home"))
    for hours, firmware in ((3, "1.0.0"), (2, "1.0.0"), (1, "1.1.0"), (4, "0.9.0")):
        await devices.report("d", {"firmware": firmware}, NOW - timedelta(hours=hours), 300)
    await devices.report("d", {"firmware": None}, NOW, 300)
    changes = [c for c in await changes_of(store.of("home"), "d") if c.property == "firmware"]
    assert [(c.before, c.after) for c in changes] == [("1.0.0", "1.1.0"), (None, "1.0.0")]
    past = await device_at(store.of("home"), "d", datetime.now(UTC))
    assert past.firmware == "1.1.0"


async def test_a_glance_is_calibrated_and_of_one_tenant(store: Database):
    await store_series(store, "home", KEY, [(0.0, 20.0), (300.0, 21.0)])
    await store_series(store, "beach", KEY, [(0.0, 5.0)])
    await ReadingRepository(store.of("home")).calibrate(KEY, gain=2, offset=-1, who="ann")
    room = await PlaceRepository(store.of("home")).add("Room")
    await DeviceChanges(store.of("home"), "ann").place("cellar", room)
    found = await glance(store.of("home"))
    (device,) = found.devices
    (value,) = device.values
    assert (value.raw, value.value, device.place) == (21.0, 41.0, room)
    assert device.seen_at == value.at
    assert [place.name for place in found.places] == ["Room"]
    assert (await glance(store.of("home"), "nobody")).devices == []
    (other,) = (await glance(store.of("beach"))).devices
    assert other.values[0].value == 5.0


async def test_reports_are_told_by_day_in_order(store: Database):
    devices = DeviceRepository(store.of("home"))
    for days in (2, 1):
        report = {"battery_mv": 3000 - days, "rssi": -60 - days, "awake_ms": 400, "heap_free": 9000}
        await devices.report("d", report, NOW - timedelta(days=days), 300)
    found = await report_days(store.of("home"), "d")
    assert [day.battery_low for day in found] == [2998, 2999]
    assert [day.rssi for day in found] == [-62, -61]
    assert found[0].day < found[1].day
    assert await report_days(store.of("home"), "nobody") == []


async def test_a_month_is_drawn_from_the_rollup_and_a_day_from_readings(store: Database):
    samples = series("outdoor", 3, 40)
    await store_series(store, "home", KEY, samples)
    now = datetime.now(UTC)
    month = await draw(
        ReadingService(store).of("home"), [TraceRequest(KEY, "x")], latest("month", now), now
    )
    assert month.resolution is Resolution.HOURLY
    (trace,) = month.traces
    assert isinstance(trace.data, BinRanges)
    # No extreme is hidden: what the readings' lowest and highest are, the chart shows.
    shown = [v for at, v in samples if at >= samples[-1][0] - 29 * 86_400]
    assert min(trace.data.low) <= min(shown)
    assert max(trace.data.high) >= max(shown)
    day = await draw(
        ReadingService(store).of("home"), [TraceRequest(KEY, "x")], latest("day", now), now
    )
    assert day.resolution is Resolution.RAW
    assert abs(len(day.traces[0].data.at) - A_DAY) <= 2
    year = await draw(
        ReadingService(store).of("home"), [TraceRequest(KEY, "x")] * 8, latest("year", now), now
    )
    assert sum(len(trace.data.at) for trace in year.traces) <= 6000


async def test_a_state_that_was_told_long_before_still_holds(store: Database):
    now = datetime.now(UTC)
    await store_series(store, "home", SWITCH, [(0.0, 0.0), (60.0, 1.0)])
    later = latest("hour", now + timedelta(hours=5))
    wanted = TraceRequest(SWITCH, "lamp", seen_at=now + timedelta(hours=5))
    (trace,) = (
        await draw(ReadingService(store).of("home"), [wanted], later, now + timedelta(hours=5))
    ).traces
    assert (list(trace.data.at), list(trace.data.values)) == (
        [round(later.since.timestamp() * 1000)],
        [1.0],
    )
    (found,) = await PointRepository(store.of("home")).find([SWITCH])
    assert await state_at(store.of("home"), found.id, now - timedelta(days=1)) is None


async def test_an_hour_in_which_nothing_came_is_a_gap(store: Database):
    samples = series("indoor", 1, 2)
    silent = [*samples[:-36], samples[-1]]  # for three hours, until just now
    await store_series(store, "home", KEY, silent)
    now = datetime.now(UTC)
    report = {"next_wake_s": 300}
    await DeviceRepository(store.of("home")).report("cellar", report, now, 300)
    window = latest("hour", now - timedelta(hours=1))
    (trace,) = (
        await draw(ReadingService(store).of("home"), [TraceRequest(KEY, "x")], window, now)
    ).traces
    whole = tuple(round(at.timestamp() * 1000) for at in (window.since, window.until))
    assert (list(trace.data.at), trace.missing) == ([], [whole])


async def test_what_is_gone_is_said(store: Database):
    drawn = await draw(
        ReadingService(store).of("home"), [TraceRequest(KEY, "Cellar")], latest("day", NOW), NOW
    )
    assert (drawn.traces, drawn.gone) == ([], ["Cellar"])
