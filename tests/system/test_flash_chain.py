"""From an empty flash part and a cable to a reading in the database, unbroken."""

from __future__ import annotations

import os

from contracts import image
from host.twin.hub import HubAddress
from host.twin.image import build_image
from host.twin.kinds import TwinKind
from host.twin.rom import Bootloader
from tests.bootloader import qemu
from tests.bootloader.conftest import make_signer
from tests.support.hub import rows, until
from tests.support.rom_chip import Chip
from tests.support.rom_loader import blank, dump

_READINGS = """
    SELECT r.value FROM dormouse.reading r JOIN dormouse.series s ON s.id = r.series_id
    JOIN dormouse.device d ON d.id = s.device_id WHERE d.key = %s
"""


def merged(built: qemu.Chip) -> bytes:
    """Bootloader and OTA server as `make bootloader` puts them into one file."""
    return built.part("boot.bin").ljust(4096, b"\xff") + built.part("testserver.bin")


async def test_a_flashed_board_reports_to_the_hub(
    hub, make_twin, firmware_build, native_bootloader, plugged_in, tmp_path
):
    signer = make_signer(tmp_path, 2048)
    built = qemu.build(tmp_path / "chip", signer)
    (tmp_path / "bootloader.bin").write_bytes(merged(built))
    # Its RAM segments run on the emulated core, its irom text is what a virtual device runs.
    modules = build_image(firmware_build, "1.2.3")
    application = built.app(modules[image.IROM : image.application(modules).size])
    (tmp_path / "app.bin").write_bytes(image.stamp(application, "1.2.3", "nodemcu", signer.key))
    starts: list[int] = []

    def boots() -> bytes:
        """What the emulated core prints when it starts with this flash."""
        flash = dump(chip, tmp_path / "qemu.bin")
        run = qemu.power_on(built, flash, qemu.rtc_file(tmp_path / "rtc", qemu.POWER_ON))
        starts.append(run.status)
        return run.said.encode()

    chip = Chip(blank(1 << 20))
    line = plugged_in(chip, boots=boots)
    status, said = await hub.command(
        "flash", str(tmp_path / "app.bin"), "--bootloader", str(tmp_path / "bootloader.bin"),
        "--key", str(signer.pem), "--board", "nodemcu", "--port", line.port,
        env=dict(os.environ),
    )  # fmt: skip
    assert status == 0, said
    assert "the bootloader started the application (signed)" in said
    assert starts == [qemu.APP]

    twin = make_twin(
        TwinKind.DS18B20,
        HubAddress.of(hub.facts),
        interval=2,
        bootloader=Bootloader(signer.pem, native_bootloader.folder),
    )
    twin.folder.mkdir(parents=True)
    dump(chip, twin.rom.file)
    await twin.start()

    async def stored():
        return await rows(hub, _READINGS, twin.id)

    assert await until(stored, limit_s=60)
    assert twin.rom.decision["version"] == "1.2.3"
    assert twin.rom.decision["app"] == "signed"
    assert twin.rom.file.read_bytes() == bytes(chip.flash)
    assert twin.statistics.failures == 0
