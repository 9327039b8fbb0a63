"""A hub on a machine whose clock is wrong at its start and set later, as a Raspberry Pi's is.

What is stored is compared with the clock of the test. More steps: make bench ONLY=clock.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time

import pytest

from tests.support.hub import HubProcess, rows, until
from tests.support.wrong_clock import YEARS_S, PlainSensor, Sensor, WallClock


@pytest.mark.parametrize("off_s", [-50 * YEARS_S, -3 * 3600, 2 * 86400], ids=["1976", "-3h", "+2d"])
async def test_readings_get_true_times_when_the_clock_is_set(
    short_tmp, empty_hub, monkeypatch, off_s
):
    await asyncio.to_thread(subprocess.run, ["cp", "-a", empty_hub, short_tmp / "data"], check=True)
    clock = WallClock(short_tmp)
    clock.set(off_s)
    for name, value in clock.environment().items():
        monkeypatch.setenv(name, value)
    hub = HubProcess(short_tmp / "data", forked=False)
    await hub.start()
    try:
        for name in clock.environment():
            monkeypatch.delenv(name)
        sensor, plain = Sensor(hub, "cellar"), PlainSensor(hub, "attic")
        await sensor.join()
        await plain.join()
        await plain.measure()
        await until(plain.taken)
        await sensor.measure()
        await until(sensor.taken)
        clock.set(0)
        await until(sensor.right)
        # Somebody sets it back, a device sends, and it is put right.
        clock.set(-2 * 3600)
        await until(lambda: _steps(hub, 2))
        await sensor.measure()
        await until(sensor.taken)
        clock.set(0)
        await until(sensor.right)
        # Nothing of it stays with what comes later.
        await sensor.measure()
        await until(sensor.right)
        await until(plain.right)
        print(f"off by {off_s} s: the largest error is {await sensor.largest_error():.3f} s")
        ((latest, seen),) = await rows(
            hub,
            """SELECT (SELECT max(value) FROM dormouse.latest WHERE at < now()),
               extract(epoch FROM seen_at)::float8 FROM dormouse.device_state""",
        )
        assert latest == sensor.seq
        assert abs(seen - time.time()) < 60
    finally:
        await hub.stop()
        clock.end()


async def _steps(hub: HubProcess, number: int) -> bool:
    kept = json.loads((hub.data_dir / "clock.json").read_text())
    return len(kept["steps"]) >= number
