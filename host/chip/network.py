"""The network around an emulated chip: what its access point leads to is this machine.

The chip has an address of the loopback network, as virtual devices have: the hub reaches it there.
What it sends to any address goes out by a socket of this process; only loopback and what the chip
itself asked for is ever reached.
"""

from __future__ import annotations

import queue
import select
import socket
import time
from collections import deque
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import NamedTuple

from contracts.ota.protocol import PORT as OTA_PORT
from host.chip import dhcp
from host.chip.frames import (
    BROADCAST,
    Arp,
    Ethernet,
    Flags,
    Packet,
    Protocol,
    TcpSegment,
    UdpDatagram,
)
from host.chip.tcp import State, TcpConnection

__all__ = ["PORTAL", "EmulatedNetwork"]

PORTAL = IPv4Address("192.168.4.1")
"""The chip's own address where it is an access point."""

STATION, POINT = 0, 1
_PHONE = IPv4Address("192.168.4.2")
_HARDWARE = bytes.fromhex("02446f726d01")  # locally made; the gateway's and the phone's
_DNS_PORT = 53
_TO_ALL = IPv4Address("255.255.255.255")
# Linux: who a datagram was sent to comes with it, at the end of struct in_pktinfo (ip(7)).
_IP_PKTINFO, _PKTINFO_SIZE = 8, 12
_PHONE_PORTS = 40_000  # the first of those that the phone calls from


class _Ends(NamedTuple):
    """A connection's: the interface, who is at the other end, and both ports."""

    interface: int
    peer: IPv4Address
    peer_port: int
    port: int


class EmulatedNetwork:
    """Frames go in by `handle_frame`; `poll` gives those for the chip. Times are the chip's, in us.

    `address` is the chip's: its datagrams' port 8266 is open there on this machine. `ports` says
    which port of this machine stands for another one of the gateway's.
    """

    def __init__(self, address: str, ports: Mapping[int, int] | None = None) -> None:
        self.address = IPv4Address(address)
        self.gateway = IPv4Address(int(self.address) & 0xFFFFFF00 | 1)
        self.hardware = [BROADCAST, BROADCAST]
        self.ports = dict(ports or {})
        # How long an answer to what the chip sent is waited for, while its time stands still.
        self.patience_s = 0.5
        # For how long its DHCP server lends the address.
        self.lease_s = dhcp.LEASE_S
        self.connections: dict[_Ends, TcpConnection] = {}
        self._frames: deque[tuple[int, bytes]] = deque()
        self._calls: queue.SimpleQueue[tuple[socket.socket, int]] = queue.SimpleQueue()
        self._called = 0
        self._ota: socket.socket | None = None
        self._senders: dict[int, tuple[str, int]] = {}
        self._now = 0

    def open_updates(self, sock: socket.socket | None = None) -> None:
        """Take datagrams on the OTA server's port, from now on. Raises OSError.

        By `sock`, which is bound and then the network's, if it is given: one of another namespace,
        or one that hears broadcasts. What was sent to all reaches the chip as such.
        """
        if sock is None:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((str(self.address), OTA_PORT))
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.setblocking(False)
        self._ota = sock

    def forget(self) -> None:
        """The chip was reset: it knows of no connection any more."""
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()
        self._frames.clear()

    def close(self) -> None:
        """Close every socket."""
        self.forget()
        if self._ota is not None:
            self._ota.close()
            self._ota = None

    def call_portal(self, sock: socket.socket, port: int = 80) -> None:
        """Connect a phone on the chip's own network by a connected socket; from any thread."""
        self._calls.put((sock, port))

    def patience(self) -> float:
        """For how many seconds from now somebody may answer the chip at once; 0 for nobody."""
        until = max((one.answer_until for one in self.connections.values()), default=0.0)
        return max(0.0, until - time.monotonic())

    def handle_frame(self, interface: int, data: bytes, now_us: int) -> None:
        """A frame from the chip."""
        self._now = now_us
        frame = Ethernet.read(data)
        if frame is None:
            return
        self.hardware[interface] = frame.sender
        if frame.is_arp:
            self._handle_arp(interface, frame)
        elif frame.is_ip and (packet := Packet.read(frame.body)):
            if packet.protocol == Protocol.UDP:
                self._handle_datagram(interface, packet)
            elif packet.protocol == Protocol.TCP:
                self._handle_segment(interface, packet)

    def poll(self, now_us: int, wait_s: float) -> list[tuple[int, bytes]]:
        """The frames for the chip; waits for one up to so long, of this machine's time."""
        self._now = now_us
        end = time.monotonic() + wait_s
        while not self._calls.empty():
            self._call(*self._calls.get())
        while True:
            self._look(max(0.0, end - time.monotonic()) if not self._frames else 0.0)
            for key, connection in list(self.connections.items()):
                connection.tick(now_us)
                if connection.state is State.CLOSED:
                    del self.connections[key]
            if self._frames or time.monotonic() >= end:
                break
        frames = list(self._frames)
        self._frames.clear()
        return frames

    # --- this machine's side

    def _call(self, sock: socket.socket, port: int) -> None:
        self._called += 1
        source = _PHONE_PORTS + self._called % 20_000
        self._connection(_Ends(POINT, _PHONE, source, port), sock).call(self._now)

    def _look(self, wait_s: float) -> None:
        readers: dict[int, TcpConnection | None] = {}
        writers: dict[int, TcpConnection] = {}
        for connection in self.connections.values():
            reads, writes = connection.wants
            if reads:
                readers[connection.socket.fileno()] = connection
            if writes:
                writers[connection.socket.fileno()] = connection
        if self._ota is not None:
            readers[self._ota.fileno()] = None
        readable, writable, _ = select.select(list(readers), list(writers), [], wait_s)
        for number in writable:
            writers[number].connected(self._now)
        for number in readable:
            if one := readers[number]:
                one.read_socket(self._now)
            else:
                self._take_update()

    def _take_update(self) -> None:
        assert self._ota is not None  # noqa: S101  # it is in the list of readers
        try:
            data, ancillary, _, sender = self._ota.recvmsg(2048, socket.CMSG_SPACE(_PKTINFO_SIZE))
        except OSError:
            return
        self._senders[sender[1]] = sender
        to, hardware = self.address, self.hardware[STATION]
        if any(information.endswith(_TO_ALL.packed) for _, _, information in ancillary):
            to, hardware = _TO_ALL, BROADCAST
        packet = UdpDatagram(sender[1], OTA_PORT, data).packet(self.gateway, to)
        self._frames.append((STATION, packet.frame(hardware, _HARDWARE)))

    # --- the chip's side

    def _handle_arp(self, interface: int, frame: Ethernet) -> None:
        asked = Arp.read(frame.body)
        if asked is None or asked.answer or asked.sender == asked.target:
            return
        own = self.address if interface == STATION else PORTAL
        if asked.target == own:
            return  # it looks whether somebody else has its address
        answer = Arp(answer=True, hardware=_HARDWARE, sender=asked.target, target=asked.sender)
        self._frames.append((interface, answer.frame(frame.sender)))

    def _handle_datagram(self, interface: int, packet: Packet) -> None:
        datagram = UdpDatagram.read(packet)
        if datagram is None or interface != STATION:
            return
        if datagram.port == dhcp.SERVER:
            if said := dhcp.answer(datagram.data, self.address, self.gateway, self.lease_s):
                answer = UdpDatagram(dhcp.SERVER, dhcp.CLIENT, said)
                self._send(STATION, answer.packet(self.gateway, self.address))
        elif datagram.port == _DNS_PORT:
            self._handle_question(packet, datagram)
        elif datagram.source == OTA_PORT and datagram.port in self._senders:
            assert self._ota is not None  # noqa: S101  # the sender came by it
            self._ota.sendto(datagram.data, self._senders[datagram.port])

    def _handle_question(self, packet: Packet, datagram: UdpDatagram) -> None:
        said = _resolve(datagram.data)
        if said is not None:
            answer = UdpDatagram(_DNS_PORT, datagram.source, said)
            self._send(STATION, answer.packet(packet.to, packet.sender))

    def _handle_segment(self, interface: int, packet: Packet) -> None:
        segment = TcpSegment.read(packet)
        if segment is None:
            return
        ends = _Ends(interface, packet.to, segment.port, segment.source)
        connection = self.connections.get(ends)
        if connection is not None and connection.state is not State.CLOSED:
            connection.handle(segment, self._now)
        elif segment.flags & Flags.SYN and interface == STATION:
            sock = socket.socket()
            sock.setblocking(False)
            if packet.to == self.gateway:
                sock.connect_ex(("127.0.0.1", self.ports.get(segment.port, segment.port)))
            else:
                sock.connect_ex((str(packet.to), segment.port))
            self._connection(ends, sock).answer_syn(segment)

    def _connection(self, ends: _Ends, sock: socket.socket) -> TcpConnection:
        chip = self.address if ends.interface == STATION else PORTAL

        def transmit(segment: TcpSegment) -> None:
            self._send(ends.interface, segment.packet(ends.peer, chip))

        connection = TcpConnection(sock, ends.port, ends.peer_port, transmit, self.patience_s)
        self.connections[ends] = connection
        return connection

    def _send(self, interface: int, packet: Packet) -> None:
        self._frames.append((interface, packet.frame(self.hardware[interface], _HARDWARE)))


def _resolve(question: bytes) -> bytes | None:
    """The answer to a DNS question for one name's address (RFC 1035), as this machine knows it."""
    at, labels = 12, []
    while at < len(question) and question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]])
        at += 1 + question[at]
    end = at + 5
    if len(question) < end:
        return None
    try:
        name = b".".join(labels).decode("ascii")
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]
    except (OSError, UnicodeError):
        return question[:2] + b"\x81\x83\0\x01\0\0\0\0\0\0" + question[12:end]
    record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + IPv4Address(str(found)).packed
    return question[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0" + question[12:end] + record
