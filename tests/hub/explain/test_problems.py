"""What needs attention, of a hub whose store and accounts are real and which runs nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from contracts.messages import Enrol
from hub.devices.known import DeviceUnknownError
from hub.devices.repository import DeviceRepository
from hub.explain.outages import Away, Outage
from hub.explain.problems import Explainer
from hub.explain.sentence import Level
from hub.homekit.service import HomeKitService
from hub.mqtt.enrolment import Enroller, EnrolmentGate
from hub.runtime.problems import Problems
from hub.settings import Enrolment


class Outages:
    broker_away_since: datetime | None = None

    def all(self) -> list[Outage]:
        since = self.broker_away_since
        return [Outage(Away.BROKER, since, None)] if since else []


@pytest.fixture
def hub(store, accounts):
    refused = Problems()
    enroller = Enroller(accounts, EnrolmentGate(Enrolment.CLOSED, "home"), refused)
    outages = Outages()
    stuck: dict[str, datetime] = {}
    explainer = Explainer(
        store,
        homekit=HomeKitService(dict),
        accounts=accounts,
        enroller=enroller,
        refused=refused,
        outages=outages,
        stuck_since=stuck.get,
    )
    return SimpleNamespace(
        explainer=explainer,
        stuck=stuck,
        store=store,
        enroller=enroller,
        refused=refused,
        outages=outages,
    )


async def report(hub, device: str, hours: float, **said: object) -> None:
    at = datetime.now(UTC) - timedelta(hours=hours)
    await DeviceRepository(hub.store.of("home")).report(device, said, at, 300)


async def test_the_worst_and_newest_first(hub):
    await report(hub, "well", 0)
    await report(hub, "long", 5)
    await report(hub, "short", 2)
    await report(hub, "weak", 0, rssi=-90)
    hub.refused.note("range", "well", "200 is not from 0 to 100")
    found = await hub.explainer.problems("home", zone=UTC)
    assert [(problem.device, problem.level) for problem in found] == [
        ("short", Level.BAD), ("long", Level.BAD),
        ("well", Level.WARNING), ("weak", Level.WARNING),
    ]  # fmt: skip
    assert str(found[2]) == "well: refused from it, range: 200 is not from 0 to 100"
    assert str(found[3]).startswith("weak: WiFi weak: -90 dBm")


async def test_who_waits_for_approval_is_told(hub):
    asked = Enrol(id="esp_new", password="0" * 32)
    await hub.enroller.enrol(asked)
    [problem] = await hub.explainer.problems("home", zone=UTC)
    assert (problem.device, problem.kind, problem.level) == ("esp_new", "account", Level.WARNING)
    assert problem.text.endswith("`dormouse devices approve esp_new` lets it in")
    said = await hub.explainer.device("home", "esp_new", zone=UTC)
    assert said.headline.text == problem.text
    await hub.enroller.approve("esp_new", "home")
    assert await hub.explainer.problems("home") == []
    await hub.store.ensure_tenant("school")
    await hub.enroller.enrol(Enrol(id="esp_other", password="0" * 32))
    assert await hub.explainer.problems("school") == []
    assert await hub.explainer.problems("home") == []


async def test_nothing_is_told_of_another_tenants_device(hub, accounts):
    await hub.store.ensure_tenant("school")
    await DeviceRepository(hub.store.of("school")).report("esp_1", {}, datetime.now(UTC), 300)
    await accounts.provision("esp_1", "school", "0" * 32)
    for kind in ("range", "enrol-closed", "enrol-take-over"):
        hub.refused.note(kind, "esp_1", "a secret of the school")
    with pytest.raises(DeviceUnknownError, match=r"^there is no device 'esp_1'$"):
        await hub.explainer.device("home", "esp_1")
    assert await hub.explainer.problems("home") == []
    assert (await hub.explainer.device("school", "esp_1")).device == "esp_1"


async def test_the_brokers_absence_is_told_once_and_not_of_each_device(hub):
    await report(hub, "one", 5)
    await report(hub, "two", 5)
    hub.outages.broker_away_since = datetime.now(UTC) - timedelta(hours=6)
    [problem] = await hub.explainer.problems("home", zone=UTC)
    assert (problem.device, problem.name, problem.level) == (None, "the hub", Level.BAD)
    assert problem.text.startswith("not connected to the broker since ")
    hub.outages.broker_away_since = datetime.now(UTC)
    assert {p.device for p in await hub.explainer.problems("home")} == {"one", "two"}


async def test_readings_that_cannot_be_stored_are_told_to_their_tenant_alone(hub):
    await hub.store.ensure_tenant("school")
    hub.stuck["school"] = datetime.now(UTC) - timedelta(minutes=5)
    [problem] = await hub.explainer.problems("school", zone=UTC)
    assert (problem.device, problem.kind, problem.level) == (None, "storing", Level.BAD)
    assert problem.text.startswith("no reading could be stored since ")
    assert await hub.explainer.problems("home") == []


async def test_an_unknown_device_is_told_with_what_may_be_meant(hub):
    await report(hub, "esp8266_1a2b3c4d", 0)
    with pytest.raises(DeviceUnknownError) as unknown:
        await hub.explainer.device("home", "1a2b3c4d")
    assert unknown.value.near == ["esp8266_1a2b3c4d"]
    with pytest.raises(DeviceUnknownError, match=r"^there is no device 'x'$"):
        await hub.explainer.device("home", "x")
