"""`dormouse hub status`, and what /metrics says of devices that fell silent."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from contracts.reading import Reading
from hub.devices.repository import DeviceRepository
from hub.readings.retention import RetentionRule, set_retention
from tests.hub.filled import store_of, temperature
from tests.hub.ingest.test_ingest import stored


async def scraped(hub):
    made = await hub.ask("POST", "/tokens", json={"name": "p", "scopes": ["metrics"]})
    url = f"http://127.0.0.1:{hub.facts['http_port']}/metrics"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {made['token']}"}) as client:
        text = (await client.get(url)).raise_for_status().text
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "device" in sample.labels:
                found.setdefault(sample.name, {})[sample.labels["device"]] = sample.value
    return found


@pytest.mark.parametrize("hub", [{"FORGET_AFTER_DAYS": "30", "SILENT_AFTER": "600"}], indirect=True)
async def test_the_hub_says_what_it_keeps_and_silent_devices_leave_the_metrics(hub):
    now = datetime.now(UTC)  # of this test: a run of all takes longer than a device may be silent
    ages = {"awake": 300, "quiet": 900, "sleeps": 900, "late": 1300, "expired": 40 * 86400}
    async with store_of(hub) as store:
        await stored(store, [
            Reading(temperature(name), 20.0, now - timedelta(seconds=age))
            for name, age in ages.items()
        ])  # fmt: skip
        for name in ("sleeps", "late"):
            # Due after 1000 s; a fifth of that and a minute may pass before it is late.
            at = now - timedelta(seconds=ages[name])
            await DeviceRepository(store.of("home")).report(name, {"next_wake_s": 1000}, at, 1000)
        await set_retention(store.of("home"), RetentionRule(400), "CurrentTemperature")
        await set_retention(store.of("home"), RetentionRule(20), temperature("quiet"))
    found = await scraped(hub)
    assert found["dormouse_up"] == {"awake": 1, "quiet": 0, "sleeps": 1, "late": 0}
    assert found["dormouse_value"].keys() == {"awake", "sleeps"}
    assert found["dormouse_value_timestamp_seconds"].keys() == {"awake", "sleeps"}
    assert found["dormouse_device_info"].keys() == {"awake", "quiet", "sleeps", "late"}

    folder = ("--data-dir", str(hub.data_dir))
    status, said = await hub.command(
        "hub", "status", "--json", *folder, env={**os.environ, "TZ": "UTC"}
    )
    assert status == 0, said
    told = json.loads(said)
    assert told["next_at"] is not None
    assert told["vacuums"] is True
    assert {rule["of"]: rule["raw_days"] for rule in told["rules"]} == {
        "CurrentTemperature": 400, temperature("quiet").full_name: 20,
    }  # fmt: skip
    done = await hub.ask("POST", "/upkeep")
    assert (done["problem"], done["finished_at"] is not None) == ("", True)
    status, said = await hub.command("hub", "status", *folder, env={**os.environ, "TZ": "UTC"})
    assert status == 0, said
    assert "home, CurrentTemperature: readings 400 days, hours for ever, days for ever" in said
    assert f"reading_{now:%Y_%m}: about" in said
    assert "upkeep: " in said
    assert "backups: none yet; next " in said
    assert "removed nothing, packed 1 readings of home" in said
    day = now - timedelta(days=40)
    packed = f"home: 1 readings from {day:%Y-%m-%d} until {day + timedelta(days=1):%Y-%m-%d} packed"
    assert packed in said
