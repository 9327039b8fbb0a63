"""Rollouts as the database keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from hub.devices.repository import DeviceRepository
from hub.rollouts.errors import DeviceBusyError, StaleRolloutError, UnknownRolloutError
from hub.rollouts.model import (
    DeviceHealth,
    DeviceState,
    FirmwareTarget,
    ReportSample,
    Rollout,
    RolloutOptions,
    RolloutPhase,
    SettingsTarget,
    Transition,
    changed,
)
from hub.rollouts.plan import begin
from hub.rollouts.repository import RolloutRepository
from hub.rollouts.work import StepOutcome
from tests.hub.ingest.test_ingest import NOW

TARGET = FirmwareTarget(image=1, version="2.0.0", size=1000, key="ab")


@pytest.fixture
def kept(store) -> RolloutRepository:
    return RolloutRepository(store.of("home"))


async def add(kept: RolloutRepository, *names: str, target=TARGET):
    rollout = Rollout(0, target, RolloutOptions(windows=("22:00-06:00",)), NOW, "ann")
    devices, history = begin(rollout, await kept.baselines(names), NOW)
    return await kept.add(rollout, devices, history), devices


async def test_what_is_added_is_loaded_as_it_was(kept):
    rollout, devices = await add(kept, "b", "a")
    found = await kept.load(rollout.id)
    assert found.rollout == rollout
    assert found.devices == devices
    assert [k.rollout.id for k in await kept.open()] == [rollout.id]
    assert [(e["device"], e["after"]) for e in await kept.events(rollout.id)] == [
        ("b", "pending"), ("a", "pending"),
    ]  # fmt: skip


async def test_every_member_of_a_device_survives(kept):
    rollout, devices = await add(kept, "a")
    sample = ReportSample(NOW, "1.0.0", "b", 1, "deepsleep", "00000001", 5, 400, 20000, 2900, 60.5,
                          ("setting x",))  # fmt: skip
    device = changed(
        devices["a"], state=DeviceState.VERIFYING, attempts=2, command=1_772_366_410, reason="x",
        address="192.0.2.1", not_before=NOW, due=NOW + timedelta(seconds=9), heard_at=NOW, wakes=3,
        sent=True, claimed=True, stranded=True, pending_clear=True, health=DeviceHealth.WATCHED,
        health_reason="y", gaps_before=4, before=(sample,), after=(sample, sample),
        former={"interval": None},
    )  # fmt: skip
    moved = Transition(NOW, "state", "a", "pending", "verifying", "x", 7)
    outcome = StepOutcome(replace(rollout, wave=1, forgiven=2), {"a": device}, [moved], [], None)
    after = await kept.commit(rollout, outcome)
    found = await kept.load(rollout.id)
    assert found.devices == {"a": device}
    assert found.rollout == after == replace(rollout, wave=1, forgiven=2, revision=1)
    assert (await kept.events(rollout.id))[-1]["command"] == 7


async def test_a_step_is_committed_once_however_often_it_is_tried(kept):
    rollout, _ = await add(kept, "a")
    moved = Transition(NOW, "phase", None, "running", "paused", "by ann")
    outcome = StepOutcome(replace(rollout, phase=RolloutPhase.PAUSED), {}, [moved], [], None)
    first = await kept.commit(rollout, outcome)
    assert await kept.commit(rollout, outcome) == first
    assert len(await kept.events(rollout.id)) == 2
    await kept.commit(
        first, StepOutcome(replace(first, phase=RolloutPhase.RUNNING), {}, [], [], None)
    )
    with pytest.raises(StaleRolloutError):
        await kept.commit(rollout, outcome)


async def test_another_step_from_the_same_revision_is_no_repetition(kept):
    """Two hubs that both took the rollout up: the second step must not vanish silently."""
    rollout, _ = await add(kept, "a")
    paused = replace(rollout, phase=RolloutPhase.PAUSED)
    await kept.commit(rollout, StepOutcome(paused, {}, [], [], None))
    with pytest.raises(StaleRolloutError):
        await kept.commit(rollout, StepOutcome(paused, {}, [], [], None))


async def test_a_device_is_in_one_rollout_at_a_time(kept, database):
    first, devices = await add(kept, "a", "b")
    with pytest.raises(DeviceBusyError) as refused:
        await add(kept, "c", "b")
    assert refused.value.rollouts == {"b": first.id}
    assert f"b is in rollout {first.id}" in str(refused.value)
    assert [k.rollout.id for k in await kept.latest()] == [first.id], "nothing of it was kept"
    done = changed(devices["b"], state=DeviceState.UPDATED)
    await kept.commit(first, StepOutcome(first, {"b": done}, [], [], None))
    second, _ = await add(kept, "c", "b")
    # Not only the code says so.
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        await owner.execute("ALTER TABLE dormouse.rollout_device NO FORCE ROW LEVEL SECURITY")
        with pytest.raises(psycopg.errors.UniqueViolation):
            await owner.execute(
                "UPDATE dormouse.rollout_device SET state = 'pending' WHERE rollout_id = %s",
                [first.id],
            )
    assert second.id > first.id


async def test_the_last_command_of_a_device_goes_on_in_the_next_rollout(kept):
    rollout, devices = await add(kept, "a")
    over = changed(devices["a"], state=DeviceState.FAILED, reason="x", command=77)
    await kept.commit(
        rollout, StepOutcome(replace(rollout, phase=RolloutPhase.DONE), {"a": over}, [], [], None)
    )
    assert (await kept.baselines(["a"]))["a"].command == 77
    settings, _ = await add(kept, "a", target=SettingsTarget(changes={"interval": 60}))
    assert settings.id != rollout.id


async def test_what_is_known_before(kept, store):
    devices = DeviceRepository(store.of("home"))
    report = {"firmware": "1.0.0", "board": "x", "reset": "deepsleep", "awake_ms": 400}
    await devices.report("a", report, NOW, 60)
    found = await kept.baselines(["a", "new"])
    assert found["a"].sample is not None
    assert (found["a"].sample.firmware, found["a"].sample.awake_ms) == ("1.0.0", 400)
    assert found["new"].sample is None


async def test_secrets_are_forgotten_at_the_end(kept, store):
    wifi = {"wifi": {"ssid": "home", "key": "correct horse"}}
    rollout, devices = await add(kept, "a", target=SettingsTarget(changes=wifi))
    over = changed(devices["a"], state=DeviceState.UPDATED)
    await kept.commit(
        rollout, StepOutcome(replace(rollout, phase=RolloutPhase.DONE), {"a": over}, [], [], None)
    )
    async with store.of("home").transaction() as conn:
        row = await (await conn.execute("SELECT target::text FROM dormouse.rollout")).fetchone()
    assert "correct horse" not in row[0]
    assert "home" in row[0]


async def test_what_is_owed_to_the_broker(kept):
    rollout, devices = await add(kept, "a", "b")
    pending_clear = {
        n: changed(devices[n], state=DeviceState.SKIPPED, reason="x", pending_clear=True)
        for n in devices
    }
    await kept.commit(
        rollout,
        StepOutcome(replace(rollout, phase=RolloutPhase.ABORTED), pending_clear, [], [], None),
    )
    await add(kept, "b")
    assert await kept.pending_clear() == ["a"], "b has another command by now"
    await kept.cleared(["a"])
    assert await kept.pending_clear() == []


async def test_unknown(kept):
    with pytest.raises(UnknownRolloutError, match="there is no rollout 7"):
        await kept.load(7)
