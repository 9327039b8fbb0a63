"""Commands to devices: a value for something that can be written, from a page or the API."""

from __future__ import annotations

from contracts.homekit.definitions import CHARACTERISTICS
from contracts.homekit.values import BadValue, parse
from contracts.reading import SeriesKey, Value
from hub.database.database import Database
from hub.devices.glance import glance
from hub.devices.known import DeviceUnknownError
from hub.errors import HubError
from hub.homekit.service import HomeKitService

__all__ = ["InvalidValueError", "NotWritableError", "SeriesUnknownError", "send_value", "writable"]


class SeriesUnknownError(HubError):
    """A device has no such series."""

    http_status = 404

    def __init__(self, key: SeriesKey) -> None:
        self.key = key
        super().__init__(f"{key.device} has no {key.name}")


class NotWritableError(HubError):
    """A characteristic that can only be read, or that its device lets nobody set."""

    def __init__(self, key: SeriesKey) -> None:
        self.key = key
        super().__init__(f"{key.characteristic} can only be read: a device says it, nobody sets it")


class InvalidValueError(HubError):
    """A value that the characteristic cannot have."""

    http_status = 422


def writable(key: SeriesKey) -> bool:
    """Whether a device may be sent a value for a series."""
    characteristic = CHARACTERISTICS.get(key.characteristic)
    return (
        characteristic is not None
        and characteristic.writable
        and characteristic.name not in {"Name", "ConfiguredName"}
    )


async def send_value(
    store: Database, homekit: HomeKitService, tenant: str, key: SeriesKey, value: Value
) -> tuple[Value, bool]:
    """Send a tenant's device a value; the value in its format, and whether it was sent at once.

    A device that sleeps gets it when it wakes; a controller in HomeKit sees what one of its own
    would have caused. Raises DeviceUnknownError, SeriesUnknownError, NotWritableError,
    InvalidValueError, UnknownDeviceError (HomeKit holds it back), UnreachableDeviceError.
    """
    devices = (await glance(store.of(tenant), key.device)).devices
    if not devices:
        raise DeviceUnknownError(key.device)
    if key not in {one.series for one in devices[0].values}:
        raise SeriesUnknownError(key)
    if not writable(key):
        raise NotWritableError(key)
    try:
        checked = parse(key.service, key.characteristic, value)
    except BadValue as bad:
        raise InvalidValueError(str(bad)) from None
    if not homekit.runs(tenant):
        raise DeviceUnknownError(key.device)
    if not homekit.settable(tenant, key):
        raise NotWritableError(key)
    return checked, await homekit.send(tenant, key, checked)
