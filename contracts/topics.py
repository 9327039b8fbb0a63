"""The names of topics, as docs/topics.md has them: made here, and nowhere else put together.

A device's own are `HomeKit/<id>/...`; `<id>` is its user name at the broker too.
"""

from __future__ import annotations

import re

from contracts.reading import SeriesKey

__all__ = [
    "DEVICES",
    "ENROL",
    "ENROLMENTS",
    "HUB_CLAIM",
    "HUB_CLAIM_ASKED",
    "MIRROR",
    "MIRROR_COMMANDS",
    "MIRROR_HUB",
    "OF_HUBS",
    "ROOT",
    "ack",
    "all_of",
    "batch",
    "caught_up",
    "command",
    "config",
    "device_of",
    "enrolment",
    "is_device_id",
    "is_ours",
    "mirror",
    "mirror_online",
    "online",
    "ota",
    "ota_state",
    "report",
    "state",
]

ROOT = "HomeKit"
"""The first level of everything that devices and hub say to each other."""

OF_HUBS = f"{ROOT}/$hub/"
"""How the topics begin that hubs use between each other; no device is called `$hub`."""

HUB_CLAIM = f"{OF_HUBS}claim"
"""Where the hub that uses a broker says which it is; its last will takes that back. Retained."""

HUB_CLAIM_ASKED = f"{HUB_CLAIM}/asked"
"""Where another asks whether that hub is still there, which then says so again."""

ENROL = "enrol"
"""The first level of enrolments."""

MIRROR = "dormouse"
"""The first level of what the hub says for other programs, and is told by them."""

MIRROR_HUB = f"{MIRROR}/$online"
"""Where it says that it runs; its last will is there too. Retained."""

MIRROR_COMMANDS = f"{MIRROR}/+/+/+/+/+/set"
"""The filter of what other programs want of devices."""

DEVICES = f"{ROOT}/#"
"""The filter of all that devices say."""

ENROLMENTS = f"{ENROL}/+"
"""The filter of enrolments."""

_DEVICE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_device_id(text: str) -> bool:
    """Whether `text` may be a device's id: 1 to 64 of `A-Z a-z 0-9 _ -`."""
    return _DEVICE.fullmatch(text) is not None


def is_ours(topic: str) -> bool:
    """Whether a topic is of this contract, and no other program's."""
    return topic.startswith((f"{ROOT}/", f"{ENROL}/"))


def device_of(topic: str) -> str | None:
    """Whose a topic is; None for one that is no device's."""
    levels = topic.split("/", 2)
    if len(levels) == 3 and levels[0] == ROOT and is_device_id(levels[1]):
        return levels[1]
    return None


def all_of(device: str) -> str:
    """The filter of everything of one device: what its account may read and write."""
    return f"{ROOT}/{device}/#"


def state(series: SeriesKey) -> str:
    """Where a device says a characteristic's value; index 0 is left out."""
    return f"{ROOT}/{series.device}/{series.name}"


def command(series: SeriesKey) -> str:
    """Where the hub says a value that was written in HomeKit; QoS 1, not retained."""
    return f"{state(series)}/set"


def batch(device: str) -> str:
    """Where a device says several readings at once, with their ages."""
    return f"{ROOT}/{device}/$batch"


def report(device: str) -> str:
    """Where a device says how it is, once a wake."""
    return f"{ROOT}/{device}/$report"


def online(device: str) -> str:
    """Where a device that stays awake says that it is there; its last will is there too."""
    return f"{ROOT}/{device}/$online"


def ack(device: str) -> str:
    """Where the hub says what the database holds; retained."""
    return f"{ROOT}/{device}/$ack"


def config(device: str) -> str:
    """Where the hub leaves the settings that are desired; retained."""
    return f"{ROOT}/{device}/$config"


def ota(device: str) -> str:
    """Where the hub leaves the version that is desired; retained."""
    return f"{ROOT}/{device}/$ota"


def ota_state(device: str) -> str:
    """Where a device says how far an update has come."""
    return f"{ROOT}/{device}/$ota/state"


def mirror(tenant: str, series: SeriesKey, characteristic: str = "") -> str:
    """Where the hub says a value again for other programs; retained, its index always named.

    `characteristic` is another name in the same service, for what is made of several.
    """
    name = characteristic or series.characteristic
    return f"{MIRROR}/{tenant}/{series.device}/{series.service}/{series.index}/{name}"


def mirror_online(tenant: str, device: str) -> str:
    """Where the hub says whether a device is there, for other programs; retained."""
    return f"{MIRROR}/{tenant}/{device}/$online"


def caught_up(client: str) -> str:
    """Where the hub's connection of that client id sends itself a mark.

    What comes back there came behind everything that waited at the broker.
    """
    return f"{OF_HUBS}{client}"


def enrolment(device: str) -> str:
    """Where a device asks for an account, on the enrolment listener."""
    return f"{ENROL}/{device}"
