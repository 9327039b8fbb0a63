"""Topics with places in them: `stat/{device}/POWER{number}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

__all__ = ["PLACES", "Pattern", "without_covered"]

_PLACES = {
    "device": r"[A-Za-z0-9_-]{1,64}",
    # A name as other programs give it: spaces, and slashes that make it several levels.
    "name": r"[^+#\x00-\x1f\x7f]{1,128}?",
    # Not beginning with $, by which programs tell attributes from parts.
    "node": r"[^/+#$\x00-\x1f\x7f][^/+#\x00-\x1f\x7f]{0,63}?",
    "property": r"[^/+#$\x00-\x1f\x7f][^/+#\x00-\x1f\x7f]{0,63}?",
    "number": r"0|[1-9][0-9]{0,2}",
}
PLACES = frozenset(_PLACES)
"""What may stand between braces in a topic."""

_PLACE = re.compile(r"\{(\w+)(?::([^{}/]*))?\}")


class Pattern:
    """Matches topics, and makes one from what it found.

    A place may say what it takes, `*` being any characters: `{node:*temperature*}`, several
    joined by `|`.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.places: tuple[str, ...] = tuple(match[1] for match in _PLACE.finditer(text))
        regex, at = "", 0
        for match in _PLACE.finditer(text):
            again = f"(?P<{match[1]}>" in regex
            group = f"(?P={match[1]})" if again else _group(match)
            regex += re.escape(text[at : match.start()]) + group
            at = match.end()
        self._matcher = re.compile(regex + re.escape(text[at:]))
        self._fill = _PLACE.sub(lambda place: f"{{{place[1]}}}", text)

    @property
    def filter(self) -> str:
        """The MQTT filter that lets every matching topic through (and perhaps a few more)."""
        filtered: list[str] = []
        for level in self.text.split("/"):
            if "{name" in level:
                return "/".join([*filtered, "#"])
            filtered.append("+" if "{" in level else level)
        return "/".join(filtered)

    @property
    def literal(self) -> tuple[bool, ...]:
        """Which levels are fixed: of two patterns for a topic the more literal one is meant."""
        return tuple("{" not in level for level in self.text.split("/"))

    def match(self, topic: str) -> dict[str, str] | None:
        """What stands at each place; None where the topic is another."""
        match = self._matcher.fullmatch(topic)
        return None if match is None else match.groupdict()

    def fill(self, **places: str) -> str:
        """The topic with these in place."""
        return _PLACE.sub(lambda place: places.get(place[1], place[0]), self._fill)

    def overlaps(self, other: Pattern) -> bool:
        """Whether there may be a topic that both match (judged by what stands before places)."""
        mine, others = self.text.split("/"), other.text.split("/")
        for a, b in zip(mine, others, strict=False):
            if "{name" in a or "{name" in b:
                return True
            if not _may_be_one(a, b):
                return False
        return len(mine) == len(others)

    def claims(self) -> Iterator[tuple[int, str]]:
        """At which level which place begins."""
        for n, level in enumerate(self.text.split("/")):
            for match in _PLACE.finditer(level):
                yield n, match[1]


def without_covered(filters: Iterable[str]) -> list[str]:
    """The filters that no other one covers, in order: a broker may deliver once for each."""
    kept = list(dict.fromkeys(filters))
    return [one for one in kept if not any(one != other and _covers(other, one) for other in kept)]


def _may_be_one(a: str, b: str) -> bool:
    """Whether one level may match two."""
    before_a, place_a, _ = a.partition("{")
    before_b, place_b, _ = b.partition("{")
    if place_a and place_b:
        return before_a.startswith(before_b) or before_b.startswith(before_a)
    if place_a or place_b:
        return (b if place_a else a).startswith(before_a if place_a else before_b)
    return a == b


def _covers(wide: str, narrow: str) -> bool:
    levels = narrow.split("/")
    for n, level in enumerate(wide.split("/")):
        if level == "#":
            return True
        if n >= len(levels) or levels[n] == "#" or level not in {"+", levels[n]}:
            return False
    return wide.count("/") == narrow.count("/")


def _group(match: re.Match[str]) -> str:
    name, glob = match[1], match[2]
    allowed = _PLACES.get(name)
    if allowed is None:
        return re.escape(match[0])
    if not glob:
        return f"(?P<{name}>{allowed})"
    kinds = "|".join(
        ".*".join(re.escape(part) for part in one.split("*")).replace(".*", "[^/]*")
        for one in glob.split("|")
    )
    return f"(?P<{name}>{kinds})"
