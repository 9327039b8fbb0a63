"""The hub's settings: one schema; environment (prefix DORMOUSE_) and flags of `dormouse hub`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.local_hub import USUAL_PORTS, default_data_dir
from hub.errors import SettingsError

__all__ = ["Enrolment", "Settings", "load"]


class Enrolment(StrEnum):
    """Who may make an account by enrolling: anyone, anyone while a window is open, nobody."""

    OPEN = "open"
    WINDOW = "window"
    CLOSED = "closed"


def _port(name: str, what: str) -> int:
    return Field(USUAL_PORTS[name], ge=0, le=65535, description=f"{what}; 0 picks a free one")


class Settings(BaseSettings):
    """Everything that can be set, with units and defaults."""

    model_config = SettingsConfigDict(env_prefix="DORMOUSE_", extra="ignore")

    data_dir: Path = Field(default_factory=default_data_dir, description="where data lies")
    host: str = Field("0.0.0.0", description="address to listen on")
    http_port: int = _port("http_port", "port of the pages and the API")
    mqtt_port: int = _port("mqtt_port", "port of the broker")
    enrol_port: int = _port("enrol_port", "port of the broker's enrolment listener")
    mqtts_port: int = _port("mqtts_port", "port of the broker's TLS listener for people's tools")
    hap_port: int = _port("hap_port", "port of the first HomeKit bridge")
    database_url: str = Field("", description="a Postgres to use instead of our own")
    mqtt_url: str = Field("", description="a broker to use instead of our own: mqtt://user:pw@host")
    tenant: str = Field(
        "home", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="tenant of new devices"
    )
    enrolment: Enrolment = Field(
        Enrolment.OPEN, description="open, window (opened by hand) or closed"
    )
    web_names: str = Field(
        "",
        description="names under which browsers reach the hub besides its addresses and .local: "
        "hub.example.org,other.example.org",
    )
    auth_secret: str = Field(
        "",
        pattern=r"^([!-~]{16,})?$",
        repr=False,
        description="secret of /mqtt/auth and /mqtt/acl, 16 characters or more (set it in the "
        "environment, not as a flag); empty: there are no such endpoints",
    )
    forget_after_days: float = Field(
        0,
        ge=0,
        le=36500,
        description="a device that is silent for so many days leaves HomeKit; 0: never",
    )
    presets: str = Field(
        "", description="foreign firmware whose devices join as they are: tasmota, homie"
    )
    mapping: str = Field("", description="a JSON file that says how other devices speak")
    partitions: str = Field(
        "",
        description="flash map that firmware images must fit; without it those for 1, 2 and 4 MiB",
    )
    ota_port: int = Field(8266, ge=1, le=65535, description="port of the devices' OTA servers")
    ota_broadcast: str = Field(
        "255.255.255.255",
        description="where to look for a device that another address was given; empty: nowhere",
    )
    ota_wait: float = Field(
        75,
        ge=1,
        le=3600,
        description="seconds that a device which was told to go may take to answer in its OTA "
        "server; longer than its bootloader waits there (IDLE_REBOOT_MS), so that it is met",
    )
    ota_streams: int = Field(
        2, ge=1, le=16, description="updates that are streamed at the same time, at most"
    )
    run_as: str = Field(
        "nobody", description="user that Postgres and the broker run as when the hub is root"
    )

    @property
    def names(self) -> list[str]:
        """The names of WEB_NAMES."""
        return [name.strip().lower() for name in self.web_names.split(",") if name.strip()]


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
