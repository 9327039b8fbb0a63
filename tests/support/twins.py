"""Virtual devices for tests: the real firmware, compiled once a run, against a given hub."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from host import keys
from host.firmware import SOURCE
from host.twin import firmware
from host.twin.hub import HubAddress
from host.twin.image import build_image
from host.twin.kinds import TwinKind, equip
from host.twin.rom import Bootloader, Rom
from host.twin.twin import Twin

MakeTwin = Callable[..., Twin]


@pytest.fixture(scope="session")
def firmware_build(tmp_path_factory) -> firmware.Build:
    """The compiled firmware."""
    return firmware.compile_to(tmp_path_factory.mktemp("firmware"))


class Updates:
    """A key, the native bootloader that knows it, and images signed with it."""

    def __init__(self, folder: Path, programs: Path, bits: int = 1024) -> None:
        self.folder = folder
        self.pem = folder / "ota.pem"
        self.key = keys.new(self.pem, bits)
        self.bootloader = Bootloader(self.pem, programs)

    def image(
        self,
        version: str,
        *,
        board: str = "twin",
        says: str | None = None,
        size: int = 0,
        source: Path = SOURCE,
    ) -> bytes:
        """The image of this tree's firmware as `version`; it reports itself as `says`.

        `size` bytes at least, as a board's machine code would have.
        """
        folder = self.folder / f"{version}-{board}-{says}"
        build = firmware.compile_to(folder, version=says or version, board=board, source=source)
        # Sectors that differ between versions, so that half an update is a broken one.
        (build.modules / "ballast.mpy").write_bytes(version.encode() * 2000)
        if size:
            spare = size - len(build_image(build, version, board=board, key=self.key))
            (build.modules / "code.mpy").write_bytes(random.Random(version).randbytes(spare))
        return build_image(build, version, board=board, key=self.key)

    def options(self, version: str = "1.0.0", *, idle_restart_ms: int | None = None) -> dict:
        """What make_twin needs for a device that runs `version` and can be updated by a hub."""
        return {
            "bootloader": replace(self.bootloader, idle_restart_ms=idle_restart_ms),
            "image": self.image(version),
            "own_address": True,
        }


@pytest.fixture
def updatable(tmp_path_factory, native_bootloader) -> Updates:
    """`make_twin(kind, hub, **updatable.options("1.0.0"))`: a device that a hub can update."""
    return Updates(tmp_path_factory.mktemp("updates"), native_bootloader.folder)


@pytest.fixture
async def make_twin(firmware_build):
    """Makes virtual devices: `make_twin(TwinKind.DS18B20, HubAddress(host, port, enrol_port))`.

    Further options are `interval` (seconds), `pace` (0.1: sleep a tenth of the time), `settings`
    and `world` (sections to change), `chip_id`. With `bootloader` and `image` it starts through the
    native bootloader; with `own_address` its OTA server is at port 8266 of the loopback address
    that the device reports, where a hub looks for it (`updatable` gives all three).
    `await twin.start()` switches one on; all are ended after the test. Chip ids differ between
    devices, tests and processes.
    """
    made: list[Twin] = []
    with tempfile.TemporaryDirectory(prefix="dormouse-twins-") as folder:

        def make(
            kind: TwinKind,
            hub: HubAddress,
            *,
            interval: float = 5,
            pace: float = 1.0,
            chip_id: int | None = None,
            settings: dict[str, Any] | None = None,
            world: dict[str, Any] | None = None,
            bootloader: Bootloader | None = None,
            image: bytes = b"",
            own_address: bool = False,
        ) -> Twin:
            chip = int.from_bytes(os.urandom(3)) << 8 if chip_id is None else chip_id
            provisioned, surroundings = equip(kind, hub, interval=interval, seed=chip)
            place = Path(folder) / f"{chip:08x}"
            twin = Twin(
                place,
                firmware_build,
                chip_id=chip,
                settings={**provisioned, **(settings or {})},
                world=surroundings.changed(**(world or {})),
                rom=Rom(place, bootloader, image, own=own_address) if bootloader else None,
                pace=pace,
            )
            made.append(twin)
            return twin

        yield make
        for twin in made:
            await twin.stop()
