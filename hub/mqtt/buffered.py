"""A socket for paho that reads and writes in large pieces.

paho asks the kernel three times for every message and tells it every acknowledgement by itself;
at thousands of messages a second that is most of its time.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers

__all__ = ["DUP", "RETAIN", "Buffered", "BufferedClient", "UserProperty"]

# Bits of a PUBLISH packet's first byte (MQTT 5, 3.3.1).
RETAIN, DUP = 0x01, 0x08

_PIECE = 64 * 1024


class Buffered:
    """What paho uses of a non-blocking socket; writes are kept until `flush`."""

    def __init__(self, sock: socket.socket | ssl.SSLSocket) -> None:
        self._sock = sock
        self._in = b""
        self._at = 0
        self._out = bytearray()

    @property
    def waits(self) -> bool:
        """Whether `recv` has something that no readiness of the socket will announce."""
        if self._at < len(self._in):
            return True
        return isinstance(self._sock, ssl.SSLSocket) and self.fileno() >= 0 and self._pending()

    def _pending(self) -> bool:
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    def recv(self, size: int) -> bytes:
        """As socket.recv."""
        if self._at >= len(self._in):
            self._in, self._at = self._sock.recv(_PIECE), 0
        piece = self._in[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def send(self, data: bytes) -> int:
        """Keep all of it for `flush`."""
        self._out += data
        return len(data)

    def flush(self) -> bool:
        """Write what was kept; False if the kernel takes no more now. Raises OSError."""
        while self._out:
            try:
                del self._out[: self._sock.send(self._out)]
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return False
        return True

    def close(self) -> None:
        """Write what can be written, and close."""
        with contextlib.suppress(OSError):
            self.flush()
        self._sock.close()

    def fileno(self) -> int:
        """The descriptor, -1 once closed."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """As socket.setblocking."""
        self._sock.setblocking(flag)


class UserProperty(Properties):
    """One user property that every message of ours carries; `sent` are its bytes.

    paho asks for each of the 42 names that there are whenever a message is sent: here once.
    """

    def __init__(self, name: str, value: str) -> None:
        super().__init__(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho
        texts = (text.encode() for text in (name, value))
        # paho refuses attributes that are no properties.
        object.__setattr__(
            self, "sent", b"\x26" + b"".join(len(text).to_bytes(2) + text for text in texts)
        )
        length = len(self.sent)
        object.__setattr__(
            self,
            "_packed",
            VariableByteIntegers.encode(length) + self.sent,  # type: ignore[no-untyped-call]  # paho
        )

    sent: bytes
    _packed: bytes

    def pack(self) -> bytes:
        """As Properties.pack."""
        return self._packed


class BufferedClient(paho.Client):
    """A paho client on a Buffered socket, which leaves messages' properties as they are.

    `on_packet(topic, payload, properties, message id (0 for QoS 0), flags)` takes the place of
    on_message; properties are as they were sent, flags hold the bits RETAIN and DUP. paho builds
    an object of 60 members of the properties, which costs more than all the rest of a message.
    """

    on_packet: Callable[[bytes, bytes, bytes, int, int], None]

    def allow_in_flight(self, most: int) -> None:
        """So many messages of QoS 1 may be sent and not confirmed; paho's own are 20."""
        self._max_inflight_messages = most

    def _create_socket(self) -> Buffered:  # type: ignore[override]  # what paho uses of it is there
        return Buffered(super()._create_socket())  # type: ignore[arg-type]  # paho's own kind of socket

    def _handle_publish(self) -> MQTTErrorCode:
        header, packet = self._in_packet["command"], self._in_packet["packet"]
        size = int.from_bytes(packet[:2])
        topic, at, mid = bytes(packet[2 : 2 + size]), 2 + size, 0
        if header & 0x06:
            mid = int.from_bytes(packet[at : at + 2])
            at += 2
        length = shift = 0
        while True:  # the properties' length, 7 bits a byte
            byte = packet[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        properties, payload = bytes(packet[at : at + length]), bytes(packet[at + length :])
        self.on_packet(topic, payload, properties, mid, header)
        return MQTTErrorCode.MQTT_ERR_SUCCESS
