"""Technical names and numbers as people say them."""

from __future__ import annotations

from hub.language.words import N_, _

__all__ = ["service_words"]

# What our sensors and virtual ones are; other services keep HomeKit's English.
_KNOWN = (
    N_("Temperature sensor"), N_("Humidity sensor"), N_("Contact sensor"), N_("Motion sensor"),
    N_("Light sensor"), N_("Battery"), N_("Carbon dioxide sensor"), N_("Air quality sensor"),
    N_("Switch"), N_("Leak sensor"), N_("Smoke sensor"), N_("Occupancy sensor"), N_("Outlet"),
)  # fmt: skip


def service_words(service: str, index: int = 0) -> str:
    """`TemperatureSensor`, 1 as "Temperature sensor 2"; the first has no number."""
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in service).strip()
    number = f" {index + 1}" if index else ""
    return f"{_(words[:1].upper() + words[1:])}{number}"
