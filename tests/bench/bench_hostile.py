"""What one message of 16 KiB costs the hub and its database, whatever one account makes of it.

`hostile.<kind>_ms`: computing time of hub and Postgres together for one `$batch`, the mean of
`MESSAGES`. On a machine with two cores that others use the clock on the wall says little.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contracts.messages import MAX_SEQ
from hub.database.database import Database
from hub.database.migrate import migrate
from hub.database.postgres import Postgres
from hub.mqtt.service import Mqtt
from tests.bench.report import report
from tests.support.broker import open_folder, until
from tests.support.mqtt311 import Client
from tests.support.mqtt_side import running_side

MESSAGES = 20
PASSWORD = "0123456789abcdef" * 2
LIMIT = "<= 50"
LIGHT, ON = "LightSensor/CurrentAmbientLightLevel", "Switch/On"


def _kinds() -> Iterator[tuple[str, list[Any]]]:
    """Each kind and its readings, without their numbers."""
    yield "ordinary", [[0, 10 * n, ON, n % 2] for n in range(380)]
    yield "year", [[0, 85_000 * n, ON, n % 2] for n in range(370)]
    yield "series", [[0, 0, f"Switch/{n % 100}/{c}", 1] for n in range(100) for c in ("On",)]
    yield (
        "lamps",
        [
            [0, 0, f"Lightbulb/{n}/{name}", 1]
            for n in range(100)
            for name in ("On", "Hue", "Saturation", "Brightness")
        ],
    )
    yield "texts", [[0, 0, "AccessoryInformation/Name", f"name {n}"] for n in range(280)]
    yield "refused", [[0, 0, "Teapot/Brewing", 1] for _ in range(450)]


def _messages(readings: list[Any]) -> Iterator[bytes]:
    for message in range(MESSAGES):
        for n, reading in enumerate(readings):
            reading[0] = message * 1000 + n + 1
        payload = {"boot": "9f3a61c2", "up": message, "readings": readings}
        yield _encoded(payload)


def _holes() -> Iterator[bytes]:
    for message in range(MESSAGES):
        readings = [[2 * (message * 400 + n) + 1, 0, ON, n % 2] for n in range(400)]
        yield _encoded({"boot": "9f3a61c2", "up": message, "readings": readings})


def _last_number() -> Iterator[bytes]:
    for message in range(MESSAGES):
        readings = [[MAX_SEQ, 0, ON, 1]] * 480
        yield _encoded({"boot": f"{message:08x}", "up": message, "readings": readings})


def _encoded(payload: Mapping[str, Any]) -> bytes:
    data = json.dumps(payload, separators=(",", ":")).encode()
    assert len(data) <= 16 * 1024, len(data)
    return data


def _computed(postmaster: int) -> float:
    """The seconds that this process and Postgres with all its children have computed for."""
    total = 0.0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(entry.name) == postmaster:
            total += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            total += sum(map(int, fields[11:13]))
    return total / os.sysconf("SC_CLK_TCK") + time.process_time()


async def run() -> None:
    """Each kind, by a device of its own."""
    logging.getLogger("hub").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="dormouse-bench-"))
    folder.chmod(0o711)
    try:
        async with Postgres(folder / "postgres") as postgres:
            await migrate(postgres.owner_url)
            postmaster = postgres.child.pid or 0
            async with Database(postgres.app_url) as store:
                await store.ensure_tenant("home")
                with open_folder() as other:
                    async with running_side(store, other) as side:
                        kinds = [(kind, _messages(what)) for kind, what in _kinds()]
                        kinds += [("holes", _holes()), ("last_number", _last_number())]
                        for kind, messages in kinds:
                            await _measure(side, postmaster, kind, list(messages))
    finally:
        shutil.rmtree(folder)


async def _measure(side: Mqtt, postmaster: int, kind: str, messages: list[bytes]) -> None:
    name = f"hostile_{kind}"
    await side.book.provision(name, "home", PASSWORD)
    async with await Client.let_in("127.0.0.1", side.ports["mqtt"], name, name, PASSWORD) as client:
        began = _computed(postmaster)
        for message in messages:
            await client.publish(f"HomeKit/{name}/$batch", message)
        # The broker keeps their order: this one is acknowledged behind all of them.
        await client.subscribe(f"HomeKit/{name}/$ack")
        last = {"boot": "ffffffff", "up": 0, "readings": [[1, 0, ON, 1]]}
        await client.publish(f"HomeKit/{name}/$batch", _encoded(last))
        await until(lambda: any(b"ffffffff" in payload for _, payload, _ in client.got))
        report(
            f"hostile.{kind}_ms", 1e3 * (_computed(postmaster) - began) / len(messages), "ms", LIMIT
        )
