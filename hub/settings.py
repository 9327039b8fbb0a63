"""The hub's settings: one schema; environment (prefix DORMOUSE_) and flags of `dormouse hub`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.local_hub import USUAL_PORTS, default_data_dir
from hub.errors import SettingsError

__all__ = ["Enrolment", "HubSetting", "Settings", "load", "schema"]


class Enrolment(StrEnum):
    """Who may make an account by enrolling: anyone, anyone while a window is open, nobody."""

    OPEN = "open"
    WINDOW = "window"
    CLOSED = "closed"


def _port(name: str, what: str) -> int:
    return Field(USUAL_PORTS[name], ge=0, le=65535, description=f"{what}; 0 picks a free one")


def _text(default: str, what: str, *, allowed: str, pattern: str | None = None) -> str:
    return Field(default, pattern=pattern, description=what, json_schema_extra={"allowed": allowed})


def _address(text: str) -> str:
    """An address in its usual form, since `::` is compared by how it is written."""
    bare = text.strip().removeprefix("[").removesuffix("]")
    try:
        address = ip_address("127.0.0.1" if bare == "localhost" else bare)
    except ValueError:
        raise PydanticCustomError(
            "address", "must be an IP address, 0.0.0.0 or :: for all that this machine has"
        ) from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if isinstance(address, IPv6Address) and address.is_link_local:
        raise PydanticCustomError(
            "address", "is of one network alone: :: listens there too, and everywhere else"
        )
    return str(address)


class Settings(BaseSettings):
    """Everything that can be set, with units and defaults."""

    model_config = SettingsConfigDict(env_prefix="DORMOUSE_", extra="ignore")

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="folder for everything the hub stores; made if missing, closed to other users",
        json_schema_extra={
            "allowed": "a folder",
            "default": "~/.local/share/dormouse (below XDG_DATA_HOME if that is set); "
            "as root /var/lib/dormouse",
        },
    )
    host: Annotated[str, AfterValidator(_address)] = _text(
        "0.0.0.0",
        "address to listen on; :: means all of both families",
        allowed="an IP address",
    )
    http_port: int = _port("http_port", "TCP port of the dashboard, the API and /healthz")
    mqtt_port: int = _port("mqtt_port", "TCP port of the broker, for devices with an account")
    enrol_port: int = _port(
        "enrol_port",
        "TCP port of the broker's enrolment listener, where a new device asks for an account",
    )
    mqtts_port: int = _port("mqtts_port", "TCP port of the broker with TLS, for people's tools")
    hap_port: int = _port(
        "hap_port", "TCP port of the first HomeKit bridge; further bridges take the ports after it"
    )
    hap_interfaces: str = _text(
        "",
        "network interfaces on which the HomeKit bridges are announced; empty: all that lead to a "
        "home, so no bridge of containers and no tunnel",
        allowed="names or patterns, separated by commas: eth0,wlan*",
    )
    database_url: str = _text(
        "",
        "a Postgres server (15 or newer) to use instead of the hub's own",
        allowed="postgresql://user:password@host/database",
    )
    mqtt_url: str = _text(
        "",
        "an MQTT 5 broker to use instead of the hub's own",
        allowed="mqtt://user:password@host:port, or mqtts:// for TLS",
    )
    tenant: str = _text(
        "home",
        "the hub's own tenant: new devices belong to it, commands without --tenant mean it",
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        allowed="a-z, 0-9 and -, at most 63 characters",
    )
    enrolment: Enrolment = Field(
        Enrolment.OPEN,
        description="who may get an account by enrolling: any device, any device while a window "
        "is open (`dormouse devices window`), or none",
    )
    web_names: str = _text(
        "",
        "host names under which browsers reach the hub, besides its addresses, .local and other "
        "names of a home network; a request for any other name is refused",
        allowed="names, separated by commas: hub.example.org,dormouse.example.org",
    )
    auth_secret: str = Field(
        "",
        pattern=r"^([!-~]{16,})?$",
        repr=False,
        description="secret that a broker sends to /mqtt/auth and /mqtt/acl (set it in the "
        "environment: other users can read a command's flags); empty: there are no such endpoints",
        json_schema_extra={"allowed": "at least 16 printable characters without spaces"},
    )
    forget_after_days: float = Field(
        0,
        ge=0,
        le=36500,
        description="a device that has been silent for this long leaves HomeKit; 0: never",
        json_schema_extra={"unit": "days"},
    )
    pack_after_days: int = Field(
        31,
        ge=0,
        le=36500,
        description="readings older than this are packed, a series' day in one row, without losing "
        "a bit: they take a tenth of the room and are read as before; 0: never",
        json_schema_extra={"unit": "days"},
    )
    silent_after: float = Field(
        3600,
        ge=60,
        le=31622400,
        description="how long a device that announces nothing (no next wake, no last will) may be "
        "silent before Home shows that it does not respond; a mapping may say otherwise of some",
        json_schema_extra={"unit": "s"},
    )
    presets: str = _text(
        "",
        "other firmware whose devices join as they are",
        allowed="names, separated by commas: tasmota,homie,zigbee2mqtt,shelly,esphome",
    )
    mapping: str = _text(
        "",
        "rules for devices that use topics or units of their own; empty: the rules last read hold",
        allowed="a JSON file",
    )
    home_assistant: str = _text(
        "",
        "tell Home Assistant and openHAB of every device by MQTT discovery under this topic; "
        "empty: do not",
        pattern=r"^([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)?$",
        allowed="Home Assistant's discovery prefix, which is homeassistant unless it was changed",
    )
    partitions: str = _text(
        "",
        "flash map that firmware images must fit; empty: any of those for 1, 2 and 4 MiB",
        allowed="a CSV file like partitions.csv",
    )
    ota_port: int = Field(8266, ge=1, le=65535, description="UDP port of the devices' OTA servers")
    ota_broadcast: str = _text(
        "255.255.255.255",
        "broadcast address at which a device is searched that has a new address; "
        "empty: no broadcasts",
        allowed="an IPv4 address",
    )
    ota_wait: float = Field(
        75,
        ge=1,
        le=3600,
        description="how long a device may take from its go until its OTA server answers; longer "
        "than its bootloader waits there for a first datagram (IDLE_REBOOT_MS)",
        json_schema_extra={"unit": "s"},
    )
    ota_streams: int = Field(
        2, ge=1, le=16, description="how many updates are streamed at the same time, at most"
    )
    run_as: str = _text(
        "nobody",
        "user that Postgres and the broker run as when the hub is root",
        allowed="a user name",
    )

    @property
    def names(self) -> list[str]:
        """The names of WEB_NAMES."""
        return [name.strip().lower() for name in self.web_names.split(",") if name.strip()]

    @property
    def interfaces(self) -> list[str]:
        """The names of HAP_INTERFACES."""
        return [name.strip() for name in self.hap_interfaces.split(",") if name.strip()]


def load(**flags: object) -> Settings:
    """The settings from the environment, overridden by the given flags that are not None.

    Raises SettingsError with one line: the setting, its value, what is allowed.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic checks the values
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"DORMOUSE_{name.upper()}={first['input']!r}: {first['msg']}") from None


@dataclass(frozen=True, slots=True)
class HubSetting:
    """One setting as the schema has it; `default` and `allowed` are texts with their units."""

    name: str
    flag: str
    variable: str
    default: str
    allowed: str
    description: str


def schema() -> list[HubSetting]:
    """Every setting, in the schema's order."""
    document = Settings.model_json_schema()
    return [_setting(name, part, document) for name, part in document["properties"].items()]


def _setting(name: str, part: dict[str, Any], document: dict[str, Any]) -> HubSetting:
    unit = f" {part['unit']}" if "unit" in part else ""
    return HubSetting(
        name=name,
        flag=f"--{name.replace('_', '-')}",
        variable=f"DORMOUSE_{name.upper()}",
        default=f"{part['default']}{unit}" if part["default"] != "" else "",
        allowed=part.get("allowed") or _range(part, unit, document),
        description=part["description"],
    )


def _range(part: dict[str, Any], unit: str, document: dict[str, Any]) -> str:
    if "$ref" in part:
        kind = document["$defs"][part["$ref"].rpartition("/")[2]]
        return ", ".join(kind["enum"])
    return f"{part['minimum']} to {part['maximum']}{unit}"
