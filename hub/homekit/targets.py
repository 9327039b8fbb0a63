"""What a current state says of its target: pure tables and functions.

HomeKit shows "Closing..." as long as a door's target is another than its state. So a target is
where the thing is going, or where it stands; what a device does by itself moves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.reading import SeriesKey, Value

__all__ = ["PAIRS", "POSITION_STATE", "Pair", "current_of", "pair_of", "target_of"]

POSITION_STATE = "PositionState"
"""0 and 1: it moves down or up; 2: it stands."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A characteristic that tells the state of something, and the one that says what is wanted.

    `means` has the target that each state of a device is on its way to, or at; a state that is
    not there (stopped, jammed, unknown, alarm, idle) says nothing. It is None where target and
    state are the same number. `ends` are the states at which it has arrived. `free` is the target
    that leaves the state to the device (automatic). `moves`: getting there takes a time that
    ends; a security system may take minutes, and a thermostat idles for days.
    """

    current: str
    target: str
    means: Mapping[int, int] | None
    ends: frozenset[int] = field(default=frozenset())
    free: int | None = None
    moves: bool = True

    def settled(self, state: Value, target: Value | None = None) -> Value | None:
        """The target of a device that nobody commands; None: this state says nothing of it."""
        if self.free is not None and target == self.free:
            return None
        if self.means is None:
            return state
        return self.means.get(int(state)) if isinstance(state, int | float) else None

    def arrived(self, state: Value, target: Value) -> bool:
        """Whether a state is what was wanted."""
        if self.means is None:
            return state == target
        if self.free is not None:
            # Idling is what a thermostat does most of the time, whatever is wanted of it.
            return self.settled(state, target) in {None, target}
        return state in self.ends and self.settled(state) == target


def _position(name: str) -> Pair:
    return Pair(f"Current{name}", f"Target{name}", means=None)


_OPEN, _CLOSED = 0, 1
# The numbers are HAP's (specification, chapter 9).
PAIRS: tuple[Pair, ...] = (
    Pair(
        "CurrentDoorState",
        "TargetDoorState",
        # open, closed, opening, closing; 4 is stopped
        {0: _OPEN, 1: _CLOSED, 2: _OPEN, 3: _CLOSED},
        frozenset({0, 1}),
    ),
    # unsecured, secured; 2 is jammed, 3 unknown
    Pair("LockCurrentState", "LockTargetState", {0: 0, 1: 1}, frozenset({0, 1})),
    Pair(
        "SecuritySystemCurrentState",
        "SecuritySystemTargetState",
        # stay, away, night, disarmed; 4 is an alarm
        {0: 0, 1: 1, 2: 2, 3: 3},
        frozenset({0, 1, 2, 3}),
        moves=False,
    ),
    _position("Position"),
    _position("HorizontalTiltAngle"),
    _position("VerticalTiltAngle"),
    _position("TiltAngle"),
    # Heating or cooling says what is wanted; a thermostat that idles (0) may want any of them.
    Pair(
        "CurrentHeatingCoolingState",
        "TargetHeatingCoolingState",
        {1: 1, 2: 2},
        free=3,
        moves=False,
    ),
    Pair(
        "CurrentHeaterCoolerState",
        "TargetHeaterCoolerState",
        {2: 1, 3: 2},
        free=0,
        moves=False,
    ),
    Pair(
        "CurrentHumidifierDehumidifierState",
        "TargetHumidifierDehumidifierState",
        {2: 1, 3: 2},
        free=0,
        moves=False,
    ),
    # play, pause, stop; 4 is loading, 5 interrupted
    Pair(
        "CurrentMediaState",
        "TargetMediaState",
        {0: 0, 1: 1, 2: 2},
        frozenset({0, 1, 2}),
        moves=False,
    ),
    Pair(
        "CurrentVisibilityState",
        "TargetVisibilityState",
        {0: 0, 1: 1},
        frozenset({0, 1}),
        moves=False,
    ),
)

_BY_NAME: Mapping[str, Pair] = {
    name: pair for pair in PAIRS for name in (pair.current, pair.target)
}


def pair_of(characteristic: str) -> Pair | None:
    """The pair that a characteristic belongs to, as state or as target."""
    return _BY_NAME.get(characteristic)


def target_of(key: SeriesKey) -> SeriesKey | None:
    """The target of a state; None for what is no state that has one."""
    pair = _BY_NAME.get(key.characteristic)
    if pair is None or pair.current != key.characteristic:
        return None
    return SeriesKey(key.device, key.service, key.index, pair.target)


def current_of(key: SeriesKey) -> SeriesKey | None:
    """The state of a target; None for what is no target."""
    pair = _BY_NAME.get(key.characteristic)
    if pair is None or pair.target != key.characteristic:
        return None
    return SeriesKey(key.device, key.service, key.index, pair.current)
