"""What is wrong with which device, in a sentence each: for the home page and for whoever asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Protocol

from hub.database.database import Database
from hub.devices.known import DeviceUnknownError, known_devices, near
from hub.explain.case import Case
from hub.explain.explanation import explain
from hub.explain.facts import DeviceFacts, SiteDown, Surroundings
from hub.explain.headline import NOT_ENROLLED
from hub.explain.outages import Outage
from hub.explain.repository import gather
from hub.explain.sentence import Explanation, Level
from hub.explain.tunnels import (
    TunnelsLike,
    by_device,
    cut_off,
    is_silent_through,
    said,
    sites_down,
)
from hub.homekit.service import HomeKitService
from hub.language.times import SpokenClock
from hub.language.words import _
from hub.mqtt.accounts import AccountBook
from hub.mqtt.enrolment import Enroller
from hub.runtime.problems import Problems, Seen
from hub.zones.service import ZoneService

__all__ = ["BatteryStanding", "DeviceProblem", "Explainer", "LateDevice", "OutagesLike"]


class OutagesLike(Protocol):
    """hub.explain.outages.Outages."""

    @property
    def broker_away_since(self) -> datetime | None:
        """Since when the broker is away; None while it is there."""
        ...

    def all(self) -> list[Outage]:
        """Every outage that is remembered."""
        ...


@dataclass(frozen=True, slots=True)
class DeviceProblem:
    """A device that is not as it should be. `device` None: the hub itself."""

    device: str | None
    name: str
    text: str
    kind: str
    level: Level
    at: datetime

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


@dataclass(frozen=True, slots=True)
class LateDevice:
    """A device that should have been heard; `missed` wakes of it, None: it announces none.

    `through_tunnel`: it is silent because the tunnel of its site is down.
    """

    device: str
    name: str
    text: str
    since: datetime
    missed: int | None
    through_tunnel: bool = False


@dataclass(frozen=True, slots=True)
class BatteryStanding:
    """A device's battery: `said` as people read it, None where nothing is known.

    `percent` None: it tells none; `days_left` None: nothing says when it will be empty.
    """

    device: str
    name: str
    said: str | None
    low: bool
    percent: float | None
    days_left: int | None


class Explainer:
    """Says of every tenant's devices why they are as they are.

    `enroller` and `accounts` know who asked for an account, `refused` what was refused of whom,
    `stuck_since` since when a tenant's readings cannot be stored, `tunnels` how those of sites are.
    """

    def __init__(
        self,
        store: Database,
        *,
        homekit: HomeKitService,
        accounts: AccountBook,
        enroller: Enroller,
        refused: Problems,
        outages: OutagesLike,
        stuck_since: Callable[[str], datetime | None] = lambda _: None,
        tunnels: TunnelsLike | None = None,
    ) -> None:
        self._store, self._zones = store, ZoneService(store)
        self._homekit = homekit
        self._accounts, self._enroller = accounts, enroller
        self._refused, self._outages = refused, outages
        self._stuck_since, self._tunnels = stuck_since, tunnels

    async def problems(
        self, tenant: str, *, now: datetime | None = None, zone: tzinfo | None = None
    ) -> list[DeviceProblem]:
        """One sentence for each device that needs attention, the worst and newest first.

        A handful of queries, however many devices there are.
        """
        clock = SpokenClock(now or datetime.now(UTC), zone or (await self._zones.of(tenant)).zone)
        down = await sites_down(self._tunnels, tenant)
        around = await self._surroundings(tenant, down)
        found, silent = list[DeviceProblem](), Counter[str]()
        for facts in await gather(self._store.of(tenant), clock.now, surroundings=around):
            explanation = explain(facts, clock)
            if _is_silent(explanation) and is_silent_through(Case(facts, clock)):
                # Told once, of its site.
                silent[facts.tunnel.name if facts.tunnel else ""] += 1
            elif explanation.headline.level is not Level.FINE:
                found.append(_problem(explanation))
        found += [
            DeviceProblem(
                None, one.title, said(one, silent[one.name], clock), "tunnel", Level.BAD, one.since
            )
            for one in down
        ]
        if len(await self._store.tenants()) == 1:
            # Who has no account yet is of no tenant: of several none is told its name.
            found += self._knocking(clock)
        since = self._outages.broker_away_since
        if since is not None and (clock.now - since).total_seconds() > 10:
            text = _(
                "not connected to the broker since {at}: no device can be heard", at=clock.at(since)
            )
            found.append(DeviceProblem(None, _("the hub"), text, "broker", Level.BAD, since))
        stuck = self._stuck_since(tenant)
        if stuck is not None:
            text = _(
                "no reading could be stored since {at}: the hub's log says why", at=clock.at(stuck)
            )
            found.append(DeviceProblem(None, _("the hub"), text, "storing", Level.BAD, stuck))
        return sorted(found, key=lambda p: (p.device is None, p.level, p.at), reverse=True)

    async def device(
        self,
        tenant: str,
        device: str,
        *,
        now: datetime | None = None,
        zone: tzinfo | None = None,
    ) -> Explanation:
        """Everything about one device. Raises DeviceUnknownError with names that are near."""
        zone = zone or await self._zones.of_devices(tenant, [device])
        clock = SpokenClock(now or datetime.now(UTC), zone)
        around = await self._surroundings(tenant, await sites_down(self._tunnels, tenant))
        found = await gather(self._store.of(tenant), clock.now, [device], around)
        if not found and (knocked := self._knocked(device)):
            found = [DeviceFacts(device, problems=knocked)]
        if not found:
            known = await known_devices(self._store.of(tenant))
            raise DeviceUnknownError(device, near(device, known))
        return replace(explain(found[0], clock), zone=str(zone))

    async def late(
        self, tenant: str, devices: Sequence[str], *, now: datetime, zone: tzinfo
    ) -> list[LateDevice]:
        """Those of these devices that should have been heard, though the hub listened."""
        clock = SpokenClock(now, zone)
        around = await self._surroundings(tenant, await sites_down(self._tunnels, tenant))
        found = []
        for facts in await gather(self._store.of(tenant), now, devices, around):
            case, explanation = Case(facts, clock), explain(facts, clock)
            first = explanation.headline
            refused = first.kind == "account" and first.level is Level.BAD
            if _is_silent(explanation) or refused:
                missed = None if case.silence is None else case.silence.missed
                late = LateDevice(
                    facts.device, explanation.title, first.text, first.at, missed,
                    not refused and is_silent_through(case),
                )  # fmt: skip
                found.append(late)
        return found

    def tunnels(self, tenant: str) -> dict[str, str] | None:
        """By site how its tunnel is (up, down, never up, not known); None: not looked at yet."""
        return None if self._tunnels is None else self._tunnels.standing(tenant)

    async def tunnels_down(
        self, tenant: str, *, now: datetime, zone: tzinfo | None = None
    ) -> list[tuple[SiteDown, str]]:
        """The sites whose tunnel is down, each with a sentence by the clock of `zone`.

        None: of its place.
        """
        down, zones = await sites_down(self._tunnels, tenant), await self._zones.of(tenant)
        found = []
        for one in down:
            clock, silent = SpokenClock(now, zone or zones.of_place(one.place)), 0
            if one.devices:
                around = await self._surroundings(tenant, down)
                for facts in await gather(self._store.of(tenant), now, one.devices, around):
                    late = _is_silent(explain(facts, clock))
                    silent += late and is_silent_through(Case(facts, clock))
            found.append((one, said(one, silent, clock)))
        return found

    async def batteries(
        self, tenant: str, devices: Sequence[str], *, now: datetime
    ) -> list[BatteryStanding]:
        """How the batteries of these devices are."""
        clock, around = SpokenClock(now), await self._surroundings(tenant)
        found = []
        for facts in await gather(self._store.of(tenant), now, devices, around):
            case, reading, ends = Case(facts, clock), facts.last_reading, None
            if case.battery_forecast is not None:
                ends = case.battery_forecast.days_left(now.date())
            low = case.low or bool(reading and reading.battery_low)
            percent = None if reading is None else reading.battery_percent
            name = facts.name or facts.device
            found.append(BatteryStanding(facts.device, name, case.battery(), low, percent, ends))
        return found

    def _knocking(self, clock: SpokenClock) -> list[DeviceProblem]:
        """Devices that asked for an account and wait for somebody to approve them."""
        waiting = [candidate.device for candidate in self._enroller.candidates()]
        every = [explain(DeviceFacts(one, problems=self._knocked(one)), clock) for one in waiting]
        return [_problem(one) for one in every if one.headline.level is not Level.FINE]

    def _knocked(self, device: str) -> dict[str, Seen]:
        """Why a device without an account was not let in; of others nothing, they have a tenant."""
        if self._accounts.get(device) is not None:
            return {}
        seen = self._refused.of(device)
        return {kind: one for kind, one in seen.items() if kind in NOT_ENROLLED}

    async def _surroundings(self, tenant: str, down: Sequence[SiteDown] = ()) -> Surroundings:
        """What the running hub knows of a tenant's devices."""
        outages = self._outages.all()
        refused = self._refused_of(tenant)
        cut = await cut_off(self._tunnels, tenant)
        held: dict[str, list[str]] = {}
        for part in self._homekit.unshown(tenant):
            held.setdefault(part.device, []).append(f"{part.part}: {part.reason}")
        return Surroundings(
            names=self._homekit.names(tenant),
            problems=refused,
            hidden_parts=lambda device: held.get(device, ()),
            desired=partial(self._homekit.desired, tenant),
            online=partial(self._homekit.online, tenant),
            outages=outages,
            tunnels=by_device(down),
            cut_off=cut,
        )

    def _refused_of(self, tenant: str) -> Callable[[str], Mapping[str, Seen]]:
        """What was refused of each device, sorted once for all of them; of others' nothing."""
        found: dict[str | None, dict[str, Seen]] = {}
        for device, kind, seen in self._refused.latest(self._refused.remember):
            if device is None or self._accounts.tenant(device) in {None, tenant}:
                found.setdefault(device, {})[kind] = seen
        return lambda device: found.get(device, {})


def _is_silent(explanation: Explanation) -> bool:
    return explanation.headline.kind in {"silent", "offline"}


def _problem(explanation: Explanation) -> DeviceProblem:
    headline = explanation.headline
    return DeviceProblem(
        explanation.device,
        explanation.title,
        headline.text,
        headline.kind,
        headline.level,
        headline.at,
    )
