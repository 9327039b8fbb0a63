"""One device takes another's place: a broken sensor's successor continues its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg.types.json import Jsonb

from hub.database.database import Connection, TenantDatabase
from hub.database.queries import Queries
from hub.devices.changes import acting
from hub.errors import HubError

__all__ = ["NoSuchDeviceError", "ReplacedDevice", "replace_device"]

_QUERIES = Queries.of("hub.devices")


class NoSuchDeviceError(HubError):
    """The database has no such device."""

    http_status = 404

    def __init__(self, device: str) -> None:
        super().__init__(f"there is no device {device!r}: `dormouse status` lists them")
        self.device = device


@dataclass(frozen=True, slots=True)
class ReplacedDevice:
    """What became of what was known of two devices.

    `apart` names what is kept of what the successor measured before (None: nothing), `ended` the
    series (Service/Characteristic) whose calibration ended with the old chip.
    """

    apart: str | None
    ended: list[str]


async def replace_device(
    database: TenantDatabase, old: str, new: str, *, who: str, keep_calibration: bool = False
) -> ReplacedDevice:
    """The device known as `old`, with its series, name and place, is `new` from now on.

    What `new` measured as a device of its own before stays apart, in no place from now on. What
    the old chip was calibrated by ends with it, unless `keep_calibration`; what the new one was
    calibrated by goes on. Recorded in the device's history and in its attributes. Raises
    NoSuchDeviceError for `old`.
    """
    now = datetime.now(UTC)
    async with database.transaction() as conn:
        device = await _number(conn, old)
        if device is None:
            raise NoSuchDeviceError(old)
        successor = await _number(conn, new)
        await acting(conn, who, f"{new} replaces {old}")
        apart = None
        if successor is not None:
            # 64 characters at most, as for every device.
            apart = f"{new[:46]}-{now:%Y%m%dT%H%M%SZ}"
            await conn.execute(_QUERIES["set_apart"], [apart, successor])
            await conn.execute(_QUERIES["take_deliveries"], [device, successor])
        await conn.execute(_QUERIES["rename_device"], [new, device])
        fact = {"old": old, "new": new, "at": now.isoformat(), "apart": apart}
        note = Jsonb({"replacements": [fact]})
        await conn.execute(_QUERIES["note_replacement"], {"id": device, "note": note})
        ended: list[str] = []
        if not keep_calibration:
            ended = await _recalibrate(conn, device, successor, now)
    return ReplacedDevice(apart, ended)


async def _recalibrate(
    conn: Connection, device: int, successor: int | None, now: datetime
) -> list[str]:
    """End the old chip's calibrations, begin the new one's; the series of those that ended."""
    facts = {"device": device, "successor": successor, "now": now}
    rows = await (await conn.execute(_QUERIES["calibrated_now"], facts)).fetchall()
    await conn.execute(_QUERIES["forget_later_calibrations"], facts)
    await conn.execute(_QUERIES["end_calibrations"], facts)
    if successor is not None:
        await conn.execute(_QUERIES["make_successors_series"], facts)
        await conn.execute(_QUERIES["take_calibrations"], facts)
    return [row[0] for row in rows]


async def _number(conn: Connection, key: str) -> int | None:
    row = await (await conn.execute(_QUERIES["hold_device_number"], [key])).fetchone()
    return None if row is None else int(row[0])
