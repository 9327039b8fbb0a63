"""HTTP and DNS for a handful of clients at a time, in one loop that nothing can hold up."""

import errno
import select
import socket
import time

from dormouse.portal import dns
from dormouse.portal.request import Request
from dormouse.watchdog import feed

# lwIP has 5 TCP connections on this chip; one is left for what is being closed.
CLIENTS = 4
# A request is here, and its page is taken, within this time of its connection.
_SLOW_MS = 8000
# A connection that says nothing (browsers open some in advance) yields to others after this.
_IDLE_MS = 300
_PIECE = 256
_POLL_MS = 50
_HTTP, _DNS = 80, 53
# What is dropped of a client that still talks when it has its answer: closing would reset it.
_DRAINED = 4


class Client:
    """One connection: its request, then its page."""

    def __init__(self, sock):
        self.sock = sock
        self.since = self.last = time.ticks_ms()
        self.request = Request()
        self.pieces: object = None
        self.rest = memoryview(b"")

    def silent(self, ms: int) -> bool:
        """Whether it has not come on for that long, or takes too long in all."""
        now = time.ticks_ms()
        late = time.ticks_diff(now, self.since) > _SLOW_MS
        return late or time.ticks_diff(now, self.last) > ms

    def receive(self) -> bool:
        """Take what is here; False when the connection has ended. Raises OSError."""
        data = self.sock.recv(_PIECE)
        self.last = time.ticks_ms()
        self.request.take(data)
        return bool(data)

    def send(self) -> bool:
        """Send what goes; False when all has been sent. Raises OSError."""
        while True:
            if not len(self.rest):
                piece = next(self.pieces, None)  # type: ignore[call-overload]  # an iterator of bytes
                if piece is None:
                    return False
                self.rest = memoryview(piece.encode())
            sent = self.sock.send(self.rest)
            self.rest = self.rest[sent:]
            self.last = time.ticks_ms()

    def drain(self) -> None:
        """Drop what came meanwhile."""
        try:
            for _ in range(_DRAINED):
                if not self.sock.recv(_PIECE):
                    break
        except OSError:
            pass


class Server:
    """`respond(request)` gives the pieces of a page; `address` (4 bytes) answers every name."""

    def __init__(self, respond, address: bytes):
        self.respond = respond
        self.address = address
        self.clients: list = []
        self.poll = select.poll()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("0.0.0.0", _HTTP))
        self.listener.listen(CLIENTS)
        self.names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.names.bind(("0.0.0.0", _DNS))
        for sock in (self.listener, self.names):
            sock.setblocking(False)
            self.poll.register(sock, select.POLLIN)

    def turn(self) -> None:
        """Wait a moment for something to do, and do it."""
        feed()
        self.poll.modify(self.listener, select.POLLIN if self._room() else 0)
        for sock, flags in self.poll.poll(_POLL_MS):
            if sock is self.listener:
                self._accept()
            elif sock is self.names:
                self._name()
            else:
                self._serve(sock, flags)
        for client in list(self.clients):
            if client.silent(_SLOW_MS):
                self._drop(client)

    def close(self) -> None:
        """End every connection."""
        for client in list(self.clients):
            self._drop(client)
        self.listener.close()
        self.names.close()

    def _room(self) -> bool:
        """Whether another client can be taken, in place of one that says nothing if need be."""
        return len(self.clients) < CLIENTS or self._silent() is not None

    def _silent(self):
        for client in self.clients:
            if client.silent(_IDLE_MS):
                return client
        return None

    def _accept(self) -> None:
        if not self._room():
            return
        try:
            sock, _peer = self.listener.accept()
        except OSError:
            return
        if len(self.clients) >= CLIENTS:
            self._drop(self._silent())
        sock.setblocking(False)
        self.clients.append(Client(sock))
        self.poll.register(sock, select.POLLIN)

    def _serve(self, sock, flags: int) -> None:
        for client in self.clients:
            if client.sock is sock:
                break
        else:
            return
        try:
            going = self._go_on(client, flags)
        except OSError as error:
            going = error.errno == errno.EAGAIN
        except Exception as error:
            # Out of memory, say: one client's harm, not the portal's end.
            print("portal:", type(error).__name__, error)
            going = False
        if not going:
            self._drop(client)

    def _go_on(self, client, flags: int) -> bool:
        """One step of a client; False when it is done. Raises OSError."""
        if client.pieces is not None:
            if client.send():
                return True
            client.drain()
            return False
        if not flags & select.POLLIN or not client.receive():
            return False
        if client.request.status:
            client.pieces = self.respond(client.request)
            # The request's memory is wanted back.
            client.request = None
            self.poll.modify(client.sock, select.POLLOUT)
        return True

    def _drop(self, client) -> None:
        self.clients.remove(client)
        self.poll.unregister(client.sock)
        client.sock.close()

    def _name(self) -> None:
        try:
            query, peer = self.names.recvfrom(dns.LONGEST)
            reply = dns.answer(query, self.address)
            if reply:
                self.names.sendto(reply, peer)
        except OSError:
            # Lost, as datagrams may be: it is asked again.
            pass
