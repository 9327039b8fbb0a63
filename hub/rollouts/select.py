"""Which devices a rollout is for."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from hub.database.database import TenantDatabase
from hub.database.queries import Queries, Query
from hub.devices.documents import devices_where
from hub.devices.known import DeviceUnknownError, known_devices, near
from hub.rollouts.errors import BadRequestError, NoDevicesError

__all__ = ["Selection", "select"]

_QUERIES = Queries.of("hub.rollouts")


class Selection(BaseModel):
    """Devices by name, by place (with all places in it), by jsonpath, or all; taken together.

    `place` is a place's number, its name where only one place has it, or its path: House/Kitchen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    devices: tuple[str, ...] = Field((), max_length=100_000)
    place: str | None = Field(None, max_length=2000)
    where: str | None = Field(None, max_length=1000)
    all: bool = False


async def select(database: TenantDatabase, selection: Selection) -> list[str]:
    """The devices, those that were named first and in that order.

    Raises DeviceUnknownError, BadRequestError for a place that is none or not the only one,
    PathError, NoDevicesError.
    """
    devices: list[str] = list(selection.devices)
    if devices:
        known = await known_devices(database)
        for device in devices:
            if device not in known:
                raise DeviceUnknownError(device, near(device, known))
    if selection.place is not None:
        devices += await _within(database, selection.place)
    if selection.where is not None:
        devices += await devices_where(database, selection.where)
    if selection.all:
        devices += await _rows(database, _QUERIES["devices_with_firmware"])
    if not devices:
        if selection.all or selection.place is not None or selection.where is not None:
            raise NoDevicesError("no device matches; a device is known by its reports")
        raise NoDevicesError
    return list(dict.fromkeys(devices))


async def _within(database: TenantDatabase, place: str) -> list[str]:
    async with database.transaction() as conn:
        places = await (await conn.execute(_QUERIES["paths_of_places"])).fetchall()
    fitting = [row for row in places if place in {str(row[0]), row[1], row[2]}]
    exact = [row for row in fitting if row[2] == place]
    if len(exact or fitting) != 1:
        which = ", ".join(row[2] for row in (fitting or places)[:5])
        what = "several places are called" if fitting else "there is no place"
        raise BadRequestError(f"{what} {place[:60]!r}" + (f": {which}" if which else ""))
    return await _rows(database, _QUERIES["devices_within"], [(exact or fitting)[0][0]])


async def _rows(
    database: TenantDatabase, query: Query, parameters: Sequence[object] = ()
) -> list[str]:
    async with database.transaction() as conn:
        return [row[0] for row in await (await conn.execute(query, parameters)).fetchall()]
