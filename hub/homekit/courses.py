"""What is on its way to a target, by command or by its own word, and when it is not any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from contracts.reading import SeriesKey, Value
from hub.homekit.targets import Pair, pair_of

__all__ = ["Courses"]

# A blind that was set to 80 % and says 79 has not turned round.
_NOISE = 2


class _Timer(Protocol):
    def cancel(self) -> None: ...


@dataclass(slots=True)
class _Course:
    """`start` is the state when it began (None where that says nothing), `last` the newest."""

    pair: Pair
    wanted: Value
    start: Value | None
    last: Value | None
    seconds: float
    moved: bool = False
    away: bool = False
    timer: _Timer | None = None


class Courses:
    """Every target that is being pursued. While it is, the state does not move it.

    It ends when the device has arrived, turned elsewhere or stopped; where a movement is meant,
    also when so many seconds pass without another word (`over` is called with the target then).
    """

    def __init__(
        self, call_later: Callable[[float, Callable[[], None]], _Timer],
        over: Callable[[SeriesKey], None],
    ) -> None:  # fmt: skip
        self._call_later, self._over = call_later, over
        self._courses: dict[SeriesKey, _Course] = {}

    def __contains__(self, target: SeriesKey) -> bool:
        return target in self._courses

    def begin(self, target: SeriesKey, wanted: Value, state: Value | None, seconds: float) -> None:
        """Something is to go there, or says that it will; `state` is what it is now."""
        self.end(target)
        pair = pair_of(target.characteristic)
        if pair is None or (state is not None and pair.arrived(state, wanted)):
            return
        known = state is not None and pair.settled(state) is not None
        course = _Course(pair, wanted, state if known else None, state, seconds)
        self._courses[target] = course
        self._wait(target, course)

    def end(self, target: SeriesKey) -> None:
        """It is pursued no more."""
        course = self._courses.pop(target, None)
        if course is not None and course.timer is not None:
            course.timer.cancel()

    def clear(self, device: str | None = None) -> None:
        """Nothing of a device, or nothing at all, is pursued any more."""
        for target in [t for t in self._courses if device in (None, t.device)]:
            self.end(target)

    def progress(self, target: SeriesKey, state: Value) -> bool:
        """Take a new state of something pursued; True: it goes there. False: it does otherwise.

        What was meant before the command arrived (the state has not changed) is neither.
        """
        course = self._courses[target]
        step = _positions if course.pair.means is None else _states
        goes = step(course, state)
        if not goes or course.pair.arrived(state, course.wanted):
            self.end(target)
        elif state != course.last:
            self._wait(target, course)
        course.last = state
        return goes

    def moves(self, target: SeriesKey) -> None:
        """It says that it moves, without saying where it is."""
        self._courses[target].moved = True

    def moved(self, target: SeriesKey) -> bool:
        """Whether what is pursued has begun to move: then a stop means that it stands."""
        return target in self._courses and self._courses[target].moved

    def _wait(self, target: SeriesKey, course: _Course) -> None:
        if course.timer is not None:
            course.timer.cancel()
        if not course.pair.moves:
            return

        def over() -> None:
            self._courses.pop(target, None)
            self._over(target)

        course.timer = self._call_later(course.seconds, over)


def _states(course: _Course, state: Value) -> bool:
    """A door, a lock, a security system, a mode."""
    meant = course.pair.settled(state, course.wanted)
    if meant is None or meant == course.wanted:
        course.moved = course.moved or meant is not None or course.pair.moves
        return True
    if course.start is None:
        course.start = state  # now it is known where it stood
        return True
    return state == course.start and not course.moved


def _positions(course: _Course, state: Value) -> bool:
    """A number that comes nearer."""
    if isinstance(state, str) or isinstance(course.wanted, str) or isinstance(course.last, str):
        return False
    if course.last is None or state in (course.last, course.wanted):
        course.moved = course.moved or state == course.wanted
        return True
    if abs(course.wanted - state) <= abs(course.wanted - course.last) + _NOISE:
        course.moved, course.away = True, False
        return True
    # Before it obeys it may go on where it was going: one such word is let pass.
    patient = not course.moved and not course.away
    course.away = True
    return patient
