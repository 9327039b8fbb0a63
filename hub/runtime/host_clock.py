"""This machine's clock: whether it may be wrong, and by how much it was when it is set.

A Raspberry Pi has no clock of its own: it starts in 1970, or hours behind with the time it last
wrote down, until it hears from a time server. What happened in between is dated by a clock that is
set afterwards. The kernel's boot clock (CLOCK_BOOTTIME: seconds since the start of the machine,
sleep included) is never set, so the difference of the two, the offset, says by how much.
"""

from __future__ import annotations

import ctypes
import json
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contracts.reading import ClockReference
from hub.runtime.log_events import EVENTS

__all__ = ["ClockStep", "HostClock", "kernel_is_synchronised"]

log = logging.getLogger(__name__)

# s: what a time server sets by less it slews, at no more than 0.5 ms a second.
STEP_S = 1.0
# s: a longer pause between two looks at the clocks is the scheduler's; they are looked at again.
_PAUSE_S = 0.05
# s: for an hour after its start or a step a clock may be set again, whatever the kernel says (in a
# container it speaks for another clock); one that nobody vouches for may be for a week, in which a
# line to the internet is mended. One that is known to be wrong is never right by waiting.
_SETTLED_S, _UNCONFIRMED_S = 3600.0, 7 * 86400.0
# s: for so long what nobody vouches for removes nothing either.
_DOUBTED_S = 86400.0
# No machine runs this in an earlier time (s since 1970).
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
# s: a machine that starts again goes on with the time that it wrote down, every hour or at its end.
_BEFORE_S, _AFTER_S = -7200.0, 600.0
_STEPS = 20
_TIME_ERROR = 5  # adjtimex(2): "the clock is not synchronized to a reliable server"
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The clock was set `by` seconds (back: negative), seen at `at` by its new time."""

    at: datetime
    by: float


def kernel_is_synchronised() -> bool:
    """Whether the kernel says that a time server has set the clock, and nobody else since.

    systemd-timesyncd's word counts where the kernel gives none: it stays when somebody sets the
    clock by hand.
    """
    # struct timex has 208 bytes on 64-bit machines, 128 on others; all zero it only asks.
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    return _TIMESYNCD.exists() if state < 0 else bool(state < _TIME_ERROR)


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


class HostClock:
    """The wall clock, compared with the boot clock whenever it is asked.

    `file` keeps what is known over restarts (`save`); without it nothing is kept. A handler given
    to `on_step` is called at once, within `now` or `check`.
    """

    def __init__(
        self,
        file: Path | None = None,
        *,
        wall: Callable[[], float] = time.time,
        boot: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        boot_id: Callable[[], str] = _boot_id,
        synchronised: Callable[[], bool] = kernel_is_synchronised,
    ) -> None:
        self._file, self._wall, self._boot = file, wall, boot
        self._synchronised = synchronised
        self._handlers: list[Callable[[ClockStep], None]] = []
        self.steps: deque[ClockStep] = deque(maxlen=_STEPS)
        """The last ones, oldest first."""
        self.boot = boot_id()
        self.former_boot: str | None = None
        """The machine's start before this one, when the file is of that."""
        self.continues: float | None = None
        """What makes that start's offsets this one's, s, where this clock goes on with that one."""
        self.behind_s = 0.0
        """How far the clock stands before a time at which a hub ran on the file."""
        self._offset = self._measured()
        self._since = boot()
        self._load()

    @property
    def reference(self) -> ClockReference:
        """By what is dated now."""
        return ClockReference(self.boot, self._offset)

    @property
    def synchronised(self) -> bool:
        """Whether a time server is known to have set the clock."""
        return self._synchronised()

    @property
    def settled(self) -> bool:
        """Whether what is dated now need not be noted for the case that the clock is set."""
        age = self._boot() - self._since
        if self._synchronised():
            return age > _SETTLED_S
        return age > _UNCONFIRMED_S and not self._known_wrong

    @property
    def doubtful(self) -> bool:
        """Whether what is old by this clock may well be of today."""
        if self._synchronised():
            return False
        return self._known_wrong or self._boot() - self._since < _DOUBTED_S

    @property
    def _known_wrong(self) -> bool:
        return self.behind_s >= STEP_S or self._wall() < _EARLIEST

    def now(self) -> datetime:
        """The time, aware, UTC."""
        self.check()
        return datetime.fromtimestamp(self._wall(), UTC)

    def on_step(self, handler: Callable[[ClockStep], None]) -> None:
        """Call `handler` when the clock was set."""
        self._handlers.append(handler)

    def correction(self, reference: ClockReference) -> timedelta:
        """What is to be added to a time found by `reference`; zero for another start's."""
        if reference.boot != self.boot or abs(self._offset - reference.offset) < STEP_S / 2:
            return timedelta(0)
        return timedelta(seconds=self._offset - reference.offset)

    def check(self) -> None:
        """See whether the clock was set since the last look."""
        measured = self._measured()
        by = measured - self._offset
        if abs(by) < STEP_S:
            return
        self._offset, self._since = measured, self._boot()
        # Set back, it was ahead before: who sets it knows better.
        self.behind_s = max(0.0, self.behind_s - max(0.0, by))
        step = ClockStep(datetime.fromtimestamp(self._wall(), UTC), by)
        self.steps.append(step)
        EVENTS.clock_set.log(by=round(by, 1))
        self.save()
        for handler in self._handlers:
            handler(step)

    def save(self) -> None:
        """Keep what is known in the file. A disk that does not take it is logged."""
        if self._file is None:
            return
        facts = {
            "boot": self.boot,
            "offset": self._offset,
            "since": self._since,
            "wall": self._wall() + self.behind_s,
            "last": self._wall(),
            "synchronised": self._synchronised(),
            "wrong": self._known_wrong,
            "steps": [{"at": step.at.isoformat(), "by": step.by} for step in self.steps],
        }
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(facts), "utf-8")
            fresh.chmod(0o600)
            fresh.replace(self._file)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._file, error.strerror)

    def _load(self) -> None:
        if self._file is None:
            return
        try:
            facts = json.loads(self._file.read_text("utf-8"))
            wall, since, offset = map(float, (facts["wall"], facts["since"], facts["offset"]))
            boot = str(facts["boot"])
            last = float(facts.get("last", wall))
            confirmed, wrong = facts.get("synchronised", True), facts.get("wrong", False)
            steps = [
                ClockStep(datetime.fromisoformat(one["at"]), float(one["by"]))
                for one in facts["steps"]
            ]
            if not all(map(math.isfinite, (wall, since, offset, last, *(s.by for s in steps)))):
                raise ValueError("a time without end")  # noqa: TRY301  # told as the others
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning("%s is damaged (%s): made anew", self._file, error)
            return
        self.steps.extend(steps)
        if boot == self.boot:
            # A step since then shows at the next look.
            self._offset, self._since = offset, since
            return
        self.former_boot = boot
        self.behind_s = max(0.0, wall - self._wall())
        gap = self._wall() - last
        if not (confirmed or self._synchronised()) and (wrong or _BEFORE_S < gap < _AFTER_S):
            self.continues = last - self._boot() - offset
        if self.behind_s:
            log.warning(
                "this machine's clock says %s, but a hub ran here at %s: readings are dated again "
                "when it is set",
                datetime.fromtimestamp(self._wall(), UTC),
                datetime.fromtimestamp(wall, UTC),
            )

    def _measured(self) -> float:
        while True:
            before = self._boot()
            wall = self._wall()
            after = self._boot()
            if after - before < _PAUSE_S:
                return wall - (before + after) / 2
