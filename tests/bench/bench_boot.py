"""The bootloader: instructions of a start, sizes, and every power cut of an update."""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
import time
from pathlib import Path

from contracts import bootloader_config, image
from contracts.ota import protocol
from host import keys
from tests.bench.report import note, report
from tests.bootloader import qemu
from tests.bootloader.conftest import Signer, make_signer
from tests.support.bootloader import make

IMAGE = 600 << 10


def run() -> None:
    """Report the figures of the boot side."""
    with tempfile.TemporaryDirectory(prefix="dormouse-bench-") as folder:
        here = Path(folder)
        signer = make_signer(here, 2048)
        chip = qemu.build(here / "chip", signer, "all")
        _sizes(chip)
        _starts(chip, signer, here)
        _sweep(chip, here)


def _sizes(chip: qemu.Chip) -> None:
    report("boot.sector0_image", len(chip.part("boot.bin")), "bytes", "<= 4096")
    listing = subprocess.run(
        ["xtensa-lx106-elf-size", "-A", chip.folder / "server-stubs.elf"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for line in listing.splitlines():
        if line.startswith((".irom0.text", ".rodata", ".bss")):
            name, size, _ = line.split()
            report(f"boot.server_without_sdk{name}", int(size), "bytes")


def _starts(chip: qemu.Chip, signer: Signer, here: Path) -> None:
    irom = random.Random(8266).randbytes(IMAGE - image.IROM)
    plain = chip.app(irom)
    signed = image.stamp(plain, "1.0.0", "nodemcu", signer.key)
    cases = (
        ("signed_600k", signed, qemu.POWER_ON, "<= 65"),
        ("md5_600k", plain, qemu.POWER_ON, None),
        ("deep_sleep_wake", signed, qemu.DEEP_SLEEP, None),
    )
    for name, app, reason, target in cases:
        flash = chip.flash(here / "flash", app)
        rtc = qemu.rtc_file(here / "rtc", reason)
        booted = qemu.power_on(chip, flash, rtc, count=True)
        assert booted.status == qemu.APP, booted.said
        report(f"boot.{name}", booted.instructions / 1e6, "million instructions", target)
    began = time.perf_counter()
    for _ in range(20):
        qemu.power_on(chip, flash, rtc)
    report("boot.emulated_start", (time.perf_counter() - began) / 20 * 1000, "ms")


def _sweep(chip: qemu.Chip, here: Path) -> None:
    """All cuts of a 582 KiB update: half done, and torn byte by byte."""
    key = keys.new(here / "sweep.pem", 512)
    config = here / "sweep.h"
    config.write_text(bootloader_config.config_h(key.modulus))
    chance = random.Random(8266)
    for name in ("old", "new"):
        app = chip.app(chance.randbytes((582 << 10) - image.IROM))
        stamped = image.stamp(app, "1.0.0", "nodemcu", key)
        (here / name).write_bytes(stamped)
    stream = protocol.build((here / "new").read_bytes(), key)
    datagrams = qemu.datagram_file(here / "datagrams", [*stream.data, *stream.end])
    program = make("sweep") / "sweep"
    for tear, arguments in (
        ("half", []),
        ("random", ["--seed", str(random.randrange(1, 1 << 31))]),
    ):
        note(f"every power cut of an update, {tear} {' '.join(arguments)}")
        began = time.perf_counter()
        done = subprocess.run(
            [
                *(program, "--config", config, "--old", here / "old", "--new", here / "new"),
                *("--datagrams", datagrams, *arguments),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        found = json.loads(done.stdout)
        bad = 0 if done.returncode == 0 else 1
        report(f"boot.power_cuts_{tear}.cuts", found.get("cuts", 0), "cuts", ">= 2400")
        report(f"boot.power_cuts_{tear}.broken_or_stuck", bad, "cuts", "== 0")
        report(f"boot.power_cuts_{tear}.duration", time.perf_counter() - began, "s")
