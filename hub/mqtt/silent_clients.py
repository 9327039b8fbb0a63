"""Ends connections to a broker of ours whose client says nothing, or reads nothing (Linux).

mosquitto gives a client 90 s to say who it is, and cannot be told otherwise; whoever opens as many
connections as it takes keeps everybody else out for that long, again and again. The broker is our
child, so its sockets can be looked at from here (pidfd_getfd), and a silent one can be shut down:
the broker then sees that its client left. The same for a client that never reads all it is sent:
what it does not read is the broker's memory.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import logging
import os
import socket
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hub.runtime.ticks import tick

__all__ = ["SilentClients", "bytes_taken"]

log = logging.getLogger("hub.mqtt.broker")

# s between two looks, and how long a client may say nothing (it sends its CONNECT with the third
# packet of its connection) or send less than it takes, while there is little room left.
EVERY_S, SILENT_S, UNANSWERED_S = 0.5, 2.0, 15.0
# s between two looks while there is room, and was for `ALERT_S`: a broker of a home is never
# crowded, and each look costs; whoever crowds it again and again is seen at once.
CALM_S, ALERT_S = 5.0, 120.0
# s between two looks at what is not read yet, and how long there may always be some.
UNREAD_EVERY_S, UNREAD_S = 10.0, 120.0
# Of the connections there is room for: below that the broker's own 90 s will do.
_CROWDED = 0.5
# Bytes: a CONNECT with a client id, a name and a password is longer.
_SHORTEST_CONNECT = 24

_PIDFD_GETFD = 438  # the same number on every architecture
# linux/tcp.h, struct tcp_info: tcpi_bytes_acked (of what the broker has sent), tcpi_bytes_received.
_BYTES = struct.Struct("=120xQQ")
_ESTABLISHED = 1
_HANDSHAKE = 1  # TCP's own first packet counts as a byte
# What pidfd_getfd says in a container that forbids it, and on a Linux before 5.6.
_FORBIDDEN = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS})
_LIBC = ctypes.CDLL(None, use_errno=True)


class SilentClients:
    """Watches one broker's connections from `watch` on; there is room for `total` of them.

    `pid` is the broker's process (None while it is down).
    """

    def __init__(
        self,
        name: str,
        pid: Callable[[], int | None],
        total: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._pid, self._total, self._clock = name, pid, total, clock
        self._since: dict[int, float] = {}
        self._unread: dict[int, float] = {}
        self._looked_at = -UNREAD_EVERY_S
        self._crowded = False
        self._alert_until = -ALERT_S
        self.ended = 0
        """How many connections were ended."""
        self.forbidden = ""
        """What this system says to the look, where it does not let us; else empty."""

    async def watch(self) -> None:
        """Look again and again. Returns where this system does not let us."""
        while True:
            pid = self._pid()
            if pid is not None:
                try:
                    # A thread only for what takes its time: it costs more than the names.
                    if self._is_due(len(_descriptors(pid))):
                        await asyncio.to_thread(self.look, pid)
                except (ProcessLookupError, FileNotFoundError):
                    pass  # it has just ended
                except (OSError, AttributeError) as error:
                    self.forbidden = str(error)
                    log.warning("silent clients of mosquitto stay for 90 s: %s", error)
                    return
            alert = self._crowded or self._clock() < self._alert_until
            await tick(EVERY_S if alert else CALM_S)

    def _is_due(self, descriptors: int) -> bool:
        """Whether to look at the connections one by one."""
        crowded = descriptors >= self._total * _CROWDED
        # The look after a crowd forgets who was silent in it.
        due = crowded or self._crowded
        return due or self._clock() - self._looked_at >= UNREAD_EVERY_S

    def look(self, pid: int) -> None:
        """Once: end those of a crowded broker that have said nothing for long. Raises OSError."""
        numbers = [int(name) for name in _descriptors(pid)]
        now = self._clock()
        if now - self._looked_at >= UNREAD_EVERY_S:
            self._looked_at = now
            self._end_unread(pid, numbers, now)
        self._crowded = len(numbers) >= self._total * _CROWDED
        if not self._crowded:
            self._since.clear()
            return
        self._alert_until = now + ALERT_S
        unanswered: dict[int, float] = {}
        ended = 0
        with _opened(pid) as process:
            for number in numbers:
                ended += self._end_if_silent(process, number, now, unanswered)
        self._since = unanswered
        if ended and not self.ended:
            log.warning(
                "mosquitto (%s): %d of %d connections: ending those that say nothing",
                self._name,
                len(numbers),
                self._total,
            )
        self.ended += ended

    def _end_unread(self, pid: int, numbers: list[int], now: float) -> None:
        """End those that have never read all of what they were sent for long."""
        unread: dict[int, float] = {}
        with _opened(pid) as process:
            for number in numbers:
                try:
                    with _taken(process, number) as one:
                        if not _waiting(one):
                            continue
                        inode = os.fstat(one.fileno()).st_ino
                        unread[inode] = self._unread.get(inode, now)
                        if now - unread[inode] >= UNREAD_S:
                            one.shutdown(socket.SHUT_RDWR)
                            self.ended += 1
                            log.info("mosquitto (%s): ended who does not read", self._name)
                except OSError as error:
                    if error.errno in _FORBIDDEN:
                        raise
        self._unread = unread

    def _end_if_silent(
        self, process: int, number: int, now: float, unanswered: dict[int, float]
    ) -> bool:
        try:
            with _taken(process, number) as one:
                answered, received = _bytes(one)
                if answered > _HANDSHAKE:
                    return False
                inode = os.fstat(one.fileno()).st_ino
                since = self._since.get(inode, now)
                if now - since >= (SILENT_S if received < _SHORTEST_CONNECT else UNANSWERED_S):
                    one.shutdown(socket.SHUT_RDWR)
                    return True
                unanswered[inode] = since
        except OSError as error:
            # Else a descriptor that was closed meanwhile, a connection that has just left.
            if error.errno in _FORBIDDEN:
                raise
        return False


def bytes_taken(pid: int, address: str, port: int) -> int | None:
    """What the other side of one of a process's connections has acknowledged; None without one.

    Raises OSError where this system does not let us look.
    """
    with _opened(pid) as process:
        for name in _descriptors(pid):
            try:
                with _taken(process, int(name)) as one:
                    if one.family in {socket.AF_INET, socket.AF_INET6}:
                        peer = one.getpeername()
                        if (peer[0].partition("%")[0], peer[1]) == (address, port):
                            return _bytes(one)[0]
            except OSError as error:
                if error.errno in _FORBIDDEN:
                    raise
    return None


def _descriptors(pid: int) -> list[str]:
    return os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208  # names alone


@contextmanager
def _taken(process: int, number: int) -> Iterator[socket.socket]:
    """Another process's socket. Raises OSError for what is none."""
    taken = int(_LIBC.syscall(_PIDFD_GETFD, process, number, 0))
    if taken < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    try:
        one = socket.socket(fileno=taken)
    except OSError:
        os.close(taken)
        raise
    with one:
        yield one


def _waiting(one: socket.socket) -> int:
    """The bytes that its owner has sent and the other side has not taken."""
    _bytes(one)
    return int.from_bytes(fcntl.ioctl(one.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def _bytes(one: socket.socket) -> tuple[int, int]:
    """How many its owner has sent and got. Raises OSError for no connection of TCP."""
    if one.family not in {socket.AF_INET, socket.AF_INET6}:
        raise OSError(errno.ENOTCONN, "no connection")
    info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    if info[0] != _ESTABLISHED:
        raise OSError(errno.ENOTCONN, "no connection")
    answered, received = _BYTES.unpack_from(info)
    return answered, received


@contextmanager
def _opened(pid: int) -> Iterator[int]:
    process = os.pidfd_open(pid)
    try:
        yield process
    finally:
        os.close(process)
