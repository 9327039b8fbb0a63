"""What is wrong with which device, in a sentence each: for the home page and for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from hub.devices.known import DeviceUnknownError, known_devices, near
from hub.explain.explanation import explain
from hub.explain.facts import Facts, Surroundings
from hub.explain.headline import KNOCKS
from hub.explain.repository import gather
from hub.explain.sentence import Explanation, Level
from hub.explain.words import Clock
from hub.runtime.problems import Problems, Seen

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["Problem", "explain_device", "problems", "surroundings"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A device that is not as it should be. `device` None: the hub itself."""

    device: str | None
    name: str
    text: str
    kind: str
    level: Level
    at: datetime

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


async def problems(
    hub: Hub, tenant: str, *, now: datetime | None = None, zone: tzinfo | None = None
) -> list[Problem]:
    """One sentence for each device that needs attention, the worst and newest first.

    A handful of queries, however many devices there are.
    """
    clock = Clock(now or datetime.now(UTC), zone)
    around = surroundings(hub, tenant)
    found = [
        _problem(said)
        for facts in await gather(hub.running.store.of(tenant), clock.now, around=around)
        if (said := explain(facts, clock)).headline.level is not Level.FINE
    ]
    if len(await hub.running.store.tenants()) == 1:
        # Who has no account yet is of no tenant: of several none is told its name.
        found += _knocking(hub, clock)
    since = hub.outages.broker_away_since
    if since is not None and (clock.now - since).total_seconds() > 10:
        text = f"not connected to the broker since {clock.at(since)}: no device can be heard"
        found.append(Problem(None, "the hub", text, "broker", Level.BAD, since))
    return sorted(found, key=lambda p: (p.device is None, p.level, p.at), reverse=True)


def _knocking(hub: Hub, clock: Clock) -> list[Problem]:
    """Devices that asked for an account and wait for somebody to approve them."""
    waiting = [candidate.device for candidate in hub.mqtt.enroller.candidates()]
    said = [explain(Facts(device, problems=_knocked(hub, device)), clock) for device in waiting]
    return [_problem(one) for one in said if one.headline.level is not Level.FINE]


def _knocked(hub: Hub, device: str) -> dict[str, Seen]:
    """Why a device without an account was not let in; of others nothing, they have a tenant."""
    if hub.mqtt.book.get(device) is not None:
        return {}
    return {kind: seen for kind, seen in hub.problems.of(device).items() if kind in KNOCKS}


def _problem(said: Explanation) -> Problem:
    headline = said.headline
    return Problem(
        said.device, said.title, headline.text, headline.kind, headline.level, headline.at
    )


async def explain_device(
    hub: Hub,
    tenant: str,
    device: str,
    *,
    now: datetime | None = None,
    zone: tzinfo | None = None,
) -> Explanation:
    """Everything about one device. Raises DeviceUnknownError with names that are near."""
    clock = Clock(now or datetime.now(UTC), zone)
    found = await gather(
        hub.running.store.of(tenant), clock.now, [device], surroundings(hub, tenant)
    )
    if not found and (knocked := _knocked(hub, device)):
        found = [Facts(device, problems=knocked)]
    if not found:
        known = await known_devices(hub.running.store.of(tenant))
        raise DeviceUnknownError(device, near(device, known))
    return explain(found[0], clock)


def surroundings(hub: Hub, tenant: str) -> Surroundings:
    """What the running hub knows of a tenant's devices."""
    bridge = hub.bridges.running().get(tenant)
    outages = hub.outages.all()
    refused = _refused(hub.problems)
    if bridge is None:
        return Surroundings(problems=refused, outages=outages)
    held: dict[str, list[str]] = {}
    for part in bridge.held():
        held.setdefault(part.device, []).append(f"{part.part}: {part.reason}")
    records = bridge.tree.identities.accessories

    def desired(device: str) -> Mapping[str, str]:
        record = records.get(device)
        return record.desired if record is not None and not record.removed else {}

    return Surroundings(
        names=bridge.names(),
        problems=refused,
        held=lambda device: held.get(device, ()),
        desired=desired,
        online=bridge.online_of,
        outages=outages,
    )


def _refused(problems: Problems) -> Callable[[str], Mapping[str, Seen]]:
    """What was refused of each device, sorted once for all of them."""
    found: dict[str | None, dict[str, Seen]] = {}
    for device, kind, seen in problems.latest(problems.remember):
        found.setdefault(device, {})[kind] = seen
    return lambda device: found.get(device, {})
