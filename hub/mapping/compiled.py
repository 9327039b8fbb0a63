"""A mapping ready for use: which rules a topic has, in the order in which they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from contracts.homekit.definitions import CHARACTERISTICS, Characteristic
from hub.mapping.conditions import moved_conditions
from hub.mapping.paths import levels
from hub.mapping.patterns import Pattern, without_covered
from hub.mapping.profiles import Alias, Described, DeviceProfile, OnlineRule, TopicRule
from hub.mapping.rules import Mapping
from hub.mapping.units import unit_of

__all__ = ["PRESET", "Group", "OnlineRoute", "Route", "RuleBook"]

PRESET = 3
"""The level of presets: any other scope is nearer."""

_Fact = Literal["unit", "format", "datatype", "settable", "least", "most"]
_ATTRIBUTES: tuple[_Fact, ...] = ("unit", "format", "datatype", "settable")
_REMEMBERED = 4096  # topics whose rules are known; a flood of others costs a search each


@dataclass(slots=True, eq=False)
class RuleScope:
    """Where rules come from: a device's profile (0), a model's (1), one's own (2), a preset (3)."""

    name: str
    level: int
    profile: DeviceProfile
    device: str | None = None
    model: str | None = None
    ignore: list[Pattern] = field(default_factory=list)

    def applies(self, device: str, model: str | None) -> bool:
        """Whether its rules hold for a device of that model."""
        return self.device in {None, device} and (self.model is None or self.model == model)


@dataclass(frozen=True, slots=True)
class Attribute:
    """Where a device says something of a property: a topic, and where in its JSON (or nowhere).

    Of several `paths` the first counts that leads to something.
    """

    pattern: Pattern
    paths: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Route:
    """A rule with its patterns. `key` is its name in what is kept.

    `about` is where the device says what its value is: unit, format, datatype, whether it can be
    set; `part` where it says what the single parts are.
    """

    scope: RuleScope
    rule: TopicRule
    key: str
    kind: Characteristic
    pattern: Pattern | None
    command: Pattern | None
    about: dict[str, Attribute]
    part: Attribute | None = None

    def read_by(self, topic: str, before: str) -> bool:
        """Whether values were read by what an attribute's own topic had said before."""
        return any(
            not one.paths and one.pattern.match(topic) is not None
            for name, one in self.about.items()
            if (unit_of(before) if name == "unit" else before) and name != "settable"
        )


@dataclass(slots=True, eq=False)
class OnlineRoute:
    """A rule of presence with its pattern; `asleep` is where a device says that it sleeps."""

    scope: RuleScope
    rule: OnlineRule
    pattern: Pattern
    root: Attribute | None = None
    asleep: Attribute | None = None

    @property
    def of_gateway(self) -> bool:
        """Whether it speaks for all devices of its scope."""
        return not {"device", "name"} & set(self.pattern.places)


@dataclass(frozen=True, slots=True)
class InventoryRoute:
    """A list of devices: whose, where, and where what it says of each is taken from."""

    scope: RuleScope
    form: Literal["zigbee2mqtt", "tasmota"]
    pattern: Pattern
    describes: Pattern


@dataclass(slots=True)
class Group:
    """Rules of one scope that a topic matches alike, and what stands at its places."""

    scope: RuleScope
    places: dict[str, str]
    literal: tuple[bool, ...]
    routes: list[Route] = field(default_factory=list)
    online: list[OnlineRoute] = field(default_factory=list)
    described: list[Route] = field(default_factory=list)
    rooted: list[OnlineRoute] = field(default_factory=list)

    @property
    def claim(self) -> str | None:
        """The device or the name that the topic names; None for a gateway's own."""
        return self.places.get("device") or self.places.get("name")


class RuleBook:
    """The rules of a mapping. `scopes` come nearest first."""

    def __init__(self, rules: Mapping) -> None:
        self.rules = rules
        self.scopes = sorted(_scopes(rules), key=lambda scope: scope.level)
        self.routes = [route for scope in self.scopes for route in _routes(scope)]
        self.online = [
            OnlineRoute(scope, rule, Pattern(rule.topic), _root(rule), _asleep(scope, rule))
            for scope in self.scopes
            for rule in scope.profile.online
        ]
        # An alias has the key of its rule, which comes first.
        self.by_key = {route.key: route for route in reversed(self.routes)}
        self.inventories = [
            InventoryRoute(scope, listed.form, Pattern(listed.topic), Pattern(listed.describes))
            for scope in self.scopes
            if (listed := scope.profile.inventory) is not None
        ]
        self._matching: dict[str, list[Group]] = {}
        self.gateways = {
            name: account
            for account, gateway in rules.gateways.items()
            for name in rules.spoken(gateway)
        }
        """By scope: the account that speaks for all devices of it."""

    def matching(self, topic: str) -> list[Group]:
        """The groups of rules that a topic has, nearest first."""
        known = self._matching.get(topic)
        if known is None:
            if len(self._matching) >= _REMEMBERED:
                self._matching.clear()
            known = self._matching[topic] = self._search(topic)
        return known

    def inventory(self, topic: str) -> InventoryRoute | None:
        """The list of devices that this topic has."""
        return next((one for one in self.inventories if one.pattern.match(topic) is not None), None)

    @property
    def filters(self) -> list[str]:
        """What to subscribe to: what values are comes first, since brokers replay in this order."""
        about = [one.pattern.filter for route in self.routes for one in route.about.values()]
        values = {route.pattern.filter for route in self.routes if route.pattern}
        return without_covered(
            [
                *(one.pattern.filter for one in self.inventories),
                *about,
                *sorted(values | {o.pattern.filter for o in self.online}),
            ]
        )

    @property
    def command_filters(self) -> list[str]:
        """Where commands may go, as MQTT filters."""
        return sorted(without_covered(_filters(self.routes, None, commands=True)))

    def acl(self, user: str) -> tuple[list[str], list[str]]:
        """What a device that speaks for itself may publish and read, `user` standing for its id."""
        return self._acl([scope for scope in self.scopes if scope.name not in self.gateways], user)

    def gateway_acl(self, account: str) -> tuple[list[str], list[str]]:
        """What a gateway's account may publish and read."""
        spoken = self.rules.spoken(self.rules.gateways[account])
        return self._acl([scope for scope in self.scopes if scope.name in spoken], None)

    def _acl(self, scopes: Sequence[RuleScope], user: str | None) -> tuple[list[str], list[str]]:
        routes = [route for route in self.routes if route.scope in scopes]
        online = [route for route in self.online if route.scope in scopes]
        own = [route.pattern for route in online if user is None or not route.of_gateway]
        # A list speaks for many: nobody's who speaks for itself alone.
        lists = [one.pattern.filter for one in self.inventories if one.scope in scopes]
        reports = {*_filters(routes, user), *(_filled(pattern, user) for pattern in own)}
        reports |= set(lists if user is None else ())
        commands = _filters(routes, user, commands=True)
        return without_covered(sorted(reports)), without_covered(sorted(commands))

    def _search(self, topic: str) -> list[Group]:
        ignored = {
            scope.name
            for scope in self.scopes
            if any(pattern.match(topic) is not None for pattern in scope.ignore)
        }
        search = _Search(topic, ignored)
        for route in self.routes:
            if found := search.group(route.scope, route.pattern):
                found.routes.append(route)
            for one in route.about.values():
                found = search.group(route.scope, one.pattern)
                if found is not None and route not in found.described:
                    found.described.append(route)
        for online in self.online:
            if found := search.group(online.scope, online.pattern):
                found.online.append(online)
            if online.root and (found := search.group(online.scope, online.root.pattern)):
                found.rooted.append(online)
        return _definite(list(search.groups.values()))


class _Search:
    """The groups found for one topic; what a scope ignores is no device of its."""

    def __init__(self, topic: str, ignored: set[str]) -> None:
        self._topic, self._ignored = topic, ignored
        self.groups: dict[tuple[str, str], Group] = {}

    def group(self, scope: RuleScope, pattern: Pattern | None) -> Group | None:
        """The group of a pattern, if the topic matches it."""
        if pattern is None:
            return None
        name = (scope.name, pattern.text)
        if name not in self.groups:
            places = pattern.match(self._topic)
            if places is None or (places and scope.name in self._ignored):
                return None
            self.groups[name] = Group(scope, places, pattern.literal)
        return self.groups[name]


def _definite(groups: list[Group]) -> list[Group]:
    """Of groups that claim different devices, those of the more literal patterns."""
    claiming = [group for group in groups if group.claim is not None]
    if len({group.claim for group in claiming}) <= 1:
        return groups
    meant = max(claiming, key=lambda group: group.literal).claim
    return [group for group in groups if group.claim in {None, meant}]


def _scopes(rules: Mapping) -> Iterator[RuleScope]:
    for device, profile in rules.devices.items():
        yield _scope(f"device {device}", 0, profile, device=device)
    for model, profile in rules.models.items():
        yield _scope(f"model {model}", 1, profile, model=model)
    for name, profile in rules.everywhere().items():
        yield _scope(name, 2 if name in rules.profiles else PRESET, profile)


def _scope(
    name: str,
    level: int,
    profile: DeviceProfile,
    *,
    device: str | None = None,
    model: str | None = None,
) -> RuleScope:
    return RuleScope(name, level, profile, device, model, [Pattern(t) for t in profile.ignore])


def _routes(scope: RuleScope) -> Iterator[Route]:
    for rule in scope.profile.topics:
        yield _route(scope, rule, rule)
    for alias in scope.profile.aliases:
        for rule in scope.profile.topics:
            if rule.topic == alias.of:
                yield _route(scope, _moved(rule, alias), rule)


def _route(scope: RuleScope, rule: TopicRule, named: TopicRule) -> Route:
    return Route(
        scope,
        rule,
        f"{scope.name}|{named.topic}|{named.path}|{named.service}/{named.characteristic}",
        CHARACTERISTICS[rule.characteristic],
        Pattern(rule.topic) if rule.topic else None,
        Pattern(rule.command) if rule.command else None,
        _about(scope.profile.descriptions, rule),
        _part(scope.profile.descriptions, rule),
    )


def _about(descriptions: Iterable[Described], rule: TopicRule) -> dict[str, Attribute]:
    """Where the facts of a rule's value are said."""
    found: dict[str, Attribute] = {}
    value = rule.topic.removesuffix("/$target") or (rule.command or "").removesuffix("/set")
    for described in descriptions:
        speaks_of = {rule.service, f"{rule.service}/{rule.characteristic}"}
        if described.services and not speaks_of & set(described.services):
            continue
        if "{attribute}" in described.topic:
            for name in _ATTRIBUTES:
                topic = described.topic.replace("{topic}", value).replace("{attribute}", name)
                found[name] = Attribute(Pattern(topic))
        elif member := _member(rule, value):
            path = described.path.replace("{property}", member)
            for fact in dict.fromkeys((*_ATTRIBUTES, *described.members)):
                names = described.members.get(fact, fact)
                found[fact] = Attribute(
                    Pattern(described.topic),
                    tuple(
                        f"{path}.{name}".removeprefix(".")
                        for name in ([names] if isinstance(names, str) else names)
                    ),
                )
    if rule.unit_topic:
        inside = (rule.unit_topic_path,) if rule.unit_topic_path else ()
        found["unit"] = Attribute(Pattern(rule.unit_topic), inside)
    return found


def _part(descriptions: Iterable[Described], rule: TopicRule) -> Attribute | None:
    """Where it is said what the parts are that a rule tells apart by number."""
    inside = rule.path.split(".") if rule.path else [rule.topic.rpartition("/")[2]]
    numbered = [level for level in inside if "{number}" in level]
    member = (numbered or inside)[-1].removesuffix("{number}")
    for described in descriptions:
        if described.part and member and not {"{", "*"} & set(member):
            path = described.part.replace("{property}", member)
            return Attribute(Pattern(described.topic), (path,))
    return None


def _root(rule: OnlineRule) -> Attribute | None:
    return Attribute(Pattern(rule.root_topic), (rule.root_path,)) if rule.root_topic else None


def _asleep(scope: RuleScope, rule: OnlineRule) -> Attribute | None:
    described = next(iter(scope.profile.descriptions), None)
    if described is None or not rule.asleep_path:
        return None
    return Attribute(Pattern(described.topic), (rule.asleep_path,))


def _member(rule: TopicRule, topic: str) -> str:
    """What a document calls the value: its member in the payload, else the end of its topic."""
    name = topic.rpartition("/")[2]
    if rule.path:
        name = str(levels(rule.path)[-1].name) if levels(rule.path) else ""
    elif isinstance(rule.payload, dict):
        name = next(iter(rule.payload)) if len(rule.payload) == 1 else ""
    if name.startswith("{property"):
        return "{property}"
    name = name.removesuffix("{number}")
    return f'["{name}"]' if name and not {"{", "*"} & set(name) else ""


def _moved(rule: TopicRule, alias: Alias) -> TopicRule:
    """The rule at the alias' topic, its paths under the alias' member."""
    paths = {
        name: f"{alias.under}.{path}"
        for name in ("path", "unit_path", "counter")
        if (path := getattr(rule, name)) and alias.under
    }
    inside = {
        name: moved_conditions(getattr(rule, name), alias.under)
        for name in ("when", "unless")
        if alias.under
    }
    return rule.model_copy(update={"topic": alias.topic, **paths, **inside})


def _filters(routes: Iterable[Route], user: str | None, *, commands: bool = False) -> set[str]:
    patterns = (
        [route.command]
        if commands
        else [route.pattern, *(one.pattern for one in route.about.values())]
        for route in routes
    )
    return {_filled(pattern, user) for several in patterns for pattern in several if pattern}


def _filled(pattern: Pattern, user: str | None) -> str:
    if user is None:
        return pattern.filter
    return Pattern(pattern.fill(device=user, name=user)).filter
