"""`dormouse twin --bootloader KEY`: a fleet that a hub can update."""

from __future__ import annotations

import os

from tests.support.hub import until
from tests.system.test_twin_command import Command, heard


async def test_a_device_of_the_fleet_is_updated_by_the_hub(hub, updatable, tmp_path):
    update = tmp_path / "firmware-ota.bin"
    update.write_bytes(updatable.image("2.0.0"))
    own = {name: value for name, value in os.environ.items() if not name.startswith("DORMOUSE_")}
    own["DORMOUSE_DATA_DIR"] = str(hub.data_dir)
    arguments = ("--count", "2", "--kind", "ds18b20", "--interval", "1")
    where = ("--data-dir", str(hub.data_dir))
    async with Command(*arguments, "--bootloader", str(updatable.pem), *where) as fleet:
        await until(lambda: heard(hub, 2), limit_s=60)
        device, other = (one["id"] for one in (await hub.status())["devices"])
        status, said = await hub.command(
            "ota", "device", device, str(update), "--key", str(updatable.pem), env=own
        )
        assert status == 0, said
    assert fleet.status == 0, fleet.errors
    runs = {one["id"]: one["report"]["firmware"] for one in (await hub.status())["devices"]}
    assert runs == {device: "2.0.0", other: "0.1.0"}


async def test_without_the_key_one_line_says_so(tmp_path):
    key = tmp_path / "none.pem"
    where = ("--hub", "127.0.0.1", "--port", "1", "--folder", str(tmp_path / "devices"))
    async with Command("--bootloader", str(key), *where) as fleet:
        await fleet.ended()
    assert fleet.status == 22
    assert fleet.errors.count("\n") == 1
    assert str(key) in fleet.errors
