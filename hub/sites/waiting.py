"""Messages that wait on disk until the line is there, and for how long each did."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hub.sites.errors import GatewayError

__all__ = ["MachineClock", "WaitingMessage", "WaitingMessages"]

# Days of a school's sensors fill a tenth of it; the oldest go when it is full, and are counted.
_MOST = 2_000_000


class MachineClock:
    """Time that goes on while the machine sleeps, and by which start of it it is counted."""

    def __init__(self) -> None:
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()

    def now(self) -> float:
        """Seconds since the machine's start."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """Seconds since 1970, as far as this machine knows."""
        return time.time()


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message that came; `waited` seconds ago."""

    number: int
    topic: str
    payload: bytes
    qos: int
    retain: bool
    waited: float


class WaitingMessages:
    """A file with messages in the order in which they came; each is safe when `put` returns."""

    def __init__(self, file: Path, clock: MachineClock | None = None, most: int = _MOST) -> None:
        self._file, self._most = file, most
        self._clock = clock or MachineClock()
        self.dropped = 0

    def __enter__(self) -> Self:
        try:
            self._file.touch(0o600)
            self._db = sqlite3.connect(self._file, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS message (number INTEGER PRIMARY KEY AUTOINCREMENT, "
                "topic TEXT, payload BLOB, qos INTEGER, retain INTEGER, boot TEXT, at REAL, "
                "wall REAL, device TEXT)"
            )
            self._know_devices()
        except (OSError, sqlite3.Error) as error:
            raise GatewayError(f"{self._file}: {error}: name another with --queue") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def put(self, topic: str, payload: bytes, qos: int, *, retain: bool) -> None:
        """Keep a message; returns when it is on disk. Raises GatewayError."""
        try:
            self._db.execute(
                "INSERT INTO message (topic, payload, qos, retain, boot, at, wall, device) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (topic, payload, qos, retain, self._clock.boot, self._clock.now(),
                 self._clock.wall(), _device_of(topic)),
            )  # fmt: skip
            gone = self._db.execute(
                "DELETE FROM message WHERE number <= (SELECT max(number) FROM message) - ?",
                (self._most,),
            )
            self.dropped += max(gone.rowcount, 0)
        except sqlite3.Error as error:
            raise GatewayError(f"{self._file}: {error}: make room on its disk") from None

    def devices(self) -> list[str]:
        """Of which something waits."""
        return [device for (device,) in self._db.execute("SELECT DISTINCT device FROM message")]

    def first(self, device: str, most: int = 100) -> list[WaitingMessage]:
        """The oldest of a device."""
        return self._messages("WHERE device = ? ORDER BY number LIMIT ?", (device, most))

    def those(self, numbers: Iterable[int]) -> list[WaitingMessage]:
        """Those of these numbers that wait, in order."""
        chosen = json.dumps(list(numbers))
        return self._messages(
            "WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number", (chosen,)
        )

    def forget(self, numbers: Iterable[int]) -> None:
        """They have arrived: to the disk at once."""
        self._db.execute("BEGIN")
        self._db.executemany("DELETE FROM message WHERE number = ?", ((one,) for one in numbers))
        self._db.execute("COMMIT")

    def count(self) -> int:
        """How many wait."""
        [(found,)] = self._db.execute("SELECT count(*) FROM message")
        return int(found)

    def _messages(self, which: str, values: tuple[str | int, ...]) -> list[WaitingMessage]:
        rows = self._db.execute(
            f"SELECT number, topic, payload, qos, retain, boot, at, wall FROM message {which}",  # noqa: S608  # of this file
            values,
        )
        return [
            WaitingMessage(number, topic, payload, qos, bool(retain), self._waited(boot, at, wall))
            for number, topic, payload, qos, retain, boot, at, wall in rows
        ]

    def _know_devices(self) -> None:
        """A file from before messages were brought by device lacks that."""
        columns = {column[1] for column in self._db.execute("PRAGMA table_info (message)")}
        if "device" not in columns:
            self._db.create_function("device_of", 1, _device_of, deterministic=True)
            self._db.execute("ALTER TABLE message ADD COLUMN device TEXT")
            self._db.execute("UPDATE message SET device = device_of(topic)")
        self._db.execute("CREATE INDEX IF NOT EXISTS of_device ON message (device, number)")

    def _waited(self, boot: str, at: float, wall: float) -> float:
        """By the machine's own clock; over a restart by the time of day, which may have been wrong."""  # noqa: E501  # one line
        if boot == self._clock.boot:
            return max(0.0, self._clock.now() - at)
        return max(0.0, self._clock.wall() - wall)


def _device_of(topic: str) -> str:
    """`esp8266_1a2b3c4d` of `HomeKit/esp8266_1a2b3c4d/$batch`."""
    return topic.split("/")[1] if "/" in topic else ""
