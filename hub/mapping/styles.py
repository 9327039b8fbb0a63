"""How devices take commands, which limits their values have, how long they may be silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from contracts.homekit.definitions import CHARACTERISTICS, Characteristic
from contracts.reading import SeriesKey
from hub.homekit.writes import CommandStyle
from hub.mapping.compiled import Route, RuleBook
from hub.mapping.parts import MappedParts
from hub.mapping.presence import sleeps
from hub.mapping.profiles import Conversion, DeviceProfile
from hub.mapping.properties import KnownProperties

__all__ = ["Styles"]

# A day and an hour, as for a battery behind a gateway.
_SLEEPER_S = 90_000.0
# A device that no rule names: made once, since every reading asks.
_AS_IT_IS = DeviceProfile()


class Styles:
    """Answers about single devices and series, by the rules and by how they were heard."""

    def __init__(
        self,
        book: RuleBook,
        parts: MappedParts,
        model: Callable[[str], str | None],
        properties: KnownProperties,
    ) -> None:
        self._book, self._parts, self._model = book, parts, model
        self._properties = properties

    def profile(self, device: str) -> DeviceProfile:
        """A device's own profile, else its model's."""
        rules = self._book.rules
        own = rules.devices.get(device)
        if own is None and rules.models:
            model = self._model(device)
            own = rules.models.get(model) if model is not None else None
        return own or _AS_IT_IS

    def conversion(self, series: SeriesKey) -> Conversion | None:
        """How a value on a HomeKit/ topic is read."""
        return self.profile(series.device).values.get(f"{series.service}/{series.characteristic}")

    def route(self, series: SeriesKey) -> Route | None:
        """The rule through which the series was heard last, as its device means it."""
        for _, part in self._parts.sources(series):
            route = self._book.by_key.get(part.rules.get(series.characteristic, ""))
            if route is not None:
                return self.meant(route, series.device, part.places)
        return None

    def meant(self, route: Route, device: str, places: Mapping[str, str]) -> Route:
        """The rule with what the device has said of that property."""
        return self._properties.route(route, device, {"device": device, **places})[0]

    def by(self, series: SeriesKey) -> Conversion | None:
        """What says how a series is read: the rule it was heard through, or its profile."""
        route = self.route(series)
        return route.rule if route is not None else self.conversion(series)

    def kind(self, series: SeriesKey) -> Characteristic:
        """The characteristic with the limits that rules give this series."""
        kind = CHARACTERISTICS[series.characteristic]
        conversion = self.by(series)
        if conversion is None:
            return kind
        allowed = conversion.allowed or _offered(conversion, kind)
        return kind.limited(conversion.minimum, conversion.maximum, conversion.step, allowed)

    def thresholds(self, series: SeriesKey) -> tuple[float, ...]:
        """The limits that a rule sets for what follows from this series."""
        conversion = self.by(series)
        return conversion.thresholds if conversion is not None else ()

    def command_style(self, device: str) -> CommandStyle:
        """How the device takes commands."""
        profile = self.profile(device)
        return CommandStyle(confirm=profile.confirm, echoes=profile.command != "same-topic")

    def silent_after(self, device: str) -> float | None:
        """How long the device may say nothing, in seconds; None where no rule says."""
        own = self.profile(device).silent_after
        if own is not None:
            return own
        if sleeps(self._parts, self._book.online, device):
            return _SLEEPER_S
        routes = [self._book.by_key.get(key) for key in self._parts.rules(device)]
        said = [
            route.rule.silent_after or route.scope.profile.silent_after
            for route in routes
            if route is not None
        ]
        return max((seconds for seconds in said if seconds is not None), default=None)


def _offered(conversion: Conversion, kind: Characteristic) -> tuple[int, ...]:
    """The values that a device has words for: it could not be told any other."""
    if not kind.valid or kind.two_state or not kind.writable or not conversion.words:
        return ()
    named = {*conversion.words.values(), *conversion.command_words}
    return tuple(value for value in kind.valid if str(value) in named)
