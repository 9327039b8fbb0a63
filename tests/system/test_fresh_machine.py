"""A backup on a new machine is the hub that was: its phone, its tools, its people; and its log."""

from __future__ import annotations

import asyncio
import json
import os
import ssl

import pytest

from tests.hub.people.joined import PASSWORD, client_of, join
from tests.support.hub import HubProcess
from tests.support.mqtt311 import Client

DEVICE = "esp8266_0badcafe"
TOPIC = f"HomeKit/{DEVICE}/TemperatureSensor/CurrentTemperature"


async def trusted(hub: HubProcess, authority: str) -> None:
    """A tool with that authority takes the broker for the hub's; ssl.SSLError where it does not."""
    known = ssl.create_default_context(cadata=authority)
    _, writer = await asyncio.open_connection(
        "127.0.0.1", hub.facts["mqtts_port"], ssl=known, server_hostname="localhost"
    )
    writer.close()


async def says(hub: HubProcess, password: str, value: str) -> None:
    address = ("127.0.0.1", hub.facts["mqtt_port"], DEVICE, DEVICE, password)
    async with await Client.connect(*address) as client:
        assert client.code == 0
        await client.publish(TOPIC, value)


async def dormouse(hub: HubProcess, folder, *words: str) -> str:
    status, said = await hub.command(*words, "--data-dir", str(folder), env=dict(os.environ))
    assert status == 0, said
    return said


@pytest.mark.parametrize("hub", [{"LOG_FORMAT": "json", "LOG_LEVEL": "debug"}], indirect=True)
async def test_a_backup_on_a_new_machine(hub, pair, short_tmp):
    password = (await hub.ask("POST", f"/accounts/{DEVICE}", json={}))["password"]
    await says(hub, password, "20.5")
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    place = await phone.wait_for(DEVICE, "TemperatureSensor", "CurrentTemperature")
    await join(hub, "Annabel", "home", "administrator")
    authority = (hub.data_dir / "authority" / "ca.crt").read_text()
    await trusted(hub, authority)

    assert "rows, at" in await dormouse(hub, hub.data_dir, "hub", "backup")
    told = json.loads(await dormouse(hub, hub.data_dir, "hub", "backups", "--json"))
    assert (told["trouble"], told["failure"], told["drill"]["passed"]) == (None, None, True)
    [there] = told["there"]
    assert there["name"] == told["last_good"]["name"]
    file = hub.data_dir / "backups" / there["name"]
    health = await hub.ask("GET", "/../healthz")
    assert "backup" not in health

    await phone.close()
    assert await hub.stop() == 0
    the_log_says_what_happened_and_nothing_secret(hub, password)

    fresh = HubProcess(short_tmp / "fresh")
    refused, said = await hub.command(
        "hub", "restore", str(file), "--data-dir", str(fresh.data_dir), env=dict(os.environ)
    )
    assert (refused, "--from-elsewhere" in said) == (1, True)
    await dormouse(fresh, fresh.data_dir, "hub", "restore", str(file), "--from-elsewhere")
    await fresh.start()
    try:
        # The phone is paired, and reads what was; the device and the tool need nothing.
        again = await phone.again(fresh.facts["hap_port"])
        async with again:
            assert await again.read(place) == 20.5
            await says(fresh, password, "21.5")
            await again.until(place, lambda value: value == 21.5)
        assert fresh.facts["pairing_code"] == hub.facts["pairing_code"]
        await trusted(fresh, authority)
        async with client_of(fresh, "Annabel") as browser:
            assert (await browser.get("/session")).status_code == 200
    finally:
        await fresh.stop()


def the_log_says_what_happened_and_nothing_secret(hub: HubProcess, password: str) -> None:
    text = hub.log.read_text()
    for secret in (password, PASSWORD, "Annabel", hub.facts["pairing_code"], "X-HM:", "/join/"):
        assert secret not in text, secret
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    grave = [line for line in lines if line["level"] in {"warning", "error", "critical"}]
    # Not even Postgres' own words about a stop that was asked for.
    assert [line for line in grave if "FATAL" in line["text"]] == []
    events = [line["event"] for line in lines if "event" in line]
    assert events[0] == "hub-starting"
    assert events[-1] == "hub-stopped"
    assert {"hub-started", "person-joined", "person-logged-in", "backup-made"} <= set(events)
    # What an earlier start left stands before it.
    kept = (hub.data_dir / "log" / "hub.jsonl").read_text().splitlines()[-len(lines) :]
    assert [json.loads(line)["text"] for line in kept] == [line["text"] for line in lines]
