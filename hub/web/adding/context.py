"""What the forms of the wizard work with: the hub, seen by one administrator of one tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from contracts.homekit.values import clean_name
from contracts.reading import SeriesKey
from hub.api.principal import Principal
from hub.devices.overview import LastValue
from hub.errors import HubError
from hub.homekit.model import device_name
from hub.language.words import _
from hub.live import LiveChange, LiveValue, Missed
from hub.mqtt.account_repository import AccountState
from hub.mqtt.errors import AccountError
from hub.notifications.model import Rule
from hub.services import Services
from hub.web.adding.enrolment import EnrolmentView, Remedy, enrolment_view

__all__ = ["Adding", "PlaceName", "paths"]


@dataclass(frozen=True, slots=True)
class PlaceName:
    """A place with the names that lead to it: "House / Kitchen"."""

    id: int
    path: str


class BadNameError(HubError):
    """Apple Home takes names of letters, digits, spaces and apostrophes, with a letter or digit at both ends."""  # noqa: E501  # the docstring is the message


class Adding:
    """What adding a device asks of the hub; `who` stands in the history of what is changed."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self.services = services
        self.principal = principal
        self.tenant = principal.tenant
        self.who = principal.name

    async def rules(self) -> list[Rule]:
        """What somebody is told of here."""
        return await self.services.notifications.rules(self.principal)

    async def zone(self) -> ZoneInfo:
        """Whose clock times are told by."""
        return (await self.services.zones.of(self.tenant)).zone

    async def enrolment(self, network: str) -> EnrolmentView:
        """Who asks to be added; with several tenants only whose network is called so."""
        several = len(await self.services.people.tenants()) > 1
        return enrolment_view(self.services.mqtt, self.tenant, network=network if several else None)

    async def approve(self, device: str) -> None:
        """Approve a device that asked. Raises AccountError."""
        await self.services.mqtt.enroller.approve(device, self.tenant)

    def open_window(self, minutes: float) -> None:
        """Approve new devices for this tenant automatically for some minutes."""
        self.services.mqtt.gate.open_window(self.tenant, minutes)

    async def help(self, device: str, remedy: str) -> None:
        """Do what helps a refused device. Raises AccountError."""
        mqtt = self.services.mqtt
        if mqtt.book.tenant(device) != self.tenant:
            raise AccountError(_("there is no account {device}", device=device))
        if remedy == Remedy.RENEW:
            mqtt.enroller.allow_renewal(device, 60)
        else:
            await mqtt.book.set_state(device, AccountState.ACTIVE)
        mqtt.problems.forget(device)
        mqtt.gate.changed.publish(None)

    def is_ours(self, device: str) -> bool:
        """Whether the device's account is this tenant's."""
        return self.services.mqtt.book.tenant(device) == self.tenant

    def own_name(self, device: str) -> str:
        """What the device calls itself, "" where it has not said."""
        name = self.services.homekit.names(self.tenant).get(device, "")
        return "" if name == device_name(device) else name

    async def measured(self, device: str) -> AsyncIterator[dict[SeriesKey, LastValue]]:
        """What the device measured last: now, and after each news."""
        async with self.services.live.subscribe(self.tenant) as updates:
            latest = await self.latest(device)
            yield latest
            async for update in updates:
                if isinstance(update, Missed) or (
                    isinstance(update, LiveChange) and update.noun in ("calibration", "clock")
                ):
                    latest = await self.latest(device)
                elif isinstance(update, LiveValue) and update.series.device == device:
                    # Late readings come by their own times.
                    known = latest.get(update.series)
                    if known is not None and known.at > update.at:
                        continue
                    latest[update.series] = LastValue(
                        update.series, update.value, update.at, update.raw
                    )
                else:
                    continue
                yield latest

    async def latest(self, device: str) -> dict[SeriesKey, LastValue]:
        """What the database has of it."""
        devices = await self.services.devices.overview(self.tenant, [device])
        return {value.series: value for value in devices[0].values} if devices else {}

    async def name(self, device: str, name: str) -> None:
        """Call it so. Raises AccountError for a device that is not here, DatabaseError."""
        self._check(device)
        await self.services.naming.rename(self.tenant, device, name, self.who)

    async def put(self, device: str, place: int | None) -> None:
        """Put it into a place. Raises as `name`."""
        self._check(device)
        await self.services.devices.put(self.tenant, device, place, self.who)

    async def place_of(self, name: str, within: int | None) -> int:
        """The place of that name within another, made if there is none. Raises DatabaseError."""
        return await self.services.places.ensure(self.tenant, name.strip(), within)

    def _check(self, device: str) -> None:
        if not self.is_ours(device):
            raise AccountError(
                _("there is no account {device} any more: choose the device again", device=device)
            )

    async def call_sensor(self, device: str, service: str, index: int, name: str) -> None:
        """What Apple Home calls one of a device's sensors. Raises BadNameError."""
        cleaned = clean_name(name)
        if not cleaned:
            raise BadNameError
        await self.services.homekit.call_sensor(self.tenant, device, service, index, cleaned)

    async def calibrate(self, key: SeriesKey, offset: float) -> None:
        """Add an offset to what a series measured and will measure. Raises DatabaseError."""
        await self.services.readings.of(self.tenant).calibrate(key, offset=offset, who=self.who)

    async def place_names(self) -> list[PlaceName]:
        """All places, each with its path, in the tree's order."""
        return paths(await self.services.places.tree(self.tenant))


def paths(tree: Sequence[dict[str, Any]], above: str = "") -> list[PlaceName]:
    """The places of a tree, each with its path, in the tree's order."""
    names: list[PlaceName] = []
    for place in tree:
        path = f"{above}{place['name']}"
        names.append(PlaceName(place["id"], path))
        names += paths(place["children"] or (), f"{path} / ")
    return names
