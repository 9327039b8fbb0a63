"""The supervisor against real MicroPython VMs that run small programs instead of the firmware."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from host.twin import vm
from host.twin.firmware import Build
from host.twin.statistics import TwinState
from host.twin.twin import Twin
from host.twin.vm import Cause
from host.twin.world import World

LOG_AND_SLEEP = """
import os, sys
with open("../log", "a") as log:
    log.write(os.getenv("TWIN_RESET_CAUSE") + "\\n")
with open("../rtc.bin", "wb") as rtc:
    rtc.write(b"kept")
with open("../sleep", "w") as sleep:
    sleep.write("%d")
sys.exit(75)
"""


@pytest.fixture
def make(tmp_path):
    """Makes a twin whose main program is given."""

    def twin(program: str, **options) -> Twin:
        modules = tmp_path / "modules"
        modules.mkdir(exist_ok=True)
        (modules / "main.py").write_text(program)
        options.setdefault("settings", {"model": "test"})
        build = Build(modules, tmp_path / "no-shims")
        return Twin(tmp_path / "twin", build, chip_id=0xABCDEF, **options)

    return twin


def causes(twin: Twin) -> list[int]:
    return [int(line) for line in (twin.folder / "log").read_text().split()]


async def test_sleeps_as_long_as_asked_and_wakes_by_the_alarm(make):
    async with make(LOG_AND_SLEEP % 20_000_000, pace=0.005) as twin:
        began = asyncio.get_running_loop().time()
        await twin.until(lambda now: now.cycles == 3)
        passed = asyncio.get_running_loop().time() - began
        assert twin.statistics.sleep_s == 20.0
        assert causes(twin) == [Cause.POWER, Cause.DEEPSLEEP, Cause.DEEPSLEEP]
    assert passed >= 2 * 20 * 0.005


async def test_a_sleep_without_alarm_ends_only_by_a_reset(make):
    async with make(LOG_AND_SLEEP % 0) as twin:
        await twin.until(lambda now: now.state is TwinState.ASLEEP)
        twin.press_reset()
        await twin.until(lambda now: now.cycles == 2)
        assert causes(twin) == [Cause.POWER, Cause.HARD]
        twin.wake()
        await twin.until(lambda now: now.cycles == 3)
        assert causes(twin)[-1] == Cause.DEEPSLEEP


async def test_reset_by_the_firmware_restarts_at_once(make):
    program = LOG_AND_SLEEP.replace("sys.exit(75)", "sys.exit(76 if n < 2 else 75)")
    program = program.replace("import os, sys", "import os, sys\nn = len(os.listdir('..'))") % 0
    program = program.replace("n = len(os.listdir('..'))", "n = NUMBER")
    counted = "(len(open('../log').read()) if 'log' in os.listdir('..') else 0) // 2"
    async with make(program.replace("NUMBER", counted)) as twin:
        await twin.until(lambda now: now.state is TwinState.ASLEEP)
        assert causes(twin) == [Cause.POWER, Cause.SOFT, Cause.SOFT]
        assert (twin.statistics.resets, twin.statistics.cycles) == (2, 1)


async def test_a_crash_is_counted_kept_and_ended_by_the_watchdog(make):
    program = """
import os, sys
if os.getenv("TWIN_RESET_CAUSE") == "0":
    raise ValueError("broken on purpose")
open("../log", "a").write(os.getenv("TWIN_RESET_CAUSE"))
open("../sleep", "w").write("0")
sys.exit(75)
"""
    async with make(program, pace=0.01) as twin:
        await twin.until(lambda now: now.cycles == 1)
        assert causes(twin) == [Cause.WATCHDOG]
        assert twin.statistics.failures == 1
        assert "ValueError: broken on purpose" in twin.statistics.last_error
        assert "exit status 1" in twin.statistics.last_error


async def test_a_killed_machine_counts_as_a_failure(make):
    async with make("while True: pass", pace=0.01) as twin:
        await twin.until(lambda now: now.state is TwinState.AWAKE)
        os.kill(twin._process.pid, signal.SIGSEGV)
        await twin.until(lambda now: now.failures == 1 and now.boots == 2)
        assert f"exit status -{signal.SIGSEGV.value}" in twin.statistics.last_error


async def test_a_sleep_that_names_no_time_is_a_failure(make):
    async with make("import sys; sys.exit(75)", pace=0.01) as twin:
        await twin.until(lambda now: now.failures == 1)
        assert "sleep" in twin.statistics.last_error


async def test_what_the_firmware_prints_is_a_complaint(make):
    async with make("print('broker: OSError 111')" + LOG_AND_SLEEP % 0) as twin:
        await twin.cycle()
        assert (twin.statistics.complaints, twin.statistics.failures) == (1, 0)
        assert twin.statistics.last_complaint == "broker: OSError 111"


async def test_a_reset_by_the_watchdog_is_a_failure(make):
    program = LOG_AND_SLEEP.replace(
        "sys.exit(75)",
        "open('../reset-cause', 'w').write('1')\n"
        "sys.exit(76 if os.getenv('TWIN_RESET_CAUSE') == '0' else 75)",
    )
    async with make(program % 0) as twin:
        await twin.cycle()
        assert causes(twin) == [Cause.POWER, Cause.WATCHDOG]
        assert (twin.statistics.failures, twin.statistics.resets) == (1, 0)


async def test_a_program_that_ends_stands_at_the_prompt(make):
    async with make("print('no settings')", pace=0.01) as twin:
        await twin.until(lambda now: now.state is TwinState.PROMPT)
        assert twin.statistics.last_error == "ended at the prompt\nno settings"
        twin.press_reset()
        await twin.until(lambda now: now.boots == 2)


async def test_power_cut_takes_rtc_memory_and_reset_does_not(make):
    program = LOG_AND_SLEEP.replace(
        "import os, sys",
        "import os, sys\nopen('../kept', 'a').write('%d' % ('rtc.bin' in os.listdir('..')))",
    )
    program = program.replace("'%d' %", "'%%d' %%") % 0
    async with make(program) as twin:
        await twin.until(lambda now: now.state is TwinState.ASLEEP)
        twin.press_reset()
        await twin.until(lambda now: now.cycles == 2)
        await twin.power_cut()
        await twin.until(lambda now: now.cycles == 3)
        assert causes(twin) == [Cause.POWER, Cause.HARD, Cause.POWER]
        assert (twin.folder / "kept").read_text() == "010"


async def test_power_cut_ends_a_running_machine(make):
    async with make("while True: pass") as twin:
        await twin.until(lambda now: now.state is TwinState.AWAKE)
        first = twin._process
        await twin.power_cut()
        assert first.returncode == -signal.SIGKILL
        await twin.until(lambda now: now.boots == 2)
        assert twin.statistics.failures == 0


async def test_the_firmware_sees_changes_of_its_world(make):
    program = """
import json, os, sys, time
while True:
    world = json.load(open(os.getenv("TWIN_WORLD")))
    if not world["wifi"]["up"]:
        open("../seen", "w").write(world["wifi"]["ssid"])
        open("../sleep", "w").write("0")
        sys.exit(75)
    time.sleep(0.005)
"""
    world = World({"wifi": {"up": True, "ssid": "home"}})
    async with make(program, world=world) as twin:
        await twin.until(lambda now: now.state is TwinState.AWAKE)
        twin.change_world(wifi={"up": False})
        await twin.cycle()
        assert (twin.folder / "seen").read_text() == "home"


async def test_stop_leaves_nothing_behind(make):
    twin = make("while True: pass")
    await twin.start()
    await twin.until(lambda now: now.state is TwinState.AWAKE)
    process = twin._process
    await twin.stop()
    assert process.returncode is not None
    assert not twin.folder.exists()
    assert twin.statistics.state is TwinState.OFF


async def test_no_machine_outlives_a_killed_supervisor(tmp_path):
    """The supervisor runs in a process of its own here, which is then killed."""
    program = tmp_path / "supervise.py"
    (tmp_path / "main.py").write_text("while True: pass")
    program.write_text(
        f"""
import asyncio
from pathlib import Path
from host.twin.firmware import Build
from host.twin.twin import Twin
async def main():
    here = Path({str(tmp_path)!r})
    async with Twin(here / "twin", Build(here, here), chip_id=1, settings={{}}) as twin:
        await twin.until(lambda now: now.state == 'awake')
        print(twin._process.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    )
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable,
        program,
        env={**os.environ, "PYTHONPATH": str(Path(vm.__file__).parents[2])},
        stdout=asyncio.subprocess.PIPE,
    )
    pid = int(await supervisor.stdout.readline())
    supervisor.kill()
    await supervisor.wait()
    await asyncio.wait_for(asyncio.to_thread(gone, pid), 60)


def gone(pid: int) -> None:
    """Return when a process that is not our child has ended."""
    with contextlib.suppress(OSError):
        while " Z " not in Path(f"/proc/{pid}/stat").read_text():
            time.sleep(0.01)


async def test_a_kept_device_keeps_its_settings_and_learns_where_its_hub_is(make, tmp_path):
    first = make(LOG_AND_SLEEP % 0, settings={"interval": 5, "host": "a", "port": 1}, keep=True)
    async with first:
        await first.until(lambda now: now.state is TwinState.ASLEEP)
        # As the firmware does when the hub wants another interval.
        (first.flash / "settings.json").write_text('{"interval": 60, "host": "a", "port": 1}')
        first.write_settings(name="porch")
    again = make(LOG_AND_SLEEP % 0, settings={"interval": 5, "host": "b", "port": 2})
    async with again:
        assert json.loads((again.flash / "settings.json").read_text()) == {
            "interval": 60,
            "host": "b",
            "port": 2,
            "name": "porch",
        }


async def test_what_goes_wrong_in_running_it_is_raised(make):
    async with make(LOG_AND_SLEEP % 0) as twin:
        await twin.until(lambda now: now.state is TwinState.ASLEEP)
        shutil.rmtree(twin.flash)
        twin.wake()
        with pytest.raises(FileNotFoundError):
            await twin.until(lambda now: now.cycles == 2)
        twin._life = None
