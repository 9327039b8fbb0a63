"""Virtual devices where there is no MicroPython: the same firmware in CPython."""

from __future__ import annotations

from pathlib import Path

import pytest

from host.twin import firmware, vm
from host.twin.errors import NoVirtualMachineError
from host.twin.hub import HubAddress
from host.twin.image import build_image, unpack
from host.twin.kinds import TwinKind, equip
from host.twin.twin import Twin
from host.twin.vm import Cause, Machine, MachineChoice

PROGRAMS = Path(__file__).resolve().parents[2] / "firmware" / "programs"


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> firmware.Build:
    return firmware.compile_to(tmp_path_factory.mktemp("sources"), machine=Machine.CPYTHON)


# A part on each bus, packets bit by bit, and RTC memory.
@pytest.mark.parametrize("name", ["check_bme280", "check_onewire", "check_packets"])
async def test_the_firmwares_own_tests_pass(build, tmp_path, name):
    flash = tmp_path / "flash"
    flash.mkdir()
    (flash / "settings.json").write_text("{}")
    (tmp_path / "world.json").write_text("{}")
    (tmp_path / "seed.py").write_text("SEED = 8\n")
    variables = {
        "TWIN_RESET_CAUSE": str(int(Cause.POWER)),
        "TWIN_CHIP_ID": "00000000",
        "TWIN_WORLD": str(tmp_path / "world.json"),
    }
    typed = f"import sys; sys.path.extend({[str(PROGRAMS), str(tmp_path)]}); import {name}"
    with (tmp_path / "console").open("wb") as console:
        process = await vm.spawn(
            flash, build.search_path, variables, console, typed, machine=Machine.CPYTHON
        )
        status = await process.wait()
    assert status == 0, (tmp_path / "console").read_text()


async def test_a_device_measures_and_sleeps_though_nobody_hears_it(build, tmp_path):
    # Port 9 (discard): nobody listens there.
    settings, world = equip(TwinKind.BME280, HubAddress("127.0.0.1", 9, 9), interval=300, seed=8)
    async with Twin(
        tmp_path / "twin", build, chip_id=0x1A2B3C00, settings=settings, world=world, keep=True
    ) as twin:
        await twin.cycle()
        said = twin.console()
        assert twin.statistics.failures == 0, twin.statistics.last_error
    assert twin.statistics.sleep_s == pytest.approx(300, abs=30)
    assert "broker:" in said
    assert "Traceback" not in said


def test_an_image_holds_the_sources(build, tmp_path):
    unpack(build_image(build, "1.2.3"), tmp_path / "unpacked")
    assert (tmp_path / "unpacked/dormouse/wake.py").read_text() == (
        build.modules / "dormouse/wake.py"
    ).read_text()
    assert "twin" in (build.modules / "dormouse/version.py").read_text()


def test_it_is_taken_where_there_is_no_other(monkeypatch):
    monkeypatch.setattr(vm, "find_spec", lambda _name: None)
    vm._program.cache_clear()
    try:
        assert vm.here() is Machine.CPYTHON
        assert "instead of MicroPython" in vm.note(vm.here())
        with pytest.raises(NoVirtualMachineError):
            vm.here(MachineChoice.MICROPYTHON)
    finally:
        vm._program.cache_clear()
    monkeypatch.undo()
    assert vm.here() is Machine.MICROPYTHON
    assert not vm.note(Machine.MICROPYTHON)
