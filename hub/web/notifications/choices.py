"""A rule as the choices of its sentence: what, where, which side, how long, when. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time

from hub.language.words import ENGLISH, N_, _, language
from hub.notifications.model import Rule, RuleKind, RuleOptions, kind_of
from hub.web.terms import called

__all__ = ["HOURS", "LASTING", "WHAT", "RuleChoices", "said", "step_of"]

_MEASURED = (
    "CurrentTemperature", "CurrentRelativeHumidity", "CarbonDioxideLevel", "AirPressure",
    "CurrentAmbientLightLevel", "Power",
)  # fmt: skip
_STATES = ("ContactSensorState", "MotionDetected", "LeakDetected", "SmokeDetected")
_KINDS = {
    RuleKind.SILENT: N_("silence"),
    RuleKind.BATTERY: N_("a low battery"),
    RuleKind.ODD: N_("unusual values"),
    RuleKind.ROLLOUT: N_("a rollout halted"),
    RuleKind.HOOK: N_("a hook's run"),
    RuleKind.AWAY: N_("the hub away"),
    RuleKind.TUNNEL: N_("a tunnel down"),
    RuleKind.BACKUP: N_("a failed backup"),
    RuleKind.DISK: N_("a disk nearly full"),
}
WHAT: Mapping[str, str] = {
    **{name: kind_of(name).label.lower() for name in (*_MEASURED, *_STATES)},
    **{str(kind): words for kind, words in _KINDS.items()},
}
"""What a sentence begins with: characteristics, and kinds of rules about anything else."""

LASTING: Mapping[float, str] = {
    0: N_("at once"), 300: "5 min", 900: "15 min", 1200: "20 min", 1800: "30 min", 3600: "1 h",
    7200: "2 h", 14400: "4 h", 43200: "12 h", 86400: N_("1 day"),
}  # fmt: skip
"""For how long it has to be so, in seconds."""

HOURS: Mapping[str, str] = {
    "": N_("at any hour"), "08:00-16:00": N_("8:00 to 16:00"), "16:00-08:00": N_("16:00 to 8:00"),
    "22:00-06:00": N_("22:00 to 6:00"), "06:00-22:00": N_("6:00 to 22:00"),
}  # fmt: skip
"""When it is told, on the clock of the place."""

# By how much another limit is tried.
_STEPS = {"°C": 1.0, "%": 5.0, "ppm": 200.0, "hPa": 5.0, "lx": 100.0, "W": 100.0}
_LIMITS = {"°C": 25.0, "%": 70.0, "ppm": 1400.0, "hPa": 1030.0, "lx": 500.0, "W": 1000.0}


def said(what: str) -> str:
    """What a key of WHAT is called in the language that holds; any other as it is."""
    if what not in WHAT or what in {str(kind) for kind in _KINDS}:
        return _(WHAT.get(what, what))
    name = called(kind_of(what).label)
    return name.lower() if language() == ENGLISH else name


def step_of(characteristic: str) -> float:
    """By how much a limit of it is changed to see whether fewer are told."""
    return _STEPS.get(kind_of(characteristic).unit, 1.0)


@dataclass(frozen=True, slots=True)
class RuleChoices:
    """`what` is a key of WHAT, `where` is empty, `place:3` or `device:esp8266_1a2b3c4d`."""

    what: str = "CurrentTemperature"
    where: str = ""
    above: bool = True
    limit: float | None = None
    lasting_s: float = 900
    missed: int = 2
    percent: float | None = 10
    within_days: int | None = 14
    hours: str = ""
    kept: RuleOptions = field(default_factory=RuleOptions)
    """What a rule has and its sentence does not show: kept as it is."""

    @classmethod
    def of(cls, rule: Rule) -> RuleChoices:
        """Those that a rule is made of."""
        options = rule.options
        where = f"place:{rule.place}" if rule.place is not None else ""
        if rule.device is not None:
            where = f"device:{rule.device}"
        hours = ""
        if options.hours_from is not None and options.hours_until is not None:
            hours = f"{options.hours_from:%H:%M}-{options.hours_until:%H:%M}"
        above = options.above is not None
        return cls(
            options.characteristic if rule.kind is RuleKind.VALUE else str(rule.kind), where, above,
            options.above if above else options.below, options.lasting_s, options.missed,
            options.percent, options.within_days, hours, options,
        )  # fmt: skip

    @property
    def kind(self) -> RuleKind:
        """What kind of rule it is."""
        return (
            RuleKind(self.what) if self.what in {str(kind) for kind in _KINDS} else RuleKind.VALUE
        )

    @property
    def is_state(self) -> bool:
        """Whether it is about something that has words instead of numbers."""
        return self.kind is RuleKind.VALUE and bool(self.words)

    @property
    def words(self) -> dict[bool, str]:
        """Of a state the word on either side; empty for what is measured."""
        words = kind_of(self.what).words
        return {True: words[1], False: words[0]} if {0, 1} <= words.keys() else {}

    @property
    def unit(self) -> str:
        """Of the limit."""
        return kind_of(self.what).unit

    def about(self, what: str) -> RuleChoices:
        """The same about something else, with a limit that is usual there."""
        chosen = replace(self, what=what, kept=RuleOptions())
        if chosen.kind is not RuleKind.VALUE:
            lasting = 300.0 if chosen.kind in {RuleKind.AWAY, RuleKind.TUNNEL} else 0.0
            where = self.where if chosen.kind.of_devices else ""
            return replace(chosen, limit=None, lasting_s=lasting, where=where)
        return replace(chosen, limit=None if chosen.is_state else _LIMITS.get(chosen.unit, 1.0))

    @property
    def place(self) -> int | None:
        """The place that it is about."""
        kind, _colon, number = self.where.partition(":")
        return int(number) if kind == "place" else None

    @property
    def device(self) -> str | None:
        """The device that it is about."""
        kind, _colon, key = self.where.partition(":")
        return key if kind == "device" else None

    def options(self, *, limit: float | None = None) -> RuleOptions:
        """A rule's options; `limit` instead of the one that was chosen."""
        since, _dash, until = self.hours.partition("-")
        common = {
            "hours_from": time.fromisoformat(since) if since else None,
            "hours_until": time.fromisoformat(until) if until else None,
        }
        kind = self.kind
        if kind is RuleKind.VALUE:
            at = 0.5 if self.is_state else self.limit if limit is None else limit
            side = {"above" if self.above else "below": at}
            margin = self.kept.margin if self.kept.characteristic == self.what else None
            value = {"characteristic": self.what, "lasting_s": self.lasting_s, "margin": margin}
            return RuleOptions.model_validate({**common, **value, **side})
        if kind is RuleKind.SILENT:
            return RuleOptions.model_validate({**common, "missed": self.missed})
        if kind is RuleKind.BATTERY:
            battery = {"percent": self.percent, "within_days": self.within_days}
            return RuleOptions.model_validate({**common, **battery})
        if kind in {RuleKind.AWAY, RuleKind.TUNNEL}:
            return RuleOptions.model_validate({**common, "lasting_s": self.lasting_s})
        return RuleOptions.model_validate(common)
