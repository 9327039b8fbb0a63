"""A gateway's list of all its devices, which is larger than any device's message."""

from __future__ import annotations

import json

from hub.database.database import Database
from hub.mapping.rules import Mapping
from tests.support.broker import open_folder, until
from tests.support.mqtt311 import Client
from tests.support.mqtt_side import running_side

PASSWORD = "0123456789abcdef" * 2
RULES = Mapping.model_validate({"gateways": {"z2m": {"speaks": ["zigbee2mqtt"]}}})
FREEZER = {
    "friendly_name": "Freezer",
    "definition": {
        "model": "WSDCGQ11LM", "vendor": "Aqara",
        "exposes": [{"type": "numeric", "property": "temperature", "unit": "°F"}],
    },
}  # fmt: skip


def listed(devices: int) -> bytes:
    """As Zigbee2MQTT lists them, with what it says besides: about 3 KB a device."""
    others = [
        {**FREEZER, "friendly_name": f"Sensor {n}", "endpoints": {"1": "x" * 3000}}
        for n in range(devices)
    ]
    return json.dumps([*others, FREEZER]).encode()


async def let_in(side, name: str) -> Client:
    port = side.ports["mqtt"]
    return await Client.let_in("127.0.0.1", port, name, name, PASSWORD, keep_alive=600)


async def test_a_list_of_a_hundred_devices_is_read(store: Database):
    """Where a rule reads it, from then on; a device's own message may be no larger for that."""
    with open_folder() as folder:
        async with running_side(store, folder) as side:
            side.limits.PAUSE_S = 600
            for name in ("z2m", "evil"):
                await side.book.provision(name, "home", PASSWORD)
            side._translator.use_rules(RULES)
            before = side.source._client
            await side.follow_mapping()
            # By the broker that takes more, not by the one that ends.
            await until(
                lambda: side.source._client is not before and side.source.connected.is_set()
            )
            async with await let_in(side, "z2m") as z2m:
                await z2m.publish("zigbee2mqtt/bridge/devices", listed(100), retain=True)
                await z2m.publish("zigbee2mqtt/Freezer", '{"temperature": 5}')
                await until(lambda: [r for r, _ in side.shown.updates if r.value == -15])
            async with await let_in(side, "evil") as evil:
                await evil.publish("HomeKit/evil/$batch", b"x" * 25_000, qos=0, retain=True)
                await until(evil.closed.is_set)
            assert "more than 20000 bytes" in side.problems.of("evil")["limit"].detail
            assert set(side.problems.total) == {"limit"}
