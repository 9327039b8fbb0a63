"""Multicast DNS: the addresses of NAME.local, and the hubs of a network, by one question.

Asked from a port of its own, so that who knows answers to us alone, with all that belongs to it
(RFC 6762, section 6.7). Loaded where there is something to ask only: nothing listens meanwhile.
"""

import os
import select
import socket
import time

from dormouse.watchdog import feed

SERVICE = b"_dormouse._tcp.local"
_GROUP = ("224.0.0.251", 5353)
_A, _PTR, _TXT, _SRV = 1, 12, 16, 33
# WiFi loses what is sent to all, since nobody acknowledges it.
_ASK_MS = 400
_POLL_MS = 20
MAX_MS = 2000
_MAX_ANSWER = 1024
_HEADER = 12
# So many names that point on to another are none; 255 bytes have no more labels (RFC 1035, 2.3.4).
_MAX_JUMPS = 8
_MAX_LABELS = 127


def address(host: str, ms: int = MAX_MS):
    """The address of NAME.local as text, None if nobody says it within `ms`. Raises OSError."""
    name = host.lower().encode()
    return _ask(name, _A, ms, lambda records: _address(records, name))


def hubs(ms: int = MAX_MS):
    """The hubs that answer within `ms`: [(host, port, enrolment's port)]. Raises OSError.

    Each is there once, by a name that can be asked for again; a port that is not said is 0.
    """
    found: list = []

    def take(records) -> None:
        for name, kind, packet, at, _end in records:
            if kind != _SRV or not name.endswith(b"." + SERVICE):
                continue
            target = _name(packet, at + 6)[0]
            if _address(records, target):
                port = packet[at + 4] << 8 | packet[at + 5]
                hub = (str(target, "utf-8"), port, _enrol_port(records, name))
                if hub not in found:
                    found.append(hub)

    _ask(SERVICE, _PTR, ms, take)
    return found


def _ask(name: bytes, kind: int, ms: int, take):
    """What `take` makes of the records of an answer, the first that is something; else None."""
    question = os.urandom(2) + b"\0\0\0\1\0\0\0\0\0\0"
    for label in name.split(b"."):
        question += bytes((len(label),)) + label
    question += bytes((0, 0, kind, 0, 1))
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    poll = select.poll()
    try:
        sock.setblocking(False)
        poll.register(sock, select.POLLIN)
        began = time.ticks_ms()
        asked = 0
        past = 0
        while past < ms:
            feed()
            if past >= asked:
                asked += _ASK_MS
                sock.sendto(question, _GROUP)
            for _sock, _flags in poll.poll(_POLL_MS):
                packet, _peer = sock.recvfrom(_MAX_ANSWER)
                if packet[:2] == question[:2] and len(packet) > _HEADER and packet[2] & 0x80:
                    try:
                        result = take(_records(packet))
                    except (IndexError, ValueError):
                        # Cut, or not what it says: somebody else may answer.
                        continue
                    if result:
                        return result
            past = time.ticks_diff(time.ticks_ms(), began)
    finally:
        sock.close()
    return None


def _records(packet):
    """[(name, type, packet, where its data begins and ends)]. Raises IndexError, ValueError."""
    at = _HEADER
    for _ in range(packet[4] << 8 | packet[5]):
        at = _name(packet, at)[1] + 4
    found = []
    counts = [packet[i] << 8 | packet[i + 1] for i in (6, 8, 10)]
    for _ in range(sum(counts)):
        name, at = _name(packet, at)
        end = at + 10 + (packet[at + 8] << 8 | packet[at + 9])
        if end > len(packet):
            raise IndexError
        found.append((name, packet[at] << 8 | packet[at + 1], packet, at + 10, end))
        at = end
    return found


def _name(packet, at: int):
    """(a name with dots between its labels, where it ends). Raises IndexError, ValueError."""
    labels: list = []
    end = jumps = 0
    while packet[at]:
        size = packet[at]
        if size >= 0xC0:
            end = end or at + 2
            at = (size & 0x3F) << 8 | packet[at + 1]
            jumps += 1
        elif size > 63:
            raise ValueError
        else:
            labels.append(packet[at + 1 : at + 1 + size].lower())
            at += 1 + size
        if jumps > _MAX_JUMPS or len(labels) > _MAX_LABELS:
            raise ValueError
    return b".".join(labels), end or at + 1


def _address(records, name: bytes):
    for other, kind, packet, at, end in records:
        if kind == _A and other == name and end - at == 4:
            return "%d.%d.%d.%d" % tuple(packet[at:end])
    return None


def _enrol_port(records, name: bytes) -> int:
    """What its text says of the enrolment's port (`enrol=1884`), 0 if it says nothing."""
    for other, kind, packet, at, end in records:
        while kind == _TXT and other == name and at < end:
            size = packet[at]
            item = packet[at + 1 : at + 1 + size]
            if item.startswith(b"enrol=") and item[6:].isdigit():
                return int(item[6:])
            at += 1 + size
    return 0
