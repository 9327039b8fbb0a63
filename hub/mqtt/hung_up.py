"""What accounts have the devices' broker keep, and whom it hung up on: its log alone says so."""

from __future__ import annotations

import re
from collections.abc import Callable

from hub.runtime.problems import Problems

__all__ = ["HungUp"]

# As mosquitto 2.0 writes them (src/loop.c, src/database.c). A client that was let in has its
# account's name for an id, without spaces; a stranger's id is in none of these lines.
_TOO_LARGE = re.compile(r"Client (\S+) disconnected due to oversize (?:packet|payload)\.")
# src/handle_subscribe.c; no mark of ours has a digit for a second word.
_SUBSCRIBED = re.compile(r"(\S+) [0-2] (.+)")
# src/handle_connect.c; an address of IPv6 has colons, too.
_CONNECTED = re.compile(r"New client connected from (\S+):(\d+) as (\S+) \(p(\d), c([01]), k")
_TOO_MUCH = re.compile(r"Outgoing messages are being dropped for client (\S+)\.")


class HungUp:
    """Reads the log of the devices' broker, line by line (`line`), and counts what was dropped.

    By account, as the problem `oversize`; as `overflow`, without one, that more waited for the hub
    (client id `hub`) than the broker keeps. `known` says whether a name is an account's; `unread`
    gets the account for which as much waits, `subscribed` each account's filters, `connected` its
    connections: account, address, port, and whether what waited for it (still) may.
    """

    def __init__(
        self,
        problems: Problems,
        hub: str,
        known: Callable[[str], bool],
        *,
        unread: Callable[[str], None] = lambda _: None,
        subscribed: Callable[[str, str], None] = lambda *_: None,
        connected: Callable[[str, str, int, bool], None] = lambda *_: None,
    ) -> None:
        self._problems, self._hub, self._known = problems, hub, known
        self._unread, self._subscribed, self._connected = unread, subscribed, connected

    def line(self, text: str) -> None:
        """One line of the log."""
        if (found := _SUBSCRIBED.fullmatch(text)) is not None:
            if self._known(found[1]):
                self._subscribed(found[1], found[2])
        elif (found := _CONNECTED.match(text)) is not None:
            if self._known(found[3]):
                # MQTT 5 may have a session that begins anew, and then stays.
                stays = found[5] == "0" or found[4] == "5"
                self._connected(found[3], found[1], int(found[2]), stays)
        elif (found := _TOO_LARGE.fullmatch(text)) is not None:
            if self._known(found[1]):
                self._problems.note(
                    "oversize", found[1], "a packet larger than the broker takes: it hung up"
                )
        elif (found := _TOO_MUCH.fullmatch(text)) is not None:
            if found[1] == self._hub:
                self._problems.note(
                    "overflow", None, "more waited for the hub than the broker keeps"
                )
            elif self._known(found[1]):
                self._unread(found[1])
