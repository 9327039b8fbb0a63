"""What is wrong with which device, in a sentence each: for the home page and for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from contracts.show import Clock
from hub.database.database import Database
from hub.devices.known import DeviceUnknownError, known_devices, near
from hub.explain.explanation import explain
from hub.explain.facts import DeviceFacts, Surroundings
from hub.explain.headline import NOT_ENROLLED
from hub.explain.outages import Outage
from hub.explain.repository import gather
from hub.explain.sentence import Explanation, Level
from hub.homekit.bridge import Bridge
from hub.mqtt.accounts import AccountBook
from hub.mqtt.enrolment import Enroller
from hub.runtime.problems import Problems, Seen
from hub.zones.service import ZoneService

__all__ = ["DeviceProblem", "Explainer", "OutagesLike"]


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


class Explainer:
    """Says of every tenant's devices why they are as they are.

    `bridges` gives the HomeKit bridges by tenant; `enroller` and `accounts` know who asked for an
    account, `refused` what was refused of whom, `stuck_since` since when a tenant's readings cannot
    be stored.
    """

    def __init__(
        self,
        store: Database,
        *,
        bridges: Callable[[], Mapping[str, Bridge]],
        accounts: AccountBook,
        enroller: Enroller,
        refused: Problems,
        outages: OutagesLike,
        stuck_since: Callable[[str], datetime | None] = lambda _: None,
    ) -> None:
        self._store, self._zones = store, ZoneService(store)
        self._bridges = bridges
        self._accounts, self._enroller = accounts, enroller
        self._refused, self._outages = refused, outages
        self._stuck_since = stuck_since

    async def problems(
        self, tenant: str, *, now: datetime | None = None, zone: tzinfo | None = None
    ) -> list[DeviceProblem]:
        """One sentence for each device that needs attention, the worst and newest first.

        A handful of queries, however many devices there are.
        """
        clock = Clock(now or datetime.now(UTC), zone or (await self._zones.of(tenant)).zone)
        around = self._surroundings(tenant)
        found = [
            _problem(said)
            for facts in await gather(self._store.of(tenant), clock.now, surroundings=around)
            if (said := explain(facts, clock)).headline.level is not Level.FINE
        ]
        if len(await self._store.tenants()) == 1:
            # Who has no account yet is of no tenant: of several none is told its name.
            found += self._knocking(clock)
        since = self._outages.broker_away_since
        if since is not None and (clock.now - since).total_seconds() > 10:
            text = f"not connected to the broker since {clock.at(since)}: no device can be heard"
            found.append(DeviceProblem(None, "the hub", text, "broker", Level.BAD, since))
        stuck = self._stuck_since(tenant)
        if stuck is not None:
            text = f"no reading could be stored since {clock.at(stuck)}: the hub's log says why"
            found.append(DeviceProblem(None, "the hub", text, "storing", Level.BAD, stuck))
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
        clock = Clock(now or datetime.now(UTC), zone)
        around = self._surroundings(tenant)
        found = await gather(self._store.of(tenant), clock.now, [device], around)
        if not found and (knocked := self._knocked(device)):
            found = [DeviceFacts(device, problems=knocked)]
        if not found:
            known = await known_devices(self._store.of(tenant))
            raise DeviceUnknownError(device, near(device, known))
        return replace(explain(found[0], clock), zone=str(zone))

    def _knocking(self, clock: Clock) -> list[DeviceProblem]:
        """Devices that asked for an account and wait for somebody to approve them."""
        waiting = [candidate.device for candidate in self._enroller.candidates()]
        said = [explain(DeviceFacts(one, problems=self._knocked(one)), clock) for one in waiting]
        return [_problem(one) for one in said if one.headline.level is not Level.FINE]

    def _knocked(self, device: str) -> dict[str, Seen]:
        """Why a device without an account was not let in; of others nothing, they have a tenant."""
        if self._accounts.get(device) is not None:
            return {}
        seen = self._refused.of(device)
        return {kind: one for kind, one in seen.items() if kind in NOT_ENROLLED}

    def _surroundings(self, tenant: str) -> Surroundings:
        """What the running hub knows of a tenant's devices."""
        bridge = self._bridges().get(tenant)
        outages = self._outages.all()
        refused = _refused(self._refused)
        if bridge is None:
            return Surroundings(problems=refused, outages=outages)
        held: dict[str, list[str]] = {}
        for part in bridge.unshown():
            held.setdefault(part.device, []).append(f"{part.part}: {part.reason}")
        records = bridge.tree.identities.accessories

        def desired(device: str) -> Mapping[str, str]:
            record = records.get(device)
            return record.desired if record is not None and not record.removed else {}

        return Surroundings(
            names=bridge.names(),
            problems=refused,
            hidden_parts=lambda device: held.get(device, ()),
            desired=desired,
            online=bridge.online_of,
            outages=outages,
        )


def _problem(said: Explanation) -> DeviceProblem:
    headline = said.headline
    return DeviceProblem(
        said.device, said.title, headline.text, headline.kind, headline.level, headline.at
    )


def _refused(problems: Problems) -> Callable[[str], Mapping[str, Seen]]:
    """What was refused of each device, sorted once for all of them."""
    found: dict[str | None, dict[str, Seen]] = {}
    for device, kind, seen in problems.latest(problems.remember):
        found.setdefault(device, {})[kind] = seen
    return lambda device: found.get(device, {})
