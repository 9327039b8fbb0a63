"""The network around an emulated chip, met as lwIP meets it: frames in, frames out."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest

from host.chip import dhcp
from host.chip.frames import (
    BROADCAST,
    Arp,
    Ethernet,
    Flags,
    Packet,
    TcpSegment,
    UdpDatagram,
    checksum,
)
from host.chip.network import POINT, PORTAL, STATION, EmulatedNetwork
from host.twin.loopback import claim
from tests.support.netns import namespace
from tests.support.ports import claimed_port

HARDWARE = bytes.fromhex("18fe34d0c515")


@pytest.fixture
def network() -> Iterator[EmulatedNetwork]:
    address = claim()
    network = EmulatedNetwork(address.text)
    yield network
    network.close()
    address.release()


class Side:
    """The chip's end of a connection: what lwIP would send, and what it got."""

    def __init__(self, network: EmulatedNetwork, to: str, port: int, source: int = 49153) -> None:
        self.network, self.to, self.port, self.source = network, IPv4Address(to), port, source
        self.next, self.expected, self.now = 1000, 0, 0
        self.got: list[TcpSegment] = []

    def send(self, flags: Flags, data: bytes = b"", window: int = 5840, mss: int = 0) -> None:
        segment = TcpSegment(
            self.source, self.port, self.next, self.expected, flags, window, data, mss
        )
        packet = segment.packet(self.network.address, self.to)
        frame = packet.frame(b"\x02" * 6, HARDWARE)
        self.next += len(data) + bool(flags & Flags.SYN) + bool(flags & Flags.FIN)
        self.network.handle_frame(STATION, frame, self.now)

    def receive(self, wait_s: float = 1.0) -> list[TcpSegment]:
        """The segments that come, which are acknowledged from then on."""
        found = []
        for interface, raw in self.network.poll(self.now, wait_s):
            assert interface == STATION
            frame = Ethernet.read(raw)
            assert frame is not None
            assert frame.to == HARDWARE
            packet = Packet.read(frame.body)
            assert packet is not None
            segment = TcpSegment.read(packet)
            assert segment is not None  # its checksum is right
            found.append(segment)
            length = len(segment.data) + bool(segment.flags & Flags.SYN)
            length += bool(segment.flags & Flags.FIN)
            if segment.flags & Flags.SYN or segment.sequence == self.expected:
                self.expected = segment.sequence + length & 0xFFFFFFFF
        self.got += found
        return found

    def until(self, condition: Flags) -> TcpSegment:
        for _ in range(50):
            for segment in self.receive():
                if segment.flags & condition:
                    return segment
        raise AssertionError(f"no {condition!r}")


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        yield listening


def connect(network: EmulatedNetwork, server: socket.socket) -> tuple[Side, socket.socket]:
    side = Side(network, "127.0.0.1", server.getsockname()[1])
    side.send(Flags.SYN, mss=536)
    answer = side.until(Flags.SYN)
    assert answer.flags & Flags.ACK
    assert answer.acknowledged == side.next
    side.send(Flags.ACK)
    accepted, _ = server.accept()
    accepted.settimeout(20)
    return side, accepted


def test_the_checksum_of_a_known_header() -> None:
    # The example of RFC 1071's readers: an IPv4 header with the sum b861.
    header = bytes.fromhex("45000073000040004011b861c0a80001c0a800c7")
    assert checksum(header) == 0
    assert checksum(header[:10] + b"\0\0" + header[12:]) == 0xB861


def test_bytes_go_both_ways_and_the_end_too(
    network: EmulatedNetwork, server: socket.socket
) -> None:
    side, accepted = connect(network, server)
    with accepted:
        side.send(Flags.ACK | Flags.PSH, b"CONNECT")
        assert accepted.recv(100) == b"CONNECT"
        accepted.sendall(b"x" * 3000)
        while sum(len(one.data) for one in side.got) < 3000:
            side.receive()
            side.send(Flags.ACK)
        assert max(len(one.data) for one in side.got) <= 536  # the chip's greatest segment
        side.send(Flags.FIN | Flags.ACK)
        assert accepted.recv(100) == b""
    side.until(Flags.FIN)
    side.send(Flags.ACK)
    network.poll(0, 0.0)
    assert not network.connections


def test_what_is_sent_twice_arrives_once(network: EmulatedNetwork, server: socket.socket) -> None:
    side, accepted = connect(network, server)
    with accepted:
        side.send(Flags.ACK, b"abc")
        side.next -= 3
        side.send(Flags.ACK, b"abc")
        side.send(Flags.ACK, b"def")
        side.next += 100
        side.send(Flags.ACK, b"far ahead")
        side.next -= 109
        side.send(Flags.ACK, b"ghi")
        got = b""
        while len(got) < 9:
            got += accepted.recv(100)
        assert got == b"abcdefghi"


def test_no_more_than_the_window_is_sent_and_lost_segments_come_again(
    network: EmulatedNetwork, server: socket.socket
) -> None:
    side, accepted = connect(network, server)
    with accepted:
        side.send(Flags.ACK, window=1000)
        accepted.sendall(b"y" * 5000)
        first = [one for _ in range(3) for one in side.receive(0.2) if one.data]
        assert sum(len(one.data) for one in first) <= 1000
        # Nothing was acknowledged: half a second of the chip's time later it comes again.
        side.now = 600_000
        again = [one for one in side.receive(0.2) if one.data]
        assert again[0] == first[0]


def test_a_closed_port_is_refused(network: EmulatedNetwork) -> None:
    side = Side(network, "127.0.0.1", claimed_port())
    side.send(Flags.SYN)
    side.until(Flags.RST)


def test_ports_of_the_gateway_can_stand_for_others(server: socket.socket) -> None:
    network = EmulatedNetwork("127.9.9.9", {1883: server.getsockname()[1]})
    side = Side(network, str(network.gateway), 1883)
    side.send(Flags.SYN)
    side.until(Flags.SYN)
    network.close()


def test_after_a_reset_of_the_chip_its_old_port_is_free(
    network: EmulatedNetwork, server: socket.socket
) -> None:
    _, accepted = connect(network, server)
    with accepted:
        network.forget()
        assert accepted.recv(10) == b""
    side, again = connect(network, server)
    with again:
        side.send(Flags.ACK, b"anew")
        assert again.recv(10) == b"anew"


def test_the_phone_reaches_the_portal(network: EmulatedNetwork) -> None:
    ours, theirs = socket.socketpair()
    network.call_portal(theirs)
    ((interface, raw),) = network.poll(0, 1.0)
    frame = Ethernet.read(raw)
    assert interface == POINT
    assert frame is not None
    packet = Packet.read(frame.body)
    assert packet is not None
    assert packet.to == PORTAL
    segment = TcpSegment.read(packet)
    assert segment is not None
    assert segment.port == 80
    assert segment.flags == Flags.SYN
    ours.close()


def test_arp_is_answered_for_everybody_but_the_chip_itself(network: EmulatedNetwork) -> None:
    def ask(target: IPv4Address) -> list[tuple[int, bytes]]:
        question = Arp(answer=False, hardware=HARDWARE, sender=network.address, target=target)
        network.handle_frame(STATION, question.frame(BROADCAST), 0)
        return network.poll(0, 0.0)

    ((_, raw),) = ask(network.gateway)
    frame = Ethernet.read(raw)
    assert frame is not None
    assert frame.is_arp
    answer = Arp.read(frame.body)
    assert answer is not None
    assert answer.answer
    assert answer.sender == network.gateway
    assert ask(network.address) == []  # else lwIP would take its address for somebody's


def test_dhcp_offers_and_gives_the_chips_own_address() -> None:
    address, gateway = IPv4Address("127.3.4.5"), IPv4Address("127.3.4.1")
    for asked, said in ((1, 2), (3, 5)):  # DISCOVER, OFFER; REQUEST, ACK
        message = b"\x01\x01\x06\0" + b"abcd" + bytes(20) + HARDWARE.ljust(208, b"\0")
        message += b"\x63\x82\x53\x63" + bytes([53, 1, asked, 255])
        answer = dhcp.answer(message, address, gateway)
        assert answer is not None
        assert answer[4:8] == b"abcd"
        assert answer[16:20] == address.packed
        assert answer[28:34] == HARDWARE
        assert bytes([53, 1, said]) in answer[240:]
        assert bytes([3, 4]) + gateway.packed in answer[240:]
    assert dhcp.answer(b"\0" * 300, address, gateway) is None


def test_dhcp_prolongs_its_own_lease_and_refuses_what_it_never_lent() -> None:
    address, gateway = IPv4Address("127.3.4.5"), IPv4Address("127.3.4.1")

    def ask(own: str, options: bytes = b"") -> bytes:
        message = b"\x01\x01\x06\0" + b"abcd" + bytes(4) + IPv4Address(own).packed + bytes(12)
        message += HARDWARE.ljust(208, b"\0") + b"\x63\x82\x53\x63\x35\x01\x03" + options + b"\xff"
        said = dhcp.answer(message, address, gateway, 120)
        assert said is not None
        assert said[4:8] == b"abcd"
        return said

    # As a client that rebinds: its address in ciaddr (RFC 2131, table 4).
    prolonged = ask("127.3.4.5")
    assert prolonged[12:20] == 2 * address.packed
    assert b"\x35\x01\x05" in prolonged[240:]
    assert b"\x33\x04\0\0\0\x78" in prolonged[240:]
    for refused in (ask("127.3.4.6"), ask("0.0.0.0", b"\x32\x04\x7f\x03\x04\x06")):
        assert b"\x35\x01\x06" in refused[240:]
        assert refused[16:20] == bytes(4)
    assert b"\x35\x01\x05" in ask("0.0.0.0", b"\x32\x04\x7f\x03\x04\x05")[240:]


def test_names_are_this_machines(network: EmulatedNetwork) -> None:
    question = struct.pack("!HHHHHH", 77, 0x0100, 1, 0, 0, 0)
    question += b"\x09localhost\0" + struct.pack("!HH", 1, 1)
    packet = UdpDatagram(5353, 53, question).packet(network.address, network.gateway)
    network.handle_frame(STATION, packet.frame(b"\x02" * 6, HARDWARE), 0)
    ((_, raw),) = network.poll(0, 1.0)
    frame = Ethernet.read(raw)
    assert frame is not None
    answered = Packet.read(frame.body)
    assert answered is not None
    datagram = UdpDatagram.read(answered)
    assert datagram is not None
    assert datagram.port == 5353
    assert datagram.data[:2] == question[:2]
    assert datagram.data.endswith(IPv4Address("127.0.0.1").packed)


def test_updates_come_to_the_chips_port_and_its_answers_go_back(network: EmulatedNetwork) -> None:
    network.open_updates()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.sendto(b"a datagram", (str(network.address), 8266))
        ((_, raw),) = network.poll(0, 2.0)
        frame = Ethernet.read(raw)
        assert frame is not None
        packet = Packet.read(frame.body)
        assert packet is not None
        datagram = UdpDatagram.read(packet)
        assert datagram is not None
        assert datagram.data == b"a datagram"
        assert datagram.port == 8266
        answer = UdpDatagram(8266, datagram.source, b"confirmed").packet(packet.to, packet.sender)
        network.handle_frame(STATION, answer.frame(frame.sender, HARDWARE), 0)
        assert client.recv(100) == b"confirmed"


def test_what_is_sent_to_all_reaches_the_chip_as_such(network: EmulatedNetwork) -> None:
    with namespace() as home:
        home.ip("link set lo up")
        home.ip("route add 255.255.255.255 dev lo src 127.0.0.1")
        everybody = home.socket(socket.SOCK_DGRAM)
        everybody.bind(("", 8266))
        network.open_updates(everybody)
        with home.socket(socket.SOCK_DGRAM) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            client.settimeout(10)
            client.sendto(b"who is there", ("255.255.255.255", 8266))
            ((_, raw),) = network.poll(0, 2.0)
            frame = Ethernet.read(raw)
            assert frame is not None
            assert frame.to == BROADCAST
            packet = Packet.read(frame.body)
            assert packet is not None
            assert packet.to == IPv4Address("255.255.255.255")
            datagram = UdpDatagram.read(packet)
            assert datagram is not None
            assert datagram.data == b"who is there"
            answer = UdpDatagram(8266, datagram.source, b"I am").packet(
                network.address, packet.sender
            )
            network.handle_frame(STATION, answer.frame(frame.sender, HARDWARE), 0)
            # The one who answered can be asked by its address then.
            said, sender = client.recvfrom(100)
            assert said == b"I am"
            client.sendto(b"you", sender)
            ((_, raw),) = network.poll(0, 2.0)
            assert raw[:6] == network.hardware[STATION]
            assert IPv4Address(raw[30:34]) == network.address


@pytest.mark.parametrize("length", [0, 5, 13, 14, 20, 33, 40])
def test_damaged_frames_are_nobodys(network: EmulatedNetwork, length: int) -> None:
    whole = UdpDatagram(1, 53, b"x").packet(network.address, network.gateway)
    network.handle_frame(STATION, whole.frame(b"\x02" * 6, HARDWARE)[:length], 0)
    network.handle_frame(STATION, b"\xff" * length, 0)
    assert network.poll(0, 0.0) == []


def test_a_poll_ends_when_a_phone_calls(network: EmulatedNetwork) -> None:
    ours, theirs = socket.socketpair()
    called = threading.Thread(target=network.call_portal, args=(theirs,))
    called.start()
    called.join()
    assert network.poll(0, 5.0)
    ours.close()
