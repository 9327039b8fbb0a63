"""What HomeKit wrote, as a device wants to be told: topic and payload."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import takewhile

from contracts import topics
from contracts.homekit.definitions import CHARACTERISTICS
from contracts.homekit.values import BadValue, parse
from contracts.reading import SeriesKey
from hub.mapping import templates
from hub.mapping.colors import as_text, rgb
from hub.mapping.compiled import Route, RuleBook
from hub.mapping.convert import MappingError, from_homekit
from hub.mapping.parts import MappedPart, MappedParts
from hub.mapping.profiles import Conversion
from hub.mapping.styles import Styles

__all__ = ["Outgoing"]

_PLAIN = Conversion()
_COLOR = ("Hue", "Saturation")
_TOGETHER = frozenset({*_COLOR, "Brightness"})


class Outgoing:
    """Commands, each by the rule, topic and part through which its series was heard."""

    def __init__(self, book: RuleBook, parts: MappedParts, styles: Styles) -> None:
        self._book, self._parts, self._styles = book, parts, styles
        # Of a colour HomeKit writes hue and saturation apart; some devices want both at once.
        self._colors: dict[SeriesKey, float] = {}
        # By scope, service and characteristic, in their order; every value of a target asks.
        self._commanding: dict[tuple[str, str, str], list[Route]] = {}
        for route in book.routes:
            services = {route.rule.service, route.rule.yields_to} if route.command else ()
            for service in services:
                place = (route.scope.name, service or "", route.rule.characteristic)
                self._commanding.setdefault(place, []).append(route)

    def reported(self, series: SeriesKey, text: str) -> None:
        """A device said this of itself; what is no value of a colour is none of it."""
        if series.characteristic in _TOGETHER:
            with contextlib.suppress(BadValue):
                self._colors[series] = float(parse(series.service, series.characteristic, text))

    def command(self, key: SeriesKey, text: str) -> tuple[str, str]:
        """Topic and payload for a value that HomeKit wrote. Raises MappingError."""
        kind = CHARACTERISTICS[key.characteristic]
        self.reported(key, text)
        found = next(self._routes(key), None)
        if found is not None:
            route, part = found
            if route.command is None:
                raise MappingError(f"{key.name} only reports: no rule says how to set it")
            places = self._places(key, part)
            route = self._styles.meant(route, key.device, places)
            if route.command is None:
                raise MappingError(f"{key.name} only reports: {key.device} says so itself")
            topic = route.command.fill(**places)
            # 30.0 degrees of hue are 30 for whoever reads whole numbers.
            value = from_homekit(route.rule, kind, text.removesuffix(".0"))
            values = {**self._siblings(key, route.rule.color_format), **places, "value": value}
            return topic, templates.fill(route.rule.payload, values)
        payload = from_homekit(self._styles.conversion(key) or _PLAIN, kind, text)
        if self._styles.profile(key.device).command == "same-topic":
            return topics.state(key), payload
        return topics.command(key), payload

    def settable(self, key: SeriesKey) -> bool:
        """Whether a device that was heard through rules can be told a value for this series."""
        found = next(self._routes(key), None)
        if found is None:
            return True  # it goes to a topic of our own
        route, part = found
        meant = self._styles.meant(route, key.device, self._places(key, part))
        return meant.command is not None

    def _routes(self, key: SeriesKey) -> Iterator[tuple[Route, MappedPart]]:
        """The rules that may command a series: how it was heard, then its service's others."""
        silent: list[tuple[Route, MappedPart]] = []
        for scope, part in self._parts.sources(key):
            own = self._book.by_key.get(part.rules.get(key.characteristic, ""))
            if own is not None and own.command is not None:
                yield own, part
            if not part.rules:
                continue  # it is gone, or heard on a topic of our own
            others = self._commanding.get((scope, key.service, key.characteristic), [])
            for route in self._nearest([one for one in others if one is not own], part):
                yield route, part
            if own is not None:
                silent.append((own, part))
        yield from silent

    def _nearest(self, routes: list[Route], part: MappedPart) -> list[Route]:
        """Those first whose commands begin as the topics do where the part was heard.

        A preset with two bases has each rule for both.
        """
        if len(routes) < 2:
            return routes
        rules = (self._book.by_key.get(key) for key in part.rules.values())
        heard = [route.rule.topic.split("/") for route in rules if route is not None]

        def shared(route: Route) -> int:
            levels = (route.rule.command or "").split("/")
            both = (zip(levels, topic, strict=False) for topic in heard)
            return max((sum(1 for _ in takewhile(_same, pairs)) for pairs in both), default=0)

        return sorted(routes, key=shared, reverse=True)

    def _places(self, key: SeriesKey, part: MappedPart) -> dict[str, str]:
        name = self._parts.name(key.device) or key.device
        return {"device": key.device, "name": name, "number": str(key.index + 1), **part.places}

    def _siblings(self, key: SeriesKey, color_format: str) -> dict[str, str]:
        """Words that a template may use besides the value: the colour, whole."""

        def known(name: str, otherwise: float = 0) -> float:
            series = SeriesKey(key.device, key.service, key.index, name)
            return self._colors.get(series, otherwise)

        values = [known(name) for name in _COLOR]
        color = zip(("red", "green", "blue"), rgb(values[0], values[1]), strict=True)
        both = {"hue": str(round(values[0])), "saturation": str(round(values[1]))}
        # A lamp that is off, or never said how bright it is, is to be seen in its colour.
        bright = known("Brightness", 100) or 100.0
        whole = as_text(color_format, values[0], values[1], bright)
        named = {"color": whole, "color_format": color_format}
        return {**both, **named, **{name: str(number) for name, number in color}}


def _same(levels: tuple[str, str]) -> bool:
    return levels[0] == levels[1]
