"""Whether a device is there: what it said of itself, and when it was last heard live."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hub.homekit.state import PresenceRecord

__all__ = ["Patience", "Presence", "Presences", "ReportLike"]


class ReportLike(Protocol):
    """What the bridge reads of a `$report`."""

    @property
    def firmware(self) -> str | None:
        """Version of the firmware."""
        ...

    @property
    def model(self) -> str | None:
        """Kind of device."""
        ...

    @property
    def next_wake_s(self) -> float | None:
        """Seconds until it wakes again; None: it stays awake."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long silence is taken for sleep; all in seconds.

    `margin` and `share` of the announced sleep may pass after a device was due (an ESP8266's
    sleep clock is off by several percent, and a wake that found no WiFi counts as one missed).
    `unseen` goes for devices that announce nothing; `restart` is how long a device that was
    online when the hub stopped may take to be heard again.
    """

    margin: float = 60
    share: float = 0.2
    unseen: float = 3600
    restart: float = 900

    def due(self, now: float, next_wake: float) -> float:
        """When a device that wakes in `next_wake` seconds is late."""
        return now + next_wake * (1 + self.share) + self.margin


class Presence:
    """One device's presence. Only live messages count; a replayed retained one never does.

    `clock` is monotonic; what is kept is in seconds since the epoch. `silent_after` is how long a
    device may be silent by its rules; None: `patience` says.
    """

    def __init__(
        self,
        device: str,
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
        silent_after: Callable[[str], float | None] = lambda _: None,
    ) -> None:
        self.device = device
        self.seen: float | None = None
        self.sleeps = False
        self.online: bool | None = None
        self._due = -math.inf
        self._next_wake: float | None = None
        self._patience, self._clock, self._silent_after = patience, clock, silent_after

    @property
    def available(self) -> bool:
        """Whether a read in HomeKit is answered."""
        return self.online is not False and self._clock() < self._due

    @property
    def unreachable(self) -> bool:
        """Known to be offline, so that a command cannot arrive.

        A device that promised nothing may only be silent, and one that the broker holds to be
        online may have nothing to say: a command to it is worth trying.
        """
        return self.online is False or (self.sleeps and not self.available)

    @property
    def silence(self) -> float:
        """Seconds since it was last heard live; 0 when it never was."""
        return 0 if self.seen is None else self._clock() - self.seen

    def received(self, ago: float = 0) -> None:
        """A live message of the device, made so many seconds ago (it may have waited)."""
        now = self._clock() - max(ago, 0)
        if self.seen is not None and now < self.seen:
            return
        self.seen = now
        if self.sleeps and self._next_wake is not None:
            self._due = self._patience.due(now, self._next_wake)
        elif self.online:
            self._due = math.inf
        else:
            unseen = self._silent_after(self.device) or self._patience.unseen
            self._due = max(self._due, now + unseen)

    def will_wake(self, next_wake: float | None, *, live: bool, ago: float = 0) -> None:
        """It said, so many seconds ago, when it wakes next, or that it stays awake (None)."""
        self.sleeps, self._next_wake = next_wake is not None, next_wake
        if live:
            self.received(ago)

    def is_online(self, online: bool | None, *, live: bool, vouched: bool | None = None) -> None:
        """Its last will's topic said so; `vouched`: the broker that replays it has its session.

        A broker that holds a device's last will says so as soon as the session ends, so what it
        replays is true for as long as it has run. Where that is not known (None) it is believed of
        a device that was heard before; otherwise a message must bear it out. `online` is None where
        nobody knows any more: what counts then is when it was heard last.
        """
        self.online = online
        if online is None and self._due == math.inf and self.seen is not None:
            self._due = self.seen + (self._silent_after(self.device) or self._patience.unseen)
        if not online:
            return
        if live:
            self.received()
        elif vouched or (vouched is None and self.seen is not None):
            self._due = self._due if self.sleeps else math.inf
        else:
            self._due = max(self._due, self._clock() + self._patience.restart)

    def record(self) -> PresenceRecord:
        """What is kept, in seconds since the epoch."""
        offset = time.time() - self._clock()
        return PresenceRecord(
            device=self.device,
            seen=None if self.seen is None else offset + self.seen,
            due=None if math.isinf(self._due) else offset + self._due,
            online=self.online,
            sleeps=self.sleeps,
        )

    def restore(self, record: PresenceRecord) -> None:
        """Take up what was kept: a device that is not late yet need not be heard again first.

        A clock that was set in between (a Raspberry Pi has none of its own) cannot make anyone
        wait longer than `restart` or the whole of the announced sleep.
        """
        self.sleeps, self.online = record.sleeps, record.online
        if record.seen is None:
            return
        now, epoch = self._clock(), time.time()
        self.seen = now - max(epoch - record.seen, 0)
        if record.due is None:
            self._due = now + self._patience.restart
        else:
            self._due = now + min(record.due - epoch, record.due - record.seen)


class Presences:
    """The presence of every device that was heard or remembered."""

    def __init__(
        self, patience: Patience, silent_after: Callable[[str], float | None] = lambda _: None
    ) -> None:
        self._patience, self._silent_after = patience, silent_after
        self._devices: dict[str, Presence] = {}

    def of(self, device: str) -> Presence:
        """A device's, made when it has none."""
        presence = self._devices.get(device)
        if presence is None:
            presence = self._devices[device] = Presence(
                device, self._patience, silent_after=self._silent_after
            )
        return presence

    def forget(self, device: str) -> None:
        """A device was removed."""
        self._devices.pop(device, None)

    def available(self, device: str) -> bool:
        """Whether it is known and there."""
        return device in self._devices and self._devices[device].available

    def online(self, device: str) -> bool | None:
        """What its last will says; None when it has none."""
        return self._devices[device].online if device in self._devices else None

    def record(self, device: str) -> PresenceRecord | None:
        """What is kept of it; None when it is not known any more."""
        return self._devices[device].record() if device in self._devices else None

    def silent(self, after: float) -> list[tuple[str, float]]:
        """Who was silent for longer than `after` seconds, and for how long."""
        silences = [(device, presence.silence) for device, presence in self._devices.items()]
        return [(device, silence) for device, silence in silences if silence > after]
