"""A wake whose MQTT client sends one packet at a time and waits for its answer."""

from dormouse import identity, packets, wake
from dormouse.mqtt_session import COMMANDS, KEEPALIVE_S, MqttSession
from dormouse.tcp import Connection, resolve


class OneAtATime(MqttSession):
    """Sends the same as MqttSession, each packet in a write of its own."""

    def _each(self, packet, answered=True):
        self.connection.write(packet)
        while answered:
            kind, flags, body = self.connection.wait_packet()
            if kind != packets.PUBLISH:
                break
            topic, payload, _ = packets.parse_publish(flags, body)
            self.commands[topic[len(self.topic) :]] = payload

    def queue_connect(self, topics=(), will=None):
        address = resolve(self.settings.host, self.record)
        self.connection = Connection(self.deadline)
        self.connection.connect(address, self.settings.port)
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


wake.MqttSession = OneAtATime
