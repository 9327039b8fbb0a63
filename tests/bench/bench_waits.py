"""How long people wait for what is new, and for an end.

`waits.row_s`: a sensor with an empty flash, from power-on to its first reading in the database;
the median of several.
`waits.homekit_s`: the same until a paired phone reads it, and the row is there.
`waits.demo_stop_s`, `waits.twin_stop_s`: `dormouse demo` and `dormouse twin` in a terminal, from
Ctrl-C until their last process has ended.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import pexpect

from host.twin import firmware
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind, equip
from host.twin.twin import Twin
from tests.bench.report import note, report
from tests.support.controller import Phone
from tests.support.hub import ROOT, HubProcess, rows, until
from tests.system.test_demo import processes
from tests.system.test_trust_twin import READINGS

ROUNDS = 5


async def run() -> None:
    """A hub and devices; then the two commands that end by Ctrl-C."""
    folder = Path(tempfile.mkdtemp(prefix="dm", dir="/tmp"))
    folder.chmod(0o755)
    hub = HubProcess(folder / "data", forked=False)
    try:
        await hub.start()
        await _first_light(hub, folder)
        await hub.stop()
        stopped = _stopped(folder, "demo", "--data-dir", str(folder / "demo"), until="°C")
        report("waits.demo_stop_s", stopped, "s", "<= 5")
        nowhere = ("--hub", "127.0.0.1", "--port", "1", "--enrol-port", "1")
        place = ("--folder", str(folder / "twins"))
        stopped = _stopped(folder, "twin", *nowhere, *place, until="broker: (OSError|Refused)")
        report("waits.twin_stop_s", stopped, "s", "<= 5")
    finally:
        if hub.process is not None and hub.process.returncode is None:
            await hub.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _first_light(hub: HubProcess, folder: Path) -> None:
    build = firmware.compile_to(folder / "firmware")
    phone = await Phone.pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    row, homekit = [], []
    async with phone:
        for chip in range(1, ROUNDS + 1):
            settings, world = equip(
                TwinKind.DS18B20, HubAddress.of(hub.facts), interval=60, seed=chip
            )
            place = folder / f"twin-{chip}"
            twin = Twin(place, build, chip_id=chip, settings=settings, world=world)
            began = time.monotonic()
            async with twin:
                await until(lambda twin=twin: rows(hub, READINGS, twin.id), every_s=0.02)
                row.append(time.monotonic() - began)
                where = await phone.wait_for(twin.id, "TemperatureSensor", "CurrentTemperature")
                await phone.read(where)
                homekit.append(time.monotonic() - began)
    note(f"from power-on to a row: {min(row):.2f} to {max(row):.2f} s")
    report("waits.row_s", statistics.median(row), "s", "<= 2")
    report("waits.homekit_s", statistics.median(homekit), "s", "<= 5")


def _stopped(folder: Path, *arguments: str, until: str) -> float:
    """Seconds from Ctrl-C until nothing of a command is left."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
    ports = {f"DORMOUSE_{name}_PORT": "0" for name in ("HTTP", "MQTT", "MQTTS", "ENROL", "HAP")}
    child = pexpect.spawn(
        sys.executable,
        ["-m", "host", *arguments],
        env={**kept, **ports, "DORMOUSE_HOST": "127.0.0.1", "PYTHONPATH": str(ROOT)},
        encoding="utf-8",
        codec_errors="replace",  # the terminal echoes ^C even within a character
        dimensions=(40, 120),
        timeout=120,
    )
    child.expect(until)
    began = time.monotonic()
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    while processes(str(folder / arguments[0])):
        time.sleep(0.02)
    return time.monotonic() - began
