"""A build's own objects on the emulated chip, where the folders are at hand.

MICROPYTHON_BUILD=<folder>[:<folder>...] names build folders of MicroPython's ESP8266 port, as
`dormouse firmware image` leaves them. Without them these tests are skipped, and say so.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.bootloader_config import Config
from host import keys
from host.chip import build as builds
from host.chip.build import ChipParts
from host.chip.machine import EmulatedChip, Ended, Run, Typed
from host.chip.network import EmulatedNetwork
from host.chip.surroundings import AccessPoint, ChipSurroundings
from host.chip.twin import typed_settings
from host.linked.checks import DRAM, DRAM_END
from host.twin.loopback import claim
from tests.support.ports import claimed_port

BUILDS = [folder for folder in os.environ.get("MICROPYTHON_BUILD", "").split(":") if folder]
# A start takes seconds of the machine's, more when others use it; the fixture has three.
PATIENT = pytest.mark.timeout(900)
needs_build = pytest.mark.skipif(
    not BUILDS, reason="needs MICROPYTHON_BUILD=<folder>: the real firmware's objects"
)
HOME = AccessPoint("home", "eight or more")
SECOND_US = 1_000_000


@dataclass(frozen=True)
class Bench:
    """Parts of one build, and the flash of a device that has its settings and was awake once."""

    parts: ChipParts
    pem: Path
    settled: bytes
    port: int

    def chip(
        self, folder: Path, network: EmulatedNetwork, flash: bytes | None = None
    ) -> EmulatedChip:
        folder.mkdir(parents=True, exist_ok=True)
        around = ChipSurroundings((HOME,), join_us=0)
        chip = EmulatedChip(folder, self.parts.rom, network, around, shown=(DRAM, DRAM_END - DRAM))
        chip.flash.write_bytes(flash or self.settled)
        chip.power_on()
        return chip


def run(chip: EmulatedChip, seconds: float = 120, **options: object) -> Run:
    """A run that is ended when it takes so many seconds of the chip's time."""
    until = options.pop("until", None)

    def each(us: int) -> bool:
        if us > seconds * SECOND_US:
            return True
        return until is not None and until(chip.said())  # type: ignore[operator]

    return chip.run(each=each, **options)  # type: ignore[arg-type]


def device_settings(port: int, sensors: list[dict[str, object]]) -> dict[str, object]:
    """Of a device at home whose broker is at that port."""
    return {
        "ssid": HOME.ssid,
        "key": HOME.key,
        "host": "127.0.0.1",
        "port": port,
        "enrol_port": port,
        "interval": 60,
        "sensors": sensors,
    }


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A mosquitto that takes everybody, on a free port."""
    port = claimed_port()
    file = tmp_path_factory.mktemp("broker") / "mosquitto.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with subprocess.Popen([program, "-c", file]) as child:
        deadline = time.monotonic() + 20
        while not _listens(port):
            assert child.poll() is None
            assert time.monotonic() < deadline
        yield port
        child.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def network() -> Iterator[EmulatedNetwork]:
    address = claim()
    network = EmulatedNetwork(address.text)
    yield network
    network.close()
    address.release()


@pytest.fixture(scope="session", params=BUILDS or [None])
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, broker: int
) -> Bench:
    if request.param is None:
        pytest.skip("needs MICROPYTHON_BUILD=<folder>: the real firmware's objects")
    folder = tmp_path_factory.mktemp("bench")
    pem = folder / "key.pem"
    key = keys.new(pem)
    found = builds.find(Path(request.param))
    parts = builds.make(found, folder / "parts", key, settings=Config(idle_reboot_ms=20_000))
    network = EmulatedNetwork("127.250.1.2")
    bench = Bench(parts, pem, b"", broker)
    chip = bench.chip(folder, network, parts.flash())
    settings = device_settings(broker, [{"driver": "battery"}])
    assert run(chip, typed=Typed(typed_settings(settings))).ended is Ended.RESTART
    assert run(chip).ended is Ended.ASLEEP
    network.close()
    return Bench(parts, pem, chip.flash.read_bytes(), broker)


@pytest.fixture
def make_chip(
    bench: Bench, network: EmulatedNetwork, tmp_path: Path
) -> Callable[..., EmulatedChip]:
    """A chip that has its settings; of another flash if one is given."""
    return lambda flash=None: bench.chip(tmp_path / "chip", network, flash)
