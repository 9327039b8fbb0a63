"""What stops a rollout, and what it does not fall for."""

from __future__ import annotations

import json

import pytest

from host.twin.statistics import TwinState
from tests.support.hub import until


async def test_a_canary_that_is_awake_twice_as_long_stops_the_rollout(updater):
    canary, next_one = await updater.device(), await updater.device()
    await updater.add("2.0.0", slower_ms=2500)  # a wake of this sensor takes about 900 ms
    number = await updater.start("2.0.0", canary, next_one, canary=1, reports=2, heap_percent=100)
    halted = await updater.until_phase(number, "halted")
    bad = halted["by"][canary.id]
    assert (bad["state"], bad["health"]) == ("updated", "bad")
    assert "is awake for" in bad["health_reason"]
    assert "before the update" in bad["health_reason"]
    assert canary.id in halted["reason"]
    # The other one sleeps on: it is never asked, however often it wakes.
    await next_one.cycle()
    await next_one.cycle()
    states = [
        event["after"]
        for event in await updater.ask("GET", f"/rollouts/{number}/history")
        if event["device"] == next_one.id
    ]
    assert states == ["pending"]
    assert updater.servers(next_one) == 0
    assert await updater.runs(next_one, "1.0.0")
    # Nobody resumes by himself: a person decides.
    await updater.ask("POST", f"/rollouts/{number}/abort")
    aborted = await updater.until_phase(number, "aborted")
    assert aborted["by"][next_one.id]["state"] == "skipped"


async def test_old_replayed_and_foreign_commands_do_nothing(updater):
    twin = await updater.device()
    await updater.add("2.0.0")
    number = await updater.start("2.0.0", twin, canary=0, reports=0)
    done = await updater.until_phase(number, "done")
    assert done["by"][twin.id]["state"] == "updated"
    command = done["by"][twin.id]["command"]
    assert updater.servers(twin) == 1

    order = {"version": "2.0.0", "board": "twin", "size": 90_000}
    newer = {"id": command + 1000, "version": "3.0.0"}
    for planted in (
        {"id": command, **order},  # replayed
        {"id": command - 5, **order, "version": "3.0.0"},  # an old one
        {**order, **newer},  # made up by somebody with the device's password
        {**order, **newer, "id": command + 2000, "board": "d1"},
        {"id": "x", "version": []},
    ):
        before = twin.statistics.cycles
        await updater.as_device(twin, "$ota", json.dumps(planted), retain=True)
        await twin.until(lambda now, seen=before: now.cycles >= seen + 3, within=60)
        assert twin.statistics.state is not TwinState.UPDATING
    assert updater.servers(twin) == 1
    assert await updater.runs(twin, "2.0.0")
    problems = (await updater.hub.status())["problems"]
    assert problems["ota-stray"] >= 3, problems


async def test_a_device_that_lies_about_its_version_is_found_out(updater):
    twin = await updater.device()
    await updater.add("2.0.0", says="1.5.0")
    number = await updater.start("2.0.0", twin, canary=0, reports=0)
    done = await updater.until_phase(number, "done")
    assert done["by"][twin.id]["state"] == "failed"
    assert done["by"][twin.id]["reason"].startswith("came back with 1.5.0, neither the old")
    assert updater.servers(twin) == 1


async def test_a_device_that_was_told_another_key_says_no(updater):
    twin = await updater.device(settings={"ota_key": "0123456789abcdef"})
    await updater.add("2.0.0")
    number = await updater.start("2.0.0", twin, canary=0, reports=0)
    done = await updater.until_phase(number, "done")
    assert done["by"][twin.id]["state"] == "failed"
    assert "signed with a key it does not know" in done["by"][twin.id]["reason"]
    assert updater.servers(twin) == 0


@pytest.mark.parametrize("hub", [{"OTA_PORT": "9"}], indirect=True, ids=["nobody streams"])
async def test_a_device_that_goes_and_gets_nothing_comes_back_and_says_so(updater):
    """The hub sends where nobody listens; the server gives up, and the stream with it."""
    twin = await updater.device(idle_restart_ms=1500)
    await updater.add("2.0.0")
    number = await updater.start("2.0.0", twin, canary=0, reports=0, attempts=2)
    done = await updater.until_phase(number, "done")
    assert done["by"][twin.id]["state"] == "failed"
    assert (
        done["by"][twin.id]["reason"]
        == "came back from its OTA server with the version it had (2 attempts)"
    )
    assert updater.servers(twin) == 2
    await until(lambda: updater.runs(twin, "1.0.0"), 30)


# The port, so that no datagram meets the server in its last moment.
NEVER = {"OTA_WAIT": "3", "OTA_PORT": "9"}


@pytest.mark.parametrize("hub", [NEVER], indirect=True, ids=["3 s"])
async def test_a_device_that_accepts_and_never_appears_ends_by_name(updater):
    twin = await updater.device()
    await updater.add("2.0.0")
    number = await updater.start("2.0.0", twin, canary=0, reports=0, attempts=1)
    await twin.until(lambda now: now.state is TwinState.UPDATING, within=60)
    await twin.power_off()
    done = await updater.until_phase(number, "done")
    assert done["by"][twin.id]["state"] == "failed"
    assert "no answer at 127." in done["by"][twin.id]["reason"]
