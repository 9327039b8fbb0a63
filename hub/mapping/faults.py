"""Rules that cannot work, found before a message comes. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from contracts.homekit.definitions import (
    CHARACTERISTICS,
    INFORMATION,
    SERVICES,
    Characteristic,
    belongs,
)
from contracts.homekit.derived import SOURCES, THRESHOLDS
from contracts.homekit.values import BadValue, parse
from contracts.topics import ENROL, ROOT
from hub.mapping import templates
from hub.mapping.conditions import conditions
from hub.mapping.paths import MappingError, levels
from hub.mapping.patterns import PLACES, Pattern
from hub.mapping.profiles import Conversion, Described, DeviceProfile, OnlineRule, TopicRule
from hub.mapping.units import convertible

__all__ = ["ambiguities", "located", "rule_faults"]

# What a template may use besides the value and the places.
_WORDS = frozenset({
    "value", "part", "red", "green", "blue", "hue", "saturation", "color", "color_format",
})  # fmt: skip


def located(
    profile: DeviceProfile, *, several: bool = False
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every fault of a profile, with the members that lead to it.

    `several`: it is for more than one device.
    """
    for n, rule in enumerate(profile.topics):
        yield from ((("topics", n), fault) for fault in _topic_faults(rule))
        if several and not _tells_whom(rule):
            fault = f"command {rule.command!r}: without {{device}} every device would be told"
            yield ("topics", n), fault
    yield from ((("topics", n), fault) for n, fault in _alike(profile.topics))
    known = {rule.topic for rule in profile.topics}
    for n, alias in enumerate(profile.aliases):
        yield from ((("aliases", n), fault) for fault in _pattern_faults(alias.topic))
        yield from ((("aliases", n), fault) for fault in _path_faults(alias.under))
        if alias.of not in known:
            yield ("aliases", n), f"no rule has the topic {alias.of!r}"
    for n, online in enumerate(profile.online):
        yield from ((("online", n), fault) for fault in _online_faults(online))
    for n, topic in enumerate(profile.ignore):
        yield from ((("ignore", n), fault) for fault in _pattern_faults(topic))
    several = isinstance(profile.described, tuple)
    for n, described in enumerate(profile.descriptions):
        where = ("described", n) if several else ("described",)
        yield from ((where, fault) for fault in _described_faults(described))
    for name, conversion in profile.values.items():
        service, _, characteristic = name.partition("/")
        faults = _conversion_faults(conversion, service, CHARACTERISTICS[characteristic])
        yield from ((("values", name), fault) for fault in faults)


def _described_faults(described: Described) -> Iterator[str]:
    topic = described.topic.replace("{topic}", "{device}").replace("{attribute}", "unit")
    yield from _pattern_faults(topic)
    for path in (described.path, described.part):
        filled = path
        for place in (*PLACES, "property"):
            filled = filled.replace(f"{{{place}}}", place)
        yield from _path_faults(filled)


def rule_faults(profile: DeviceProfile, *, several: bool = False) -> Iterator[str]:
    """The same as sentences."""
    for where, fault in located(profile, several=several):
        yield f"{'.'.join(map(str, where))}: {fault}"


def ambiguities(profiles: Mapping[str, DeviceProfile], presets: AbstractSet[str]) -> Iterator[str]:
    """Rules of two profiles that could take one topic for different devices.

    Of two presets, or a preset and one's own, the one whose topics begin with a word is meant.
    """
    patterns = [
        (name, Pattern(rule.topic))
        for name, profile in profiles.items()
        for rule in profile.topics
        if rule.topic
    ]
    for n, (name, pattern) in enumerate(patterns):
        for other_name, other in patterns[n + 1 :]:
            if name in presets and other_name in presets:
                continue
            if presets & {name, other_name} and pattern.literal[0] != other.literal[0]:
                continue
            if other_name != name and _ambiguous(pattern, other):
                yield (
                    f"{name}'s topic {pattern.text!r} and {other_name}'s {other.text!r} could both"
                    " claim a device: make one of them more definite"
                )


def _ambiguous(one: Pattern, other: Pattern) -> bool:
    def place(pattern: Pattern) -> int | None:
        return next((n for n, name in pattern.claims() if name in {"device", "name"}), None)

    if one.literal == other.literal or place(one) == place(other):
        return False
    # Where one is the more definite it is the one that is meant.
    pairs = list(zip(one.literal, other.literal, strict=False))
    definite = all(a >= b for a, b in pairs) or all(a <= b for a, b in pairs)
    return not definite and one.overlaps(other)


def _topic_faults(rule: TopicRule) -> Iterator[str]:
    kind = CHARACTERISTICS[rule.characteristic]
    yield from _conversion_faults(rule, rule.service, kind)
    if rule.topic:
        yield from _pattern_faults(rule.topic)
    elif not rule.command:
        yield "neither a topic nor a command"
    if rule.unit_topic:
        yield from _pattern_faults(rule.unit_topic)
    for one in (*conditions(rule.when), *conditions(rule.unless)):
        path, compared, word = one.partition("=")
        yield from _path_faults(path)
        if not path.strip() or (compared and not word.strip()):
            yield f"{one!r} is neither a path nor path=word"
    for path in (rule.counter, rule.unit_topic_path):
        yield from _path_faults(path)
    if rule.beside and "{number}" not in rule.beside:
        yield f"beside {rule.beside!r}: without {{number}} it tells no part"
    if {"device", "name"} <= set(Pattern(rule.topic).places):
        yield f"topic {rule.topic!r}: {{device}} or {{name}} says whose it is, not both"
    if rule.yields_to is not None and not belongs(rule.yields_to, rule.characteristic):
        yield f"HomeKit has no {rule.yields_to}/{rule.characteristic}"
    yield from _command_faults(rule, kind)


def _command_faults(rule: TopicRule, kind: Characteristic) -> Iterator[str]:
    if rule.command is None:
        if rule.payload != "{value}":
            yield "a payload without a command"
        return
    yield from _pattern_faults(rule.command)
    if not kind.writable:
        yield f"HomeKit never writes {rule.characteristic}: no command is sent"
    given = {*Pattern(rule.topic).places, "number", "device"} if rule.topic else PLACES
    if missing := set(Pattern(rule.command).places) - set(given):
        yield f"command {rule.command!r}: the topic has no {{{min(missing)}}}"
    used = templates.places(rule.payload)
    if unknown := used - {*_WORDS, *PLACES}:
        yield f"payload: nothing is called {{{min(unknown)}}}"
    if not used:
        yield "payload: without {value} the device would always be told the same"
    filled = templates.fill(rule.payload, dict.fromkeys(used, "0"))
    if isinstance(rule.payload, str) and filled.lstrip().startswith(("{", "[")):
        try:
            json.loads(filled)
        except ValueError:
            yield f"payload: {filled} is no JSON"


def _tells_whom(rule: TopicRule) -> bool:
    """Whether the device that is meant stands in the command, or in what is sent."""
    if rule.command is None:
        return True
    named = {*Pattern(rule.command).places, *templates.places(rule.payload)}
    return bool({"device", "name"} & named)


def _conversion_faults(conversion: Conversion, service: str, kind: Characteristic) -> Iterator[str]:
    for path in (conversion.path, conversion.unit_path):
        yield from _path_faults(path)
    units = convertible(kind)
    if conversion.unit is not None and conversion.unit not in units:
        known = ", ".join(units) or "nothing else"
        yield f"{kind.name} cannot be measured in {conversion.unit}: {known}"
    number = kind.format not in {"string", "data", "tlv8"}
    if not number and (conversion.scale, conversion.offset) != (1, 0):
        yield f"{kind.name} is text: there is nothing to scale"
    if conversion.invert and not kind.two_state and kind.unit != "percentage":
        yield f"{kind.name} has no other side to invert to"
    if conversion.color is not None and kind.name.lower() != conversion.color:
        yield f"{conversion.color} of a colour is no {kind.name}"
    yield from _word_faults(conversion, service, kind)
    yield from _limit_faults(conversion, service, kind)


def _word_faults(conversion: Conversion, service: str, kind: Characteristic) -> Iterator[str]:
    for word, value in conversion.words.items():
        try:
            if value is not None:
                parse(service, kind.name, value)
        except BadValue as bad:
            yield f"word {word!r}: {bad}"
    meant: dict[str, str | None] = {}
    for word, value in conversion.words.items():
        if meant.setdefault(word.casefold(), value) != value:
            yield f"word {word!r} stands there twice, in other letters: case makes no difference"
    for value in conversion.command_words:
        try:
            parse(service, kind.name, value)
        except BadValue as bad:
            yield f"command_words {value!r}: {bad}"
    if conversion.others == "skip" and not conversion.words:
        yield "without words everything would be skipped"


def _limit_faults(conversion: Conversion, service: str, kind: Characteristic) -> Iterator[str]:
    low, high = conversion.minimum, conversion.maximum
    given = [limit for limit in (low, high) if limit is not None]
    if (given or conversion.step) and (kind.valid or kind.format in {"bool", "string"}):
        yield f"{kind.name} is no measure: it has no minimum, maximum or step"
        return
    if low is not None and high is not None and low >= high:
        yield f"minimum {low} is not below maximum {high}"
    for limit in given:
        beyond = (kind.least is not None and limit < kind.least) or (
            kind.most is not None and limit > kind.most
        )
        if beyond:
            yield f"HomeKit takes a {kind.name} from {kind.least} to {kind.most}, not {limit}"
    if strange := set(conversion.allowed) - set(kind.valid):
        yield f"{kind.name} has no value {min(strange)}"
    if conversion.thresholds:
        yield from _threshold_faults(conversion.thresholds, f"{service}/{kind.name}")


def _threshold_faults(thresholds: tuple[float, ...], name: str) -> Iterator[str]:
    service, _, characteristic = name.partition("/")
    followed = [
        c for (s, c), sources in SOURCES.items() if s == service and characteristic in sources
    ]
    if not followed:
        yield f"nothing follows from {name}: it has no thresholds"
        return
    wanted = len(THRESHOLDS.get(name, THRESHOLDS["AirQualitySensor/PM2.5Density"]))
    if len(thresholds) != wanted or list(thresholds) != sorted(set(thresholds)):
        yield f"thresholds: {wanted}, rising, not {list(thresholds)}"


def _online_faults(rule: OnlineRule) -> Iterator[str]:
    yield from _pattern_faults(rule.topic)
    for path in (rule.path, rule.root_path):
        yield from _path_faults(path)
    if rule.root_topic:
        yield from _pattern_faults(rule.root_topic)
    if both := set(rule.online) & set(rule.offline):
        yield f"{min(both)!r} is both online and offline"
    if rule.asleep is not None and rule.asleep not in SERVICES:
        yield f"HomeKit has no {rule.asleep}"


def _pattern_faults(topic: str) -> Iterator[str]:
    pattern = Pattern(topic)
    if topic.partition("/")[0] in {ROOT, ENROL}:
        yield f"topic {topic!r}: HomeKit/ and enrol/ are the hub's own"
    if "+" in topic or "#" in topic or "\x00" in topic or topic.startswith(("/", "$")):
        yield f"topic {topic!r}: no + and #, not beginning with / or $ (places stand in braces)"
    if unknown := set(pattern.places) - PLACES:
        known = ", ".join(sorted(PLACES))
        yield f"topic {topic!r}: there is no place {{{min(unknown)}}}, only {known}"
    if len(set(pattern.places)) != len(pattern.places):
        yield f"topic {topic!r}: a place stands in it twice"


def _path_faults(path: str) -> Iterator[str]:
    try:
        levels(path)
    except MappingError as error:
        yield str(error)


def _alike(rules: tuple[TopicRule, ...]) -> Iterator[tuple[int, str]]:
    """Two rules that speak of one service without saying so: whose value would it be?"""
    seen: dict[tuple[str, str], int] = {}
    for n, rule in enumerate(rules):
        apart = {"node", "property", "number"} & set(Pattern(rule.topic).places)
        said = rule.part is not None or rule.index is not None or rule.when or rule.unless
        found = "*" in rule.path or "{" in rule.path or rule.beside
        if apart or said or found or not rule.topic or rule.service == INFORMATION:
            continue
        name = (rule.service, rule.characteristic)
        if name in seen:
            fault = f"this and rule {seen[name]} are both of {'/'.join(name)}: give each a `part`"
            yield n, f"{fault}, the same one if they speak of the same thing"
        seen.setdefault(name, n)
