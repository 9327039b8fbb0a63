"""yaota8266's own clients against our OTA server, linked with a real lwIP, on the emulated chip.

YAOTA8266=<folder>[:<folder>...] names trees of yaota8266: pfalcon's (ota-client/ota_client.py), or
jedie's fork (ota_client/ota_client.py), which looks for its device by broadcast: it runs in a
network namespace of its own. MICROPYTHON_BUILD as for the others.

UPSTREAM_BYTES says how much irom text the update has; `firmware` takes the build's whole image, and
it must measure afterwards.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from contracts import image
from contracts.bootloader_config import Config
from contracts.ota.protocol import PORT
from host import keys
from host.chip import build as builds
from host.chip.machine import EmulatedChip, Ended
from tests.host.chip.conftest import Bench, needs_build, run
from tests.host.chip.test_life import SERVING, ask_for_update
from tests.support.netns import namespace

TREES = [folder for folder in os.environ.get("YAOTA8266", "").split(":") if folder]
SIZE = os.environ.get("UPSTREAM_BYTES", "2000")
FILE = "firmware-ota.bin"
LIVE = f"from ota_client.ota_client import OtaClient; OtaClient('{FILE}').live_ota()"
pytestmark = [
    needs_build,
    pytest.mark.timeout(3600),  # a whole image of 2048 bits, on a machine that others use
    pytest.mark.skipif(not TREES, reason="needs YAOTA8266=<folder>: upstream's client"),
]


@dataclass(frozen=True)
class Client:
    """An upstream client in a folder of its own; `within` is the command that runs others."""

    folder: Path
    fork: bool
    within: tuple[str, ...] = ()

    def commands(self, way: str, address: str) -> list[list[str]]:
        """What is called, one after the other; the last talks to the device."""
        if self.fork:
            # Its command `ota` takes nothing but a signed container, and streams that as it is.
            steps = [["-c", LIVE]] if way == "live" else [["cli.py", "sign", FILE]]
            return steps if way == "live" else [*steps, ["cli.py", "canned_ota", f"{FILE}.ota"]]
        if way == "live":
            return [["ota_client.py", "live-ota", FILE, "-a", address]]
        canned = ["ota_client.py", "ota", f"{FILE}.ota", "-a", address]
        return [["ota_client.py", "sign", FILE], canned]

    def call(self, command: list[str], seconds: float | None = None) -> tuple[int, str]:
        """Its status, and all that it said; it is ended after so many seconds."""
        argv = [*self.within, sys.executable, "-u", *command]
        done = subprocess.run(
            argv,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds,
        )
        return done.returncode, done.stdout


@contextlib.contextmanager
def client_for(tree: Path, folder: Path, chip: EmulatedChip, pem: bytes) -> Iterator[Client]:
    """The tree's client with its key, and the way between it and the chip."""
    if (tree / "ota-client/ota_client.py").is_file():
        shutil.copytree(tree / "ota-client", folder)
        (folder / "priv.key").write_bytes(pem)
        chip.network.open_updates()
        yield Client(folder, fork=False)
        return
    if not (tree / "ota_client/ota_client.py").is_file():
        pytest.skip(f"{tree}: no ota-client/ota_client.py, no ota_client/ota_client.py")
    shutil.copytree(tree, folder, ignore=shutil.ignore_patterns(".git"))
    (folder / "ota_client/priv.key").write_bytes(pem)
    with namespace() as home:
        home.ip("link set lo up")
        home.ip("route add 255.255.255.255 dev lo src 127.0.0.1")
        everybody = home.socket(socket.SOCK_DGRAM)
        everybody.bind(("", PORT))
        chip.network.open_updates(everybody)
        yield Client(folder, fork=True, within=home.within)


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("way", ["live", "canned"])
@pytest.mark.parametrize("bits", [512, 2048])
def test_upstreams_client_updates_our_server(
    bench: Bench,
    make_chip: Callable[..., EmulatedChip],
    tmp_path: Path,
    tree: str,
    way: str,
    bits: int,
) -> None:
    pem = tmp_path / "key.pem"
    key = keys.new(pem, bits)
    settings = Config(idle_reboot_ms=60_000)
    parts = builds.make(bench.parts.build, tmp_path / "parts", key, settings=settings)
    flash = bytearray(bench.settled)
    flash[: len(parts.bootloader)] = parts.bootloader
    flash[3] = bench.settled[3]
    chip = make_chip(bytes(flash))
    ask_for_update(chip)
    whole = SIZE == "firmware"
    # The other as MicroPython's build leaves it, without a trailer of ours.
    data = (
        parts.application()
        if whole
        else image.build_application(random.Random(bits).randbytes(int(SIZE)))
    )
    with client_for(Path(tree), tmp_path / "client", chip, pem.read_bytes()) as client:
        (client.folder / FILE).write_bytes(data)
        commands = client.commands(way, str(chip.network.address))
        for command in commands[:-1]:
            status, said = client.call(command)
            assert status == 0, said
        chip.surroundings = replace(chip.surroundings, paced=True)
        done: list[tuple[int, str]] = []
        sender = threading.Thread(target=lambda: done.append(client.call(commands[-1])))
        began = time.monotonic()
        sender.start()
        ended = run(chip, seconds=3000)
        took = time.monotonic() - began
        sender.join()
    assert SERVING in ended.said
    assert ended.ended is Ended.RESTART, ended.said
    status, said = done[0]
    assert status == 0, said
    told = [line for line in said.splitlines() if "rexmits" in line]
    words = f"{Path(tree).name}, {way}, {bits} bits, {len(data)} bytes: {told[-1]}"
    times = f"{ended.us / 1e6:.1f} s of the chip's, {took:.0f} s of this machine's"
    counts = f"{ended.instructions / 1e6:.0f} M instructions, {ended.flash_writes} writes"
    print(words, times, counts, sep="; ")
    slot = bench.parts.build.flash_map.app
    assert chip.flash.read_bytes()[slot.offset :][: len(data)] == data
    if whole:
        chip.surroundings = replace(chip.surroundings, paced=False)
        after = run(chip)
        assert after.ended is Ended.ASLEEP, after.said
