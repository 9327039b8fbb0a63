"""Rollouts through a real hub to whole virtual devices with the real bootloader."""

from __future__ import annotations

import contextlib

import httpx
import pytest

from host.twin.kinds import TwinKind
from tests.support.hub import until


@pytest.mark.parametrize("kind", [TwinKind.DS18B20, TwinKind.SWITCH])
async def test_one_device_from_command_to_new_version(fleet, kind):
    twin = await fleet.twin(kind)
    await fleet.add_image("2.0.0")
    number = await fleet.start("2.0.0", "--device", twin.id)
    found = await fleet.until_phase(number, "done", "halted")
    history = await fleet.history(number)
    device = found["devices"][0]
    assert (found["phase"], found["reason"]) == ("done", "1 updated"), history
    assert (device["state"], device["firmware"]) == ("updated", "2.0.0")
    states = [line.split(": ")[1].split(" (")[0] for line in history.splitlines()
              if f" {twin.id}: " in line]  # fmt: skip
    assert states == [
        "- -> pending", "pending -> commanded", "commanded -> accepted", "accepted -> updating",
        "updating -> verifying", "verifying -> updated",
    ]  # fmt: skip


async def test_settings_reach_a_device_at_its_next_wake(fleet):
    twin = await fleet.twin(interval=3)
    number = await fleet.start("--set", "interval=2", "--all", "--reports", "1")
    found = await fleet.until_phase(number, "done", "halted")
    assert (found["phase"], found["counts"]) == ("done", {"updated": 1}), await fleet.history(
        number
    )

    async def faster() -> bool:
        (device,) = (await fleet.hub.status())["devices"]
        return device["id"] == twin.id and device["report"]["next_wake_s"] == 2

    await until(faster, 30)


async def test_a_hub_that_is_killed_after_each_step_goes_on(fleet):
    """SIGKILL as soon as the command is out, and again as soon as the device was told to go."""
    twin = await fleet.twin(interval=3)
    await fleet.add_image("2.0.0")
    number = await fleet.start("2.0.0", "--device", twin.id, "--backoff", "1", "--attempts", "5")
    for state in ("commanded", "updating"):

        async def reached(state: str = state) -> bool:
            with contextlib.suppress(httpx.TransportError):
                (device,) = (await fleet.rollout(number))["devices"]
                return device["state"] in {state, "updated"}
            return False

        await until(reached, 60, 0.02)
        await fleet.hub.kill()
        await fleet.hub.start()
    found = await fleet.until_phase(number, "done", "halted", limit_s=120)
    history = await fleet.history(number)
    assert found["phase"] == "done", history
    assert found["devices"][0]["state"] == "updated", history
