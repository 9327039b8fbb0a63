"""The MQTT side of a hub with a real store and no HomeKit: a recorder stands in for the bridge."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from contracts.messages import Batch, Report
from contracts.reading import Reading
from hub.database.database import Database
from hub.devices.recorder import DeviceRecorder
from hub.live import Live
from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from hub.mqtt.account_repository import AccountRepository
from hub.mqtt.accounts import AccountBook, tenant_by_account
from hub.mqtt.live_feed import LiveFeed
from hub.mqtt.service import Mqtt
from hub.runtime.host_clock import HostClock
from hub.runtime.problems import Problems
from hub.runtime.supervisor import Supervisor, started
from hub.settings import Settings
from tests.support.broker import open_folder


@dataclass
class Shown:
    """What HomeKit would have been told."""

    updates: list[tuple[Reading, bool]] = field(default_factory=list)
    removed: list[Any] = field(default_factory=list)
    reports: list[tuple[str, Any, bool]] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    def update(self, reading: Reading, *, live: bool) -> None:
        self.updates.append((reading, live))

    def remove(self, key_or_device: Any) -> None:
        self.removed.append(key_or_device)

    def report(self, device: str, report: Any, *, live: bool, waited: float = 0) -> None:
        self.reports.append((device, report, live))
        self.waited.append(waited)


def settings(folder: Path, **changes: Any) -> Settings:
    ports = {"http_port": 0, "mqtt_port": 0, "mqtts_port": 0, "enrol_port": 0, "hap_port": 0}
    return Settings(**{"data_dir": folder, "host": "127.0.0.1", **ports, **changes})


@contextlib.asynccontextmanager
async def running_side(store: Database, folder: Path, **changes: Any):
    """The running MQTT side; its bridge is `.shown`."""
    chosen = settings(folder, **changes)
    shown = Shown()
    book = AccountBook(AccountRepository(store))
    tenant_of = tenant_by_account(book, chosen.tenant)
    recorder = DeviceRecorder(store, tenant_of)
    mqtt = Mqtt(
        chosen,
        store,
        book,
        shown,
        Translator(Mapping()),
        problems=Problems(),
        tenant_of=tenant_of,
        stored_ranges=recorder.received_ranges,
        stored_report=recorder.last_report,
        feed=LiveFeed(Live(), tenant_of),
        clock=HostClock(),
        supervisor=Supervisor(),
    )
    mqtt.listener.on(Report, recorder.report)
    mqtt.listener.on(Batch, recorder.lost)
    mqtt.shown = shown
    async with started(mqtt.parts()):
        await mqtt.source.connected.wait()
        yield mqtt


@pytest.fixture
async def side(store: Database):
    """The MQTT side on the test's database, enrolment open."""
    with open_folder() as folder:
        async with running_side(store, folder) as mqtt:
            yield mqtt
