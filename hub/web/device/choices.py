"""What can be drawn in a device's chart: its series, those of others, of whole places. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contracts.homekit.quantities import Shape, importance, ordinary, quantity
from contracts.reading import SeriesKey
from hub.devices.glance import DeviceGlance, Glance
from hub.web.home.view import name_of, value_key

__all__ = ["MOST_SERIES", "Choices", "key_of"]

MOST_SERIES = 8  # as many as there are colours

_WITHIN = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


def key_of(choice: str) -> SeriesKey:
    """The series that a choice `device/Service/index/Characteristic` is."""
    device, service, index, characteristic = choice.split("/")
    return SeriesKey(device, service, int(index), characteristic)


@dataclass(frozen=True, slots=True)
class Choices:
    """What is offered: `labels` by choice, and what the choice of a whole place stands for.

    A series is `device/Service/index/Characteristic`, a place `in/<number>/Characteristic`.
    """

    labels: Mapping[str, str]
    members: Mapping[str, list[str]]

    @classmethod
    def of(cls, glance: Glance, names: Mapping[str, str], device: str) -> Choices:
        """This device's series first, then places with several of its quantities, then others."""
        own = [one for one in glance.devices if one.device == device]
        others = sorted(
            (one for one in glance.devices if one.device != device),
            key=lambda one: name_of(one, names).casefold(),
        )
        places, members = _of_places(glance, own)
        labels = _of_devices(glance, own, names, all_of_it=True) | places
        return cls(labels | _of_devices(glance, others, names, all_of_it=False), members)

    def expanded(self, requested: Iterable[str]) -> list[str]:
        """The series asked for that are offered, each once, places as what is in them.

        No more than can be told apart.
        """
        offered: dict[str, None] = {}
        for one in requested:
            for series in self.members.get(one, [one]):
                if series in self.labels:
                    offered.setdefault(series)
        return list(offered)[:MOST_SERIES]

    def first(self, device: str, requested: Sequence[str]) -> list[str]:
        """What was asked for as far as it is there; else the device's first curve, or state."""
        if series := self.expanded(requested):
            return series
        own = [one for one in self.labels if one.startswith(f"{device}/")]
        curves = [one for one in own if quantity(key_of(one)).shape is Shape.CURVE]
        return (curves or own)[:1]


def _of_devices(
    glance: Glance, devices: Sequence[DeviceGlance], names: Mapping[str, str], *, all_of_it: bool
) -> dict[str, str]:
    """Each series of the devices that can be drawn, as `Place: device, quantity`."""
    places = {place.place: f"{place.name}: " for place in glance.places}
    return {
        f"{one.device}/{value_key(value.series)}": places.get(one.place or 0, "")
        + f"{name_of(one, names)}, {quantity(value.series).label}"
        for one in devices
        for value in sorted(one.values, key=lambda v: importance(v.series))
        if quantity(value.series).shape is not Shape.TEXT and (all_of_it or ordinary(value.series))
    }


def _of_places(
    glance: Glance, own: Sequence[DeviceGlance]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Places in which several devices measure what this one does: labels, and their series."""
    labels_by_name = {
        value.series.characteristic: quantity(value.series).label
        for one in own
        for value in one.values
        if ordinary(value.series) and quantity(value.series).shape is Shape.CURVE
    }
    above = {place.place: place.parent for place in glance.places}
    named = {place.place: place.name for place in glance.places}
    members: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    for one in glance.devices:
        for place in _upwards(one.place, above):
            for value in one.values:
                name = value.series.characteristic
                if name in labels_by_name:
                    choice = f"in/{place}/{name}"
                    members.setdefault(choice, []).append(f"{one.device}/{value_key(value.series)}")
                    path = _WITHIN.join(named[at] for at in _upwards(place, above)[::-1])
                    labels[choice] = f"All in {path}, {labels_by_name[name]}"
    several = {choice: series for choice, series in members.items() if len(series) > 1}
    return {choice: labels[choice] for choice in sorted(several, key=labels.__getitem__)}, several


def _upwards(place: int | None, above: Mapping[int, int | None]) -> list[int]:
    """A place and those it lies in."""
    places: list[int] = []
    while place is not None and place in above and place not in places:
        places.append(place)
        place = above[place]
    return places
