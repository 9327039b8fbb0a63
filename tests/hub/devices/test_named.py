"""Commands take names where ids are; what several are called is refused with all of them."""

from __future__ import annotations

import json
import os

from contracts.reading import Reading
from tests.hub.filled import NOW, store_of, temperature
from tests.hub.ingest.test_ingest import stored


async def test_commands_take_names_where_ids_are(hub):
    async with store_of(hub) as store:
        await stored(store, [Reading(temperature(f"n{n}"), 20.0, NOW) for n in (1, 2, 3)])
    for device, name in (("n1", "Küche"), ("n2", "Fridge"), ("n3", "Fridge")):
        await hub.ask("PATCH", f"/devices/{device}", json={"name": name})

    async def dormouse(*words):
        env = {**os.environ, "TZ": "UTC"}
        return await hub.command(*words, "--data-dir", str(hub.data_dir), env=env)

    for words in (
        ("devices", "place", "kuche", "House / Kitchen"),
        ("devices", "place", "n3", "Barn"),
        ("explain", "KÜCHE"),
        ("explain", "Kitchen / Küche"),
        ("devices", "attributes", "Barn/Fridge", "cells=2"),
        ("config", "set", "Küche", "interval=600"),
    ):
        status, said = await dormouse(*words)
        assert status == 0, said
    status, said = await dormouse("config", "show", "Küche", "--json")
    assert json.loads(said)["desired"] == {"interval": 600}
    status, said = await dormouse("devices", "attributes", "n3", "--json")
    assert json.loads(said) == {"cells": 2}
    status, said = await dormouse("hub", "gaps", "Küche", "--json")
    assert (status, json.loads(said)) == (0, [])
    series = "Küche/TemperatureSensor/CurrentTemperature"
    status, said = await dormouse("hub", "remove", series, "--yes", "--json")
    told = json.loads(said)
    assert (status, told["device"], told["readings"]) == (0, "n1", 1)

    for words in (
        ("explain", "fridge"),
        ("homekit", "remove", "Fridge"),
        ("rollout", "start", "--device", "Fridge", "--set", "interval=60"),
        ("hub", "gaps", "Fridge"),
    ):
        status, said = await dormouse(*words)
        assert status != 0, words
        assert "2 devices are called" in said, (words, said)
        assert "n2 (Fridge), n3 (Barn / Fridge)" in said
    status, said = await dormouse("explain", "Kuhe", "--json")
    told = json.loads(said)
    assert (status, told["status"], told["exit_status"]) == (1, 404, 1)
    assert "n1 (House / Kitchen / Küche)" in told["detail"]
    status, said = await dormouse("explain", "Küche", "--tenant", "nowhere")
    assert status != 0
