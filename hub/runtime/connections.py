"""Who may be connected to a port: so many in all and from one address; the silent go first."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

__all__ = ["Connections", "OpenConnection"]

log = logging.getLogger(__name__)

_TOLD_EVERY_S = 60.0


class OpenConnection:
    """One connection from `Connections.admit` to `ended`.

    It counts as waiting until `busy`: its peer has asked for nothing yet, or for nothing more.
    """

    def __init__(self, door: Connections, address: str, close: Callable[[], None]) -> None:
        self.address, self.close = address, close
        self._door = door

    def busy(self) -> None:
        """Its peer is being answered, or is known: it is not closed to make room."""
        self._door.mark(self, waiting=False)

    def waiting(self) -> None:
        """It waits for its peer (again)."""
        self._door.mark(self, waiting=True)

    def ended(self) -> None:
        """It is closed; said twice is as once."""
        self._door.forget(self)


class Connections:
    """The open connections of one port (or several that share a limit), by address.

    Where there is no room for a new one, the connection that has waited longest is closed: of the
    same address where that has its share, else of the address with the most that wait. So whoever
    opens connections and says nothing pushes out none but such, and a newcomer that speaks at once
    gets in. `share` is the part of `total` that one address may have: everybody, behind a reverse
    proxy.
    """

    def __init__(
        self,
        name: str,
        total: int,
        *,
        share: float = 0.75,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.total = name, total
        self.per_address = max(1, int(total * share))
        self._clock = clock
        # By address, oldest first.
        self._open: dict[str, dict[OpenConnection, None]] = {}
        self._waiting: dict[str, dict[OpenConnection, None]] = {}
        self._count = 0
        self._told_at = -_TOLD_EVERY_S
        self.closed: Counter[str] = Counter()
        """By address: closed to make room, or refused, since it was last said in the log."""

    def __len__(self) -> int:
        return self._count

    def admit(self, address: str, close: Callable[[], None]) -> OpenConnection | None:
        """Count a new connection; `close` ends it at once. None: there is no room, close it."""
        if len(self._open.get(address, ())) >= self.per_address:
            made = self._make_room([address])
        elif self._count >= self.total:
            made = self._make_room(sorted(self._waiting, key=lambda a: -len(self._waiting[a])))
        else:
            made = True
        if not made:
            self._note(address)
            return None
        connection = OpenConnection(self, address, close)
        self._open.setdefault(address, {})[connection] = None
        self._waiting.setdefault(address, {})[connection] = None
        self._count += 1
        return connection

    def mark(self, connection: OpenConnection, *, waiting: bool) -> None:
        """See OpenConnection; one that has ended stays so."""
        if connection not in self._open.get(connection.address, ()):
            return
        if waiting:
            self._waiting.setdefault(connection.address, {})[connection] = None
        else:
            _take(self._waiting, connection)

    def forget(self, connection: OpenConnection) -> None:
        """It is closed."""
        _take(self._waiting, connection)
        if _take(self._open, connection):
            self._count -= 1

    def _make_room(self, addresses: list[str]) -> bool:
        for address in addresses:
            for connection in self._waiting.get(address, ()):
                self.forget(connection)
                self._note(address)
                connection.close()
                return True
        return False

    def _note(self, address: str) -> None:
        self.closed[address] += 1
        now = self._clock()
        if now - self._told_at >= _TOLD_EVERY_S:
            most, count = self.closed.most_common(1)[0]
            log.warning(
                "%s: no room for more than %d connections (%d from one address): %d were closed "
                "that said nothing or came too many, most from %s (%d)",
                self.name,
                self.total,
                self.per_address,
                self.closed.total(),
                most,
                count,
            )
            self.closed.clear()
            self._told_at = now


def _take(found: dict[str, dict[OpenConnection, None]], connection: OpenConnection) -> bool:
    """Take it out, and its address with the last one; whether it was there."""
    of_address = found.get(connection.address, {})
    if connection not in of_address:
        return False
    del of_address[connection]
    if not of_address:
        del found[connection.address]
    return True
