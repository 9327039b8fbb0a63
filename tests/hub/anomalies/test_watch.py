"""The watch over stored series: found, muted, each tenant by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.reading import SeriesKey
from hub.anomalies.detect import AnomalyKind
from hub.anomalies.mutes import MuteRepository
from hub.anomalies.watch import AnomalyWatch
from hub.database.database import Database
from hub.database.errors import ForeignRowError
from tests.hub.anomalies.ordinary import A_DAY, series
from tests.hub.anomalies.stored import store_series

DAYS = 31
KEY = SeriesKey("cellar", "TemperatureSensor", 0, "CurrentTemperature")


@pytest.fixture
async def watch(store: Database):
    found = AnomalyWatch(store)
    yield found
    await found.stop()


def stuck_for_half_a_day():
    samples = series("indoor", 1, DAYS)
    value = samples[-A_DAY // 2][1]
    return samples[: -A_DAY // 2] + [(at, value) for at, _ in samples[-A_DAY // 2 :]]


async def test_an_oddity_is_found_muted_and_heard_of_again(store: Database, watch: AnomalyWatch):
    await store_series(store, "home", KEY, stuck_for_half_a_day())
    (odd,) = await watch.device("home", KEY.device)
    assert (odd.series, odd.anomaly.kind, odd.muted) == (KEY, AnomalyKind.STUCK, False)
    mutes = MuteRepository(store.of("home"))
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


async def test_what_was_not_found_odd_yet_is_muted_ahead(store: Database, watch: AnomalyWatch):
    await store_series(store, "home", KEY, stuck_for_half_a_day())
    until = datetime.now(UTC) + timedelta(days=7)
    assert await watch.mutes("home", KEY.device) == {KEY: {}}
    wanted = {KEY: {AnomalyKind.STUCK: until, AnomalyKind.JUMP: None}}
    await watch.change_mutes("home", wanted, "ann")
    assert await watch.mutes("home", KEY.device) == wanted
    (odd,) = await watch.device("home", KEY.device)
    assert (odd.muted, odd.until) == (True, until)
    await watch.change_mutes("home", {KEY: {}}, "ann")
    assert await watch.mutes("home", KEY.device) == {KEY: {}}
    (odd,) = await watch.device("home", KEY.device)
    assert not odd.muted


async def test_a_mute_ends_by_itself_and_only_mutes_its_kind(store: Database, watch: AnomalyWatch):
    await store_series(store, "home", KEY, stuck_for_half_a_day())
    mutes = MuteRepository(store.of("home"))
    await mutes.mute(KEY, "stuck", datetime.now(UTC) - timedelta(seconds=1), "ann")
    await mutes.mute(KEY, "jump", None, "ann")
    (odd,) = await watch.device("home", KEY.device)
    assert not odd.muted


async def test_a_mute_of_a_series_there_is_not_is_refused(store: Database):
    with pytest.raises(ForeignRowError):
        await MuteRepository(store.of("home")).mute(KEY, "stuck", None, "ann")


async def test_a_sweep_finds_the_same_and_each_tenant_its_own(store: Database, watch: AnomalyWatch):
    await store_series(store, "home", KEY, stuck_for_half_a_day())
    await store_series(store, "beach", KEY, series("indoor", 2, DAYS))
    assert await watch.all("home") == []  # nobody looked yet
    await watch.sweep("home")
    await watch.sweep("beach")
    (odd,) = await watch.all("home")
    assert odd.anomaly.kind is AnomalyKind.STUCK
    assert await watch.all("beach") == []
