"""A rollout over sleeping devices on bad links while everything around them is killed.

In `make test` eight devices that sleep 2 to 5 s; `make soak` has thirty that sleep up to a minute
(ROLLOUT_DEVICES, ROLLOUT_SLEEP).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import random
import signal

import httpx
import pytest

from contracts.ota import canned, protocol
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from host.twin.rom import Rom
from host.twin.statistics import TwinState
from hub.database.database import Database
from hub.database.postgres import Postgres
from hub.devices.repository import DeviceRepository
from tests.support import seeds
from tests.support.hub import until
from tests.support.lossy import bad_weather
from tests.support.rollout_rules import broken_rules
from tests.support.storm import child

DEVICES = int(os.environ.get("ROLLOUT_DEVICES", "8"))
LONGEST_SLEEP = int(os.environ.get("ROLLOUT_SLEEP", "5"))
# What hangs is to end some time: four times what it takes on a machine that does nothing else.
LIMIT_S = 2 * (120 + 12 * DEVICES + 8 * LONGEST_SLEEP)
FLAT_MV, LEAST_MV = 650, 2500  # at the ADC; at the battery
OLD, NEW = "1.0.0", "2.0.0"
KINDS = (TwinKind.DS18B20, TwinKind.BME280, TwinKind.DHT22)


class Stubborn(Rom):
    """A part that has its old contents again after every update."""

    async def starts_server(self, *arguments, **options) -> bool:
        if self.decision.get("start") == "server":
            self.write_image(self._image)
        return await super().starts_server(*arguments, **options)


class Flock:
    """The devices, by what is to become of them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.twins = []
        few = max(1, DEVICES // 10)
        parts = ["flat"] * few + ["drained"] * few + ["flat"] + ["cut", "reset", "stubborn"]
        self.fates = [*parts, *["sound"] * (DEVICES - len(parts))]
        self.rng.shuffle(self.fates)

    async def hatch(self, lossy, hub) -> None:
        for number, fate in enumerate(self.fates):
            rng = random.Random(self.rng.random())
            twin = await lossy(
                rng.choice(KINDS),
                HubAddress.of(hub.facts),
                bad_weather(rng, 0.05),
                rng.random(),
                version=OLD,
                interval=round(2 * (LONGEST_SLEEP / 2) ** rng.random()),
                idle_restart_ms=60_000,
                world={
                    "net": {"loss": rng.uniform(0, 0.05), "latency_ms": rng.randrange(20)},
                    "adc_mv": FLAT_MV if fate == "flat" else 900,
                },
            )
            if fate == "stubborn":
                twin.rom.__class__ = Stubborn
            twin.fate, twin.number = fate, number
            self.twins.append(twin)
            await twin.start()

    def of(self, *fates: str) -> list:
        return [twin for twin in self.twins if twin.fate in fates]

    async def die(self, twin) -> None:
        """In the middle of its first stream: without power for a while, or by a reset."""
        await twin.until(lambda now: now.state is TwinState.UPDATING, within=LIMIT_S)
        carried = twin.link.carried
        middle = self.rng.randrange(200, 300)  # datagrams: what was there before is broken by then
        while twin.link.carried < carried + middle:
            await asyncio.sleep(0.005)
        assert twin.statistics.state is TwinState.UPDATING
        if twin.fate == "reset":
            twin.press_reset()
        else:
            await twin.power_off()
            await asyncio.sleep(self.rng.uniform(0.5, 5))
            twin.power_on()
        twin.fate += " done"

    def servers(self) -> dict[str, int]:
        """How often each device was in its OTA server."""
        return {
            twin.id: sum(line.startswith("listening on") for line in twin.rom.server_output)
            for twin in self.twins
        }


class Story:
    """What the hub says of the rollout, through all that happens to it."""

    def __init__(self, hub) -> None:
        self.hub = hub
        self.number = 0

    async def ask(self, method: str, path: str, **request):
        """Until the hub answers."""
        async with asyncio.timeout(60):
            while True:
                async with self.hub.operator() as client:
                    with contextlib.suppress(httpx.TransportError):
                        answer = await client.request(method, path, timeout=10, **request)
                        if answer.status_code < 500:
                            return answer.raise_for_status().json()
                await asyncio.sleep(0.1)

    async def start(self, request: dict) -> None:
        self.number = (await self.ask("POST", "/rollouts", json=request))["id"]

    async def now(self) -> dict:
        return await self.ask("GET", f"/rollouts/{self.number}")

    async def over(self) -> dict | None:
        found = await self.now()
        return found if found["phase"] in {"done", "aborted", "halted"} else None

    async def gone(self) -> int:
        """How many devices have gone to their OTA servers or further."""
        counts = (await self.now())["counts"]
        return sum(counts.get(state, 0) for state in ("updating", "verifying", "updated"))


async def kill(hub, what: str, rng: random.Random) -> None:
    if what == "hub":
        await hub.kill()
        await asyncio.sleep(rng.uniform(0, 1))
        await hub.start()
        return
    pid = child(hub.process.pid, {"broker": "mosquitto", "postgres": "postgres"}[what])
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


async def trouble(hub, story: Story, rng: random.Random, devices: int) -> list[str]:
    """Two kills of the hub, one of the broker, one of Postgres, spread over the rollout."""
    kills = ["hub", "hub", "broker", "postgres"]
    rng.shuffle(kills)
    for number, what in enumerate(kills):
        due = math.ceil((number + 0.5) * devices / len(kills))

        async def reached(due: int = due) -> bool:
            return await story.gone() >= due or await story.over() is not None

        await until(reached, LIMIT_S, 0.1)
        await asyncio.sleep(rng.uniform(0, 1))  # anywhere in a stream
        assert await story.over() is None, f"over before {what} was killed"
        await kill(hub, what, rng)
    return kills


@pytest.mark.timeout(LIMIT_S + 120)
@pytest.mark.parametrize("hub", [{"OTA_STREAMS": "3"}], indirect=True, ids=["3 streams"])
async def test_every_device_ends_in_a_named_state(hub, lossy, updatable):
    seed = seeds.seed()
    print(f"seed {seed}: {DEVICES} devices, sleeps of 2 to {LONGEST_SLEEP} s")
    flock, story = Flock(seed), Story(hub)
    rng = random.Random(seed + 1)
    await flock.hatch(lossy, hub)
    await until(lambda: known(hub, DEVICES), 30 + 3 * LONGEST_SLEEP + 2 * DEVICES)
    image = canned.dump(protocol.build(updatable.image(NEW), updatable.key))
    await story.ask("POST", "/firmware", content=image)

    # A sound one goes first: with another one as canary there would be nothing but a halt to see.
    first = flock.of("sound")[0].id
    names = [first, *(twin.id for twin in flock.twins if twin.id != first)]
    await story.start({
        "select": {"devices": names},
        "version": NEW,
        "options": {
            "canary": 1, "wave": "34%", "halt_at": "4", "streams": 3, "attempts": 3,
            "backoff_s": 2, "battery_mv": LEAST_MV, "verify_s": 60, "patience_s": 120,
            # Thirty processes on two cores are slow now and then: that is not what is judged here.
            "reports": 1, "awake_percent": 10000,
        },
    })  # fmt: skip
    for twin in flock.of("drained"):
        twin.change_world(adc_mv=FLAT_MV)  # flat by the time that it is asked
    dying = [asyncio.create_task(flock.die(twin)) for twin in flock.of("cut", "reset")]
    goers = len(flock.of("sound", "cut", "reset"))
    troubles = asyncio.create_task(trouble(hub, story, rng, goers))
    try:
        end = await until(story.over, LIMIT_S, 0.2)
        print(await troubles, end["reason"])
        await asyncio.gather(*dying)
    finally:
        for task in (troubles, *dying):
            task.cancel()
        events = await story.ask("GET", f"/rollouts/{story.number}/history")
        fates = {twin.id: twin.fate for twin in flock.twins}
        for event in events:
            who = f"{event['device']} ({fates.get(event['device'])})"
            print(event["at"][11:23], who, event["before"], "->", event["after"], event["reason"])
    told = {device["device"]: device for device in end["devices"]}

    assert end["phase"] == "done"
    waves = {name: device["wave"] for name, device in told.items()}
    assert broken_rules(events, waves, end["options"]) == []
    for twin in flock.twins:
        device = told[twin.id]
        expected = {"flat": "skipped", "drained": "skipped", "stubborn": "failed"}
        assert device["state"] == expected.get(twin.fate, "updated"), (twin.fate, device)
        assert device["reason"] or device["state"] == "updated"
        if device["state"] == "skipped":
            assert "battery" in device["reason"]
    (stubborn,) = flock.of("stubborn")
    assert (
        told[stubborn.id]["reason"]
        == "came back from its OTA server with the version it had (3 attempts)"
    )

    # Nobody goes round: some wakes later all are where they were, and run what they said.
    servers = flock.servers()
    await asyncio.gather(*(
        twin.until(lambda now, seen=twin.statistics.cycles: now.cycles >= seen + 2,
                   within=30 + 3 * LONGEST_SLEEP)
        for twin in flock.twins
    ))  # fmt: skip
    assert flock.servers() == servers
    assert all(count <= 3 for count in servers.values() if count), servers
    for entry in (await hub.status())["devices"]:
        wanted = NEW if told[entry["id"]]["state"] == "updated" else OLD
        assert entry["report"]["firmware"] == wanted
    async with Database(Postgres(hub.data_dir / "postgres").app_url) as store:
        await until(lambda: nothing_missing(store), 30 + 3 * LONGEST_SLEEP)


async def known(hub, devices: int) -> bool:
    status = (await hub.status())["devices"]
    return sum(bool(device["report"]) for device in status) == devices


async def nothing_missing(store: Database) -> bool:
    gaps = await DeviceRepository(store.of("home")).gaps()
    return not any(gap.missing or gap.lost for gap in gaps)
