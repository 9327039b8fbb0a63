"""A home as it looks after a month: places, devices with history, firmware, a rollout."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import httpx

from contracts.reading import Reading, SeriesKey
from hub.ingest.ingest import Ingest
from tests.hub.web.speakers import TEMPERATURE, call_it, device, store_of, tell
from tests.support.hub import HubProcess
from tests.support.images import canned_image

__all__ = ["FIRST", "furnish", "month"]

FIRST = "esp8266_0badcafe"
_STORED_S = 120.0
_HOME = {
    FIRST: ("Cellar", ("House", "Cellar"), 2400),
    "esp8266_0000beef": ("Kitchen window", ("House", "Ground floor", "Kitchen"), 2950),
    "esp8266_00c0ffee": ("Greenhouse", ("Garden",), 3010),
    "esp8266_000facade": ("Attic <b>", ("House", "Attic"), 2870),
}


async def furnish(hub: HubProcess, client: httpx.AsyncClient) -> dict[str, str]:
    """Fill tenant home; what the parameters of pages may be. `client` is an administrator's."""
    await month(hub, FIRST)
    for n, (key, (name, places, battery)) in enumerate(_HOME.items()):
        async with device(hub, key) as one:
            await tell(one, TEMPERATURE, round(8.5 + 4 * n, 2))
            await tell(one, "HumiditySensor/CurrentRelativeHumidity", 70 - 8 * n)
            report = {
                "firmware": "1.0.0", "board": "nodemcu", "boot": "00000001", "seq": 1,
                "battery_mv": battery, "rssi": -61, "free_heap": 21000, "next_wake_s": 300,
            }  # fmt: skip
            await tell(one, "$report", report)
        await call_it(hub, key, name, *places)
    answer = await client.post("/api/firmware", content=canned_image("2.0.0"))
    assert answer.status_code == 201, answer.text
    rollout = {"version": "2.0.0", "select": {"devices": [FIRST]}}
    made = await hub.ask("POST", "/rollouts", json=rollout)
    return {"device": FIRST, "number": str(made["id"])}


async def month(hub: HubProcess, key: str, *, days: int = 30, minutes: int = 5) -> None:
    """So many days of temperatures, with a gap of six hours in the middle."""
    rng = random.Random(7)
    series = SeriesKey(key, "TemperatureSensor", 0, "CurrentTemperature")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    readings = []
    for n in range(days * 24 * 60 // minutes, 0, -1):
        at = now - timedelta(minutes=n * minutes)
        if timedelta(days=days / 2) < now - at < timedelta(days=days / 2, hours=6):
            continue
        daily = math.sin((at.hour + at.minute / 60 - 9) / 24 * 2 * math.pi)
        readings.append(Reading(series, round(11 + 3 * daily + rng.gauss(0, 0.15), 3), at))
    async with store_of(hub) as store:
        ingest = Ingest(store.of("home"))
        await ingest.start()
        for first in range(0, len(readings), 500):
            ingest.put(readings[first : first + 500], lambda: None)
        # A busy machine takes longer than a hub has to end: a month without its last day proves
        # nothing.
        await ingest.stop(timeout=_STORED_S)
        assert ingest.pending == 0, ingest.counts
        assert not any(ingest.counts[one] for one in ("quarantined", "refused", "dropped"))
