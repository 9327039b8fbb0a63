"""A running hub with updatable devices, for tests that roll something out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from contracts.ota import canned, protocol
from host import firmware
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from tests.support.hub import until
from tests.support.mqtt311 import Client

__all__ = ["Updater"]


class Updater:
    """What a person and the network do to a hub and its devices."""

    def __init__(self, hub, make_twin, updatable, folder: Path) -> None:
        self.hub, self.updatable = hub, updatable
        self._make_twin, self._folder = make_twin, folder

    async def command(self, *arguments: object) -> tuple[int, str]:
        """Run `dormouse` with arguments; its exit status and what it printed."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
        environment |= {"DORMOUSE_DATA_DIR": str(self.hub.data_dir)}
        return await self.hub.command(*map(str, arguments), env=environment)

    async def ask(self, method: str, path: str, **request) -> Any:
        return await self.hub.ask(method, path, **request)

    async def add(self, version: str, *, slower_ms: int = 0, says: str | None = None) -> bytes:
        """Put an image of the firmware in the store; one whose wakes take longer, if asked."""
        source = self._slower(slower_ms) if slower_ms else firmware.SOURCE
        image = self.updatable.image(version, says=says, source=source)
        data = canned.dump(protocol.build(image, self.updatable.key))
        await self.ask("POST", "/firmware", content=data)
        return image

    def _slower(self, ms: int) -> Path:
        """This tree's firmware with a wait in each wake."""
        source = self._folder / "slower"
        shutil.copytree(firmware.SOURCE, source)
        module = source / "dormouse" / "wake.py"
        text = module.read_text()
        mark = "        joining = True\n"
        assert text.count(mark) == 1
        module.write_text(text.replace(mark, f"{mark}        time.sleep_ms({ms})\n"))
        return source

    async def device(self, kind: TwinKind = TwinKind.DS18B20, *, interval: float = 2, **options):
        """A device that runs 1.0.0 and has reported."""
        rom = self.updatable.options(
            "1.0.0", idle_restart_ms=options.pop("idle_restart_ms", 60_000)
        )
        address = HubAddress.of(self.hub.facts)
        twin = self._make_twin(kind, address, interval=interval, **rom, **options)
        await twin.start()
        await until(lambda: self.runs(twin, "1.0.0"), 60)
        return twin

    async def report(self, twin) -> dict[str, Any] | None:
        """The device's last report."""
        for entry in (await self.hub.status())["devices"]:
            if entry["id"] == twin.id:
                return entry["report"]
        return None

    async def runs(self, twin, version: str) -> bool:
        report = await self.report(twin)
        return bool(report) and report["firmware"] == version

    async def start(self, version: str, *twins, **options) -> int:
        request = {
            "select": {"devices": [twin.id for twin in twins]},
            "version": version,
            "options": {"backoff_s": 1, **options},
        }
        return (await self.ask("POST", "/rollouts", json=request))["id"]

    async def until_phase(self, number: int, phase: str, limit_s: float = 120) -> dict[str, Any]:
        """The rollout, once it is in that phase; each device's entry under `by`, by id."""

        async def reached():
            found = await self.ask("GET", f"/rollouts/{number}")
            return found if found["phase"] == phase else None

        try:
            found = await until(reached, limit_s, 0.1)
        except TimeoutError:
            raise AssertionError(await self.ask("GET", f"/rollouts/{number}/history")) from None
        return {**found, "by": {device["device"]: device for device in found["devices"]}}

    async def as_device(self, twin, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish with the device's own account, as a thief of its password would."""
        password = (twin.flash / "password").read_text()
        port = self.hub.facts["mqtt_port"]
        client = await Client.connect("127.0.0.1", port, twin.id, twin.id, password)
        await client.publish(f"HomeKit/{twin.id}/{topic}", payload, retain=retain)
        await client.close()

    def servers(self, twin) -> int:
        """How often the device was in its OTA server."""
        return sum(line.startswith("listening on") for line in twin.rom.server_output)


@pytest.fixture
async def updater(hub, make_twin, updatable, tmp_path) -> Updater:
    return Updater(hub, make_twin, updatable, tmp_path)
