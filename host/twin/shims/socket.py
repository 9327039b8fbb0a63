"""lwIP's sockets over the host's, with its time-outs and a link that delays and loses.

- A connect or read with a time-out waits in steps of 100 ms; `setblocking(True)` clears it.
- At most 1072 bytes (two segments) are under way: `send` takes what fits.
- A lost segment comes one retransmission later: 3 s for the first of a connection, then 1 s.
- Without WiFi there is no route; from an address of another network nothing comes back.
- What is sent to all for multicast DNS goes to the port that the world's `mdns` names; nobody
  hears it without one.
- A raw socket of UDP's number hears the network's DHCP server, which lwIP keeps from other sockets.
- What the device serves over its own access point is served on the loopback address; `ports.json`
  in the device's folder says at which ports.
"""

import errno
import json
import random

import dhcp_server
import network
import usocket
import utime
import world

AF_INET, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, IPPROTO_TCP = 2, 1, 2, 3, 6
SOL_SOCKET, SO_REUSEADDR, SO_BROADCAST = 0xFFF, 4, 0x20
_WINDOW = 1072
_FIRST_RTO, _RTO = 3000, 1000
_STEP_MS = 100
_EHOSTUNREACH = 113
if world.get("net", "seed") is not None:
    random.seed(world.get("net", "seed"))
_NEW, _CONNECTING, _CONNECTED, _BROKEN, _BOUND = 0, 1, 2, 3, 4
_LOOPBACK = "127.0.0.1"
_MDNS = ("224.0.0.251", 5353)
_UDP = 17


def getaddrinfo(host, port, *rest):
    """Numeric addresses, and names as the world or the host knows them."""
    joined, right = network.reachable()
    parts = host.split(".")
    if len(parts) == 4 and all(part.isdigit() for part in parts):
        return [(AF_INET, SOCK_STREAM, 0, "", (host, port))]
    if not joined or not right:
        raise OSError(-2)
    if host in world.get("net", "names"):
        return [(AF_INET, SOCK_STREAM, 0, "", (world.get("net", "names")[host], port))]
    try:
        found = usocket.getaddrinfo(host, port, usocket.AF_INET)[0][-1]
    except OSError:
        raise OSError(-2)
    octets = usocket.sockaddr(found)[1]
    return [(AF_INET, SOCK_STREAM, 0, "", ("%d.%d.%d.%d" % tuple(octets), port))]


def _delay(timeout):
    """Milliseconds that a segment takes: a round trip, and retransmissions (12 at most)."""
    delay = world.get("net", "latency_ms")
    loss = world.get("net", "loss")
    for _ in range(12):
        if random.random() >= loss:
            break
        delay += timeout
        timeout *= 2
    return delay


class socket:
    """A TCP or UDP socket, or a raw one of UDP's number."""

    def __init__(self, family=AF_INET, kind=SOCK_STREAM, proto=0, real=None):
        self.kind = kind
        # IP packets, of a raw socket; lwIP keeps one and drops what comes until it was read.
        self.packet = None
        if kind == SOCK_RAW and proto != _UDP:
            raise OSError(errno.EINVAL)
        self.real = real
        if not real and kind != SOCK_RAW:
            self.real = usocket.socket(usocket.AF_INET, kind)
        self.timeout = None
        self.state = _CONNECTED if real else _NEW
        self.peer = None
        self.due = None
        self.queue = []
        # Of a station's neighbour on the access point, or of the network that the station joined.
        self.served = False

    # --- what the link does meanwhile -------------------------------------------------------

    def advance(self):
        """Bring connection and queue up to now."""
        now = utime.ticks_ms()
        if self.state == _CONNECTING and utime.ticks_diff(now, self.due) >= 0:
            self._arrive()
        while self.queue and self.state == _CONNECTED:
            due, data = self.queue[0]
            linked = network.serving() if self.served else network.reachable()[1]
            if utime.ticks_diff(now, due) < 0 or not linked:
                break
            try:
                sent = self.real.send(data)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    self.state = _BROKEN
                break
            if sent < len(data):
                self.queue[0] = (due, data[sent:])
                break
            self.queue.pop(0)

    def _arrive(self):
        if world.get("net", "blackhole") or not network.reachable()[1]:
            return
        host, port = self.peer
        try:
            self.real.connect(usocket.getaddrinfo(host, port)[0][-1])
            self.real.setblocking(False)
            self.state = _CONNECTED
        except OSError:
            self.state = _BROKEN

    def waiting(self):
        """Whether time must pass before the real socket matters."""
        return self.state == _CONNECTING or bool(self.queue)

    def _until(self, done, timeout_error=errno.ETIMEDOUT):
        """Wait for `done()` in blocking mode, as long as the time-out says."""
        began = utime.ticks_ms()
        while not done():
            if self.timeout is not None and utime.ticks_diff(utime.ticks_ms(), began) >= (
                self.timeout * 1000
            ):
                raise OSError(timeout_error)
            utime.sleep_ms(1)
            self.advance()

    # --- the interface ------------------------------------------------------------------------

    def setblocking(self, on):
        self.timeout = None if on else 0

    def settimeout(self, seconds):
        self.timeout = seconds

    def setsockopt(self, *args):
        pass

    def connect(self, address):
        if not network.reachable()[0]:
            raise OSError(_EHOSTUNREACH)
        self.peer = address
        if self.kind == SOCK_DGRAM:
            self.real.connect(usocket.getaddrinfo(*address)[0][-1])
            self.state = _CONNECTED
            return
        self.due = utime.ticks_add(utime.ticks_ms(), _delay(_FIRST_RTO))
        self.state = _CONNECTING
        if self.timeout == 0:
            raise OSError(errno.EINPROGRESS)
        if self.timeout:
            utime.sleep_ms(_STEP_MS)
        self.advance()
        self._until(lambda: self.state != _CONNECTING)
        if self.state == _BROKEN:
            raise OSError(errno.ECONNREFUSED)

    def send(self, data):
        self.advance()
        if self.state == _BROKEN:
            raise OSError(errno.ECONNRESET)
        if self.state == _NEW:
            raise OSError(errno.ENOTCONN)
        if self.timeout != 0:
            self._until(self.writable)
        room = _WINDOW - sum(len(part) for _due, part in self.queue)
        if room <= 0 or self.state == _CONNECTING:
            raise OSError(errno.EAGAIN)
        data = bytes(data[:room])
        self.queue.append((utime.ticks_add(utime.ticks_ms(), _delay(_RTO)), data))
        self.advance()
        return len(data)

    write = send

    def sendall(self, data):
        data = memoryview(data)
        while data:
            data = data[self.send(data) :]

    def writable(self):
        return self.state != _CONNECTING and (sum(len(part) for _due, part in self.queue) < _WINDOW)

    def recv(self, count):
        if self.kind == SOCK_RAW:
            packet, self.packet = self.packet, None
            if packet is None:
                # With a time-out of 0 lwIP's binding says so of datagrams.
                raise OSError(errno.ETIMEDOUT)
            return packet[:count]
        self.advance()
        if self.state == _BROKEN:
            raise OSError(errno.ECONNRESET)
        if self.state != _CONNECTED:
            raise OSError(errno.ENOTCONN)
        if self.timeout == 0:
            return self.real.recv(count)
        found = []

        def tried():
            try:
                found.append(self.real.recv(count))
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
            return found

        self._until(tried)
        return found[0]

    read = recv

    def readinto(self, buffer, count=None):
        data = self.recv(count or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def bind(self, address):
        """Serve a port of the device's at one of the loopback address's."""
        ports = json.loads(world.read("ports.json") or b"{}")
        name = str(address[1])
        given = world.get("ports").get(name)
        for _ in range(100):
            port = given or 20000 + random.getrandbits(15)
            try:
                self.real.bind(usocket.getaddrinfo(_LOOPBACK, port)[0][-1])
                break
            except OSError as error:
                if given or error.errno != errno.EADDRINUSE:
                    raise
        else:
            raise OSError(errno.EADDRINUSE)
        self.real.setblocking(False)
        self.served = True
        if self.kind == SOCK_DGRAM:
            self.state = _BOUND
        ports[name] = port
        world.write("ports.json", json.dumps(ports))

    def listen(self, backlog=1):
        self.real.listen(backlog)
        self.state = _BOUND

    def accept(self):
        if not network.serving():
            raise OSError(errno.EAGAIN)
        real, address = self.real.accept()
        real.setblocking(False)
        accepted = socket(real=real)
        accepted.served = True
        return accepted, _pair(address)

    def recvfrom(self, count):
        data, address = self.real.recvfrom(count)
        return data, _pair(address)

    def sendto(self, data, address):
        if self.kind == SOCK_RAW:
            if not network.reachable()[0]:
                raise OSError(_EHOSTUNREACH)
            self.packet = self.packet or dhcp_server.answer(data, network.lent())
            return len(data)
        if not (network.serving() if self.served else network.reachable()[0]):
            raise OSError(_EHOSTUNREACH)
        if self.state == _NEW:
            self.state = _BOUND
        if address == _MDNS:
            address = _LOOPBACK, world.get("net", "mdns") or 0
        if not self.served and not (address[1] and network.reachable()[1]):
            # Into the air, where nobody is.
            return len(data)
        return self.real.sendto(data, usocket.getaddrinfo(*address)[0][-1])

    def close(self):
        if self.state == _CONNECTED:
            self.advance()
        self.state = _BROKEN
        self.queue = []
        if self.real:
            self.real.close()


def _pair(address):
    """(host, port) as lwIP gives it."""
    _family, octets, port = usocket.sockaddr(address)[:3]
    return ("%d.%d.%d.%d" % tuple(octets), port)
