"""What one device shall be: checked against its board before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from contracts import wifi
from contracts.hosts import MAX_HOST, host_problem
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
# What there is one of, by bus.
_SINGLE = {"adc": "ADC", "uart": "UART that can listen"}
# Where the UART speaks, by where it listens.
_UART_RX, _UART_TX = 3, {3: 1, 13: 15}
_SPI_PINS = {"sck": 14, "miso": 12, "mosi": 13}
# firmware/dormouse/sensors/battery.py has these.
_EMPTY_MV, _FULL_MV = 2400, 3200
_DAY_S = 86400


def _checked(problem: Callable[[str], str]) -> AfterValidator:
    """Refuses what `problem` has a text for."""

    def check(text: str) -> str:
        if said := problem(text):
            raise PydanticCustomError("refused", "{said}", {"said": said})
        return text

    return AfterValidator(check)


def _control_problem(text: str) -> str:
    return "has characters that nobody sees" if wifi.has_control(text) else ""


_Text = Annotated[str, _checked(_control_problem)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Wifi(_Part):
    """A network; `key` is "" for an open one, and never left out: it could be forgotten."""

    ssid: Annotated[str, _checked(wifi.ssid_problem)]
    key: Annotated[str, _checked(wifi.key_problem)] = Field(repr=False)


class HubEndpoint(_Part):
    """Where the device reports: an address, a name or NAME.local, and its two ports."""

    host: Annotated[str, _checked(host_problem)] = Field(min_length=1, max_length=MAX_HOST)
    port: int = Field(1883, ge=1, le=65535)
    enrol_port: int = Field(1884, ge=1, le=65535)


class ProvisioningPlan(_Part):
    """One device. `sensors` are entries as the firmware's settings have them, with GPIO numbers.

    `interval` in seconds. `place` is a path from the outside in: "House / Kitchen". `plain`: values
    go to topics of their own too, for other programs than the hub; None leaves that as it is.
    `ota_key` is the fingerprint of the only key whose updates the device takes, "" for any.
    """

    board: str
    wifi: Wifi
    hub: HubEndpoint
    name: _Text = Field("", max_length=64)
    place: _Text = Field("", max_length=64, pattern=r"^([^/]{1,100}(/[^/]{1,100}){0,9})?$")
    model: _Text = Field("sensor", min_length=1, max_length=32)
    interval: int = Field(300, ge=1, le=30 * _DAY_S)
    sensors: list[dict[str, Any]] = Field(default_factory=list)
    switch: bool = False
    plain: bool | None = None
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
    if plan.plain is not None:
        device_settings["plain"] = plan.plain
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
    for index, entry in enumerate(entries):
        where = f"sensors[{index}]"
        sensor = check_sensor(entry, board, where, known)
        for other in checked:
            _check_together(sensor, other, board, where, known)
        checked.append(sensor)
    return checked


def _check_together(
    sensor: Mapping[str, Any],
    other: Mapping[str, Any],
    board: Board,
    where: str,
    known: Mapping[str, SensorDriver],
) -> None:
    """Raise PlanError when two sensors want what only one can have."""
    driver, first = known[sensor["driver"]], known[other["driver"]]
    if driver.bus in _SINGLE and driver.bus == first.bus:
        if driver.id == first.id == "battery":
            raise PlanError("sensors", "there is one battery only")
        raise PlanError(where, f"there is one {_SINGLE[driver.bus]}, and {first.id} uses it")
    taken = _wired(other, first)
    for name, gpio in _wired(sensor, driver).items():
        if gpio in taken.values() and not _shared(sensor, driver, other, first):
            raise PlanError(
                f"{where}.{name}", f"{board.label(gpio)} is taken by another sensor ({first.id})"
            )


def _wired(sensor: Mapping[str, Any], driver: SensorDriver) -> dict[str, int]:
    """The pins that a sensor uses, by setting."""
    pins = {name: sensor[name] for name in (*driver.pins, *driver.wired) if name in sensor}
    if driver.bus == "uart":
        # Swapped, the chip's UART takes another pin for what it says.
        rx = pins.setdefault("rx", _UART_RX)
        pins["tx"] = _UART_TX[rx]
    return pins | (_SPI_PINS if driver.bus == "spi" else {})


def _shared(
    sensor: Mapping[str, Any],
    driver: SensorDriver,
    other: Mapping[str, Any],
    first: SensorDriver,
) -> bool:
    """Whether two sensors are told apart on one bus by their address or ROM."""
    if not driver.bus or driver.bus != first.bus:
        return False
    same_pins = driver.bus == "spi" or all(sensor[name] == other.get(name) for name in driver.pins)
    one = sensor.get(driver.identity, driver.usual)
    return same_pins and one != other.get(first.identity, first.usual)


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
            usable = _pin(value, board, f"{where}.{name}") if name in driver.wired else value
            sensor[name] = _option(driver, name, usable, where)
    if driver.bus == "uart" and sensor.get("rx", _UART_RX) not in _UART_TX:
        listening = " or ".join(board.label(pin) for pin in _UART_TX)
        raise PlanError(f"{where}.rx", f"the chip's UART can listen at {listening} only")
    if driver.id == "battery":
        _check_battery(sensor, board, where)
    return sensor


def _check_battery(sensor: dict[str, Any], board: Board, where: str) -> None:
    """Complete a battery's entry by what the board can measure. Raises PlanError."""
    if board.battery_mv:
        sensor.setdefault("scale_mv", board.battery_mv)
    if "scale_mv" not in sensor:
        raise PlanError(
            f"{where}.scale_mv",
            f"{board.name} has no divider: its ADC reads up to 1.0 V. With a divider of your own "
            "say how many millivolts at the battery that is; without one leave the battery out",
        )
    empty, full = sensor.get("empty_mv", _EMPTY_MV), sensor.get("full_mv", _FULL_MV)
    if sensor["scale_mv"] <= empty:
        reads = f"the ADC reads up to {sensor['scale_mv']} mV, and empty_mv is {empty}"
        raise PlanError(f"{where}.scale_mv", f"{reads}: it would be beyond it for ever")
    if full <= empty:
        raise PlanError(f"{where}.full_mv", f"{full} is not above empty_mv, which is {empty}")


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
