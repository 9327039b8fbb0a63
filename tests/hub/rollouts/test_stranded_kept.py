"""Who may still sit in an OTA server is known over a restart, until it is heard."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hub.devices.repository import DeviceRepository
from hub.rollouts.model import DeviceState, FirmwareTarget, Rollout, RolloutOptions
from hub.rollouts.plan import begin
from hub.rollouts.repository import RolloutRepository


async def failed(
    store, since: datetime, *stranded: str, **others: DeviceState
) -> RolloutRepository:
    kept = RolloutRepository(store.of("home"))
    rollout = Rollout(
        0, FirmwareTarget(image=1, version="2.0.0", size=9), RolloutOptions(), since, "ann"
    )
    names = [*stranded, *others]
    for name in names:
        await DeviceRepository(store.of("home")).report(name, {"firmware": "1.0.0"}, since, 60)
    devices, history = begin(rollout, await kept.baselines(names), since)
    devices = {
        name: replace(
            device,
            state=others.get(name, DeviceState.FAILED),
            stranded=name in stranded,
            since=since + timedelta(seconds=1),
        )
        for name, device in devices.items()
    }
    await kept.add(rollout, devices, history)
    return kept


async def test_those_that_a_failed_update_left_there(store):
    now = datetime.now(UTC)
    kept = await failed(store, now, "a", "b", c=DeviceState.FAILED, d=DeviceState.UPDATED)
    assert sorted(await kept.stranded()) == ["a", "b"]
    later = now + timedelta(seconds=5)
    await DeviceRepository(store.of("home")).report("a", {"firmware": "1.0.0"}, later, 60)
    assert await kept.stranded() == ["b"]


async def test_after_a_month_somebody_has_taken_it_away(store):
    kept = await failed(store, datetime.now(UTC) - timedelta(days=31), "a")
    assert await kept.stranded() == []
