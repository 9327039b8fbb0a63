"""For how long DHCP lends the address: asked of the server, since the port does not tell.

A request as of a client that rebinds (RFC 2131, 4.3.2): it prolongs the lease, and the answer has
its length. Only while the address is static, for then lwIP's own client is off. lwIP gives what
comes to port 68 to that client alone, so a raw socket listens, which gets every datagram meanwhile.

Loaded only when there is something to ask.
"""

import os
import socket
import time

from dormouse import rtc
from dormouse.watchdog import feed

MAX_S = 6 * 3600
"""An address is used without a word from the server for so long at most: a router that was started
anew may have forgotten whom it lent it."""

# Of a lease so much is used, in fifths: the chip's clock is off by some per cent in deep sleep.
_FIFTHS = 4
# From the middle on the server is asked, and so often if it does not answer.
_QUESTIONS = 8

# A server answers within some tens of milliseconds: it need not look whether the address is free.
WAIT_MS = 300
_SERVER, _CLIENT = 67, 68
_UDP = 17
_COOKIE = b"\x63\x82\x53\x63"
_ACK, _NAK = 5, 6
_LEASE, _TYPE, _END = 51, 53, 255
# A BOOTP message has 300 bytes at least (RFC 1542, 2.1); a datagram 576 at most here.
_LENGTH = 300
_ROOM = 576
_POLL_MS = 5


def check(station, deadline, interval: int) -> None:
    """Ask about the station's address if that helps; what follows is in the record.

    The next wake is in `interval` seconds.
    """
    record = station.record
    now = station.clock.tick()
    if not station.static_ip and record.usable_s <= interval and now < record.ask_at:
        # The last lease did not reach to the next wake: another hardly does.
        return
    answer = _ask(station, deadline)
    if answer:
        record.usable_s = min(answer * _FIFTHS // 5, MAX_S)
        record.leased_at = now
        wait = record.usable_s // 2
        record.ask_at = now + (wait if record.usable_s > interval else MAX_S)
    elif answer is not None:
        # It is somebody else's: the next wake asks for another.
        record.set(rtc.STATIC_IP, False)
    elif station.static_ip:
        record.ask_at = now + record.usable_s // (2 * _QUESTIONS)
    else:
        # Nothing is used of a lease whose end nobody tells.
        record.usable_s = 0
        record.ask_at = now + MAX_S


def _ask(station, deadline):
    """See ask; None if that is not possible."""
    try:
        if not station.static_ip:
            # lwIP's own client goes off, and the address stays.
            station.wlan.ifconfig(station.wlan.ifconfig())
        return ask(station.wlan.config("mac"), station.record.address, deadline)
    except OSError as error:
        print("lease:", error)
        return None


def ask(mac: bytes, address: bytes, deadline):
    """Seconds for which `address` is ours from now on, 0 if it is somebody else's.

    None if nobody said.

    Raises OSError.
    """
    transaction = os.urandom(4)
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, _UDP)
    try:
        sock.setblocking(False)
        sock.sendto(_request(transaction, mac, address), ("255.255.255.255", 0))
        limit = deadline.within(WAIT_MS)
        while limit.left():
            feed()
            try:
                packet = sock.recv(_ROOM)
            except OSError:
                # Nothing yet: EAGAIN, or ETIMEDOUT.
                time.sleep_ms(_POLL_MS)
                continue
            answer = _answer(packet, transaction, address)
            if answer is not None:
                return answer
    finally:
        sock.close()
    return None


def _request(transaction: bytes, mac: bytes, address: bytes) -> bytearray:
    """The UDP datagram, its header included; without a checksum, which IPv4 allows."""
    length = 8 + _LENGTH
    out = bytearray(length)
    out[1], out[3] = _CLIENT, _SERVER
    out[4], out[5] = length >> 8, length & 255
    # A request over Ethernet, whose addresses have 6 bytes.
    out[8:11] = b"\x01\x01\x06"
    out[12:16] = transaction
    out[20:24] = address
    out[36:42] = mac
    # The type: DHCPREQUEST.
    out[244:252] = _COOKIE + bytes((_TYPE, 1, 3, _END))
    return out


def _answer(packet: bytes, transaction: bytes, address: bytes):
    """What an IP packet says to the request; None if it is none that does."""
    at = (packet[0] & 15) * 4 if packet else 0
    ports = bytes((0, _SERVER, 0, _CLIENT))
    message = packet[at + 8 :]
    if packet[at : at + 4] != ports or len(message) < 240:
        return None
    if message[0] != 2 or message[4:8] != transaction or message[236:240] != _COOKIE:
        return None
    options = _options(message)
    kind = options.get(_TYPE)
    if kind == bytes((_NAK,)):
        return 0
    lease = options.get(_LEASE, b"")
    if kind != bytes((_ACK,)) or message[16:20] != address or len(lease) != 4:
        return None
    return int.from_bytes(lease, "big") or None


def _options(message: bytes) -> dict:
    """The options by their code, as far as they are whole."""
    options = {}
    at = 240
    while at + 1 < len(message) and message[at] != _END:
        if message[at]:
            options[message[at]] = message[at + 2 : at + 2 + message[at + 1]]
            at += 2 + message[at + 1]
        else:
            at += 1
    return options
