"""A TCP connection to the broker that can never hang.

Everything is non-blocking with a poll of its own: lwIP's `settimeout` makes `connect` wait in
steps of 100 ms, and its `setblocking(True)` clears the time-out.
"""

import errno
import select
import socket

from dormouse import watchdog
from dormouse.packets import Parser

# lwIP's first retransmission comes after 1-3 s: a broker that is there answers within this.
CONNECT_MS = 3500
ANSWER_MS = 3500


class Timeout(OSError):
    """No answer in time."""


class Connection:
    """One connection, of which no step lasts beyond `deadline`; `close` may always be called."""

    def __init__(self, deadline):
        self.deadline = deadline
        self.parser = Parser()
        self.sock = socket.socket()
        self.poll = select.poll()

    def connect(self, address: str, port: int) -> None:
        """Connect within CONNECT_MS; closed if that fails. Raises OSError, Timeout."""
        self.sock.setblocking(False)
        try:
            try:
                self.sock.connect((address, port))
            except OSError as error:
                if error.errno not in (errno.EINPROGRESS, errno.EALREADY):
                    raise
            self.poll.register(self.sock, select.POLLIN | select.POLLOUT)
            self._wait(select.POLLOUT, self.deadline.within(CONNECT_MS))
        except OSError:
            self.sock.close()
            raise

    def _wait(self, event: int, limit) -> None:
        """Wait until the socket can read or write. Raises Timeout, or OSError if it broke."""
        self.poll.modify(self.sock, event)
        while True:
            watchdog.feed()
            left = limit.left()
            for _sock, flags in self.poll.poll(min(left, watchdog.max_wait_ms)):
                if flags & event:
                    return
                if flags & (select.POLLERR | select.POLLHUP):
                    raise OSError(errno.ECONNRESET)
            if not left:
                raise Timeout(errno.ETIMEDOUT)

    def write(self, data) -> None:
        """Send all of it. Raises OSError."""
        limit = self.deadline.within(ANSWER_MS)
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

    def wait_packet(self, ms: int = ANSWER_MS):
        """The next packet (type, flags, body).

        Raises Timeout after `ms`, OSError if the connection ended, BadPacket.
        """
        limit = self.deadline.within(ms)
        while True:
            packet = self.parser.packet()
            if packet:
                return packet
            self._wait(select.POLLIN, limit)
            self._receive()

    def poll_packet(self):
        """The next packet if it is here already, else None. Raises OSError, BadPacket."""
        packet = self.parser.packet()
        if not packet:
            self._receive()
            packet = self.parser.packet()
        return packet

    def wait_readable(self, ms: int) -> None:
        """Return when something arrives, or after `ms`."""
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
        """Close the socket."""
        self.sock.close()


def is_address(host: str) -> bool:
    """Whether it is an IPv4 address already."""
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() for part in parts)


def resolve(host: str, record) -> str:
    """The broker's IPv4 address: as given, as cached in the record, or asked for (then cached).

    NAME.local is asked of the network by multicast, any other name of its name server. Raises
    OSError.
    """
    from dormouse.wifi import ip_bytes, ip_text

    if is_address(host):
        return host
    if record.broker_ip != b"\0" * 4:
        return ip_text(record.broker_ip)
    watchdog.feed()
    if host.lower().endswith(".local"):
        from dormouse import mdns

        address = mdns.address(host)
        if address is None:
            raise OSError("nobody says to be " + host)
    else:
        address = socket.getaddrinfo(host, 0)[0][-1][0]
    record.broker_ip = ip_bytes(address)
    return address
