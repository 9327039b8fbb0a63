"""Three days without a line: a site's small broker keeps what its sensors say, and brings it.

Real mosquitto by the files that `dormouse site forwarder` makes. The days pass by the sensors'
clocks; what the hub knew of those clocks before is made three days older.
`make soak` has 20 sensors that say something every 5 minutes (every 10 where mosquitto brings it,
since it loses what the hub has no room for): SENSORS, SAY_EVERY.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import time
from datetime import datetime, timedelta
from pathlib import Path

from hub.mqtt.mosquitto import find_mosquitto
from hub.sites.forward import Forward, ForwardSettings
from hub.sites.waiting import WaitingMessages
from tests.support.hub import HubProcess, rows, until
from tests.support.mqtt311 import Client
from tests.support.ports import claimed_port

SENSORS = int(os.environ.get("SENSORS", "4"))
SAY_EVERY = int(os.environ.get("SAY_EVERY", "7200"))  # s
AWAY = 3 * 86400
# What a device still holds it says again each time: until it is acknowledged, the newest of it.
HELD = 5
SERIES = "TemperatureSensor/CurrentTemperature"
PASSWORD = "p" * 20


class Sensor:
    """One that sleeps; `up` (s) is its clock, `said` when it measured what, by value.

    `made` is the same by a clock that does not begin anew.
    """

    first = 1

    def __init__(self, name: str) -> None:
        self.name, self.up, self.seq, self.boot = name, 100.0, 0, "0badcafe"
        self.said: dict[int, float] = {}
        self.passed, self.made = 0.0, dict[int, float]()

    def begin_anew(self) -> None:
        """Without power for a moment: its clock and its numbers begin again."""
        self.boot, self.up, self.first = "0badf00d", 1.0, self.seq + 1

    async def wake(self, port: int, passed: float) -> None:
        self.up += passed
        self.passed += passed
        self.seq += 1
        self.made[self.seq] = self.passed - 2
        self.said[self.seq] = self.up - 2
        held = range(max(self.first, self.seq - HELD + 1), self.seq + 1)
        before = self.first - 1  # of other boot identities: each counts from 1
        batch = {
            "boot": self.boot, "up": self.up, "lost": 0, "after": held[0] - before - 1,
            "readings": [
                [n - before, round(self.up - self.said[n], 3), SERIES, n] for n in held
            ],
        }  # fmt: skip
        last = self.seq - before
        report = {"boot": self.boot, "up": self.up, "seq": last, "next_wake_s": SAY_EVERY}
        async with await Client.connect(
            "127.0.0.1", port, self.name, self.name, PASSWORD
        ) as client:
            assert client.code == 0
            await client.publish(f"HomeKit/{self.name}/{SERIES}", str(self.seq), qos=0)
            await client.publish(f"HomeKit/{self.name}/$report", json.dumps(report))
            await client.publish(f"HomeKit/{self.name}/$batch", json.dumps(batch))


class SmallBroker:
    """The site's mosquitto, by the files that were made for it; its tunnel is the loopback."""

    def __init__(self, folder: Path, made: list[dict[str, str]], port: int) -> None:
        self.port, self._folder = port, folder
        folder.mkdir()
        for one in made:
            text = one["text"].replace("/etc/mosquitto/dormouse", str(folder))
            text = text.replace("/var/lib/mosquitto/", f"{folder}/")
            text = text.replace("listener 1883", f"user root\nlistener {port} 127.0.0.1")
            text = text.replace("address 10.86.0.5:", "address 127.0.0.1:")
            text = text.replace("@127.0.0.1:1883", f"@127.0.0.1:{port}")
            text = text.replace("@10.86.0.5:", "@127.0.0.1:")
            (folder / one["name"]).write_text(text)
            (folder / one["name"]).chmod(0o600)

    async def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                find_mosquitto(), "-c", str(self._folder / "dormouse-forwarder.conf"),
                stdout=log, stderr=log,
            )  # fmt: skip

        async def answers():
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                return False
            writer.close()
            return True

        await until(answers)

    async def stop(self) -> None:
        self.process.terminate()
        await self.process.wait()


async def beach(hub: HubProcess, *, program: bool) -> tuple[list[Sensor], list[dict[str, str]]]:
    """A site with sensors, and the files of its small broker."""
    sensors = [Sensor(f"beach_{n}") for n in range(SENSORS)]
    new = {"name": "beach", "endpoint": "192.0.2.1", "place": ["Beach house"]}
    await hub.ask("POST", "/sites", json=new)
    for one in sensors:
        await hub.ask("POST", f"/accounts/{one.name}", json={"password": PASSWORD})
        await hub.ask("PUT", f"/devices/{one.name}/place", json={"path": ["Beach house"]})
    await hub.ask("POST", "/accounts/other", json={"password": PASSWORD})
    made = await hub.ask("POST", "/sites/beach/forwarder", json={"program": program})
    return sensors, made


class Days:
    """The small machine's clock, which the test sets on."""

    boot, passed = "b", 0.0

    def now(self) -> float:
        return 1000 + self.passed

    def wall(self) -> float:
        return 0.0


async def test_the_program_brings_three_days_with_honest_times(short_tmp, empty_hub):
    copy = ["cp", "-a", empty_hub, short_tmp / "data"]
    await asyncio.to_thread(subprocess.run, copy, check=True)
    hub, clock = HubProcess(short_tmp / "data"), Days()
    await hub.start()
    sensors, made = await beach(hub, program=True)
    broker = SmallBroker(short_tmp / "small", made, claimed_port())
    await broker.start()
    settings = ForwardSettings.of(short_tmp / "small" / "forward.json")
    wakes, queue = AWAY // SAY_EVERY, short_tmp / "waiting"
    forward = None

    async def begin():
        return asyncio.create_task(forwarding(settings, queue, clock))

    try:
        forward = await begin()
        for one in sensors:
            await one.wake(broker.port, 0)
        # The broker may start anew for the accounts that were made just now.
        await until(lambda: stored(hub, SENSORS), limit_s=180)
        await hub.kill()
        for n in range(wakes):
            clock.passed += SAY_EVERY
            if n == wakes // 3:
                # Its battery was changed: a new clock, of which the hub knows nothing.
                sensors[0].begin_anew()
            await asyncio.gather(*(one.wake(broker.port, SAY_EVERY) for one in sensors))
            await until(lambda n=n: waits_for(queue, SENSORS * (n + 1)), every_s=0.02)
            if n == wakes // 2:
                forward.cancel()
                await asyncio.wait([forward])
                forward = await begin()
        last = clock.passed
        ended = time.time()
        await hub.start()
        want = SENSORS * (wakes + 1)
        await until(lambda: stored(hub, want), limit_s=600, every_s=0.5)
        found = await readings(hub)
        assert len(found) == want
        assert {(name, n) for name, n, _ in found} == {
            (one.name, n) for one in sensors for n in one.said
        }
        made_at = {one.name: one.made for one in sensors}
        errors = [
            abs(ended - at.timestamp() - (last - made_at[name][n]))
            for name, n, at in found
            if n > 1
        ]
        print(f"\n{want} readings of {SENSORS} sensors, largest error {max(errors):.1f} s")
        # How long the hub took to start, and the readings to come.
        assert max(errors) < 120
    finally:
        if forward is not None:
            forward.cancel()
            await asyncio.wait([forward])
        await broker.stop()
        await hub.kill()


async def forwarding(settings: ForwardSettings, queue: Path, clock: Days) -> None:
    with WaitingMessages(queue, clock) as waiting:
        await Forward(settings, waiting).run()


async def waits_for(queue: Path, least: int) -> bool:
    """Whether so many messages for the record are on disk."""
    with contextlib.closing(sqlite3.connect(queue)) as db:
        [(count,)] = db.execute("SELECT count(*) FROM message WHERE topic LIKE '%/$batch'")
    return count >= least


async def readings(hub: HubProcess) -> list[tuple[str, int, datetime]]:
    return await rows(
        hub,
        "SELECT d.key, r.value::int, r.at FROM dormouse.reading r "
        "JOIN dormouse.series s ON s.id = r.series_id "
        "JOIN dormouse.device d ON d.id = s.device_id",
    )


async def test_mosquitto_itself_brings_three_days(short_tmp, empty_hub):
    copy = ["cp", "-a", empty_hub, short_tmp / "data"]
    await asyncio.to_thread(subprocess.run, copy, check=True)
    hub = HubProcess(short_tmp / "data")
    await hub.start()
    sensors, made = await beach(hub, program=False)
    broker = SmallBroker(short_tmp / "small", made, claimed_port())
    await broker.start()
    try:
        for one in sensors:
            await one.wake(broker.port, 0)
        await until(lambda: marks(hub, SENSORS))
        # The account may speak for the site's devices alone.
        password = made[0]["text"].partition("remote_password ")[2].split("\n")[0]
        async with await Client.connect(
            "127.0.0.1", hub.facts["mqtt_port"], "x", "site1-beach", password
        ) as client:
            assert client.code == 0
            await client.publish(f"HomeKit/other/{SERIES}", "77")
        began = {
            name: datetime.fromisoformat(at) - timedelta(seconds=AWAY)
            for name, at in await rows(
                hub, "SELECT key, value ->> 'at' FROM dormouse.key_value WHERE area = %s", CLOCKS
            )
        }
        older = {name: at.isoformat() for name, at in began.items()}
        assert len(await rows(hub, OLDER, json.dumps(older))) == SENSORS
        await hub.kill()
        first = {one.name: one.up for one in sensors}
        wakes = AWAY // SAY_EVERY
        for n in range(wakes):
            await asyncio.gather(*(one.wake(broker.port, SAY_EVERY) for one in sensors))
            if n == wakes // 2:
                # A restart of the small machine: its queue is on disk.
                await broker.stop()
                await broker.start()
        await hub.start()
        want = SENSORS * (wakes + 1)
        await until(lambda: stored(hub, want), limit_s=600, every_s=0.5)
        found = await readings(hub)
        assert len(found) == want
        assert {(name, n) for name, n, _ in found} == {
            (one.name, n) for one in sensors for n in one.said
        }
        ups = {one.name: one.said for one in sensors}
        errors = [
            abs((at - began[name]).total_seconds() - (ups[name][n] - first[name]))
            for name, n, at in found
            if n > 1
        ]
        print(f"\n{want} readings of {SENSORS} sensors, largest error {max(errors):.1f} s")
        # What a sensor's clock may be off by in three days: that late a message may be believed to
        # be prompt (hub/mqtt/clock.py), and no later.
        assert max(errors) < 0.05 * AWAY + 60
        assert sum(error > 60 for error in errors) <= 0.05 * len(errors) + SENSORS
    finally:
        await broker.stop()
        await hub.kill()


CLOCKS = "device-clocks"
OLDER = """UPDATE dormouse.key_value k SET value = jsonb_set(k.value, '{at}', %s::jsonb -> k.key)
           WHERE k.area = 'device-clocks' RETURNING k.key"""


async def marks(hub: HubProcess, want: int) -> bool:
    [(count,)] = await rows(hub, "SELECT count(*) FROM dormouse.key_value WHERE area = %s", CLOCKS)
    return count == want


async def stored(hub: HubProcess, want: int) -> bool:
    [(count,)] = await rows(hub, "SELECT count(*) FROM dormouse.reading")
    return count >= want
