"""Ethernet, ARP, IPv4, UDP and TCP as bytes (RFC 826, 791, 768, 793): packed and read, no more."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag
from ipaddress import IPv4Address

__all__ = [
    "BROADCAST",
    "Arp",
    "Ethernet",
    "Flags",
    "Packet",
    "Protocol",
    "TcpSegment",
    "UdpDatagram",
    "checksum",
]

BROADCAST = b"\xff" * 6
_ARP, _IPV4 = 0x0806, 0x0800
_TTL = 64


class Protocol:
    """IPv4's protocol numbers."""

    ICMP, TCP, UDP = 1, 6, 17


class Flags(IntFlag):
    """TCP's."""

    FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(frozen=True, slots=True)
class Ethernet:
    """A frame; `kind` is its EtherType."""

    to: bytes
    sender: bytes
    kind: int
    body: bytes

    @classmethod
    def read(cls, frame: bytes) -> Ethernet | None:
        """The frame; None for one that is too short."""
        if len(frame) < 14:
            return None
        return cls(frame[:6], frame[6:12], int.from_bytes(frame[12:14], "big"), frame[14:])

    @property
    def is_arp(self) -> bool:
        """Whether it carries ARP."""
        return self.kind == _ARP

    @property
    def is_ip(self) -> bool:
        """Whether it carries IPv4."""
        return self.kind == _IPV4


@dataclass(frozen=True, slots=True)
class Arp:
    """A question (`answer` False) for the hardware address of `target`, or the answer."""

    answer: bool
    hardware: bytes
    sender: IPv4Address
    target: IPv4Address

    @classmethod
    def read(cls, body: bytes) -> Arp | None:
        """What an ARP frame says; None for anything but IPv4 over Ethernet."""
        if len(body) < 28 or body[:6] != b"\0\x01\x08\0\x06\x04":
            return None
        return cls(body[7] == 2, body[8:14], IPv4Address(body[14:18]), IPv4Address(body[24:28]))

    def frame(self, to: bytes) -> bytes:
        """The frame to that hardware address."""
        asked = b"\0" * 6 if to == BROADCAST else to
        return (
            (to + self.hardware + _ARP.to_bytes(2, "big") + b"\0\x01\x08\0\x06\x04\0")
            + bytes([2 if self.answer else 1])
            + (self.hardware + self.sender.packed + asked + self.target.packed)
        )


@dataclass(frozen=True, slots=True)
class Packet:
    """An IPv4 packet without options."""

    sender: IPv4Address
    to: IPv4Address
    protocol: int
    body: bytes

    @classmethod
    def read(cls, data: bytes) -> Packet | None:
        """The packet; None for a damaged one or a fragment."""
        if len(data) < 20 or data[0] >> 4 != 4:
            return None
        head, total = (data[0] & 15) * 4, int.from_bytes(data[2:4], "big")
        fragment = int.from_bytes(data[6:8], "big") & 0x3FFF
        if checksum(data[:head]) or fragment or not head <= total <= len(data):
            return None
        return cls(IPv4Address(data[12:16]), IPv4Address(data[16:20]), data[9], data[head:total])

    def frame(self, to: bytes, hardware: bytes) -> bytes:
        """The frame that carries it."""
        head = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + len(self.body), 0, 0x4000, _TTL, self.protocol, 0,
            self.sender.packed, self.to.packed,
        )  # fmt: skip
        head = head[:10] + checksum(head).to_bytes(2, "big") + head[12:]
        return to + hardware + _IPV4.to_bytes(2, "big") + head + self.body

    @property
    def pseudo(self) -> bytes:
        """What TCP and UDP add for their checksum."""
        length = len(self.body)
        return self.sender.packed + self.to.packed + struct.pack("!HH", self.protocol, length)


@dataclass(frozen=True, slots=True)
class UdpDatagram:
    """UDP's."""

    source: int
    port: int
    data: bytes

    @classmethod
    def read(cls, packet: Packet) -> UdpDatagram | None:
        """The datagram; None for a damaged one."""
        if len(packet.body) < 8:
            return None
        source, port, length, check = struct.unpack_from("!HHHH", packet.body)
        if length != len(packet.body) or (check and checksum(packet.pseudo + packet.body)):
            return None
        return cls(source, port, packet.body[8:])

    def packet(self, sender: IPv4Address, to: IPv4Address) -> Packet:
        """The packet that carries it."""
        head = struct.pack("!HHH", self.source, self.port, 8 + len(self.data))
        bare = Packet(sender, to, Protocol.UDP, head + b"\0\0" + self.data)
        check = checksum(bare.pseudo + bare.body) or 0xFFFF
        return Packet(sender, to, Protocol.UDP, head + check.to_bytes(2, "big") + self.data)


@dataclass(frozen=True, slots=True)
class TcpSegment:
    """TCP's; of the options only the greatest segment's size."""

    source: int
    port: int
    sequence: int
    acknowledged: int
    flags: Flags
    window: int
    data: bytes = b""
    mss: int = 0

    @classmethod
    def read(cls, packet: Packet) -> TcpSegment | None:
        """The segment; None for a damaged one."""
        body = packet.body
        if len(body) < 20 or checksum(packet.pseudo + body):
            return None
        source, port, sequence, acknowledged, offset, flags, window = struct.unpack_from(
            "!HHIIBBH", body
        )
        head = (offset >> 4) * 4
        if not 20 <= head <= len(body):
            return None
        mss = int.from_bytes(body[22:24], "big") if body[20:22] == b"\x02\x04" else 0
        known = Flags(flags & 31)
        return cls(source, port, sequence, acknowledged, known, window, body[head:], mss)

    def packet(self, sender: IPv4Address, to: IPv4Address) -> Packet:
        """The packet that carries it."""
        options = b"\x02\x04" + self.mss.to_bytes(2, "big") if self.mss else b""
        head = struct.pack(
            "!HHIIBBH", self.source, self.port, self.sequence, self.acknowledged,
            (20 + len(options)) << 2, int(self.flags), self.window,
        )  # fmt: skip
        bare = Packet(sender, to, Protocol.TCP, head + b"\0\0\0\0" + options + self.data)
        check = checksum(bare.pseudo + bare.body).to_bytes(2, "big")
        return Packet(sender, to, Protocol.TCP, head + check + b"\0\0" + options + self.data)
