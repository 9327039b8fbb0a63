"""Virtual devices for tests: the real firmware, compiled once a run, against a given hub."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host.twin import firmware
from host.twin.hub import HubAddress
from host.twin.kinds import Kind, equip
from host.twin.rom import Bootloader, Rom
from host.twin.twin import Twin

MakeTwin = Callable[..., Twin]


@pytest.fixture(scope="session")
def firmware_build(tmp_path_factory) -> firmware.Build:
    """The compiled firmware."""
    return firmware.compile_to(tmp_path_factory.mktemp("firmware"))


@pytest.fixture
async def make_twin(firmware_build):
    """Makes virtual devices: `make_twin(Kind.DS18B20, HubAddress(host, port, enrol_port))`.

    Further options are `interval` (seconds), `pace` (0.1: sleep a tenth of the time), `settings`
    and `world` (sections to change), `chip_id`; with `bootloader` and `image` it starts through the
    native bootloader. `await twin.start()` switches one on; all are ended after the test. Chip ids
    differ between devices, tests and processes.
    """
    made: list[Twin] = []
    with tempfile.TemporaryDirectory(prefix="dormouse-twins-") as folder:

        def make(
            kind: Kind,
            hub: HubAddress,
            *,
            interval: float = 5,
            pace: float = 1.0,
            chip_id: int | None = None,
            settings: dict[str, Any] | None = None,
            world: dict[str, Any] | None = None,
            bootloader: Bootloader | None = None,
            image: bytes = b"",
        ) -> Twin:
            chip = int.from_bytes(os.urandom(4)) if chip_id is None else chip_id
            provisioned, surroundings = equip(kind, hub, interval=interval, seed=chip)
            place = Path(folder) / f"{chip:08x}"
            twin = Twin(
                place,
                firmware_build,
                chip_id=chip,
                settings={**provisioned, **(settings or {})},
                world=surroundings.changed(**(world or {})),
                rom=Rom(place, bootloader, image) if bootloader else None,
                pace=pace,
            )
            made.append(twin)
            return twin

        yield make
        for twin in made:
            await twin.stop()
