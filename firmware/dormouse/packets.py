"""MQTT 3.1.1 packets (OASIS standard, chapters 2 and 3): building them and taking them apart."""

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
PINGREQ = b"\xc0\0"
DISCONNECT = b"\xe0\0"
# There is no memory for longer ones: they are passed over.
MAX_PACKET = 2048


def _string(out: bytearray, text) -> None:
    """Append a string with its length before it, as the standard's 1.5.3."""
    data = text.encode() if isinstance(text, str) else text
    out.append(len(data) >> 8)
    out.append(len(data) & 255)
    out.extend(data)


def _fixed_header(out: bytearray, first: int, length: int) -> None:
    """Append the fixed header: first byte and remaining length."""
    out.append(first)
    while length > 127:
        out.append(length & 127 | 128)
        length >>= 7
    out.append(length)


def connect(out: bytearray, client: str, password: str, keepalive: int, will=None) -> None:
    """Append CONNECT with a clean session; without a password neither user nor password is sent.

    The client id is the user name. `will` is (topic, payload), QoS 1 and retained.
    """
    body = bytearray(b"\0\x04MQTT\x04")
    body.append(2 | (0xC0 if password else 0) | (0x2C if will else 0))
    body.append(keepalive >> 8)
    body.append(keepalive & 255)
    _string(body, client)
    if will:
        _string(body, will[0])
        _string(body, will[1])
    if password:
        _string(body, client)
        _string(body, password)
    _fixed_header(out, 0x10, len(body))
    out.extend(body)


def publish(out: bytearray, topic: str, payload, packet_id: int = 0, retain: bool = False) -> None:
    """Append PUBLISH: QoS 1 with a packet id, QoS 0 without."""
    if isinstance(payload, str):
        payload = payload.encode()
    length = 2 + len(topic.encode()) + (2 if packet_id else 0) + len(payload)
    _fixed_header(out, 0x30 | (2 if packet_id else 0) | (1 if retain else 0), length)
    _string(out, topic)
    if packet_id:
        out.append(packet_id >> 8)
        out.append(packet_id & 255)
    out.extend(payload)


def subscribe(out: bytearray, packet_id: int, filters) -> None:
    """Append SUBSCRIBE: `filters` is [(topic filter, QoS)]."""
    length = 2
    for topic, _qos in filters:
        length += 3 + len(topic.encode())
    _fixed_header(out, 0x82, length)
    out.append(packet_id >> 8)
    out.append(packet_id & 255)
    for topic, qos in filters:
        _string(out, topic)
        out.append(qos)


def puback(packet_id: int) -> bytes:
    """PUBACK of a packet id."""
    return bytes((0x40, 2, packet_id >> 8, packet_id & 255))


class BadPacket(Exception):
    """The broker sent what is no MQTT."""


class Parser:
    """Takes bytes as they come, gives whole packets: (type, first byte's flags, body)."""

    def __init__(self):
        self.data = bytearray()
        # Bytes to come of a packet that is too long.
        self.skip = 0

    def feed(self, data) -> None:
        """Add what was received, but for the rest of a packet that is too long."""
        skipped = min(self.skip, len(data))
        self.skip -= skipped
        self.data.extend(data[skipped:])

    def packet(self):
        """The next whole packet, or None. Raises BadPacket."""
        length = shift = 0
        i = 1
        while True:
            if i >= len(self.data):
                return None
            byte = self.data[i]
            i += 1
            length |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift > 21:
                raise BadPacket("length")
        if length > MAX_PACKET:
            arrived = min(length, len(self.data) - i)
            self.skip = length - arrived
            self.data = self.data[i + arrived :]
            return self.packet()
        if len(self.data) < i + length:
            return None
        first = self.data[0]
        body = bytes(self.data[i : i + length])
        self.data = self.data[i + length :]
        return first >> 4, first & 15, body


def parse_publish(flags: int, body):
    """A PUBLISH's (topic, payload, packet id or 0). Raises BadPacket."""
    end = 2 + (body[0] << 8 | body[1]) if len(body) >= 2 else 3
    packet_id = 0
    start = end
    if flags & 6:
        start += 2
        if start <= len(body):
            packet_id = body[end] << 8 | body[end + 1]
    if start > len(body):
        raise BadPacket("publish")
    try:
        return str(body[2:end], "utf-8"), body[start:], packet_id
    except UnicodeError:
        raise BadPacket("topic")
