"""Topics with places in them: `stat/{device}/POWER{number}`. Pure."""

from __future__ import annotations

import re

__all__ = ["Pattern"]

_PLACES = {
    "device": r"(?P<device>[A-Za-z0-9_-]{1,64})",
    "node": r"(?P<node>[A-Za-z0-9_-]{1,64})",
    "number": r"(?P<number>[1-9][0-9]?)",
}
_PLACE = re.compile(r"\{(\w+)\}")


class Pattern:
    """Matches topics, and makes one from what it found."""

    def __init__(self, text: str) -> None:
        self.text = text
        parts = _PLACE.split(text)
        # Odd ones are names of places.
        self._matcher = re.compile(
            "".join(
                _PLACES.get(part, re.escape(f"{{{part}}}")) if n % 2 else re.escape(part)
                for n, part in enumerate(parts)
            ),
            re.ASCII,
        )

    @property
    def filter(self) -> str:
        """The MQTT filter that lets every matching topic through (and perhaps a few more)."""
        return "/".join("+" if "{" in level else level for level in self.text.split("/"))

    def match(self, topic: str) -> dict[str, str] | None:
        """What stands at each place; None where the topic is another."""
        match = self._matcher.fullmatch(topic)
        return None if match is None else match.groupdict()

    def fill(self, **places: str) -> str:
        """The topic with these in place."""
        return _PLACE.sub(lambda place: places.get(place[1], place[0]), self.text)
