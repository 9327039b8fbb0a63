"""Devices as lists have them: what they are, what they are called now, who is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from contracts.homekit.definitions import INFORMATION
from contracts.homekit.values import clean_name
from contracts.messages import AccessoryRemoval, Online, Problem, ServiceRemoval, StateValue
from contracts.reading import SeriesKey
from hub.homekit.model import device_name, service_name
from hub.mapping.compiled import Group, InventoryRoute, Route, RuleBook, RuleScope
from hub.mapping.described import PartFacts
from hub.mapping.discovery import discovered, state_topic
from hub.mapping.exposes import ListedDevice, listed
from hub.mapping.parts import MappedPart, MappedParts
from hub.mapping.paths import MappingError
from hub.mapping.presence import OnlineStates
from hub.mapping.properties import KnownProperties

__all__ = ["ListingSaid", "Listings"]

MAX_LIST = 1 << 20  # of all devices of a gateway: a few hundred

ListingSaid = StateValue | Online | Problem | AccessoryRemoval | ServiceRemoval


class Listings:
    """Lists of devices. `read` takes what a list says of one as a message at a topic of its own.

    `may_speak` tells whether the scope may speak for a device, `forget_names` that what was heard
    under names is no device's any more.
    """

    def __init__(
        self,
        book: RuleBook,
        parts: MappedParts,
        properties: KnownProperties,
        online: OnlineStates,
        *,
        read: Callable[[str, str], Sequence[ListingSaid]],
        may_speak: Callable[[RuleScope, str], bool],
        forget_names: Callable[[set[str]], None],
    ) -> None:
        self._book, self._parts, self._properties = book, parts, properties
        self._online, self._read = online, read
        self._may_speak, self._forget_names = may_speak, forget_names
        self._addresses: dict[str, set[str]] = {}
        self._leaving: dict[str, set[str]] = {}

    def said(self, route: InventoryRoute, topic: str, payload: bytes) -> Iterator[ListingSaid]:
        """What a list says of its devices; of who was not heard yet it is only kept."""
        try:
            text = payload.decode() if len(payload) <= MAX_LIST else ""
            if route.form == "tasmota":
                yield from self._discovered(route, topic, text)
            elif text:
                yield from self._listed(route, list(listed(text)))
        except (MappingError, UnicodeDecodeError) as error:
            yield Problem("mapping", None, str(error))

    def keeps(self, group: Group, device: str) -> bool:
        """Whether a device whose topic was emptied may only have another name by now.

        The next list says: it is there, or it leaves then.
        """
        address = self._parts.address(device)
        if not address or address not in self._addresses.get(group.scope.name, ()):
            return False
        self._leaving.setdefault(group.scope.name, set()).add(device)
        return True

    # --- a list of all ------------------------------------------------------------------------

    def _listed(
        self, route: InventoryRoute, entries: Sequence[ListedDevice]
    ) -> Iterator[ListingSaid]:
        yield from self._renamed(route.scope, entries)
        for entry in entries:
            yield from self._about(route, route.describes.fill(name=entry.name), entry)
        present = {entry.address for entry in entries if entry.address}
        self._addresses[route.scope.name] = present
        for device in sorted(self._leaving.pop(route.scope.name, ())):
            if self._parts.address(device) not in present:
                yield AccessoryRemoval(SeriesKey(device, INFORMATION, 0, "Name"))

    def _renamed(self, scope: RuleScope, entries: Sequence[ListedDevice]) -> Iterator[ListingSaid]:
        """Devices that have another name than before stay what they are."""
        moved = [
            (device, entry.name)
            for entry in entries
            if (device := self._parts.known_by(entry.address)) is not None
            and self._parts.name(device) != entry.name
            and self._may_speak(scope, device)
            and self._is_free(scope, entry.name)
        ]
        if not moved:
            return
        # All of them are free first: two may have exchanged theirs.
        self._forget_names({self._parts.unname(device) for device, _ in moved})
        for device, name in moved:
            was_heard = bool(self._parts.rules(device))
            other = self._parts.rename(device, name)
            if other is not None:
                yield AccessoryRemoval(SeriesKey(other, INFORMATION, 0, "Name"))
                yield from self._online.moved(scope, other, device)
            if was_heard and (cleaned := clean_name(name)):
                yield StateValue(SeriesKey(device, INFORMATION, 0, "Name"), cleaned)

    def _is_free(self, scope: RuleScope, name: str) -> bool:
        """Whether a name is nobody's, or of one that the same gateway speaks for."""
        other = self._parts.called(name)
        return other is None or (
            self._parts.scopes(other) <= {scope.name} and self._may_speak(scope, other)
        )

    def _about(
        self, route: InventoryRoute, topic: str, entry: ListedDevice
    ) -> Iterator[ListingSaid]:
        for group in self._book.matching(topic):
            device = self._device(group)
            if device is not None and self._may_speak(route.scope, device):
                self._parts.keep_address(device, entry.address)
        for said in self._read(topic, entry.about):
            if not isinstance(said, StateValue) or self._parts.rules(said.series.device):
                yield said

    def _device(self, group: Group) -> str | None:
        if "device" in group.places:
            return group.places["device"]
        return self._parts.device_of(group.places["name"]) if "name" in group.places else None

    # --- a topic for each ---------------------------------------------------------------------

    def _discovered(self, route: InventoryRoute, topic: str, text: str) -> Iterator[ListingSaid]:
        address = next(iter((route.pattern.match(topic) or {}).values()), "")
        if not text:
            device = self._parts.known_by(address)
            if device is not None and self._may_speak(route.scope, device):
                yield from self._forgotten(route, device)
            return
        entry, state = discovered(text), state_topic(text)
        device = next(
            (
                group.places.get("device")
                for group in self._book.matching(state)
                if group.scope is route.scope and group.routes
            ),
            None,
        )
        if device is None:
            where = f"it speaks at {state!a}" if state else "it does not say where it speaks"
            yield Problem("mapping", None, f"{entry.name[:64]!a}: {where}; see bases and prefixes")
            return
        named = ListedDevice(device, address, entry.about)
        yield from self._about(route, route.describes.fill(device=device), named)
        yield from self._online.says_it_sleeps(route.scope, device)
        yield from self._settled(route.scope, device)

    def _forgotten(self, route: InventoryRoute, device: str) -> Iterator[ListingSaid]:
        """What a device had said of itself holds no more; it may well speak on."""
        topic = route.describes.fill(device=device)
        if not self._parts.unit(device, topic):
            return
        names = [
            SeriesKey(device, service, part.index, "ConfiguredName")
            for service, _, part, _, facts in self._known(route.scope, device)
            if facts.name
        ]
        self._parts.keep_unit(device, topic, "")
        yield StateValue(SeriesKey(device, INFORMATION, 0, "Name"), device_name(device))
        for key in dict.fromkeys(names):
            yield StateValue(key, service_name(key.service, key.index))
        yield from self._settled(route.scope, device)

    def _settled(self, scope: RuleScope, device: str) -> Iterator[ListingSaid]:
        """Parts that were heard before it was said what they are."""
        for service, name, part, route, facts in list(self._known(scope, device)):
            only_on = set(part.rules) == {route.rule.characteristic}
            if facts.service == "":
                self._parts.drop(device, service, part.index)
                yield ServiceRemoval(device, service, part.index)
            elif (
                service == route.rule.yields_to
                and facts.service != service
                and (only_on or facts.service is not None)
            ):
                index = self._parts.move_away(device, service, scope.name, name)
                if index is not None:
                    yield ServiceRemoval(device, service, index)
            elif facts.name:
                key = SeriesKey(device, service, part.index, "ConfiguredName")
                yield StateValue(key, facts.name)

    def _known(
        self, scope: RuleScope, device: str
    ) -> Iterator[tuple[str, str, MappedPart, Route, PartFacts]]:
        """The parts of a device of which something may be said, each by one of its rules."""
        for service, name, part in self._parts.heard(device, scope.name):
            routes = [self._book.by_key.get(key) for key in part.rules.values()]
            said = (route for route in routes if route is not None and route.part is not None)
            route = next(said, None)
            if route is not None:
                places = {"device": device, **part.places}
                yield service, name, part, route, self._properties.part(route, device, places)
