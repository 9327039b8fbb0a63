"""What virtual devices can be: their settings, and the world that fits them."""

from __future__ import annotations

import random
from enum import StrEnum
from itertools import cycle, islice
from typing import Any

from host.twin.hub import HubAddress
from host.twin.world import World

__all__ = ["Choice", "TwinKind", "equip", "expected", "kinds"]


class TwinKind(StrEnum):
    """A sensor that sleeps, or a relay switch that stays awake."""

    DS18B20 = "ds18b20"
    BME280 = "bme280"
    DHT22 = "dht22"
    SWITCH = "switch"


class Choice(StrEnum):
    """A kind, or all of them by turns."""

    DS18B20 = "ds18b20"
    BME280 = "bme280"
    DHT22 = "dht22"
    SWITCH = "switch"
    MIXED = "mixed"


_SSID = "dormouse"
_KEY = "virtual devices"
_DAY_S = 600  # ten minutes, so that a demonstration shows something move

# Pins as people wire a NodeMCU and as they are in a Sonoff Basic.
_SETTINGS: dict[TwinKind, dict[str, Any]] = {
    TwinKind.DS18B20: {"sensors": [{"driver": "ds18b20", "pin": 4}, {"driver": "battery"}]},
    TwinKind.BME280: {"sensors": [{"driver": "bme280", "scl": 5, "sda": 4}, {"driver": "battery"}]},
    TwinKind.DHT22: {"sensors": [{"driver": "dht22", "pin": 14}, {"driver": "battery"}]},
    TwinKind.SWITCH: {"switch": {"relay": 12, "button": 0, "led": 13}},
}

_EXPECTED = {
    TwinKind.DS18B20: ("TemperatureSensor/CurrentTemperature",),
    TwinKind.BME280: (
        "TemperatureSensor/CurrentTemperature",
        "HumiditySensor/CurrentRelativeHumidity",
        "AirPressureSensor/AirPressure",
    ),
    TwinKind.DHT22: (
        "TemperatureSensor/CurrentTemperature",
        "HumiditySensor/CurrentRelativeHumidity",
    ),
    TwinKind.SWITCH: ("Switch/On",),
}


def kinds(choice: Choice, count: int) -> list[TwinKind]:
    """`count` devices of the chosen kind; mixed ones are sensors and switches by turns."""
    kinds = list(TwinKind) if choice is Choice.MIXED else [TwinKind(choice)]
    return list(islice(cycle(kinds), count))


def expected(kind: TwinKind) -> list[tuple[str, str]]:
    """(service, characteristic) of every value that a device of this kind measures."""
    return [(service, name) for service, name in (topic.split("/") for topic in _EXPECTED[kind])]


def equip(
    kind: TwinKind, hub: HubAddress, *, interval: float, seed: int
) -> tuple[dict[str, Any], World]:
    """Settings for the device's flash, and its world; devices of different seeds differ."""
    chance = random.Random(seed)  # noqa: S311  # the weather in a virtual room
    settings = {
        "ssid": _SSID,
        "key": _KEY,
        "host": hub.host,
        "port": hub.port,
        "enrol_port": hub.enrol_port,
        "model": str(kind),
        "interval": round(interval),
        **_SETTINGS[kind],
    }
    return settings, _world(chance)


def _world(chance: random.Random) -> World:
    """A room with a slow day of its own, and a battery somewhere on its way down."""

    def wave(base: float, swing: float) -> dict[str, float]:
        phase = chance.uniform(0, _DAY_S)
        return {"base": round(base, 3), "swing": swing, "period_s": _DAY_S, "phase_s": round(phase)}

    return World(
        {
            "wifi": {"up": True, "ssid": _SSID, "key": _KEY, "rssi": chance.randint(-80, -50)},
            "values": {
                "temperature": wave(chance.uniform(17, 25), 3),
                "humidity": wave(chance.uniform(35, 65), 10),
                "pressure": wave(chance.uniform(990, 1030), 8),
            },
            "adc_mv": round(chance.uniform(820, 980)),
        }
    )
