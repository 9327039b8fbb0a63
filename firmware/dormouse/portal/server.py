"""HTTP and DNS for a few clients at a time, in one loop that none of them can block."""

import errno
import select
import socket
import time

from dormouse.portal import dns
from dormouse.portal.request import Request
from dormouse.watchdog import feed

# lwIP has 5 TCP connections on this chip; one is left for what is being closed.
MAX_CLIENTS = 4
# A request is here, and its page is taken, within this time of its connection.
_REQUEST_MS = 8000
# An idle connection (browsers open some in advance) yields to others after this.
_IDLE_MS = 300
_PIECE = 256
_POLL_MS = 50
_HTTP, _DNS = 80, 53
# What is dropped of a client that still talks when it has its answer: closing would reset it.
_DRAIN_READS = 4


class Client:
    """One connection: its request, then its page."""

    def __init__(self, sock):
        self.sock = sock
        self.accepted = self.active = time.ticks_ms()
        self.request = Request()
        self.page: object = None
        self.unsent = memoryview(b"")

    def idle(self, ms: int) -> bool:
        """Whether nothing came or went for that long, or it takes too long in all."""
        now = time.ticks_ms()
        late = time.ticks_diff(now, self.accepted) > _REQUEST_MS
        return late or time.ticks_diff(now, self.active) > ms

    def receive(self) -> bool:
        """Read what is here; False when the connection has ended. Raises OSError."""
        data = self.sock.recv(_PIECE)
        self.active = time.ticks_ms()
        self.request.feed(data)
        return bool(data)

    def send(self) -> bool:
        """Send what fits now; False when all has been sent. Raises OSError (EAGAIN: later)."""
        while True:
            if not len(self.unsent):
                piece = next(self.page, None)  # type: ignore[call-overload]  # an iterator of bytes
                if piece is None:
                    return False
                self.unsent = memoryview(piece.encode())
            sent = self.sock.send(self.unsent)
            self.unsent = self.unsent[sent:]
            self.active = time.ticks_ms()

    def drain(self) -> None:
        """Read and drop what came meanwhile."""
        try:
            for _ in range(_DRAIN_READS):
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
        self.dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def start(self) -> None:
        """Listen at ports 80 (HTTP) and 53 (DNS). Raises OSError."""
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("0.0.0.0", _HTTP))
        self.listener.listen(MAX_CLIENTS)
        self.dns.bind(("0.0.0.0", _DNS))
        for sock in (self.listener, self.dns):
            sock.setblocking(False)
            self.poll.register(sock, select.POLLIN)

    def serve_once(self) -> None:
        """Wait up to _POLL_MS for something to do, and do it."""
        feed()
        self.poll.modify(self.listener, select.POLLIN if self._has_room() else 0)
        for sock, flags in self.poll.poll(_POLL_MS):
            if sock is self.listener:
                self._accept()
            elif sock is self.dns:
                self._answer_dns()
            else:
                self._serve(sock, flags)
        for client in list(self.clients):
            if client.idle(_REQUEST_MS):
                self._drop(client)

    def stop(self) -> None:
        """End every connection."""
        for client in list(self.clients):
            self._drop(client)
        self.listener.close()
        self.dns.close()

    def _has_room(self) -> bool:
        """Whether another client can be taken, in place of an idle one if need be."""
        return len(self.clients) < MAX_CLIENTS or self._idle_client() is not None

    def _idle_client(self):
        for client in self.clients:
            if client.idle(_IDLE_MS):
                return client
        return None

    def _accept(self) -> None:
        if not self._has_room():
            return
        try:
            sock, _peer = self.listener.accept()
        except OSError:
            return
        if len(self.clients) >= MAX_CLIENTS:
            self._drop(self._idle_client())
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
            going = self._step(client, flags)
        except OSError as error:
            going = error.errno == errno.EAGAIN
        except Exception as error:
            # Out of memory, for example: it ends one client, not the portal.
            print("portal:", type(error).__name__, error)
            going = False
        if not going:
            self._drop(client)

    def _step(self, client, flags: int) -> bool:
        """One step of a client; False when it is done. Raises OSError."""
        if client.page is not None:
            if client.send():
                return True
            client.drain()
            return False
        if not flags & select.POLLIN or not client.receive():
            return False
        if client.request.status:
            client.page = self.respond(client.request)
            # Its memory is needed.
            client.request = None
            self.poll.modify(client.sock, select.POLLOUT)
        return True

    def _drop(self, client) -> None:
        self.clients.remove(client)
        self.poll.unregister(client.sock)
        client.sock.close()

    def _answer_dns(self) -> None:
        try:
            query, peer = self.dns.recvfrom(dns.MAX_QUERY)
            reply = dns.answer(query, self.address)
            if reply:
                self.dns.sendto(reply, peer)
        except OSError:
            # Lost, as datagrams may be: it is asked again.
            pass
