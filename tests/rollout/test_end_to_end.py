"""Rollouts through a real hub to whole virtual devices with the real bootloader."""

from __future__ import annotations

import pytest

from host.twin.kinds import Kind


@pytest.mark.parametrize("kind", [Kind.DS18B20, Kind.SWITCH])
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
