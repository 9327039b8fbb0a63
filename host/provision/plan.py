"""What one device shall be: checked against its board before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from host import boards
from host.boards import Board
from host.errors import UnknownBoardError
from host.provision import drivers
from host.provision.drivers import SensorDriver
from host.provision.errors import PlanError
from host.sources import INSTALLED, Sources

__all__ = [
    "HubEndpoint",
    "ProvisioningPlan",
    "Wifi",
    "check_board",
    "check_sensor",
    "check_sensors",
    "settings",
]

_WAKE_PIN = 16
_DAY_S = 86400


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Wifi(_Part):
    """A network; `key` is "" for an open one."""

    ssid: str = Field(min_length=1, max_length=32)
    key: str = Field("", max_length=64, pattern=r"^(.{8,64})?$", repr=False)


class HubEndpoint(_Part):
    """Where the device reports: an address and its two ports."""

    host: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
    port: int = Field(1883, ge=1, le=65535)
    enrol_port: int = Field(1884, ge=1, le=65535)


class ProvisioningPlan(_Part):
    """One device. `sensors` are entries as the firmware's settings have them, with GPIO numbers.

    `interval` in seconds. `place` is a path from the outside in: "House / Kitchen". `ota_key` is
    the fingerprint of the only key whose updates the device takes, "" for any.
    """

    board: str
    wifi: Wifi
    hub: HubEndpoint
    name: str = Field("", max_length=64)
    place: str = Field("", max_length=200, pattern=r"^([^/]{1,100}(/[^/]{1,100}){0,9})?$")
    model: str = Field("sensor", min_length=1, max_length=32)
    interval: int = Field(300, ge=1, le=30 * _DAY_S)
    sensors: list[dict[str, Any]] = Field(default_factory=list)
    switch: bool = False
    ota_key: str = Field("", pattern=r"^([0-9a-f]{16})?$")


def check_board(text: str, sources: Sources = INSTALLED) -> Board:
    """The board of that id. Raises PlanError, which names the known ones."""
    try:
        return boards.get(text, sources.boards)
    except UnknownBoardError as error:
        raise PlanError("board", str(error)) from None


def settings(plan: ProvisioningPlan, board: Board, sources: Sources = INSTALLED) -> dict[str, Any]:
    """The device's settings.json (docs/device.md). Raises PlanError for what `board` cannot do."""
    device_settings: dict[str, Any] = {
        "ssid": plan.wifi.ssid,
        "key": plan.wifi.key,
        "host": plan.hub.host,
        "port": plan.hub.port,
        "enrol_port": plan.hub.enrol_port,
        "name": plan.name,
        "model": plan.model,
        "interval": plan.interval,
        "sensors": check_sensors(plan.sensors, board, sources),
    }
    if plan.ota_key:
        device_settings["ota_key"] = plan.ota_key
    if plan.switch:
        if board.switch is None:
            raise PlanError("switch", f"{board.name} has no relay")
        device_settings["switch"] = board.switch.model_dump()
    return device_settings


def check_sensors(
    entries: Sequence[Mapping[str, Any]], board: Board, sources: Sources = INSTALLED
) -> list[dict[str, Any]]:
    """The entries with GPIO numbers for labels. Raises PlanError, with `sensors[0].pin` and why."""
    known = drivers.known(sources.drivers)
    checked: list[dict[str, Any]] = []
    used: dict[int, tuple[str, str]] = {}
    for index, entry in enumerate(entries):
        where = f"sensors[{index}]"
        sensor = check_sensor(entry, board, where, known)
        driver = known[sensor["driver"]]
        # Sensors on one bus say by their address or ROM who is meant.
        identity = str(sensor.get(driver.bus, "")) if driver.bus else f"#{index}"
        for name in driver.pins:
            other = used.get(sensor[name])
            if other and (other[0] != driver.id or other[1] == identity or not driver.bus):
                taken = board.label(sensor[name])
                raise PlanError(
                    f"{where}.{name}", f"{taken} is taken by another sensor ({other[0]})"
                )
        used |= {sensor[name]: (driver.id, identity) for name in driver.pins}
        checked.append(sensor)
    if sum(entry["driver"] == "battery" for entry in checked) > 1:
        raise PlanError("sensors", "there is one battery only")
    return checked


def check_sensor(
    entry: Mapping[str, Any], board: Board, where: str, known: Mapping[str, SensorDriver]
) -> dict[str, Any]:
    """One entry with GPIO numbers for labels. Raises PlanError for anything that is not allowed."""
    id_ = entry.get("driver")
    driver = known.get(id_) if isinstance(id_, str) else None
    if driver is None or driver.id not in board.sensors:
        allowed = ", ".join(board.sensors) or "none"
        why = "there is no sensor" if driver is None else f"{board.name} does not carry"
        raise PlanError(f"{where}.driver", f"{why} {id_!r}; allowed on {board.name}: {allowed}")
    sensor: dict[str, Any] = {"driver": driver.id}
    for name in driver.pins:
        sensor[name] = _pin(entry.get(name), board, f"{where}.{name}")
    if len({sensor[name] for name in driver.pins}) < len(driver.pins):
        raise PlanError(where, f"{', '.join(driver.pins)} must be different pins")
    for name, value in entry.items():
        if name not in sensor:
            sensor[name] = _option(driver, name, value, where)
    if driver.id == "battery" and board.battery_mv and "scale_mv" not in sensor:
        sensor["scale_mv"] = board.battery_mv
    return sensor


def _pin(value: object, board: Board, where: str) -> int:
    gpio = board.gpio(str(value)) if isinstance(value, (str, int)) else None
    if gpio is not None and gpio == _WAKE_PIN:
        raise PlanError(where, f"{board.label(gpio)} wakes the device and can carry no sensor")
    if gpio is None:
        usable = [board.label(pin) for pin in sorted(board.pins.values()) if pin != _WAKE_PIN]
        reason = "no pin is given" if value is None else f"{board.name} has no pin {value!r}"
        raise PlanError(where, f"{reason}; allowed: {', '.join(usable)}")
    return gpio


def _option(driver: SensorDriver, name: str, value: object, where: str) -> object:
    if name not in driver.options:
        allowed = ", ".join(("driver", *driver.pins, *driver.options))
        raise PlanError(f"{where}.{name}", f"{driver.id} has no such setting; allowed: {allowed}")
    bounds = driver.options[name]
    if not bounds:
        if isinstance(value, str) and re.fullmatch(r"[0-9A-Fa-f]{16}", value):
            return value.lower()
        raise PlanError(f"{where}.{name}", f"{value!r} is not 16 hexadecimal digits")
    if isinstance(value, bool) or not isinstance(value, int) or not bounds[0] <= value <= bounds[1]:
        raise PlanError(
            f"{where}.{name}", f"{value!r} is not a whole number from {bounds[0]} to {bounds[1]}"
        )
    return value
