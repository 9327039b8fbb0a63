"""Foreign devices in HomeKit's terms: messages in, commands out.

No I/O: the listener hands over topics and payloads, the application publishes what comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from contracts import topics
from contracts.homekit.definitions import CHARACTERISTICS
from contracts.messages import Online, Problem, StateValue
from contracts.reading import SeriesKey
from hub.homekit.writes import CommandStyle
from hub.mapping.convert import MappingError, from_homekit, to_homekit
from hub.mapping.patterns import Pattern
from hub.mapping.rules import PRESETS, Conversion, DeviceProfile, OnlineRule, TopicRule
from hub.mapping.rules import Mapping as Rules

__all__ = ["Translator"]

MAX_PAYLOAD = 16 * 1024  # as for our own JSON
_PLAIN = Conversion()
# A device that no rule names: made once, since every reading asks.
_AS_IT_IS = DeviceProfile()


@dataclass(slots=True)
class _Topic:
    """A rule with its patterns, and the devices it holds for (None: all)."""

    rule: TopicRule
    pattern: Pattern
    command: Pattern | None
    devices: frozenset[str] | None

    def match(self, topic: str) -> dict[str, str] | None:
        """What stands at the topic's places, if it is the rule for it."""
        places = self.pattern.match(topic)
        return places if places is not None and self.applies_to(places["device"]) else None

    def applies_to(self, device: str) -> bool:
        return self.devices is None or device in self.devices


class Translator:
    """One tenant's mapping, ready for use.

    `nodes` has, by "<device>/<Service>", the nodes in the order of their index; `on_learned` is
    called with it when a node was heard for the first time, so that it is kept. `model` tells a
    device's model, or None.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        nodes: Mapping[str, list[str]] | None = None,
        on_learned: Callable[[Mapping[str, list[str]]], None] | None = None,
        model: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self.load_nodes(nodes or {})
        self._on_learned, self._model = on_learned, model
        self._foreign: set[str] = set()
        self.use_rules(rules)

    def load_nodes(self, nodes: Mapping[str, list[str]]) -> None:
        """These nodes were learned before."""
        self._nodes = {name: list(known) for name, known in nodes.items()}

    def use_rules(self, rules: Rules) -> None:
        """Go by these rules from now on; what was learned stays."""
        self.rules = rules
        self._topics: list[_Topic] = []
        self._online: list[tuple[OnlineRule, Pattern]] = []
        for name in rules.presets:
            self._add(PRESETS[name], None)
        for device, profile in rules.devices.items():
            self._add(profile, frozenset([device]))
        for profile in rules.models.values():
            self._add(profile, None)
        self._foreign = {
            device for device in self._foreign if any(t.applies_to(device) for t in self._topics)
        }

    @property
    def filters(self) -> list[str]:
        """What to subscribe to besides HomeKit/#."""
        filters = [topic.pattern.filter for topic in self._topics]
        return sorted({*filters, *(pattern.filter for _, pattern in self._online)})

    @property
    def command_filters(self) -> list[str]:
        """Where commands may go, as MQTT filters."""
        return sorted({topic.command.filter for topic in self._topics if topic.command})

    def acl(self, user: str = "%u") -> tuple[list[str], list[str]]:
        """What a foreign device may publish and what it may read, as ACL patterns."""
        reports = [topic.pattern for topic in self._topics] + [p for _, p in self._online]
        commands = [topic.command for topic in self._topics if topic.command]
        return _for_user(reports, user), _for_user(commands, user)

    def translate(self, topic: str, payload: bytes) -> list[StateValue | Online | Problem]:
        """What a message outside HomeKit/ says; nothing where no rule knows its topic."""
        try:
            text = payload.decode() if len(payload) <= MAX_PAYLOAD else None
        except UnicodeDecodeError:
            text = None
        messages: list[StateValue | Online | Problem] = []
        for rule, pattern in self._online:
            places = pattern.match(topic)
            if places is not None and text in (*rule.online, *rule.offline):
                messages.append(Online(places["device"], text in rule.online))
        for known in self._topics:
            places = known.match(topic)
            if places is None:
                continue
            if text is None:
                return [Problem("mapping", places["device"], "too large, or not UTF-8")]
            messages += self._values(known.rule, places, text)
        for message in messages:
            # Their last will is retained, so that they are known again right after a restart.
            if isinstance(message, Online):
                self._foreign.add(message.device)
            elif isinstance(message, StateValue):
                self._foreign.add(message.series.device)
        return messages

    def convert(self, series: SeriesKey, raw: str | bool | float) -> str | bool | float:
        """A value that came on a HomeKit/ topic, as its device's profile reads it.

        Raises MappingError.
        """
        conversion = self._conversion(series)
        if conversion is None or series.device in self._foreign:
            return raw  # a foreign topic's rule has converted it
        text = ("1" if raw else "0") if isinstance(raw, bool) else str(raw)
        values = to_homekit(conversion, CHARACTERISTICS[series.characteristic], text)
        if not values:
            raise MappingError(f"nothing at {conversion.path!r}")
        return values[0]

    def command(self, key: SeriesKey, text: str) -> tuple[str, str]:
        """Topic and payload for a value that HomeKit wrote."""
        kind = CHARACTERISTICS[key.characteristic]
        if key.device in self._foreign:
            for known in self._topics:
                filled = self._filled(known, key)
                if filled is not None:
                    return filled, from_homekit(known.rule, kind, text)
        payload = from_homekit(self._conversion(key) or _PLAIN, kind, text)
        if self._profile(key.device).command == "same-topic":
            return topics.state(key), payload
        return topics.command(key), payload

    def command_style(self, device: str) -> CommandStyle:
        """How the device takes commands."""
        profile = self._profile(device)
        return CommandStyle(confirm=profile.confirm, echoes=profile.command != "same-topic")

    def _add(self, profile: DeviceProfile, devices: frozenset[str] | None) -> None:
        for rule in profile.topics:
            command = Pattern(rule.command) if rule.command else None
            self._topics.append(_Topic(rule, Pattern(rule.topic), command, devices))
        self._online += [(rule, Pattern(rule.topic)) for rule in profile.online]

    def _values(
        self, rule: TopicRule, places: Mapping[str, str], text: str
    ) -> Iterator[StateValue | Problem]:
        device = places["device"]
        first = self._index(device, rule.service, places)
        try:
            values = to_homekit(rule, CHARACTERISTICS[rule.characteristic], text)
        except MappingError as error:
            yield Problem("mapping", device, f"{rule.service}/{rule.characteristic}: {error}")
            return
        for index, value in enumerate(values, first):
            yield StateValue(SeriesKey(device, rule.service, index, rule.characteristic), value)

    def _index(self, device: str, service: str, places: Mapping[str, str]) -> int:
        if "number" in places:
            return int(places["number"]) - 1
        if "node" not in places:
            return 0
        nodes = self._nodes.setdefault(f"{device}/{service}", [])
        if places["node"] not in nodes:
            nodes.append(places["node"])
            if self._on_learned is not None:
                self._on_learned(self._nodes)
        return nodes.index(places["node"])

    def _filled(self, known: _Topic, key: SeriesKey) -> str | None:
        """A rule's command topic for a series, if it is the rule for it."""
        rule = known.rule
        if known.command is None or (rule.service, rule.characteristic) != (
            key.service,
            key.characteristic,
        ):
            return None
        if not known.applies_to(key.device):
            return None
        nodes = self._nodes.get(f"{key.device}/{key.service}", [])
        node = nodes[key.index] if key.index < len(nodes) else ""
        return known.command.fill(device=key.device, node=node, number=str(key.index + 1))

    def _profile(self, device: str) -> DeviceProfile:
        own = self.rules.devices.get(device)
        if own is None:
            model = self._model(device)
            own = self.rules.models.get(model) if model is not None else None
        return own or _AS_IT_IS

    def _conversion(self, series: SeriesKey) -> Conversion | None:
        name = f"{series.service}/{series.characteristic}"
        return self._profile(series.device).values.get(name)


def _for_user(patterns: Iterable[Pattern], user: str) -> list[str]:
    filters = (Pattern(pattern.fill(device=user)).filter for pattern in patterns)
    return sorted(set(filters))
