"""What a virtual device is doing and has done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Statistics", "TwinState"]


class TwinState(StrEnum):
    """What a virtual device is doing."""

    OFF = "off"
    AWAKE = "awake"
    ASLEEP = "asleep"
    CRASHED = "crashed"
    PROMPT = "prompt"
    UPDATING = "updating"


@dataclass(slots=True)
class Statistics:
    """What a virtual device has done since it was made.

    `cycles` counts wakes that ended in deep sleep, `complaints` those among them in which the
    firmware printed something (a broker that does not answer), `resets` wakes that ended in a
    reset of the firmware's own, `failures` those that ended in any other way. `awake_ms` is how
    long the VM lived last, its start (about 15 ms) included.
    """

    state: TwinState = TwinState.OFF
    boots: int = 0
    cycles: int = 0
    complaints: int = 0
    resets: int = 0
    failures: int = 0
    awake_ms: float | None = None
    sleep_s: float | None = None
    last_error: str | None = None
    last_complaint: str | None = None
