"""One emulated chip, a build's own objects, among virtual devices: `dormouse twin --chip BUILD`.

Where MICROPYTHON_BUILD=<folder> names a build folder of MicroPython's ESP8266 port.
"""

from __future__ import annotations

import pytest

from tests.host.chip.conftest import BUILDS, PATIENT, needs_build
from tests.support.hub import until
from tests.system.test_twin_command import Command, heard

pytestmark = [needs_build, PATIENT]
TWINS = 12
# A build of the emulator, an enrolment and a wake, on a machine that others use.
LONGEST_S = 300


@pytest.mark.parametrize("build", BUILDS)
async def test_a_chip_among_many_devices(hub, build):
    data = ("--data-dir", str(hub.data_dir))
    command = ("--count", str(TWINS), "--interval", "5", "--chip", build, *data)
    async with Command(*command) as fleet:
        await until(lambda: heard(hub, TWINS + 1), limit_s=LONGEST_S)

        async def again() -> bool:
            """Whether the chip was heard in a wake from deep sleep, too."""
            return any(chip["report"]["reset"] == "deepsleep" for chip in await chips(hub))

        await until(again, limit_s=LONGEST_S)
    assert fleet.status == 0, fleet.errors
    (chip,) = await chips(hub)
    # Its BME280, and the DS18B20 that it has beside it.
    warm = [one for one in chip["values"] if one["characteristic"] == "CurrentTemperature"]
    assert len(warm) == 2
    assert "problems" not in chip["report"]


async def chips(hub):
    """The devices of which a report says that they are emulated chips."""
    devices = (await hub.status())["devices"]
    return [one for one in devices if (one["report"] or {}).get("model") == "chip"]
