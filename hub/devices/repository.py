"""What a device last said of itself, and what it has delivered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from hub.database.database import TenantDatabase
from hub.database.queries import Queries

__all__ = ["DeviceRepository", "SequenceGaps"]

_QUERIES = Queries.of("hub.devices")


@dataclass(frozen=True, slots=True)
class SequenceGaps:
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


class DeviceRepository:
    """The devices of one tenant."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def names(self) -> dict[str, str]:
        """What people call the devices, by id; those that nobody named are left out."""
        async with self._database.transaction() as conn:
            rows = await conn.execute(_QUERIES["device_names"])
            return dict(await rows.fetchall())

    async def add(self, device: str, name: str | None = None, place: int | None = None) -> None:
        """Make a device that was not heard yet."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["add_device"], [device, name, place])

    async def report(
        self, device: str, report: Mapping[str, Any], at: datetime, next_wake_s: float | None
    ) -> None:
        """Keep the `$report` of a device, which is made when it is new.

        `at` is when it was sent; an older report than the kept one changes nothing. `next_wake_s`
        is None for a device that stays awake.
        """
        facts = {
            "device": device,
            "at": at,
            "next_wake": next_wake_s,
            "report": Jsonb(dict(report)),
            "battery": _whole(report.get("battery_mv")),
            "rssi": _whole(report.get("rssi")),
            "awake": _whole(report.get("awake_ms")),
            "heap": _whole(report.get("heap_free")),
            "reset": str(report.get("reset", "")),
            "firmware": str(report.get("firmware") or "")[:64],
        }
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["ensure_device"], facts)
            await conn.execute(_QUERIES["keep_report"], facts)
            if facts["firmware"]:
                await conn.execute(_QUERIES["keep_firmware"], facts)

    async def lost(self, device: str, boot: str, lost: int) -> None:
        """Keep how many readings of a boot identity the device says it has thinned out."""
        facts = {"device": device, "boot": boot, "lost": lost}
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["ensure_device"], facts)
            await conn.execute(_QUERIES["keep_lost"], facts)

    async def gaps(self, device: str | None = None) -> list[SequenceGaps]:
        """What is missing, by device and boot identity, the oldest first."""
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["gaps"], {"device": device})).fetchall()
        return [
            SequenceGaps(key, boot, last, held, [(a, b) for a, b in missing], lost)
            for key, boot, last, held, missing, lost in rows
        ]

    async def attributes(self, device: str, values: Mapping[str, Any]) -> None:
        """Merge values into the device's free attributes; None removes one."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["ensure_device"], {"device": device})
            await conn.execute(
                _QUERIES["merge_attributes"],
                {"device": device, "values": Jsonb(dict(values))},
            )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
