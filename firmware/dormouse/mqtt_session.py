"""One MQTT session with the broker: everything in one write, then its answers.

CONNECT, SUBSCRIBE and all PUBLISH go out together; the answers that matter are CONNACK, the PUBACKs
and the retained commands, which the broker sends before it acknowledges what came after SUBSCRIBE.
"""

import time

from dormouse import identity, messages, packets
from dormouse.deadline import Deadline
from dormouse.tcp import Connection, Timeout, resolve
from dormouse.watchdog import feed

COMMANDS = ("$ack", "$config", "$ota")
_FIRST_ID = 1
# The broker drops us after 1.5 times this many seconds, should we vanish.
KEEPALIVE_S = 30
# CONNACK codes (MQTT 3.1.1, table 3.1) of an account that is unknown or has another password.
_UNAUTHORIZED = (4, 5)
# A new account works when the broker has re-read its files: 0.2 s, longer when many enrol at once.
_ACCOUNT_MS = 3000
_RETRY_MS = 100


class Refused(Exception):
    """The broker takes neither our account nor an enrolment."""


class MqttSession:
    """One session; `commands` holds received payloads by their topic below the device's."""

    def __init__(self, settings, record, deadline, prefix: str = "HomeKit/"):
        self.settings = settings
        self.record = record
        self.deadline = deadline
        self.device = identity.device_id()
        self.topic = prefix + self.device + "/"
        self.commands: dict = {}
        # Packets to send, and ids of packets that the broker has not acknowledged.
        self.out = bytearray()
        self.unacked: set = set()
        self.next_id = _FIRST_ID
        self.connection: Connection | None = None

    def queue_connect(self, topics=(), will=None) -> None:
        """Queue CONNECT and SUBSCRIBE: what a session begins with.

        `topics` are more to subscribe to, below the device's, at QoS 1 since nobody retains them;
        `will` is (topic below the device's, payload), which the broker publishes if we vanish.
        """
        if will:
            will = (self.topic + will[0], will[1])
        packets.connect(self.out, self.device, identity.password(), KEEPALIVE_S, will)
        filters = [(self.topic + name, 0) for name in COMMANDS]
        filters += [(self.topic + name, 1) for name in topics]
        packets.subscribe(self.out, self._new_id(), filters)

    def _new_id(self) -> int:
        packet_id = self.next_id
        self.next_id = packet_id + 1 & 0xFFFF or 1
        self.unacked.add(packet_id)
        return packet_id

    def queue_name(self) -> None:
        """Queue the name that people gave the device, if they did."""
        if self.settings.name:
            self.publish("AccessoryInformation/Name", self.settings.name, False)

    def publish(self, name: str, payload, acknowledged: bool, retain: bool = False) -> int:
        """Queue a message on `HomeKit/<id>/<name>`; return its packet id, 0 without one."""
        packet_id = self._new_id() if acknowledged else 0
        packets.publish(self.out, self.topic + name, payload, packet_id, retain)
        return packet_id

    def open(self) -> None:
        """Connect, send what is queued, and wait for the answers; enrol first if need be.

        Where there are several brokers, at the first that lets us in. Raises OSError, Refused.
        """
        if self.settings.brokers:
            from dormouse import failover

            failover.open_any(self)
        else:
            self.open_at(resolve(self.settings.host, self.record))

    def open_at(self, address: str) -> None:
        """As `open`, at the broker of that address. `out` is empty once it let us in."""
        if self._connect(address):
            return
        if self.record.failures > 2 and self.record.failures % 8:
            # Refused for several wakes: ask again only now and then.
            raise Refused
        self._enrol(address)
        limit = self.deadline.within(_ACCOUNT_MS)
        while limit.left():
            if self._connect(address):
                return
            feed()
            time.sleep_ms(_RETRY_MS)
        raise Refused

    def _connect(self, address: str) -> bool:
        """Whether the broker let us in and everything was answered. Raises OSError."""
        connection = Connection(self.deadline)
        connection.connect(address, self.settings.port)
        self.connection = connection
        try:
            connection.write(self.out)
        except OSError:
            # A broker that refuses closes at once: its reason may still be there to be read.
            pass
        try:
            kind, _flags, body = connection.wait_packet()
            code = body[1] if kind == packets.CONNACK and len(body) == 2 else 3
        except Timeout:
            raise
        except OSError:
            # lwIP drops what was received before a reset, and a broker that refuses us before it
            # has read everything resets the connection.
            code = _UNAUTHORIZED[0]
        if code in _UNAUTHORIZED:
            self.disconnect()
            return False
        if code:
            raise OSError("broker answered CONNECT with %d" % code)
        self.out = bytearray()
        self.wait_acks()
        return True

    def send(self) -> None:
        """Send what was queued since, and wait for its answers. Raises OSError, BadPacket."""
        assert self.connection
        if self.out:
            self.connection.write(self.out)
        self.out = bytearray()
        self.wait_acks()

    def wait_acks(self) -> None:
        """Return when everything is acknowledged. Raises OSError, BadPacket."""
        assert self.connection
        while self.unacked:
            self.handle(self.connection.wait_packet())

    def handle(self, packet) -> None:
        """Take a packet: an acknowledgement or a command. Raises OSError, BadPacket."""
        assert self.connection
        kind, flags, body = packet
        if kind in (packets.PUBACK, packets.SUBACK) and len(body) >= 2:
            self.unacked.discard(body[0] << 8 | body[1])
        elif kind == packets.PUBLISH:
            topic, payload, packet_id = packets.parse_publish(flags, body)
            if packet_id:
                self.connection.write(packets.puback(packet_id))
            if topic.startswith(self.topic):
                self.commands[topic[len(self.topic) :]] = payload

    def close(self) -> None:
        """Send DISCONNECT and close, if there is a connection."""
        if self.connection:
            # A courtesy: nothing is waited for.
            self.connection.deadline = Deadline(0)
            try:
                self.connection.write(packets.DISCONNECT)
            except OSError:
                pass
            self.disconnect()

    def disconnect(self) -> None:
        """Close without a word, if there is a connection."""
        if self.connection:
            self.connection.close()
            self.connection = None

    def _enrol(self, address: str) -> None:
        """Tell the hub who we are, on the listener that asks for no account.

        Raises OSError, BadPacket, Refused.
        """
        out = bytearray()
        packets.connect(out, self.device, "", KEEPALIVE_S)
        payload = messages.enrolment(self.device, identity.password(), self.settings.model)
        packets.publish(out, "enrol/" + self.device, payload, _FIRST_ID)
        connection = Connection(self.deadline)
        connection.connect(address, self.settings.enrol_port)
        try:
            connection.write(out)
            kind = -1
            while kind != packets.PUBACK:
                kind, _flags, body = connection.wait_packet()
                if kind == packets.CONNACK and body[1]:
                    raise Refused
            connection.write(packets.DISCONNECT)
        finally:
            connection.close()
