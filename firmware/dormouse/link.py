"""A TCP connection to the broker that can never hang.

Everything is non-blocking with a poll of its own: lwIP's `settimeout` makes `connect` wait in
steps of 100 ms, and its `setblocking(True)` clears the time-out.
"""

import errno
import select
import socket

from dormouse.packets import Parser
from dormouse.watchdog import feed, meanwhile

# lwIP's first retransmission comes after 1-3 s: a broker that is there answers within this.
CONNECT_MS = 3500
ANSWER_MS = 3500


class Silent(OSError):
    """No answer in time."""


class Link:
    """One connection; `close` may always be called."""

    def __init__(self, address: str, port: int, deadline):
        self.deadline = deadline
        self.parser = Parser()
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.poll = select.poll()
        try:
            self.sock.connect((address, port))
        except OSError as error:
            if error.errno not in (errno.EINPROGRESS, errno.EALREADY):
                self.sock.close()
                raise
        self.poll.register(self.sock, select.POLLIN | select.POLLOUT)
        try:
            self._wait(select.POLLOUT, self.deadline.part(CONNECT_MS))
        except OSError:
            self.sock.close()
            raise

    def _wait(self, event: int, limit) -> None:
        """Wait until the socket can read or write. Raises Silent, or OSError if it broke."""
        self.poll.modify(self.sock, event)
        while True:
            feed()
            left = limit.left()
            for _sock, flags in self.poll.poll(min(left, meanwhile.every_ms)):
                if flags & event:
                    return
                if flags & (select.POLLERR | select.POLLHUP):
                    raise OSError(errno.ECONNRESET)
            if not left:
                raise Silent(errno.ETIMEDOUT)

    def write(self, data) -> None:
        """Send all of it. Raises OSError."""
        limit = self.deadline.part(ANSWER_MS)
        view = memoryview(data)
        while len(view):
            try:
                sent = self.sock.send(view)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
                sent = 0
            view = view[sent:]
            if len(view):
                self._wait(select.POLLOUT, limit)

    def packet(self, ms: int = ANSWER_MS):
        """The next packet (type, flags, body).

        Raises Silent after `ms`, OSError if the connection ended, BadPacket.
        """
        limit = self.deadline.part(ms)
        while True:
            found = self.parser.packet()
            if found:
                return found
            self._wait(select.POLLIN, limit)
            self._receive()

    def arrived(self):
        """The next packet if it is here already, else None. Raises OSError, BadPacket."""
        found = self.parser.packet()
        if not found:
            self._receive()
            found = self.parser.packet()
        return found

    def idle(self, ms: int) -> None:
        """Let time pass until something arrives."""
        self.poll.modify(self.sock, select.POLLIN)
        self.poll.poll(ms)

    def _receive(self) -> None:
        try:
            data = self.sock.recv(512)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
            return
        if not data:
            raise OSError(errno.ECONNRESET)
        self.parser.feed(data)

    def close(self) -> None:
        """Let go."""
        self.sock.close()


def resolve(host: str, record) -> str:
    """The broker's address: as given, as remembered, or by DNS (then remembered).

    Raises OSError.
    """
    from dormouse.wifi import dotted, octets

    try:
        octets(host)
        return host
    except ValueError:
        pass
    if record.broker != b"\0" * 4:
        return dotted(record.broker)
    feed()
    address = socket.getaddrinfo(host, 0)[0][-1][0]
    record.broker = octets(address)
    return address
