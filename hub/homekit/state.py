"""What the bridge must never forget, and who keeps it for it.

HomeKit knows rooms, names and automations by the ids below; HAP-python hands them out anew at
every start, so they are ours to keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from contracts.reading import SeriesKey, Value

__all__ = [
    "AccessoryRecord",
    "BridgeRecord",
    "HomeKitState",
    "Pairing",
    "PresenceRecord",
    "Saved",
    "StateChange",
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Pairing(_Record):
    """A paired controller. Keys and the identifier's bytes in hex; `admin` may manage others."""

    controller: str
    public_key: str
    admin: bool
    identifier: str


class BridgeRecord(_Record):
    """One HomeKit bridge of the set, numbered from 0. `private_key` is its Ed25519 seed in hex.

    `failed_pairings` are the wrong codes that it was told since it was paired or unlocked last.
    """

    number: int
    mac: str
    private_key: str
    pin: str
    setup_id: str
    config_version: int = 1
    accessories_hash: str | None = None
    next_aid: int = 2
    pairings: tuple[Pairing, ...] = ()
    failed_pairings: int = 0


class AccessoryRecord(_Record):
    """A device's place in HomeKit: its bridge, its aid, and the iid of every part of it.

    `iids` maps "<Service>.<index>" and "<Service>.<index>.<Characteristic>" to an iid; `named`
    lists the services whose name was written by HomeKit; `desired` has, by part, what HomeKit
    wrote to a sleeping device that has not confirmed it. A removed one keeps its ids, so that
    nobody else is given them; `gone` lists services that were removed from it. `widened` has, by
    part, the limits of what went beyond HAP's own.
    """

    device: str
    bridge: int
    aid: int
    serial: str
    iids: Mapping[str, int] = {}
    next_iid: int = 1
    named: frozenset[str] = frozenset()
    desired: Mapping[str, str] = {}
    removed: bool = False
    gone: frozenset[str] = frozenset()
    widened: Mapping[str, tuple[float, float]] = {}


class PresenceRecord(_Record):
    """When a device was last heard live and when it is due, in seconds since the epoch.

    `due` is None for a device that never is; `online` is what its last will says, None when it
    has none; `sleeps` says that it told when it wakes next.
    """

    device: str
    seen: float | None = None
    due: float | None = None
    online: bool | None = None
    sleeps: bool = False


@dataclass(slots=True)
class Saved:
    """Everything kept, as it is at start.

    `values` are as they were heard, not calibrated; `measured` says when, where that is known.
    """

    bridges: list[BridgeRecord] = field(default_factory=list)
    accessories: list[AccessoryRecord] = field(default_factory=list)
    values: dict[SeriesKey, Value] = field(default_factory=dict)
    presence: list[PresenceRecord] = field(default_factory=list)
    measured: dict[SeriesKey, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class StateChange:
    """What is new since the last save; kept as a whole or not at all.

    `forgotten` names devices whose record, values and presence go; it applies before the rest
    (a removed device's record comes back among the accessories). `values` are as they were heard,
    `measured` says when.
    """

    bridges: Iterable[BridgeRecord] = ()
    accessories: Iterable[AccessoryRecord] = ()
    values: Mapping[SeriesKey, Value] = field(default_factory=dict)
    presence: Iterable[PresenceRecord] = ()
    forgotten: Iterable[str] = ()
    measured: Mapping[SeriesKey, datetime] = field(default_factory=dict)


class HomeKitState(Protocol):
    """Where the state is kept. One for each tenant."""

    async def load(self) -> Saved:
        """Everything kept; empty at first."""
        ...

    async def save(self, change: StateChange) -> None:
        """Keep a change; it is durable when this returns."""
        ...
