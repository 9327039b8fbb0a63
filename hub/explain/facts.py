"""What is known of devices: the values that an explanation is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from hub.device_settings.repository import SettingsVersion
from hub.explain.outages import Outage
from hub.mqtt.account_repository import AccountState
from hub.runtime.problems import Seen

__all__ = [
    "Day",
    "DeviceFacts",
    "LatestReading",
    "LostReadings",
    "RolloutStanding",
    "SiteDown",
    "Surroundings",
]


DAYS = 14
"""How far back trends look: two weeks show what a battery does."""

CHARGE_DAYS = 120
"""How far back the forecast of a battery looks: one that lasts a year falls 1 % in 4 days."""


@dataclass(frozen=True, slots=True)
class Day:
    """A device's reports of one day (UTC); millivolts, dBm, milliseconds. None: never said."""

    day: date
    reports: int
    battery_first: int | None
    battery_last: int | None
    rssi: float | None
    awake_ms: float | None
    watchdogs: int
    watchdog_at: datetime | None
    powers: int
    power_at: datetime | None


@dataclass(frozen=True, slots=True)
class LatestReading:
    """Newest reading of a device, and what its battery series say (None: it has none)."""

    at: datetime
    battery_percent: float | None
    battery_low: bool | None


@dataclass(frozen=True, slots=True)
class LostReadings:
    """Readings that will not come, of the boot identities heard in these days.

    `stored` came and are there; the first of either came at `since`, the last at `at`.
    """

    missing: int
    thinned: int
    stored: int
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class RolloutStanding:
    """Where a device stands in the last rollout that named it; `version` None: of settings."""

    rollout: int
    version: str | None
    phase: str
    rollout_reason: str
    rollout_wave: int
    wave: int
    state: str
    attempts: int
    reason: str
    since: datetime
    not_before: datetime | None
    health: str
    health_reason: str


@dataclass(frozen=True, slots=True)
class SiteDown:
    """A site that cannot be heard, `title` as people call it, and the devices that are there."""

    name: str
    title: str
    since: datetime
    place: int | None
    devices: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What only the running hub knows; each member takes a device.

    `names` are what HomeKit calls devices, `problems` what was refused of their messages by kind,
    `hidden_parts` why HomeKit is not shown parts of them, `desired` what HomeKit wrote and they
    have not confirmed, `online` what their last will says (None: they have none), `tunnels` the
    site whose tunnel is down, `cut_off` when it was before.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    problems: Callable[[str], Mapping[str, Seen]] = lambda _: {}
    hidden_parts: Callable[[str], Sequence[str]] = lambda _: ()
    desired: Callable[[str], Mapping[str, str]] = lambda _: {}
    online: Callable[[str], bool | None] = lambda _: None
    outages: Sequence[Outage] = ()
    tunnels: Mapping[str, SiteDown] = field(default_factory=dict)
    cut_off: Mapping[str, Sequence[Outage]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """All that is known of one device; None where nothing is.

    `seen_at` is the newest of its reports and readings, `next_wake_at` when its last report said
    it would wake (None: it stays awake, or never said).
    `levels` are the battery's by day where no voltage is told, `charges` always and for longer.
    """

    device: str
    name: str | None = None
    place: str | None = None
    created_at: datetime | None = None
    account: AccountState | None = None
    account_at: datetime | None = None
    account_changed_at: datetime | None = None
    seen_at: datetime | None = None
    next_wake_at: datetime | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    report_at: datetime | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    rollout: RolloutStanding | None = None
    replaced_by: tuple[str, datetime] | None = None
    last_reading: LatestReading | None = None
    days: Sequence[Day] = ()
    levels: Sequence[tuple[date, float]] = ()
    charges: Sequence[tuple[date, float]] = ()
    lost: LostReadings | None = None
    config: SettingsVersion | None = None
    problems: Mapping[str, Seen] = field(default_factory=dict)
    hidden_parts: Sequence[str] = ()
    desired: Mapping[str, str] = field(default_factory=dict)
    online: bool | None = None
    outages: Sequence[Outage] = ()
    tunnel: SiteDown | None = None
