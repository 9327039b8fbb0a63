"""The MQTT side as a whole: building it begins nothing."""

from __future__ import annotations

import asyncio

from hub.database.database import Database
from hub.live import Live
from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from hub.mqtt.account_repository import AccountRepository
from hub.mqtt.accounts import AccountBook, tenant_by_account
from hub.mqtt.live_feed import LiveFeed
from hub.mqtt.service import Mqtt
from hub.runtime.host_clock import HostClock
from hub.runtime.problems import Problems
from hub.runtime.supervisor import Supervisor
from tests.support.mqtt_side import Shown, settings


async def _nothing(_device: str, _boot: str) -> list[tuple[int, int]]:
    return []


def build(store: Database, supervisor: Supervisor, folder, **changes) -> Mqtt:
    book = AccountBook(AccountRepository(store))
    tenant_of = tenant_by_account(book, "home")
    return Mqtt(
        settings(folder, **changes),
        store,
        book,
        Shown(),
        Translator(Mapping()),
        problems=Problems(),
        tenant_of=tenant_of,
        stored_ranges=_nothing,
        feed=LiveFeed(Live(), tenant_of),
        clock=HostClock(),
        supervisor=supervisor,
    )


async def test_building_it_reaches_neither_disk_nor_network(tmp_path):
    store = Database("postgresql://nobody@127.0.0.1:1/nothing")
    supervisor = Supervisor()
    before = asyncio.all_tasks()
    mqtt = build(store, supervisor, tmp_path)
    assert [part.name for part in mqtt.parts()] == [
        "accounts", "broker", "acknowledgements", "readings", "this machine's clock", "clocks",
        "listener", "enrolment", "pending accounts",
    ]  # fmt: skip
    assert supervisor.loops == ()
    assert asyncio.all_tasks() == before
    assert list(tmp_path.iterdir()) == []


async def test_a_broker_that_runs_elsewhere_is_no_part(tmp_path):
    store = Database("postgresql://nobody@127.0.0.1:1/nothing")
    mqtt = build(store, Supervisor(), tmp_path, mqtt_url="mqtt://me:secret@broker.example:1884")
    assert not {"broker", "enrolment"} & {part.name for part in mqtt.parts()}
    assert (mqtt.broker, mqtt.ports) == (None, {})
