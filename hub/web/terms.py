"""What sensors measure, in the language that holds: names, states, numbers with units."""

from __future__ import annotations

from contracts.homekit import quantities
from contracts.homekit.quantities import Quantity
from contracts.reading import Value
from hub.language.times import number
from hub.language.words import N_, _

__all__ = ["TERMS", "called", "shown"]

# Of what our sensors and virtual ones say; other characteristics keep HomeKit's English.
TERMS = (
    N_("Temperature"), N_("Relative humidity"), N_("Air pressure"), N_("Light"), N_("Contact"),
    N_("Motion"), N_("Switch"), N_("Battery"), N_("Battery level"), N_("Carbon dioxide level"),
    N_("Carbon dioxide detected"), N_("Air quality"), N_("PM2.5 density"), N_("PM10 density"),
    N_("VOC density"), N_("Leak"), N_("Smoke"), N_("Occupancy"), N_("Power"), N_("Energy"),
    N_("Voltage"), N_("open"), N_("closed"), N_("motion"), N_("none"), N_("on"), N_("off"),
    N_("low"), N_("ok"), N_("dry"), N_("leak"), N_("smoke"), N_("nobody"), N_("somebody"),
    N_("fault"), N_("active"), N_("inactive"), N_("yes"), N_("no"), N_("unknown"),
    N_("excellent"), N_("good"), N_("fair"), N_("inferior"), N_("poor"),
    N_("co2 levels normal"), N_("co2 levels abnormal"),
)  # fmt: skip
"""Names and states; the scripts of pages have them too."""


def called(label: str) -> str:
    """The name of what is measured, `Temperature 2` as well."""
    name, space, index = label.rpartition(" ")
    return f"{_(name)} {index}" if space and index.isdecimal() else _(label)


def shown(value: Value | None, kind: Quantity) -> str:
    """A value with its unit or as its word: `20.1 °C`, `open`."""
    text = quantities.shown(value, kind)
    if isinstance(value, str) or value is None:
        return text
    return _(text) if text in kind.words.values() else number(text)
