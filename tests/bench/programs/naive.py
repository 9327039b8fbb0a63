"""A wake whose MQTT client sends one packet at a time and waits for its answer."""

from dormouse import identity, packets, wake
from dormouse.broker import COMMANDS, KEEPALIVE_S, Conversation
from dormouse.link import Link, resolve


class OneAtATime(Conversation):
    """Says the same as Conversation, each packet in a write of its own."""

    def _each(self, packet, answered=True):
        self.link.write(packet)
        while answered:
            kind, flags, body = self.link.packet()
            if kind != packets.PUBLISH:
                break
            topic, payload, _ = packets.message(flags, body)
            self.commands[topic[len(self.topic) :]] = payload

    def greet(self, orders=(), will=None):
        address = resolve(self.settings.host, self.record)
        self.link = Link(address, self.settings.port, self.deadline)
        out = bytearray()
        packets.connect(out, self.device, identity.password(), KEEPALIVE_S)
        self._each(out)
        for name in COMMANDS:
            out = bytearray()
            packets.subscribe(out, 1, [(self.topic + name, 0)])
            self._each(out)

    def publish(self, name, payload, acknowledged, retain=False):
        out = bytearray()
        packets.publish(out, self.topic + name, payload, 1 if acknowledged else 0, retain)
        self._each(out, acknowledged)
        return 0

    def open(self):
        pass


wake.Conversation = OneAtATime
