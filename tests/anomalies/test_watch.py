"""The watch over stored series: found, muted, each tenant by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.anomalies.detect import Kind
from hub.anomalies.watch import Watch
from hub.reading import SeriesKey
from hub.store.errors import ForeignRowError
from hub.store.mutes import Mutes
from hub.store.store import Store
from tests.anomalies.ordinary import A_DAY, series

DAYS = 31
KEY = SeriesKey("cellar", "TemperatureSensor", 0, "CurrentTemperature")


async def store_series(store: Store, tenant: str, key: SeriesKey, samples) -> None:
    """Put readings into the database whose last one was just now."""
    await store.ensure_tenant(tenant)
    end = datetime.now(UTC) - timedelta(seconds=5)
    at = [end - timedelta(seconds=samples[-1][0] - t) for t, _ in samples]
    async with store.nobody() as conn:
        for months in range(3):
            await conn.execute(
                "SELECT dormouse.ensure_partition(%s)", [end - timedelta(30 * months)]
            )
    async with store.tenant(tenant) as conn:
        made = await conn.execute(
            """WITH d AS (INSERT INTO dormouse.device (tenant_id, key)
                          VALUES (dormouse.current_tenant(), %s) RETURNING tenant_id, id)
               INSERT INTO dormouse.series
                   (tenant_id, device_id, service, index, characteristic, kind)
               SELECT tenant_id, id, %s, %s, %s, 'float' FROM d RETURNING id""",
            [key.device, key.service, key.index, key.characteristic],
        )
        row = await made.fetchone()
        await conn.execute(
            """INSERT INTO dormouse.reading (tenant_id, series_id, at, value)
               SELECT dormouse.current_tenant(), %s, *
               FROM unnest(%s::timestamptz[], %s::float8[])""",
            [row[0], at, [value for _, value in samples]],
        )


@pytest.fixture
async def watch(store: Store):
    found = Watch(store)
    yield found
    await found.stop()


def stuck_for_half_a_day():
    samples = series("indoor", 1, DAYS)
    value = samples[-A_DAY // 2][1]
    return samples[: -A_DAY // 2] + [(at, value) for at, _ in samples[-A_DAY // 2 :]]


async def test_an_oddity_is_found_muted_and_heard_of_again(store: Store, watch: Watch):
    await store_series(store, "home", KEY, stuck_for_half_a_day())
    (odd,) = await watch.device("home", KEY.device)
    assert (odd.series, odd.finding.kind, odd.muted) == (KEY, Kind.STUCK, False)
    mutes = Mutes(store, "home")
    until = datetime.now(UTC) + timedelta(days=1)
    await mutes.mute(KEY, "stuck", until, "ann")
    (odd,) = await watch.device("home", KEY.device)
    assert (odd.muted, odd.until) == (True, until)
    await mutes.mute(KEY, "stuck", None, "ann")
    (odd,) = await watch.device("home", KEY.device)
    assert (odd.muted, odd.until) == (True, None)
    await mutes.unmute(KEY, "stuck")
    (odd,) = await watch.device("home", KEY.device)
    assert not odd.muted


async def test_a_mute_ends_by_itself_and_only_mutes_its_kind(store: Store, watch: Watch):
    await store_series(store, "home", KEY, stuck_for_half_a_day())
    mutes = Mutes(store, "home")
    await mutes.mute(KEY, "stuck", datetime.now(UTC) - timedelta(seconds=1), "ann")
    await mutes.mute(KEY, "jump", None, "ann")
    (odd,) = await watch.device("home", KEY.device)
    assert not odd.muted


async def test_a_mute_of_a_series_there_is_not_is_refused(store: Store):
    with pytest.raises(ForeignRowError):
        await Mutes(store, "home").mute(KEY, "stuck", None, "ann")


async def test_a_sweep_finds_the_same_and_each_tenant_its_own(store: Store, watch: Watch):
    await store_series(store, "home", KEY, stuck_for_half_a_day())
    await store_series(store, "beach", KEY, series("indoor", 2, DAYS))
    assert await watch.all("home") == []  # nobody looked yet
    await watch.sweep("home")
    await watch.sweep("beach")
    (odd,) = await watch.all("home")
    assert odd.finding.kind is Kind.STUCK
    assert await watch.all("beach") == []
