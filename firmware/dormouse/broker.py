"""What a device says to its broker in one wake: everything in one write, then what it waits for.

CONNECT, SUBSCRIBE and all PUBLISH go out together; the answers that matter are CONNACK, the PUBACKs
and the retained commands, which the broker sends before it acknowledges what came after SUBSCRIBE.
"""

import time

from dormouse import identity, messages, packets
from dormouse.deadline import Deadline
from dormouse.link import Link, Silent, resolve
from dormouse.watchdog import feed

COMMANDS = ("$ack", "$config", "$ota")
_SUBSCRIBE_ID = 1
# The broker drops us after 1.5 times this many seconds, should we vanish.
KEEPALIVE_S = 30
# CONNACK codes (MQTT 3.1.1, table 3.1) of an account that is unknown or has another password.
_REFUSED = (4, 5)
# A new account works when the broker has re-read its files: 0.2 s, longer when many enrol at once.
_ACCOUNT_MS = 3000
_RETRY_MS = 100


class Refused(Exception):
    """The broker takes neither our account nor an enrolment."""


class Conversation:
    """One connection's worth of messages; `commands` holds the retained ones by name."""

    def __init__(self, settings, record, deadline, prefix: str = "HomeKit/"):
        self.settings = settings
        self.record = record
        self.deadline = deadline
        self.device = identity.device_id()
        self.topic = prefix + self.device + "/"
        self.commands: dict = {}
        self.out = bytearray()
        self.unanswered: set = set()
        self.next_id = _SUBSCRIBE_ID
        self.link: Link | None = None

    def greet(self, orders=(), will=None) -> None:
        """Queue CONNECT and SUBSCRIBE: what a conversation begins with.

        `orders` are topics below ours that nobody retains (QoS 1); `will` is (topic below ours,
        payload), which the broker publishes if we vanish.
        """
        if will:
            will = (self.topic + will[0], will[1])
        packets.connect(self.out, self.device, identity.password(), KEEPALIVE_S, will)
        filters = [(self.topic + name, 0) for name in COMMANDS]
        filters += [(self.topic + name, 1) for name in orders]
        packets.subscribe(self.out, self._id(), filters)

    def _id(self) -> int:
        packet_id = self.next_id
        self.next_id = packet_id + 1 & 0xFFFF or 1
        self.unanswered.add(packet_id)
        return packet_id

    def introduce(self) -> None:
        """Queue the name that people gave us, if they did."""
        if self.settings.name:
            self.publish("AccessoryInformation/Name", self.settings.name, False)

    def publish(self, name: str, payload, acknowledged: bool, retain: bool = False) -> int:
        """Queue a message on `HomeKit/<id>/<name>`; return its packet id, 0 without one."""
        packet_id = self._id() if acknowledged else 0
        packets.publish(self.out, self.topic + name, payload, packet_id, retain)
        return packet_id

    def open(self) -> None:
        """Connect, send what is queued, and wait for the answers; enrol first if need be.

        Raises OSError, Refused.
        """
        address = resolve(self.settings.host, self.record)
        if self._attempt(address):
            return
        if self.record.failures > 2 and self.record.failures % 8:
            # Refused for several wakes: ask again only now and then.
            raise Refused
        self._enrol(address)
        limit = self.deadline.part(_ACCOUNT_MS)
        while limit.left():
            if self._attempt(address):
                return
            feed()
            time.sleep_ms(_RETRY_MS)
        raise Refused

    def _attempt(self, address: str) -> bool:
        """Whether the broker let us in and everything was answered. Raises OSError."""
        self.link = Link(address, self.settings.port, self.deadline)
        try:
            self.link.write(self.out)
        except OSError:
            # A broker that refuses closes at once: its reason may still be there to be read.
            pass
        try:
            kind, _flags, body = self.link.packet()
            code = body[1] if kind == packets.CONNACK and len(body) == 2 else 3
        except Silent:
            raise
        except OSError:
            # lwIP forgets what was said before a reset, and a broker that refuses us before it has
            # read everything resets the connection.
            code = _REFUSED[0]
        if code in _REFUSED:
            self._drop()
            return False
        if code:
            raise OSError("broker answered CONNECT with %d" % code)
        self.out = bytearray()
        self.settle()
        return True

    def send(self) -> None:
        """Send what was queued since, and wait for its answers. Raises OSError."""
        assert self.link
        if self.out:
            self.link.write(self.out)
        self.out = bytearray()
        self.settle()

    def settle(self) -> None:
        """Wait until everything is answered; commands are kept as they come. Raises OSError."""
        assert self.link
        while self.unanswered:
            self.take(self.link.packet())

    def take(self, packet) -> None:
        """Do what a packet asks for. Raises OSError, BadPacket."""
        assert self.link
        kind, flags, body = packet
        if kind in (packets.PUBACK, packets.SUBACK) and len(body) >= 2:
            self.unanswered.discard(body[0] << 8 | body[1])
        elif kind == packets.PUBLISH:
            topic, payload, packet_id = packets.message(flags, body)
            if packet_id:
                self.link.write(packets.puback(packet_id))
            if topic.startswith(self.topic):
                self.commands[topic[len(self.topic) :]] = payload

    def close(self) -> None:
        """Say goodbye, if there is a connection."""
        if self.link:
            # A goodbye is a courtesy: nothing is waited for.
            self.link.deadline = Deadline(0)
            try:
                self.link.write(packets.DISCONNECT)
            except OSError:
                pass
            self._drop()

    def _drop(self) -> None:
        assert self.link
        self.link.close()
        self.link = None

    def _enrol(self, address: str) -> None:
        """Tell the hub who we are, on the listener that asks for no account. Raises OSError."""
        out = bytearray()
        packets.connect(out, self.device, "", KEEPALIVE_S)
        said = messages.enrolment(self.device, identity.password(), self.settings.model)
        packets.publish(out, "enrol/" + self.device, said, _SUBSCRIBE_ID)
        link = Link(address, self.settings.enrol_port, self.deadline)
        try:
            link.write(out)
            kind = -1
            while kind != packets.PUBACK:
                kind, _flags, body = link.packet()
                if kind == packets.CONNACK and body[1]:
                    raise Refused
            link.write(packets.DISCONNECT)
        finally:
            link.close()
