"""/metrics and /healthz: for who looks after the hub."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from hub.runtime.supervisor import PartRole, Supervisor
from hub.web import health
from tests.hub.filled import EVIL, report, store_of
from tests.support.hub import until
from tests.support.mqtt311 import Client

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]


async def scraped(client):
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return answer.text, {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_prometheus_gets_a_tenants_devices_and_values(full, ann, make_token, program):
    await ann.patch("/api/devices/h2", json={"name": EVIL + '"\\'})
    async with store_of(full) as store:
        # Of this test: a run of all takes longer than it may be silent.
        await report(store, "home", "h1", datetime.now(UTC))
    async with program(await make_token("metrics")) as client:
        text, samples = await scraped(client)
    assert samples["dormouse_device_battery_volts", ("device", "h1")] == 2.9
    assert samples["dormouse_device_rssi_dbm", ("device", "h1")] == -60
    series = (
        ("characteristic", "CurrentTemperature"),
        ("device", "h1"),
        ("index", "0"),
        ("service", "TemperatureSensor"),
    )
    assert samples["dormouse_value", *series, ("unit", "°C")] == 22.87
    assert samples["dormouse_value_timestamp_seconds", *series] > 1.7e9
    assert samples["dormouse_broker_connected",] == 1
    for role in PartRole:
        assert samples["dormouse_parts_running", ("role", role)] == 1
    assert samples["dormouse_part_restarts_total", ("part", "acknowledgements to devices")] == 0
    names = {dict(key[1:]).get("name") for key in samples if key[0] == "dormouse_device_info"}
    assert EVIL + '"\\' in names
    assert samples["process_resident_memory_bytes",] > 1e7
    # Nothing of the other tenant, in no label and no sum.
    assert "b1" not in text
    assert "beach" not in text


async def test_what_was_dropped_is_counted_by_account(full, eve, make_token, program):
    """Too many topics shut an account out, and what it had still sent is dropped."""
    port, login = full.facts["mqtt_port"], {}
    for name in ("loud", "quiet"):
        made = await full.ask("POST", f"/accounts/{name}", json={})
        login[name] = ("127.0.0.1", port, name, name, made["password"])
    async with (
        program(await make_token("metrics", name="drops")) as client,
        await Client.let_in(*login["quiet"]) as quiet,
        await Client.let_in(*login["loud"]) as loud,
    ):
        await quiet.publish("HomeKit/quiet/TemperatureSensor/CurrentTemperature", "20")
        for n in range(1500):  # 1000 are allowed
            await loud.publish(f"HomeKit/loud/{n % 100}/{n}", b"x", qos=0)

        async def counted() -> dict:
            samples = (await scraped(client))[1]
            return {
                (labels["device"], labels["kind"]): value
                for (name, *rest), value in samples.items()
                if name == "dormouse_problems_total" and (labels := dict(rest))
            }

        async def all_dropped() -> bool:
            found = await counted()
            return found.get(("loud", "dropped"), 0) + found.get(("loud", "limit"), 0) == 500

        await until(all_dropped)
        assert (await counted())["loud", "limit"] == 1
        assert not any(device == "quiet" for device, _ in await counted())
    made = await eve.post("/api/tokens", json={"name": "drops", "scopes": ["metrics"]})
    async with program(made.json()["token"]) as client:
        assert "loud" not in (await scraped(client))[0]


async def test_each_tenant_gets_its_own(full, eve, program):
    made = await eve.post("/api/tokens", json={"name": "prometheus", "scopes": ["metrics"]})
    async with program(made.json()["token"]) as client:
        text, samples = await scraped(client)
        assert samples["dormouse_device_battery_volts", ("device", "b1")] == 2.9
        assert "h1" not in text
        # It may scrape, and no more.
        assert (await client.get("/api/devices")).status_code == 403


async def test_health_is_said_to_everybody(nobody, full):
    answer = await nobody.get("/healthz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "database": "ok", "broker": "ok", "stopped": []},
    )


async def _fail() -> None:
    raise ZeroDivisionError


async def test_health_is_honest_about_database_and_broker(server, full, tmp_path):
    """On a database that is really taken away."""
    from hub.database.database import Database  # noqa: PLC0415

    database = await server.clone()
    connected = asyncio.Event()
    supervisor = Supervisor()
    async with Database(database.app_url) as store:
        app = FastAPI()
        source = SimpleNamespace(connected=connected)
        failing: list[bool] = []
        app.include_router(
            health.router(
                store.ping, source, supervisor, tmp_path, channels_fail=lambda: bool(failing)
            )
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            answer = await client.get("/healthz")
            assert (answer.status_code, answer.json()["broker"]) == (503, "away")
            connected.set()
            assert (await client.get("/healthz")).json()["status"] == "ok"
            failing.append(True)
            answer = await client.get("/healthz")
            assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
            assert answer.json()["notifications"] == "failing"
            failing.clear()
            for role, status in ((PartRole.DUTIES, 200), (PartRole.INTAKE, 503)):
                tasks = supervisor.tasks(role)
                loop = tasks.loop("failing", _fail)
                async with asyncio.timeout(20):
                    while loop.running:
                        await asyncio.sleep(0)
                answer = await client.get("/healthz")
                assert (answer.status_code, answer.json()["status"]) == (status, "degraded")
                assert answer.json()["stopped"] == [role]
                await tasks.stop()
            assert (await client.get("/healthz")).json()["status"] == "ok"
            await server.drop(database.name)

            async with asyncio.timeout(60):
                while (answer := await client.get("/healthz")).status_code == 200:
                    await asyncio.sleep(0.1)
            assert answer.json() == {
                "status": "degraded", "database": "away", "broker": "ok", "stopped": []
            }  # fmt: skip
