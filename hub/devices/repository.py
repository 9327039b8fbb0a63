"""What a device last said of itself, and what it has delivered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.reading import ClockReference
from hub.database.arrays import Column, float8s, instants, int4s, texts
from hub.database.database import TenantDatabase
from hub.database.queries import Queries

__all__ = ["BootGaps", "DeviceRepository", "ReceivedReport"]

_QUERIES = Queries.of("hub.devices")
# Made once: json.dumps makes one at each call that wants something of its own.
_encode = json.JSONEncoder().encode


@dataclass(frozen=True, slots=True)
class BootGaps:
    """One boot identity of a device: what was delivered of its sequence numbers 1..last.

    `missing` are the ranges [first, last] that never came; `lost` is how many readings the device
    says it thinned out itself, `unexplained` how many are missing beyond those.
    """

    device: str
    boot: str
    last: int
    held: int
    missing: list[tuple[int, int]]
    lost: int

    @property
    def unexplained(self) -> int:
        """Missing readings that the device does not own up to."""
        return max(0, sum(b - a + 1 for a, b in self.missing) - self.lost)


@dataclass(frozen=True, slots=True, eq=False)
class ReceivedReport:
    """A `$report` as it came: sent at `at`, by `clock`; see DeviceRepository.report."""

    device: str
    report: Mapping[str, Any]
    at: datetime
    next_wake_s: float | None
    clock: ClockReference | None = None


class DeviceRepository:
    """The devices of one tenant."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def names(self) -> dict[str, str]:
        """What people call the devices, by id; those that nobody named are left out."""
        async with self._database.transaction() as conn:
            found = await conn.execute(_QUERIES["device_names"])
            return dict(await found.fetchall())

    async def place_paths(self) -> dict[str, list[str]]:
        """Where the devices are, by id: the names of places from the outside in."""
        async with self._database.transaction() as conn:
            found = await conn.execute(_QUERIES["places_of_devices"])
            return dict(await found.fetchall())

    async def add(self, device: str, name: str | None = None, place: int | None = None) -> None:
        """Make a device that was not heard yet."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["add_device"], [device, name, place])

    async def report(
        self,
        device: str,
        report: Mapping[str, Any],
        at: datetime,
        next_wake_s: float | None,
        clock: ClockReference | None = None,
    ) -> None:
        """Keep the `$report` of a device, which is made when it is new.

        `at` is when it was sent, by `clock`; an older report than the kept one changes nothing.
        `next_wake_s` is None for a device that stays awake.
        """
        await self.reports([ReceivedReport(device, report, at, next_wake_s, clock)])

    async def reports(self, received: Sequence[ReceivedReport]) -> None:
        """Keep several, as `report` does, in one transaction."""
        rest = list(received)
        async with self._database.transaction(pipelined=True) as conn:
            while rest:
                first = {one.device: one for one in reversed(rest)}
                facts = _columns(list(first.values()))
                await conn.execute(_QUERIES["ensure_devices"], facts)
                await conn.execute(_QUERIES["keep_reports"], facts)
                await conn.execute(_QUERIES["keep_firmwares"], facts)
                rest = [one for one in rest if first[one.device] is not one]

    async def last_report(self, device: str) -> Mapping[str, Any] | None:
        """The report that is kept of a device; None without one."""
        async with self._database.transaction() as conn:
            found = await conn.execute(_QUERIES["last_report"], {"device": device})
            row = await found.fetchone()
        return row[0] if row else None

    async def lost(self, device: str, boot: str, lost: int) -> None:
        """Keep how many readings of a boot identity the device says it has thinned out."""
        await self.losses([(device, boot, lost)])

    async def losses(self, said: Sequence[tuple[str, str, int]]) -> None:
        """Keep several (device, boot identity, readings lost), in one transaction."""
        devices, boots, lost = (list(column) for column in zip(*said, strict=True))
        facts = {"devices": devices, "boots": boots, "lost": lost}
        async with self._database.transaction(pipelined=True) as conn:
            await conn.execute(_QUERIES["ensure_devices"], facts)
            await conn.execute(_QUERIES["keep_losses"], facts)
            await conn.execute(_QUERIES["forget_boots"], facts)

    async def received(
        self, boots: Sequence[tuple[str, str]], most: int
    ) -> dict[tuple[str, str], list[tuple[int, int]]]:
        """The ranges [first, last] of sequence numbers that came of each (device, boot identity).

        The lowest `most` of them; one of which nothing came is left out.
        """
        devices, identities = [device for device, _ in boots], [boot for _, boot in boots]
        async with self._database.transaction() as conn:
            asked = [most, texts(devices), texts(identities)]
            found = await conn.execute(_QUERIES["received"], asked)
            return {
                (device, boot): [(first, last) for first, last in ranges]
                for device, boot, ranges in await found.fetchall()
            }

    async def gaps(self, device: str | None = None) -> list[BootGaps]:
        """What is missing, by device and boot identity, the oldest first."""
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["gaps"], {"device": device})).fetchall()
        return [
            BootGaps(key, boot, last, held, [(a, b) for a, b in missing], lost)
            for key, boot, last, held, missing, lost in rows
        ]


def _columns(received: Sequence[ReceivedReport]) -> dict[str, Column]:
    """The parameters of keep_reports and keep_firmwares."""

    def numbers(member: str) -> Column:
        return int4s([_whole(one.report.get(member)) for one in received])

    clocks = [one.clock for one in received]
    return {
        "devices": texts([one.device for one in received]),
        "ats": instants([one.at for one in received]),
        "next_wakes": float8s([one.next_wake_s for one in received]),
        "reports": texts([_encode(dict(one.report)) for one in received]),
        "batteries": numbers("battery_mv"),
        "rssis": numbers("rssi"),
        "awakes": numbers("awake_ms"),
        "heaps": numbers("heap_free"),
        "resets": texts([str(one.report.get("reset", "")) for one in received]),
        "firmwares": texts([str(one.report.get("firmware") or "")[:64] for one in received]),
        "clock_boots": texts([clock and clock.boot for clock in clocks]),
        "clock_offsets": float8s([clock and clock.offset for clock in clocks]),
    }


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
