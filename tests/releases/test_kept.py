"""A data folder of every release, from a hub that was killed while it ran, under this version."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from hub.database.migrate import head
from hub.database.upgrades.upgrading import FOLDER, upgrade_backups
from tests.hub.people.joined import client_of, url_of
from tests.releases.keep import KEPT, READINGS_OF, TEMPERATURE, unpacked
from tests.support.controller import Phone
from tests.support.hub import HubProcess, rows, until
from tests.support.publisher import Publisher

VERSIONS = sorted(file.name.removesuffix(".tar.xz") for file in KEPT.glob("*.tar.xz"))


async def measured(hub: HubProcess, device: Publisher, number: int) -> None:
    """Have a device send one reading more; wait until the database has `number`."""
    await device.batch(1, TEMPERATURE, lambda seq: 10 + seq / 128)
    await device.drain()

    async def stored() -> bool:
        return await rows(hub, READINGS_OF, device.device) == [(number, 10 + device.seq / 128)]

    await until(stored)
    await device.close()


def device_of(hub: HubProcess, name: str, facts: dict) -> Publisher:
    """A device of the kept hub, as it was when that was killed."""
    device = Publisher(name, hub.facts["mqtt_port"], hub.facts["enrol_port"])
    device.password, device.seq = facts["password"], facts["readings"]
    return device


@pytest.mark.parametrize("version", VERSIONS)
async def test_everything_is_there_after_an_upgrade(version: str, short_tmp):
    data, facts = await asyncio.to_thread(unpacked, version, short_tmp)
    before = facts["schema"]
    hub = HubProcess(data)
    await hub.start()
    try:
        made = [one.revision for one in upgrade_backups(data / FOLDER)]
        assert made == ([] if before == head() else [before])
        for name, of in facts["devices"].items():
            assert await rows(hub, READINGS_OF, name) == [
                (of["readings"], 10 + of["readings"] / 128)
            ]
        name, of = next(iter(facts["devices"].items()))
        device = device_of(hub, name, of)
        await device.connect()
        await measured(hub, device, of["readings"] + 1)
        assert (await hub.ask("GET", f"/devices/{name}"))["name"] == "Room 0"
        assert (await hub.ask("GET", "/zone"))["zone"] == "Europe/Berlin"
        assert sorted(one["name"] for one in await hub.ask("GET", "/people")) == facts["people"]
        async with client_of(hub, "max"):
            pass  # the password is the one of before
        async with httpx.AsyncClient(
            base_url=url_of(hub), headers={"Authorization": f"Bearer {facts['token']}"}
        ) as client:
            assert (await client.get("/api/devices")).status_code == 200
        assert hub.facts["pairing_code"] == facts["pairing_code"]
        port = hub.facts["hap_port"]
        async with await Phone.of({**facts["pairing"], "AccessoryPort": port}) as phone:
            aids = [accessory["aid"] for accessory in await phone.tree()]
            assert set(facts["accessories"]) <= set(aids)
    finally:
        assert await hub.stop() == 0
