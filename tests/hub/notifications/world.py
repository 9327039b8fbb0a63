"""A tenant whose time passes as a test says, with devices that report, and what it is told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contracts.reading import Reading, SeriesKey
from hub.anomalies.watch import AnomalyWatch
from hub.api.principal import Principal
from hub.api.scope import ROLE_SCOPES, Role
from hub.database.database import Database
from hub.devices.repository import DeviceRepository, ReceivedReport
from hub.explain.outages import Away, Outage
from hub.explain.problems import Explainer
from hub.homekit.service import HomeKitService
from hub.live import Live
from hub.mqtt.enrolment import Enroller, EnrolmentGate
from hub.notifications.delivery import Delivered, OutgoingNotice
from hub.notifications.late import LateReadings
from hub.notifications.model import ChannelKind, RuleKind
from hub.notifications.notifier import Notifier
from hub.notifications.past import PastTrial
from hub.notifications.sender import send
from hub.notifications.service import NewChannel, NewRule, NotificationService
from hub.notifications.sources.build import sources
from hub.notifications.sources.machine import BackupStanding, DiskSource
from hub.runtime.disk import DiskRoom
from hub.runtime.problems import Problems
from hub.settings import Enrolment
from tests.hub.ingest.test_ingest import stored

EVERY = timedelta(minutes=5)
OPERATOR = Principal(
    "operator", "home", Role.ADMINISTRATOR, ROLE_SCOPES[Role.ADMINISTRATOR], (), operator=True
)


@dataclass
class PastOutages:
    """As hub.explain.outages.Outages: a test says what was away."""

    past: list[Outage] = field(default_factory=list)
    broker_away_since: datetime | None = None

    def all(self) -> list[Outage]:
        since = self.broker_away_since
        return [*self.past, *([Outage(Away.BROKER, since, None)] if since else [])]


class ThreadDelivery:
    """Sends for real, but in a thread of this process: a test sends often."""

    async def send(self, messages: Sequence[OutgoingNotice], _: str = "") -> list[Delivered]:
        answers = []
        for message in messages:
            facts = {name: getattr(message, name) for name in message.__slots__}
            error = await asyncio.to_thread(send, facts)
            answers.append(Delivered(message.id, error, gone=error.endswith("(410)")))
        return answers

    async def check(self, address: str) -> str:
        raise NotImplementedError


class World:
    """Devices that report every five minutes unless they are silent, and a hub that watches."""

    def __init__(self, store: Database, accounts, folder, begin: datetime) -> None:
        self.store, self.now = store, begin
        self.outages, self.disk = PastOutages(), DiskRoom.OK
        self.backup = BackupStanding()
        self.temperatures: dict[str, float] = {}
        self.silent: set[str] = set()
        self.batteries: dict[str, int] = {}
        refused = Problems()
        self.explainer = Explainer(
            store,
            homekit=HomeKitService(dict),
            accounts=accounts,
            enroller=Enroller(accounts, EnrolmentGate(Enrolment.CLOSED, "home"), refused),
            refused=refused,
            outages=self.outages,
        )
        self.folder = folder
        self.begin()

    def begin(self) -> None:
        """A hub that has just been started: it knows nothing but what is stored."""

        self.watch, self.late = AnomalyWatch(self.store), LateReadings(lambda: self.now)
        found = dict(
            sources(
                self.store,
                self.explainer,
                self.watch,
                self.outages,
                folder=self.folder,
                backups=lambda: self.backup,
                late=self.late,
            )
        )
        found[RuleKind.DISK] = DiskSource(self.folder, lambda _: self.disk)
        self.delivery = ThreadDelivery()
        self.notifier = Notifier(
            self.store, found, self.delivery, outages=self.outages, clock=lambda: self.now
        )
        self.service = NotificationService(
            self.store,
            self.notifier,
            self.delivery,
            Live(),
            past=PastTrial(self.store, self.outages, lambda: self.now),
            home="home",
            clock=lambda: self.now,
        )

    async def rule(self, sentence: str, *tell: str, **more):
        return await self.service.add_rule(OPERATOR, NewRule(sentence, tell=tell, **more))

    async def channel(self, name: str, address: str, **more) -> str:
        """A webhook; what it signs with."""
        new = NewChannel(name, ChannelKind.WEBHOOK, address, **more)
        return (await self.service.add_channel(OPERATOR, new))[1]

    async def report(self) -> None:
        """Everybody who is not silent says how it is."""
        heard = [device for device in self.temperatures if device not in self.silent]
        said = {"next_wake_s": EVERY.total_seconds(), "battery_mv": 2900}
        await DeviceRepository(self.store.of("home")).reports([
            ReceivedReport(
                device, {**said, "battery_mv": self.batteries.get(device, 2900)}, self.now,
                EVERY.total_seconds(),
            ) for device in heard
        ])  # fmt: skip
        await self.stored([
            Reading(temperature(device), self.temperatures[device], self.now) for device in heard
        ])  # fmt: skip

    async def stored(self, readings: Sequence[Reading]) -> None:
        """They came."""
        await stored(self.store, readings)
        self.late.stored("home", readings)

    async def look(self) -> None:
        """What the hub does by itself every half a minute."""
        await self.notifier.look()
        await self.notifier.send()

    async def passes(self, minutes: float, *, heard: bool = True) -> None:
        """Time passes, in steps of five minutes."""
        for _ in range(round(minutes * 60 / EVERY.total_seconds())):
            self.now += EVERY
            if heard:
                await self.report()
            await self.look()

    def away(self, since: datetime) -> None:
        """The hub was not running until now."""
        self.outages.past.append(Outage(Away.HUB, since, self.now))

    async def settle(self) -> None:
        """What is gathered for a minute is told."""
        self.now += timedelta(seconds=61)
        await self.look()


def temperature(device: str) -> SeriesKey:
    return SeriesKey(device, "TemperatureSensor", 0, "CurrentTemperature")


def evening() -> datetime:
    """22:00 UTC some days ago: nights that are over, whatever time it is."""
    today = datetime.now(UTC).replace(hour=22, minute=0, second=0, microsecond=0)
    return today - timedelta(days=2 + int(os.environ.get("NIGHT_HOURS", "0")) // 24)
