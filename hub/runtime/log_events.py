"""What the hub's log says of what happens: each event with its name and fields, declared here.

Names and fields stay as they are; docs/logs.md has them. No field holds a name of a person, an
address, a value, a secret.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

__all__ = ["EVENTS", "FIELDS", "LogEvent"]

_log = logging.getLogger("hub.events")

FIELDS = {
    "backup": "the file's name",
    "bytes": "of the file",
    "by": "seconds, negative: back",
    "characteristic": "of HomeKit, with its service and number: `Outlet/0/On`",
    "device": "its id",
    "devices": "how many",
    "exit": "0, or the status of the command",
    "failed": "how many devices",
    "from_schema": "the number of a migration",
    "homekit_port": "TCP port",
    "http_port": "TCP port",
    "mqtt_port": "TCP port; none with DORMOUSE_MQTT_URL",
    "part": "what it does, in words",
    "person": "the number of a person; `dormouse people list --json` has their names",
    "phase": "`running`, `paused`, `halted`, `done` and the like",
    "python": "its version",
    "reason": "one line, in words",
    "rollout": "its number",
    "rows": "of all tables",
    "schema": "the number of the last migration",
    "seconds": "how long it took, or ran",
    "silent_s": "seconds since it was heard",
    "state": "`updated`, `failed` or `skipped`",
    "tenant": "whose it is",
    "updated": "how many devices",
    "version": "of Dormouse",
}
"""What each field means."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One kind of thing that happens. `text` is filled in with the fields that it names.

    `shared` ones say nothing of any tenant: administrators of all may see them.
    """

    name: str
    text: str
    fields: tuple[str, ...] = ()
    level: int = logging.INFO
    shared: bool = False

    def log(self, **given: object) -> None:
        """Write a line, with those fields and no others (a test compares all calls)."""
        if _log.isEnabledFor(self.level):
            extra = {"event": self.name, "event_fields": given}
            _log.log(self.level, "%s", self.text.format_map(_Given(given)), extra=extra)


class _Given(dict[str, object]):
    """A field that was not given is no reason to fail."""

    def __missing__(self, key: str) -> str:
        return "?"


@dataclass(frozen=True)
class _Events:
    """All of them, in the order of docs/logs.md."""

    hub_starting: LogEvent = LogEvent(
        "hub-starting", "Dormouse {version} is starting", ("version", "python"), shared=True
    )
    hub_started: LogEvent = LogEvent(
        "hub-started",
        "the hub is up after {seconds} s",
        ("version", "schema", "seconds", "http_port", "mqtt_port", "homekit_port"),
        shared=True,
    )
    hub_stopped: LogEvent = LogEvent(
        "hub-stopped", "the hub has ended after {seconds} s", ("version", "seconds"), shared=True
    )
    database_upgraded: LogEvent = LogEvent(
        "database-upgraded",
        "the database is upgraded from schema {from_schema} to {schema}",
        ("from_schema", "schema", "version"),
        shared=True,
    )
    clock_set: LogEvent = LogEvent(
        "clock-set",
        "this machine's clock was set by {by} s: what it had dated is dated again",
        ("by",),
        logging.WARNING,
        shared=True,
    )
    part_failed: LogEvent = LogEvent(
        "part-failed",
        "{part} failed, and is begun again",
        ("part", "reason"),
        logging.ERROR,
    )
    server_ended: LogEvent = LogEvent(
        "server-ended",
        "{part} ended by itself (status {exit}), and is started again in {seconds} s",
        ("part", "exit", "seconds"),
        logging.WARNING,
        shared=True,
    )
    person_logged_in: LogEvent = LogEvent(
        "person-logged-in", "person {person} logged in", ("person",)
    )
    person_logged_out: LogEvent = LogEvent(
        "person-logged-out", "person {person} logged out", ("person",)
    )
    login_refused: LogEvent = LogEvent(
        "login-refused", "a log-in was refused", (), logging.WARNING, shared=True
    )
    person_joined: LogEvent = LogEvent(
        "person-joined", "person {person} joined {tenant}", ("person", "tenant")
    )
    device_enrolled: LogEvent = LogEvent(
        "device-enrolled", "{device} has an account: {state}", ("device", "tenant", "state")
    )
    device_lost: LogEvent = LogEvent(
        "device-lost",
        "{device} is not heard any more",
        ("device", "tenant", "silent_s"),
        logging.WARNING,
    )
    device_back: LogEvent = LogEvent(
        "device-back", "{device} is heard again", ("device", "tenant", "silent_s")
    )
    devices_lost: LogEvent = LogEvent(
        "devices-lost",
        "{devices} more devices are not heard any more",
        ("devices", "tenant"),
        logging.WARNING,
    )
    devices_back: LogEvent = LogEvent(
        "devices-back", "{devices} more devices are heard again", ("devices", "tenant")
    )
    command_sent: LogEvent = LogEvent(
        "command-sent",
        "{device} is told to set {characteristic}",
        ("device", "tenant", "characteristic"),
    )
    command_left: LogEvent = LogEvent(
        "command-left",
        "{device} is to set {characteristic} when it wakes",
        ("device", "tenant", "characteristic"),
    )
    rollout_phase: LogEvent = LogEvent(
        "rollout-phase",
        "rollout {rollout} is {phase}: {updated} updated, {failed} failed",
        ("rollout", "tenant", "phase", "updated", "failed", "reason"),
    )
    rollout_device: LogEvent = LogEvent(
        "rollout-device",
        "rollout {rollout}: {device} is {state}",
        ("rollout", "tenant", "device", "state", "reason"),
    )
    backup_made: LogEvent = LogEvent(
        "backup-made",
        "a backup was made: {backup}",
        ("backup", "rows", "bytes"),
        shared=True,
    )
    backup_failed: LogEvent = LogEvent(
        "backup-failed", "a backup failed: {reason}", ("backup", "reason"), logging.ERROR
    )
    backup_drill_passed: LogEvent = LogEvent(
        "backup-drill-passed",
        "{backup} was restored beside, and is whole: {rows} rows",
        ("backup", "rows"),
        shared=True,
    )
    backup_drill_failed: LogEvent = LogEvent(
        "backup-drill-failed",
        "{backup} could not be restored beside: {reason}",
        ("backup", "reason"),
        logging.ERROR,
    )

    def all(self) -> list[LogEvent]:
        """In that order."""
        return [getattr(self, name) for name in self.__dataclass_fields__]


EVENTS = _Events()
"""Every event of the hub's log."""
