"""The whole chain with the real firmware's objects: cable, chip, portal, broker, HomeKit, update.

Where MICROPYTHON_BUILD=<folder> names a build folder of MicroPython's ESP8266 port.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from contracts.bootloader_config import Config
from host import keys
from host.chip import build as builds
from host.chip.rehearse import Rehearsal
from host.chip.stations import Station, over
from host.twin.loopback import claim
from tests.host.chip.conftest import BUILDS, needs_build
from tests.support.hub import HubProcess, rows
from tests.support.rom_chip import Chip as FlashPart
from tests.support.rom_loader import blank, dump

pytestmark = needs_build

_READINGS = """
    SELECT s.characteristic, r.value FROM dormouse.reading r
    JOIN dormouse.series s ON s.id = r.series_id
    JOIN dormouse.device d ON d.id = s.device_id WHERE d.key = %s
"""


class AskedHub:
    """The hub of the tests, as a rehearsal asks one."""

    def __init__(self, hub: HubProcess) -> None:
        self._hub = hub

    @property
    def ports(self) -> tuple[int, int]:
        return self._hub.facts["mqtt_port"], self._hub.facts["enrol_port"]

    async def device(self, name: str) -> dict[str, Any] | None:
        devices = (await self._hub.status())["devices"]
        return next((one for one in devices if one["id"] == name), None)

    async def update(self, name: str, image: bytes) -> int:
        async with self._hub.operator() as operator:
            stored = await operator.post("/firmware", content=image, params={"notes": ""})
            request = {"select": {"devices": [name]}, "image": stored.json()["id"]}
            request["options"] = {"canary": 0, "reports": 0}
            begun = await operator.post("/rollouts", json=request)
            return int(begun.json()["id"])

    async def outcome(self, number: int) -> dict[str, Any]:
        async with self._hub.operator() as operator:
            (device,) = (await operator.get(f"/rollouts/{number}")).json()["devices"]
            return dict(device)


@pytest.mark.timeout(900)
async def test_one_chain_from_an_empty_flash_to_an_update(hub, pair, plugged_in, short_tmp) -> None:
    work = Path(short_tmp)
    pem = work / "key.pem"
    found = builds.find(Path(BUILDS[0]))
    settings = Config(idle_reboot_ms=20_000)
    parts = builds.make(found, work / "parts", keys.new(pem), settings=settings)
    (work / "bootloader.bin").write_bytes(parts.bootloader)
    (work / "firmware.bin").write_bytes(parts.application())
    told: list[Station | str] = []

    def tell(what: Station | str) -> None:
        told.append(what)
        print(*(what.cells() if isinstance(what, Station) else (what,)))

    # By cable: esptool, unmodified, into an erased part.
    part = FlashPart(blank(found.flash_map.size))
    line = plugged_in(part, boots=lambda: b"boot: reason 4, app 0\r\n")
    map_ = next(p for p in (Path(__file__).parents[2] / "partitions").glob("*.csv")
                if p.stem == found.layout)  # fmt: skip
    status, said = await hub.command(
        "flash", str(work / "firmware.bin"), "--bootloader", str(work / "bootloader.bin"),
        "--key", str(pem), "--board", found.board, "--partitions", str(map_), "--port", line.port,
        env=dict(os.environ),
    )  # fmt: skip
    assert status == 0, said

    address = claim()
    (work / "chip").mkdir()
    rehearsal = Rehearsal.new(parts, work / "chip", address.text, AskedHub(hub), tell)
    dump(part, rehearsal.chip.flash)
    try:
        await rehearsal.first_start()
        await rehearsal.first_wake()
        stored = await rows(hub, _READINGS, rehearsal.device)
        assert [name for name, _ in stored] == ["BatteryLevel"]
        phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
        place = await phone.wait_for(rehearsal.device, "BatteryService", "BatteryLevel")
        assert await phone.read(place) == stored[0][1]
        assert list(over(await rehearsal.wakes())) == []
        await rehearsal.update(cut=300)
    finally:
        rehearsal.chip.network.close()
        address.release()
    device = await AskedHub(hub).device(rehearsal.device)
    assert device is not None
    assert device["report"]["firmware"] == parts.next_version()
    assert len(await rows(hub, _READINGS, rehearsal.device)) >= 4  # each wake's reading
