"""How wrong any reading's time is once this machine's clock is right again, whatever the step.

`clock.<step>_at_start_s`: the hub is started with a clock that is off by so much, devices with
batches and plain publishers send a wake, and the clock is set. `clock.<step>_while_running_s`: a
clock that was right is set wrong, and right again. `..._then_...`: two steps within one wake.
`clock.killed_s`: the hub is killed right after the step. Values are the largest error of any
reading so far, in seconds; they are there as soon as the hub has seen the step, one wake at most.
`clock.latest_of_the_future` is there where newest values are. The whole hub runs by libfaketime's
clock.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
from pathlib import Path
from typing import Self

from tests.bench.report import report
from tests.support.hub import HubProcess, rows, until
from tests.support.wrong_clock import YEARS_S, PlainSensor, Sensor, WallClock

HOUR_S, DAY_S = 3600, 86400
AT_START = {
    "-50y": -50 * YEARS_S,
    "-3h": -3 * HOUR_S,
    "-2h": -2 * HOUR_S,
    "-40s": -40,
    "+6min": 360,
    "+2d": 2 * DAY_S,
    "+10y": 10 * YEARS_S,
}
# Each a list of what the clock is off by, one after the other, a wake at each.
RUNNING = {
    **{name: [off] for name, off in AT_START.items()},
    "+2d_then_-3h": [2 * DAY_S, -3 * HOUR_S],
    "-50y_then_+6min": [-50 * YEARS_S, 360],
}


async def run() -> None:
    """Measure every step."""
    for name, off_s in AT_START.items():
        async with _Machine(off_s) as machine:
            await machine.wake()
            await machine.set(0)
            await machine.report(f"clock.{name}_at_start_s")
    async with _Machine(0) as machine:
        await machine.wake()
        for name, offs in RUNNING.items():
            for off_s in offs:
                await machine.set(off_s)
                await machine.wake()
            await machine.set(0)
            await machine.report(f"clock.{name}_while_running_s")
        await machine.set(-3 * HOUR_S)
        await machine.wake()
        machine.clock.set(0)
        machine.kill()
        await machine.hub.start()
        await machine.report("clock.killed_s")


class _Machine:
    """A hub, and a device of each kind."""

    def __init__(self, off_s: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dm")
        folder = Path(self._folder.name)
        folder.chmod(0o755)
        self.clock = WallClock(folder)
        self.clock.set(off_s)
        (folder / "data").mkdir(mode=0o755)
        self.hub = HubProcess(folder / "data", forked=False)
        self.sensors = [Sensor(self.hub, "cellar"), PlainSensor(self.hub, "attic")]

    async def __aenter__(self) -> Self:
        # For the processes that the hub starts; this one's clock is right.
        os.environ.update(self.clock.environment())
        await self.hub.start()
        for sensor in self.sensors:
            await sensor.join()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hub.stop()
        for name in self.clock.environment():
            os.environ.pop(name, None)
        self._folder.cleanup()
        self.clock.end()

    async def wake(self) -> None:
        for sensor in self.sensors:
            await sensor.measure()
            await until(sensor.taken)

    async def set(self, off_s: int) -> None:
        """Until the hub has seen it."""
        before = self._steps()
        self.clock.set(off_s)

        async def seen() -> bool:
            return self._steps() != before

        await until(seen)

    def _steps(self) -> list[dict[str, object]]:
        kept = json.loads((self.hub.data_dir / "clock.json").read_text())
        steps: list[dict[str, object]] = kept["steps"]
        return steps

    def kill(self) -> None:
        assert self.hub.process is not None
        self.hub.process.send_signal(signal.SIGKILL)

    async def report(self, name: str) -> None:
        for sensor in self.sensors:
            await until(sensor.right)
        errors = [await sensor.largest_error() for sensor in self.sensors]
        ((future,),) = await rows(
            self.hub, "SELECT count(*) FROM dormouse.latest WHERE at > now() + interval '1 second'"
        )
        report(name, max(error for error in errors if error is not None), "s", "<= 60")
        if future:
            report("clock.latest_of_the_future", future, "values", "== 0")
