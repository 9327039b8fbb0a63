"""Keeps mosquitto below 2.0.23 from a crash: sessions that end by themselves, and a reload.

At SIGHUP it disconnects whoever's password is not (or no longer) right, those too that are not
connected: of a session that expires it then notes the end a second time. When the session is taken
up again only one of the notes goes; the other stays, names memory that is free, and the broker ends
with SIGSEGV or SIGABRT some time later. It is noted only where a session expires, which has three
doors, each shut:

- `persistent_client_expiration` makes every session expire: it is not set
  (hub/mqtt/broker_config.py). So a session of MQTT 3.1.1 never does.
- MQTT 5 lets a client choose. Whether it did is in no line of the log, but that it speaks MQTT 5
  is: where such an account's password changes it stays in the file as it was until the broker is
  begun anew (ExpiringSessions); what else changed is read by a reload meanwhile.
- Sessions that it reads from its store have no password, so each reload ends them. They never
  expire (`never_expire`).
"""

from __future__ import annotations

import mmap
import re
import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["MENDED", "ExpiringSessions", "never_expire"]

MENDED = (2, 0, 23)
"""The version of mosquitto from which on a reload is harmless."""

# src/handle_connect.c; a client that was let in has its account's name for an id.
_MQTT5 = re.compile(r"New client connected from \S+ as (\S+) \(p5, c[01], k\d+, u'.*'\)\.")
# src/persist.h, version 6: magic, checksum, version; then chunks with kind and length. A client's
# begins with when it expires and after how many s; NEVER is what MQTT 5 has for not at all.
_MAGIC, _VERSION = b"\x00\xb5\x00mosquitto db", 6
_HEADER, _CHUNK = struct.Struct("!15sII"), struct.Struct("!II")
_CLIENT, _INTERVAL_AT, _CLIENT_SIZE = 6, 8, 24
_NEVER = b"\xff\xff\xff\xff"


class ExpiringSessions:
    """Whose sessions at a broker may expire, as its log tells (`line`).

    `known` says whether a name is an account's.
    """

    # s: what an account was let in with may be older than the last change, for as long as a line
    # takes from the broker to us.
    LATE_S = 5.0

    def __init__(
        self, known: Callable[[str], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._known, self._clock = known, clock
        self._names: set[str] = set()
        self._changed: dict[str, float] = {}

    def line(self, text: str) -> bool:
        """One line of the log; whether the broker has to begin anew before its next reload."""
        found = _MQTT5.fullmatch(text)
        if found is None or not self._known(found[1]):
            return False
        self._names.add(found[1])
        return found[1] in self._lately()

    def changed(self, names: Iterable[str]) -> bool:
        """These have other passwords, or none; whether the broker has to begin anew for that."""
        changed = set(names)
        self._changed = self._lately() | dict.fromkeys(changed, self._clock())
        return not changed.isdisjoint(self._names)

    def of(self, names: set[str]) -> set[str]:
        """Those of the names whose sessions may expire."""
        return names & self._names

    def forget(self) -> None:
        """The broker begins anew: what it reads from its store does not expire."""
        self._names.clear()

    def _lately(self) -> dict[str, float]:
        since = self._clock() - self.LATE_S
        return {name: at for name, at in self._changed.items() if at >= since}


def never_expire(store: Path) -> int:
    """Have no session in a store of mosquitto's (which must not run) expire; how many would have.

    A store that is damaged, or of another version, is left as it is from there on. Raises OSError.
    """
    if not store.exists() or store.stat().st_size < _HEADER.size:
        return 0
    found = 0
    with store.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        magic, _, version = _HEADER.unpack_from(data)
        if (magic, version) != (_MAGIC, _VERSION):
            return 0
        at = _HEADER.size
        while at + _CHUNK.size <= len(data):
            kind, size = _CHUNK.unpack_from(data, at)
            if not size:
                break  # no chunk is empty: these are zeros, maybe millions
            at += _CHUNK.size
            if kind == _CLIENT and size >= _CLIENT_SIZE and at + size <= len(data):
                place = slice(at + _INTERVAL_AT, at + _INTERVAL_AT + 4)
                # 0: it ended with its connection.
                if data[place] not in {_NEVER, bytes(4)}:
                    data[place] = _NEVER
                    found += 1
            at += size
    return found
