"""What can be drawn in a device's chart: its series, those of others, of whole places. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contracts.homekit.quantities import Shape, importance, ordinary, quantity
from contracts.reading import SeriesKey
from hub.devices.glance import DeviceGlance, Glance
from hub.web.home.view import name_of, value_key
from hub.web.terms import called

__all__ = ["MOST_SERIES", "Choices", "key_of", "place_of"]

MOST_SERIES = 8  # as many as there are colours

_IN = "All in "
_WITHIN = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


def place_of(choice: str) -> tuple[int, str] | None:
    """The place and the characteristic that a choice stands for; None for that of a series."""
    where, number, *characteristic = choice.split("/")
    return (int(number), characteristic[0]) if where == "in" and len(characteristic) == 1 else None


def key_of(choice: str) -> SeriesKey:
    """The series that a choice `device/Service/index/Characteristic` is."""
    device, service, index, characteristic = choice.split("/")
    return SeriesKey(device, service, int(index), characteristic)


@dataclass(frozen=True, slots=True)
class Choices:
    """What is offered: `labels` by choice, and what each device is called.

    A series is `device/Service/index/Characteristic`; `in/<number>/Characteristic` is what was
    measured in a place.
    """

    labels: Mapping[str, str]
    titles: Mapping[str, str]

    @classmethod
    def of(
        cls,
        glance: Glance,
        names: Mapping[str, str],
        device: str,
        measured: Iterable[tuple[int, SeriesKey]] = (),
    ) -> Choices:
        """This device's series first, then places that had its quantities, then others.

        `measured`: every series that was ever in a place, with the place.
        """
        own = [one for one in glance.devices if one.device == device]
        others = sorted(
            (one for one in glance.devices if one.device != device),
            key=lambda one: name_of(one, names).casefold(),
        )
        labels = _of_devices(glance, own, names, all_of_it=True)
        labels |= _of_places(glance, own, measured)
        titles = {one.device: name_of(one, names) for one in glance.devices}
        return cls(labels | _of_devices(glance, others, names, all_of_it=False), titles)

    def offered(self, requested: Iterable[str]) -> list[str]:
        """What is asked for and offered, each once; no more than can be told apart."""
        return list(dict.fromkeys(one for one in requested if one in self.labels))[:MOST_SERIES]

    def title(self, key: SeriesKey, choice: str) -> str:
        """What a series is called that a choice of a place stands for."""
        place = self.labels[choice].removeprefix(_IN).rpartition(", ")[0]
        return f"{place}: {self.titles.get(key.device, key.device)}, {called(quantity(key).label)}"

    def first(self, device: str, requested: Sequence[str]) -> list[str]:
        """What was asked for as far as it is there; else the device's first curve, or state."""
        if series := self.offered(requested):
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
        + f"{name_of(one, names)}, {called(quantity(value.series).label)}"
        for one in devices
        for value in sorted(one.values, key=lambda v: importance(v.series))
        if quantity(value.series).shape is not Shape.TEXT and (all_of_it or ordinary(value.series))
    }


def _of_places(
    glance: Glance, own: Sequence[DeviceGlance], measured: Iterable[tuple[int, SeriesKey]]
) -> dict[str, str]:
    """Labels of places that say more of what this device measures than its own series do."""
    labels_by_name = {
        value.series.characteristic: quantity(value.series).label
        for one in own
        for value in one.values
        if ordinary(value.series) and quantity(value.series).shape is Shape.CURVE
    }
    above = {place.place: place.parent for place in glance.places}
    named = {place.place: place.name for place in glance.places}
    now = {(one.place, value.series) for one in glance.devices for value in one.values}
    members: dict[tuple[int, str], set[SeriesKey]] = {}
    past: set[tuple[int, str]] = set()
    for at, series in {*measured, *now}:
        for place in _upwards(at, above) if series.characteristic in labels_by_name else ():
            members.setdefault((place, series.characteristic), set()).add(series)
            if (at, series) not in now:
                past.add((place, series.characteristic))
    labels = {
        f"in/{place}/{name}": f"{_IN}{_path(place, above, named)}, {labels_by_name[name]}"
        for (place, name), series in members.items()
        if len(series) > 1 or (place, name) in past
    }
    return dict(sorted(labels.items(), key=lambda one: one[1]))


def _path(place: int, above: Mapping[int, int | None], named: Mapping[int, str]) -> str:
    return _WITHIN.join(named[at] for at in _upwards(place, above)[::-1])


def _upwards(place: int | None, above: Mapping[int, int | None]) -> list[int]:
    """A place and those it lies in."""
    places: list[int] = []
    while place is not None and place in above and place not in places:
        places.append(place)
        place = above[place]
    return places
