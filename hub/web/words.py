"""Technical names and numbers as people say them."""

from __future__ import annotations

__all__ = ["count", "service_words"]


def service_words(service: str, index: int = 0) -> str:
    """`TemperatureSensor`, 1 as "Temperature sensor 2"; the first has no number."""
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in service).strip()
    number = f" {index + 1}" if index else ""
    return f"{words[:1].upper()}{words[1:]}{number}"


def count(number: int, noun: str) -> str:
    """`3 devices`, `1 device`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
