"""Foreign devices in HomeKit's terms: messages in, commands out.

No I/O: the listener hands over topics and payloads, the application publishes what comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION, Characteristic
from contracts.homekit.values import clean_name
from contracts.messages import AccessoryRemoval, Online, Problem, ServiceRemoval, StateValue
from contracts.reading import AS_SENT, SeriesKey, SourceScale
from hub.homekit.accessory import PRESS
from hub.homekit.writes import CommandStyle
from hub.mapping.compiled import Group, Route, RuleBook, RuleScope
from hub.mapping.convert import MappingError, payload_scale, to_homekit
from hub.mapping.listings import MAX_LIST, Listings
from hub.mapping.message import Heard, Payload, heard
from hub.mapping.outgoing import Outgoing
from hub.mapping.parts import MappedParts
from hub.mapping.paths import levels, walk
from hub.mapping.patterns import Pattern
from hub.mapping.presence import OnlineStates
from hub.mapping.properties import KnownProperties
from hub.mapping.rules import Mapping as Rules
from hub.mapping.styles import Styles

__all__ = ["Said", "Translator"]

MAX_PAYLOAD = 16 * 1024  # as for our own JSON

# Payloads that wait for their description: a flood of parts must not fill the memory.
_REMEMBERED = 10_000

Said: TypeAlias = StateValue | Online | Problem | AccessoryRemoval | ServiceRemoval


@dataclass(slots=True)
class _Message:
    """One message while its rules read it; `payload` is None where it is no text."""

    topic: str
    payload: Payload | None
    empty: bool
    is_news: bool | None = None
    before: str = ""
    _read: dict[tuple[str, str], int] = field(default_factory=dict)

    def reads_first(self, route: Route) -> bool:
        """Whether no nearer scope has a rule for the same member of the message."""
        member = (route.rule.path, route.rule.color or "")
        return self._read.setdefault(member, route.scope.level) == route.scope.level


def _text(payload: bytes) -> str | None:
    try:
        return payload.decode() if len(payload) <= MAX_PAYLOAD else None
    except UnicodeDecodeError:
        return None


class Translator:
    """One tenant's mapping, ready for use.

    `parts` has which services the parts of a device are, and through which rule they were heard;
    its owner keeps it. `model` tells a device's model, or None; `speaks_for` whether a gateway's
    account may speak for a device.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        parts: MappedParts | None = None,
        model: Callable[[str], str | None] = lambda _: None,
        speaks_for: Callable[[str, str], bool] = lambda _gateway, _device: True,
    ) -> None:
        self.parts = parts or MappedParts()
        self._model, self._speaks_for = model, speaks_for
        self._named: set[str] = set()
        self.use_rules(rules)

    def use_rules(self, rules: Rules) -> None:
        """Go by these rules from now on; what was learned stays."""
        self.rules = rules
        self.book = RuleBook(rules)
        self._properties = KnownProperties(self.parts)
        self.styles = Styles(self.book, self.parts, self._model, self._properties)
        self._outgoing = Outgoing(self.book, self.parts, self.styles)
        self._online = OnlineStates(self.parts, self.book.online)
        self._listings = Listings(
            self.book,
            self.parts,
            self._properties,
            self._online,
            read=self._read_of_list,
            may_speak=self._may_speak,
            forget_names=self._forget_names,
        )
        # The last payload of rules whose value is described elsewhere: that may come after it.
        self._last: dict[tuple[Route, str], tuple[Group, str]] = {}

    # --- what the broker must know ------------------------------------------------------------

    @property
    def filters(self) -> list[str]:
        """What to subscribe to besides HomeKit/#."""
        return self.book.filters

    @property
    def command_filters(self) -> list[str]:
        """Where commands may go, as MQTT filters."""
        return self.book.command_filters

    @property
    def largest(self) -> int:
        """The largest payload (bytes) that a rule reads."""
        return MAX_LIST if self.book.inventories else MAX_PAYLOAD

    def acl(self, user: str = "%u") -> tuple[list[str], list[str]]:
        """What a foreign device may publish and what it may read, as ACL patterns."""
        return self.book.acl(user)

    def gateways(self) -> dict[str, tuple[list[str], list[str]]]:
        """What each gateway's account may publish and read."""
        return {account: self.book.gateway_acl(account) for account in self.rules.gateways}

    def gateway_of(self, device: str) -> str | None:
        """The account that speaks for a device; None for one that speaks for itself."""
        scopes = self.parts.scopes(device) if self.book.gateways else ()
        return next(
            (self.book.gateways[name] for name in scopes if name in self.book.gateways), None
        )

    # --- what devices say ---------------------------------------------------------------------

    def knows(self, topic: str) -> bool:
        """Whether a rule is for values at this topic, and for nothing besides."""
        return any(group.routes and not group.described for group in self.book.matching(topic))

    def translate(self, topic: str, payload: bytes) -> list[Said]:
        """What a message outside HomeKit/ says; nothing where no rule knows its topic."""
        inventory = self.book.inventory(topic)
        if inventory is not None:
            found = list(self._listings.said(inventory, topic, payload))
            self._named |= {
                one.series.device
                for one in found
                if isinstance(one, StateValue) and one.series.characteristic == "Name"
            }
            return found
        groups = self.book.matching(topic)
        text = _text(payload) if groups else None
        return self._message(topic, groups, text, empty=not payload)

    def _read_of_list(self, topic: str, about: str) -> list[Said]:
        return self._message(topic, self.book.matching(topic), about, empty=False)

    def _may_speak(self, scope: RuleScope, device: str) -> bool:
        gateway = self.book.gateways.get(scope.name)
        return not gateway or self._speaks_for(gateway, device)

    def _forget_names(self, names: set[str]) -> None:
        """What was heard under these names is nobody's to be read again."""
        old = [key for key, (group, _) in self._last.items() if group.claim in names]
        for key in old:
            del self._last[key]

    def _message(
        self, topic: str, groups: list[Group], text: str | None, *, empty: bool
    ) -> list[Said]:
        message = _Message(topic, None if text is None else Payload(text), empty)
        said: list[Said] = []
        for group in groups:
            device = self._device(group)
            if device is None and group.claim is not None:
                return [Problem("mapping", None, f"too many devices: {group.claim[:64]}")]
            if device is not None and not group.scope.applies(device, self._model(device)):
                continue
            if device is not None and not self._may_speak(group.scope, device):
                gateway = self.book.gateways[group.scope.name]
                said.append(Problem("mapping", None, f"{gateway} may not speak for {device}"))
                continue
            said += self._group(group, device or "", message)
        return said

    def _group(self, group: Group, device: str, message: _Message) -> Iterator[Said]:
        """What the rules of one group say."""
        if message.empty:
            if group.described:
                self.parts.keep_unit(device, message.topic, "")
            yield from self._gone(group, device)
            return
        if message.payload is None:
            yield Problem("mapping", device or None, "too large, or not UTF-8")
            return
        yield from self._online.rooted(group, device, message.payload)
        yield from self._online.said(group, device, message.payload)
        if group.described:
            if message.is_news is None:
                message.before = self.parts.unit(device, message.topic) or ""
                message.is_news = self.parts.keep_unit(device, message.topic, message.payload.text)
            if message.is_news:
                yield from self._described(group, device, message)
        yield from self._name(group, device)
        for route in group.routes:
            if message.reads_first(route):
                yield from self._route(group, route, device, message.payload)
            if message.payload.broken:
                return  # no JSON: the others would say the same

    def _route(self, group: Group, route: Route, device: str, payload: Payload) -> Iterator[Said]:
        try:
            yield from self._values(group, route, device, payload)
        except MappingError as error:
            name = f"{route.rule.service}/{route.rule.characteristic}"
            yield Problem("mapping", device, f"{name}: {error}")

    def _device(self, group: Group) -> str | None:
        if "device" in group.places:
            return group.places["device"]
        return self.parts.device_of(group.places["name"]) if "name" in group.places else None

    def _name(self, group: Group, device: str) -> Iterator[Said]:
        """What another program calls a device, once: its id is made of that."""
        name = group.places.get("name")
        if name is None or name == device or device in self._named or not group.routes:
            return
        self._named.add(device)
        if cleaned := clean_name(name):
            yield StateValue(SeriesKey(device, INFORMATION, 0, "Name"), cleaned)

    def _values(self, group: Group, route: Route, device: str, payload: Payload) -> Iterator[Said]:
        scope, unit = group.scope.name, None
        if route.rule.path and not payload.has(route.rule.path):
            return
        if route.about and route.pattern is not None:
            self._remember(route, route.pattern, group, payload)
            route, unit = self._properties.route(route, device, group.places)
        rule = route.rule
        if rule.counter and not self._counted(route, group, device, payload):
            return
        only = self.parts.only(device, rule.service, scope) if rule.beside else None
        for one in heard(route, group.places, payload, unit, only):
            yield from self._value(group, route, device, one)

    def _remember(self, route: Route, pattern: Pattern, group: Group, payload: Payload) -> None:
        """Keep what may be read again; a press is none of that: it would be another one."""
        if route.rule.characteristic == PRESS:
            return
        if len(self._last) >= _REMEMBERED:
            self._last.clear()
        self._last[route, pattern.fill(**group.places)] = group, payload.text

    def _counted(self, route: Route, group: Group, device: str, payload: Payload) -> bool:
        """Whether a message that counts is another than the one before."""
        found = next(walk(payload.tree, levels(route.rule.counter)), None)
        if found is None:
            return True
        name = route.pattern.fill(**group.places) if route.pattern else route.key
        return self.parts.keep_unit(device, f"{name} {route.rule.counter}", str(found.value)[:40])

    def _value(self, group: Group, route: Route, device: str, one: Heard) -> Iterator[Said]:
        rule, scope = route.rule, group.scope.name
        if rule.service == INFORMATION:
            yield StateValue(SeriesKey(device, INFORMATION, 0, rule.characteristic), one.text)
            return
        places = {**group.places, "number": one.number, "part": one.part}
        facts = self._properties.part(route, device, places)
        if facts.service == "":
            return  # another of its services has it: the relay of a motor
        service = rule.service
        if facts.service is not None and facts.service in {rule.service, rule.yields_to}:
            service = facts.service
        elif rule.yields_to and self.parts.has(device, rule.yields_to, scope, one.part):
            service = rule.yields_to
        new = not self.parts.has(device, service, scope, one.part)
        index = self.parts.learn(
            device, service, scope, one.part, wanted=one.wanted, fixed=rule.index is not None
        )
        if index is None:
            yield Problem(
                "mapping", device, f"{service}: too many parts, {one.part[:64]!r} is left out"
            )
            return
        if new:
            yield from self._turned_out(route, device, service, one.part)
            yield from self._online.learned(group.scope, device)
            if facts.name:
                name = SeriesKey(device, service, index, "ConfiguredName")
                yield StateValue(name, facts.name)
        series = SeriesKey(device, service, index, rule.characteristic)
        self.parts.bind(series, scope, one.part, route.key, places)
        self._outgoing.reported(series, one.text)
        yield StateValue(series, one.text, one.source)

    def _turned_out(self, route: Route, device: str, service: str, part: str) -> Iterator[Said]:
        """A part was taken for another service until now: that one goes."""
        others = {
            other.rule.service
            for other in self.book.routes
            if other.scope is route.scope and other.rule.yields_to == service
        }
        for other in sorted(others):
            index = self.parts.move_away(device, other, route.scope.name, part)
            if index is not None:
                yield ServiceRemoval(device, other, index)

    # --- values described elsewhere -----------------------------------------------------------

    def _described(self, group: Group, device: str, message: _Message) -> Iterator[Said]:
        """It was said what values are that had come: they are read again.

        Not where another unit takes the place of one: what had come was in that one.
        """
        described = {
            route for route in group.described if not route.read_by(message.topic, message.before)
        }
        for (route, _), (before, text) in list(self._last.items()):
            if route in described and before.places.items() >= group.places.items():
                yield from self._route(before, route, device, Payload(text))

    # --- leaving ------------------------------------------------------------------------------

    def _gone(self, group: Group, device: str) -> Iterator[Said]:
        """An empty message: what was heard there is gone, with its last service the device."""
        if not device or self._listings.keeps(group, device):
            return
        if group.online:
            yield AccessoryRemoval(SeriesKey(device, INFORMATION, 0, "Name"))
            return
        rules = {route.key for route in group.routes}
        for service, index in self.parts.heard_by(device, rules, group.places):
            self.parts.drop(device, service, index)
            yield ServiceRemoval(device, service, index)

    # --- topics of our own --------------------------------------------------------------------

    def convert(self, series: SeriesKey, raw: str | bool | float) -> str | bool | float:
        """A value that came on a HomeKit/ topic, as its device's profile reads it.

        Raises MappingError.
        """
        self.parts.unbind(series)
        conversion = self.styles.conversion(series)
        if conversion is None:
            return raw
        text = ("1" if raw else "0") if isinstance(raw, bool) else str(raw)
        values = to_homekit(conversion, CHARACTERISTICS[series.characteristic], text)
        if not values:
            raise MappingError(f"nothing at {conversion.path!r}")
        return values[0]

    def source(self, series: SeriesKey, raw: str | bool | float) -> SourceScale:
        """How `convert` reads a number that came on a HomeKit/ topic."""
        conversion = self.styles.conversion(series)
        if conversion is None:
            return AS_SENT
        return payload_scale(conversion, CHARACTERISTICS[series.characteristic], raw)

    def kind(self, series: SeriesKey) -> Characteristic:
        """The characteristic with the limits that rules give this series.

        It can only be read where nobody can tell its device a value.
        """
        kind = self.styles.kind(series)
        if kind.writable and series.service != INFORMATION and not self._outgoing.settable(series):
            return kind.only_read()
        return kind

    def thresholds(self, series: SeriesKey) -> tuple[float, ...]:
        """The limits that a rule sets for what follows from this series."""
        return self.styles.thresholds(series)

    def silent_after(self, device: str) -> float | None:
        """How long a device may say nothing, in seconds; None where no rule says."""
        return self.styles.silent_after(device)

    # --- commands -----------------------------------------------------------------------------

    def command(self, key: SeriesKey, text: str) -> tuple[str, str]:
        """Topic and payload for a value that HomeKit wrote. Raises MappingError."""
        return self._outgoing.command(key, text)

    def command_style(self, device: str) -> CommandStyle:
        """How the device takes commands."""
        return self.styles.command_style(device)

    def rehearsal(self) -> Translator:
        """One that knows the same, to try messages with: nothing of it is kept."""
        return Translator(
            self.rules, parts=self.parts.copy(), model=self._model, speaks_for=self._speaks_for
        )
