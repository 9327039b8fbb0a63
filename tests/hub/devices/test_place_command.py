"""`dormouse devices place`: where a device is, or was."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from contracts.reading import Reading
from hub.devices.replacement import replace_device
from tests.hub.filled import NOW, store_of, temperature
from tests.hub.ingest.test_ingest import stored


async def test_a_device_is_put_somewhere_then_and_now(hub):
    async with store_of(hub) as store:
        await stored(store, [Reading(temperature("p1"), 20.0, NOW)])

    async def place(*words):
        return await hub.command(
            "devices", "place", *words, "--data-dir", str(hub.data_dir),
            env={**os.environ, "TZ": "UTC"},
        )  # fmt: skip

    status, said = await place("p1", "House / Kitchen", "--since", "2026-03-01T12:00+02:00")
    assert (status, said) == (0, "House / Kitchen: from 2026-03-01 10:00 UTC on\n")
    status, said = await place("p1", "House/Cellar", "--since", "2026-04-01T12:00")
    assert said.splitlines() == [
        "House / Kitchen: from 2026-03-01 10:00 UTC until 2026-04-01 12:00 UTC",
        "House / Cellar: from 2026-04-01 12:00 UTC on",
    ]
    status, said = await place("p1", "Shed", "--since", "2026-03-10", "--until", "2026-03-12")
    assert status == 0, said
    assert len(said.splitlines()) == 4
    status, said = await place("p1", "Shed", "--since", "2026-03-20")
    assert status != 0
    assert "p1 is known to be in House / Cellar from 2026-04-01 12:00:00" in said
    status, said = await place("p1", "Shed", "--since", "yesterday")
    assert status != 0
    assert "write 2026-03-01T12:00" in said
    status, said = await place("nobody")
    assert status != 0
    before = datetime.now(UTC)
    status, said = await place("p1", "Shed")
    assert status == 0, said
    [*_, last] = await hub.ask("GET", "/devices/p1/placements")
    assert last["place_path"] == ["Shed"]
    assert datetime.fromisoformat(last["since"]) >= before
    # By the id of a device that was replaced, for its time.
    async with store_of(hub) as store:
        await replace_device(store.of("home"), "p1", "p2", who="ann")
    status, said = await place("p1", "Attic", "--since", "2026-02-01", "--until", "2026-02-03")
    assert status == 0, said
    assert said.startswith("Attic: from 2026-02-01 00:00 UTC until 2026-02-03 00:00 UTC\n")
    assert " on\n" not in said
    assert (await place("p2"))[1].endswith(" on\n")
    status, said = await place("p1", "Attic")
    assert status != 0
    assert "p1 was replaced by p2 at " in said
