"""The hub's settings: one schema; environment (prefix DORMOUSE_) and flags of `dormouse hub`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.local_hub import default_data_dir
from hub import setting_values
from hub.errors import SettingsError
from hub.runtime.log_setup import LogFormat, LogLevel
from hub.runtime.roles import roles_of
from hub.runtime.supervisor import PartRole

__all__ = ["Enrolment", "HubSetting", "Settings", "load", "schema"]


class Enrolment(StrEnum):
    """Who may make an account by enrolling: anyone, anyone while a window is open, nobody."""

    OPEN = "open"
    WINDOW = "window"
    CLOSED = "closed"


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
    host: Annotated[str, AfterValidator(setting_values.address)] = setting_values.words(
        "0.0.0.0",
        "address to listen on; :: means all of both families",
        allowed="an IP address",
    )
    http_port: int = setting_values.port(
        "http_port", "TCP port of the dashboard, the API and /healthz"
    )
    mqtt_port: int = setting_values.port(
        "mqtt_port", "TCP port of the broker, for devices with an account"
    )
    enrol_port: int = setting_values.port(
        "enrol_port",
        "TCP port of the broker's enrolment listener, where a new device asks for an account",
    )
    mqtts_port: int = setting_values.port(
        "mqtts_port", "TCP port of the broker with TLS, for people's tools"
    )
    hap_port: int = setting_values.port(
        "hap_port", "TCP port of the first HomeKit bridge; further bridges take the ports after it"
    )
    hap_interfaces: str = setting_values.words(
        "",
        "network interfaces on which the HomeKit bridges are announced; empty: all that lead to a "
        "home, so no bridge of containers and no tunnel",
        allowed="names or patterns, separated by commas: eth0,wlan*",
    )
    database_url: str = setting_values.words(
        "",
        "a Postgres server (15 or newer) to use instead of the hub's own",
        allowed="postgresql://user:password@host/database",
    )
    database_direct_url: str = setting_values.words(
        "",
        "the same server without a pooler before it, for locks and migrations, where "
        "DORMOUSE_DATABASE_URL leads through PgBouncer; empty: it does not",
        allowed="postgresql://user:password@host/database",
    )
    database_read_url: str = setting_values.words(
        "",
        "a standby of that server for charts, exports and other questions about readings; its user "
        "and password are those of DORMOUSE_DATABASE_URL. Empty: they are asked of the server "
        "itself, which they are as well while the standby is away or lags",
        allowed="postgresql://host/database",
    )
    database_read_lag: float = Field(
        10,
        ge=0,
        le=3600,
        description="how far behind the standby may be that is read from",
        json_schema_extra={"unit": "s"},
    )
    standby: bool = Field(
        False,
        description="wait while another hub works on the database, and take over when it ends; "
        "without it a second hub is refused",
        json_schema_extra={"allowed": "true or false"},
    )
    mqtt_url: str = setting_values.words(
        "",
        "an MQTT 5 broker to use instead of the hub's own; several, which workers share, separated "
        "by commas",
        allowed="mqtt://user:password@host:port, or mqtts:// for TLS",
    )
    device_brokers: Annotated[str, AfterValidator(setting_values.hosts)] = setting_values.words(
        "",
        "brokers that devices try in this order when the one of their own settings does not "
        "answer, at the same ports: each is told when it is heard",
        allowed="addresses or host names, separated by commas, 128 characters",
    )
    roles: str = setting_values.words(
        ",".join(PartRole),
        "what this process does of a hub: all, or as one of several workers on DATABASE_URL and "
        "MQTT_URL a part of it; bridge, duties and web go together, web alone passes pages on",
        allowed="intake, web or both, bridge,duties,web, or all four",
    )
    nats_url: str = setting_values.words(
        "",
        "servers of a NATS cluster with JetStream (2.11 or newer) to take messages from, instead "
        "of a broker; devices connect to its MQTT gateways (takes the extra `nats`)",
        allowed="nats://user:password@host:port, or tls://, several separated by commas",
    )
    nats_gateway: str = setting_values.words(
        "",
        "MQTT gateways of that cluster, for what is said to devices; one that answers is used",
        allowed="mqtt://user:password@host:port, or mqtts://, several separated by commas",
    )
    tenant: str = setting_values.words(
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
    notify_networks: Annotated[str, AfterValidator(setting_values.networks)] = setting_values.words(
        "",
        "networks that notifications may go to besides public addresses, where a channel was added "
        "by a page or a program; the command line on the hub's machine may name any address",
        allowed="networks, separated by commas: 192.168.1.0/24,fd00::/8",
    )
    site_host: str = setting_values.words(
        "",
        "name or address under which sites find this home, where `dormouse site add` is not told "
        "another",
        allowed="a host's name or an address: home.example.org",
        pattern=r"^[A-Za-z0-9_.:\[\]-]{0,253}$",
    )
    site_networks: Annotated[str, AfterValidator(setting_values.networks)] = setting_values.words(
        "",
        "networks of the home besides those that the hub's machine is in: no site may have one "
        "that overlaps",
        allowed="networks, separated by commas: 192.168.1.0/24,fd00::/8",
    )
    site_tunnels: str = setting_values.words(
        "10.86.0.0/16",
        "network of the addresses of the tunnels' ends, four for each site",
        allowed="a private IPv4 network of /19 or wider",
        pattern=r"^[0-9.]{7,15}/[0-9]{1,2}$",
    )
    web_names: str = setting_values.words(
        "",
        "host names under which browsers reach the hub, besides its addresses, .local and other "
        "names of a home network; a request for any other name is refused",
        allowed="names, separated by commas: hub.example.org,dormouse.example.org",
    )
    web_proxies: Annotated[str, AfterValidator(setting_values.networks)] = setting_values.words(
        "",
        "reverse proxies whose X-Forwarded-For says who asks; nobody else's is read",
        allowed="networks, separated by commas: 127.0.0.1/32,::1/128",
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
    upgrade_backups: int = Field(
        3,
        ge=0,
        le=100,
        description="how many of the backups are kept that the hub makes of its own Postgres "
        "before an upgrade of the database; 0: none is made",
    )
    log_level: LogLevel = Field(
        LogLevel.INFO, description="what is logged: this and what is graver"
    )
    log_format: LogFormat = Field(
        LogFormat.TEXT,
        description="how standard error has it; `dormouse logs` reads the files in the data folder",
    )
    backup_to: Annotated[str, AfterValidator(setting_values.target)] = setting_values.words(
        "",
        "where the daily backup is taken; empty: `backups` in the data folder; none: there is no "
        "daily one. What rclone and restic need (remotes, passwords, keys) is in their own "
        "configuration and environment",
        allowed="a folder, rclone:remote:folder, restic:repository, or none",
    )
    backup_hour: int = Field(
        3, ge=0, le=23, description="from which hour on (of this machine's zone) it is made"
    )
    backup_daily: int = Field(
        7,
        ge=1,
        le=366,
        description="of how many days, of those with a backup, the newest is kept",
    )
    backup_weekly: int = Field(
        4,
        ge=0,
        le=520,
        description="of how many weeks, of those with a backup, the newest is kept",
    )
    backup_encrypt: bool = Field(
        False,
        description="encrypt backups with age, for the key of BACKUP_KEY: keep a copy of it "
        "elsewhere (`dormouse hub backup-key`), nothing else opens them",
        json_schema_extra={"allowed": "true, false"},
    )
    backup_key: str = setting_values.words(
        "",
        "age identity that backups are encrypted for; empty: `secrets/backup.age` in the data "
        "folder, made when it is needed",
        allowed="a file",
    )
    silent_after: float = Field(
        3600,
        ge=60,
        le=31622400,
        description="how long a device that announces nothing (no next wake, no last will) may be "
        "silent before Home shows that it does not respond; a mapping may say otherwise of some",
        json_schema_extra={"unit": "s"},
    )
    presets: str = setting_values.words(
        "",
        "other firmware whose devices join as they are",
        allowed="names, separated by commas: tasmota,homie,zigbee2mqtt,shelly,esphome",
    )
    mapping: str = setting_values.words(
        "",
        "rules for devices that use topics or units of their own; empty: the rules last read hold",
        allowed="a JSON file",
    )
    home_assistant: str = setting_values.words(
        "",
        "tell Home Assistant and openHAB of every device by MQTT discovery under this topic; "
        "empty: do not",
        pattern=r"^([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)?$",
        allowed="Home Assistant's discovery prefix, which is homeassistant unless it was changed",
    )
    partitions: str = setting_values.words(
        "",
        "flash map that firmware images must fit; empty: any of those for 1, 2 and 4 MiB",
        allowed="a CSV file like partitions.csv",
    )
    ota_port: int = Field(8266, ge=1, le=65535, description="UDP port of the devices' OTA servers")
    ota_broadcast: str = setting_values.words(
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
    hook_as: str = setting_values.words(
        "daemon",
        "user that git fetches hooks' repositories as when the hub is root, another than "
        "DORMOUSE_RUN_AS; their commands have user numbers of their own",
        allowed="a user name",
    )
    self_update: bool = Field(
        False,
        description="let hooks bring the hub itself to another version (docs/hooks.md): a small "
        "process runs it, watches a new version and goes back by itself",
        json_schema_extra={"allowed": "true or false"},
    )
    self_update_watch: float = Field(
        10,
        gt=0,
        le=1440,
        description="how long a new version of the hub must be healthy until it stays",
        json_schema_extra={"unit": "minutes", "minimum": 0},
    )
    run_as: str = setting_values.words(
        "nobody",
        "user that Postgres and the broker run as when the hub is root",
        allowed="a user name",
    )

    @property
    def is_worker(self) -> bool:
        """Whether it shares the database: it has a part alone, or there are several brokers."""
        return roles_of(self.roles) != frozenset(PartRole) or len(self.brokers) > 1

    @property
    def brokers(self) -> list[str]:
        """The URLs of MQTT_URL; a comma may be in a password, too."""
        return [one for one in re.split(r"[,\s]+(?=mqtts?://)", self.mqtt_url.strip(" ,")) if one]

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

    Raises SettingsError with one line: the setting, its value if no secret is in it, what is
    allowed.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic checks the values
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        field, value = Settings.model_fields.get(name), repr(first["input"])
        # A secret is none any more once it stands in a log; addresses have theirs before an @.
        told = "" if (field is not None and not field.repr) or "@" in value else f"={value}"
        raise SettingsError(f"DORMOUSE_{name.upper()}{told}: {first['msg']}") from None


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
