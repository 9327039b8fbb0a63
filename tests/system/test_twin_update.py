"""A running device gets a new version over the air, as a user does it."""

from __future__ import annotations

import json
import os

from host import keys
from host.twin import firmware
from host.twin.hub import HubAddress
from host.twin.image import build_image
from host.twin.kinds import TwinKind
from host.twin.rom import Bootloader
from host.twin.statistics import TwinState
from tests.support.hub import until


async def test_the_next_report_after_an_update_says_version_2(
    hub, make_twin, native_bootloader, tmp_path
):
    pem = tmp_path / "ota.pem"
    key = keys.new(pem)

    def image(version: str) -> bytes:
        build = firmware.compile_to(tmp_path / version, version=version)
        return build_image(build, version, key=key)

    update = tmp_path / "firmware-ota.bin"
    update.write_bytes(image("2.0.0"))
    twin = make_twin(
        TwinKind.BME280,
        HubAddress.of(hub.facts),
        interval=2,
        bootloader=Bootloader(pem, native_bootloader.folder),
        image=image("1.0.0"),
        world={"wifi": {"bssid": "0200000000aa"}},
    )
    await twin.start()
    before = await until(lambda: report(hub, twin.id, "1.0.0"), limit_s=60)
    assert sdk(twin)["bssid"] == "0200000000aa"
    twin.type("import ota; ota.start()")
    await twin.until(lambda now: now.state is TwinState.UPDATING)
    assert twin.rom.decision == {"start": "server", "reason": "rtc"}
    # The OTA server joins any access point of the network, not only the one of before.
    assert sdk(twin)["bssid"] is None

    status, output = await hub.command(
        "ota", "127.0.0.1", str(update), "--key", str(pem), "--port", str(twin.rom.listening),
        "--board", "twin", "--running", "1.0.0", "--confirm", "0.5",
        env=dict(os.environ),
    )  # fmt: skip
    assert status == 0, output

    after = await until(lambda: report(hub, twin.id, "2.0.0"), limit_s=60)
    assert after["boot"] == before["boot"]  # RTC memory went through the update
    assert after["seq"] > before["seq"]
    assert twin.statistics.failures == 0
    assert twin.statistics.complaints == 0


def sdk(twin):
    """What the SDK keeps in flash."""
    return json.loads((twin.folder / "sdk.json").read_text())


async def report(hub, device: str, version: str):
    """The device's last report, once it is of that version."""
    for entry in (await hub.status())["devices"]:
        if entry["id"] == device and entry["report"] and entry["report"]["firmware"] == version:
            return entry["report"]
    return None
