"""What the hub says to devices, and what is retained: by a NATS cluster's MQTT gateway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from hub.mqtt.buffered import BufferedClient
from hub.mqtt.delivery import Delivery
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.source import MqttSource
from hub.nats.subjects import is_for_devices
from hub.runtime.supervisor import Supervisor

__all__ = ["NatsGateway"]


class _Client(BufferedClient):
    """MQTT 3.1.1: a message has no properties."""

    def _handle_publish(self) -> MQTTErrorCode:
        header, packet = self._in_packet["command"], self._in_packet["packet"]
        size = int.from_bytes(packet[:2])
        at = 2 + size + 2 * bool(header & 0x06)
        mid = int.from_bytes(packet[at - 2 : at]) if header & 0x06 else 0
        self.on_packet(bytes(packet[2 : 2 + size]), bytes(packet[at:]), b"", mid, header)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


class NatsGateway(MqttSource):
    """Publishes, and at each connection delivers what is retained under the filters, once.

    News come by JetStream: no subscription stays. `endpoints` are tried in turn. The gateway
    speaks MQTT 3.1.1, in which a message cannot say that it is ours: what only a hub says is left
    out by its topic.
    """

    # As MqttSource has it, but soon: gateways refuse all while their servers elect (4 to 9 s).
    BACKOFF = (0.1, 1.0, 2.0)

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        filters: Sequence[str],
        *,
        client_id: str,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._endpoints, self._turn = tuple(endpoints), -1
        super().__init__(
            self._next_endpoint, filters, client_id=client_id, session_s=0, supervisor=supervisor
        )

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """As MqttSource.start; what is retained alone is delivered."""

        def retained(delivery: Delivery) -> None:
            if delivery.retained and not is_for_devices(delivery.topic):
                deliver(delivery)

        await super().start(retained)

    def follow(self, filters: Sequence[str]) -> None:
        """What is retained under these, too, from the next connection on; what is new at once."""
        for one in filters:
            if one not in self._filters:
                self.replay(one)
        self._filters = list(filters)

    def replay(self, topic_filter: str) -> None:
        """Have the retained messages of a filter delivered once more."""
        if self._client is not None and self.connected.is_set():
            self._subscribe(self._client, [topic_filter])

    def _next_endpoint(self) -> Endpoint:
        self._turn = (self._turn + 1) % len(self._endpoints)
        return self._endpoints[self._turn]

    def _make_client(self) -> BufferedClient:
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=paho.MQTTv311,
            clean_session=True,
            manual_ack=True,
        )
        self._equip(client)
        return client

    def _connect(self, client: paho.Client) -> None:
        client.connect(self._endpoint.host, self._endpoint.port, self.KEEPALIVE)

    def _send_mark(self) -> None:
        """Nothing of a session waits."""

    def _subscribe(self, client: paho.Client, filters: Sequence[str]) -> None:
        _, mid = client.subscribe([(topic_filter, 0) for topic_filter in filters])
        if mid is not None:
            self._subscribing[mid] = list(filters)

    def _on_subscribe(
        self, client: Any, data: object, mid: int, reasons: Any, properties: object
    ) -> None:
        filters = list(self._subscribing.get(mid, ()))
        super()._on_subscribe(client, data, mid, reasons, properties)
        if filters:
            # The gateway sends what is retained before it answers.
            client.unsubscribe(filters)
