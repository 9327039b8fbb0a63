"""Where a device says that it was put when it was set up."""

from __future__ import annotations

import json

import pytest

from hub.places.reported import path_of
from tests.support.hub import rows, until
from tests.support.publisher import Publisher


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Kitchen", ["Kitchen"]),
        (" House /Attic ", ["House", "Attic"]),
        ("Füße / 📶", ["Füße", "📶"]),
        ("", []),
        ("House //", []),
        ("/", []),
        ("/".join("abcdefghijk"), []),
        ("x" * 101, []),
        ("a\x1bb", []),
        (5, []),
        (None, []),
    ],
)
def test_a_path_is_names_from_the_outside_in(text, path):
    assert path_of(text) == path


async def where(hub, device: str) -> list[str]:
    found = await rows(
        hub,
        """SELECT p.name FROM dormouse.device d JOIN dormouse.place p ON p.id = d.location_id
           WHERE d.key = %s""",
        device,
    )
    return [name for (name,) in found]


async def test_it_is_put_there_once_and_a_person_has_the_last_word(hub):
    device = Publisher("esp8266_15c5d000", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await device.enrol()

    async def report(**more) -> None:
        said = json.dumps({"firmware": "0.1.0", **more}).encode()
        await device.send(f"HomeKit/{device.device}/$report", said, tag=0)
        await device.drain()

    await report()
    await report(place="House / Attic")
    assert await until(lambda: where(hub, device.device)) == ["Attic"]
    # Another report, another set-up: it was placed before.
    await report(place="Cellar")
    await report(place="House / Cellar", seq=1)

    async def heard():
        (found,) = [one for one in (await hub.status())["devices"] if one["id"] == device.device]
        return found["report"].get("seq") == 1

    await until(heard)
    assert await where(hub, device.device) == ["Attic"]
    assert await rows(hub, "SELECT name FROM dormouse.place ORDER BY name") == [
        ("Attic",), ("House",),
    ]  # fmt: skip
    await device.close()
