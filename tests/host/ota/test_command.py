"""The command line: what users type, what they see when it goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from contracts import bootloader_config, image
from contracts.ota import canned
from host import flash_maps, keys
from host.__main__ import main
from tests.contracts.test_checks import FOR_ZERO
from tests.host.ota.conftest import Update
from tests.host.ota.device import Device, running
from tests.support.bootloader import NativeBootloader

TOP = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path, update: Update) -> Path:
    """A working folder: keys/ota.pem, partitions.csv, firmware.bin (signed), plain.bin."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/ota.pem").write_bytes(update.key.pem())
    (tmp_path / "partitions.csv").write_bytes((TOP / "partitions.csv").read_bytes())
    (tmp_path / "firmware.bin").write_bytes(update.image)
    (tmp_path / "plain.bin").write_bytes(image.build_application(b"text" * 500))
    return tmp_path


async def dormouse(
    folder: Path, *arguments: str | Path, limit: int | None = None
) -> tuple[int, str, str]:
    """Exit status, output and errors of a command; `limit` bytes are what its disk has left."""

    def full_disk() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "host", *map(str, arguments)),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(TOP), "COLUMNS": "200", "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=full_disk,
    )
    async with asyncio.timeout(60):
        out, errors = await child.communicate()
    assert child.returncode is not None
    return child.returncode, out.decode(), errors.decode()


class Here:
    """Runs commands in this process, in a folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, folder: Path, *arguments: str) -> tuple[int, str, str]:
        """Exit status, output and errors."""
        self._monkeypatch.chdir(folder)
        self._monkeypatch.setattr(sys, "argv", ["dormouse", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, errors = self._capsys.readouterr()
        return int(ended.value.code or 0), out, errors


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    return Here(monkeypatch, capsys)


async def refused(folder: Path, *arguments: str | Path) -> tuple[int, str]:
    """Status and the one line that a failing command says; nothing in the folder changes."""
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    status, _, errors = await dormouse(folder, *arguments)
    said = [line for line in errors.splitlines() if line.startswith("dormouse: ")]
    assert len(said) == 1, errors
    assert "Traceback" not in errors
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before
    return status, said[0]


async def test_sign_and_send(folder: Path, device: Device, update: Update) -> None:
    status, out, _ = await dormouse(
        *(folder, "sign", "plain.bin", "--version", "2.0.0", "--board", "nodemcu"),
        *("--image", "signed.bin"),
    )
    assert status == 0, out
    assert "plain.bin.ota: 1" in out
    stream = canned.parse((folder / "plain.bin.ota").read_bytes())
    signed = (folder / "signed.bin").read_bytes()
    assert stream.payload() == signed
    assert stream.signed_by(update.key.modulus)
    status, out, errors = await dormouse(
        *(folder, "ota", device.host, "plain.bin.ota", "--port", str(device.port)),
        *("--board", "nodemcu", "--running", "1.9.9", "--json"),
    )
    assert (status, errors) == (0, "")
    *progress, sent = [json.loads(line) for line in out.splitlines()]
    assert sent["text"].startswith(
        f"{device.host}: every byte confirmed, and the device has left its OTA server"
    )
    assert (sent["event"], sent["address"]) == ("sent", device.host)
    assert {one["event"] for one in progress} == {"progress"}
    assert await device.ended() == 0
    assert device.slot(len(signed)) == signed


async def test_send_live_by_broadcast(
    folder: Path, native_bootloader: NativeBootloader, update: Update
) -> None:
    async with running(
        *(native_bootloader.otaserver, folder / "flash", update.key_file), host="0.0.0.0"
    ) as device:
        status, _, errors = await dormouse(
            *(folder, "ota", "firmware.bin", "--port", str(device.port), "--window", "1"),
            *("--broadcast", "127.255.255.255", "--confirm", "0.3"),
        )
        assert status == 0, errors
        assert "the device's board is not known" in errors
        assert f"done ━{'━' * 39} 39.3/39.3 kB" in errors  # the progress bar at its end
        assert await device.ended() == 0
        assert device.slot(len(update.image)) == update.image


def test_keys_new_config_check(here: Here, tmp_path: Path) -> None:
    (tmp_path / "partitions.csv").write_bytes((TOP / "partitions.csv").read_bytes())
    status, out, errors = here(tmp_path, "keys", "new")
    assert (status, errors) == (0, "")
    assert "2048 bits" in out
    key = keys.load(tmp_path / "keys/ota.pem")
    status, out, errors = here(tmp_path, "keys", "config", "--stock")
    assert out == bootloader_config.config_h(key.modulus)
    assert len(errors.splitlines()) == 1
    assert errors.startswith("WARNING: without REQUIRE_SIGNATURE")
    status, out, errors = here(tmp_path, "keys", "config", "--no-require-signature")
    assert "#define REQUIRE_SIGNATURE 0" in out
    assert errors.startswith("WARNING: without REQUIRE_SIGNATURE")
    status, out, errors = here(*(tmp_path, "keys", "config", "--gpio-mask", "0", "-o", "config.h"))
    assert (status, out, errors) == (0, "", "")
    settings = bootloader_config.Config(gpio_mask=0, require_signature=True)
    assert (tmp_path / "config.h").read_text() == bootloader_config.config_h(key.modulus, settings)
    (tmp_path / "boot.bin").write_bytes(b"\xe9\x01" + key.modulus)
    status, out, _ = here(tmp_path, "keys", "check", "boot.bin")
    assert (status, "carries the key" in out) == (0, True)


def test_a_small_key_comes_with_a_warning(here: Here, tmp_path: Path) -> None:
    status, _, errors = here(tmp_path, "keys", "new", "--bits", "512")
    assert status == 0
    assert "WARNING: 512 bits can be broken" in errors


def test_image_info(here: Here, folder: Path, update: Update) -> None:
    (folder / "firmware.ota").write_bytes(canned.dump(update.stream))
    (folder / "zero.bin").write_bytes(FOR_ZERO)
    _, out, _ = here(folder, "image", "info", "firmware.bin")
    for line in (
        "is:          application for the update slot (OTA build)",
        "version:     1.2.3",
        "board:       nodemcu",
        "signature:   2048 bits, by our key",
    ):
        assert line in out
    assert "0x3c000.." in out
    assert out.rstrip().endswith(": app")
    _, out, _ = here(folder, "image", "info", "firmware.ota")
    assert "datagrams:   signed with our key" in out
    _, out, _ = here(folder, "image", "info", "zero.bin")
    assert "application for 0x0 (not an OTA build)" in out
    assert "boot, otaserver" in out


def make_bad_files(folder: Path, update: Update) -> None:
    huge = flash_maps.read(folder / "partitions.csv").app.size
    for name, data in {
        "empty.bin": b"",
        "text.bin": b"hello, world",
        "zero.bin": FOR_ZERO,
        "damaged.bin": update.image[:-400] + b"!" + update.image[-399:],
        "cut.bin": update.image[:30000],
        "4m.bin": image.build_application(b"text", flash_size=4 << 20),
        "huge.bin": image.build_application(bytes(huge - 0x9000)),
        "cut.ota": canned.dump(update.stream)[:-30],
        "boot.bin": b"\xe9\x01 with another key",
        "nokey.pem": b"not a key",
    }.items():
        (folder / name).write_bytes(data)
    keys.new(folder / "other.pem", 512)


BAD = [
    (("ota", "127.0.0.1", "missing.bin"), 10, "missing.bin: cannot be read: No such file"),
    (("ota", "127.0.0.1", "keys"), 10, "keys: cannot be read: Is a directory"),
    (("ota", "127.0.0.1", "empty.bin"), 11, "empty.bin: the file is empty"),
    (("ota", "127.0.0.1", "text.bin"), 14, "text.bin: not an ESP8266 image"),
    (("ota", "127.0.0.1", "cut.bin"), 15, "cut.bin: not an application .* or cut short"),
    (("ota", "127.0.0.1", "zero.bin"), 15, "zero.bin: linked for 0x0"),
    (("ota", "127.0.0.1", "damaged.bin"), 16, "damaged.bin: the image is damaged"),
    (("ota", "127.0.0.1", "firmware.bin", "--board", "sonoff"), 18, "the device is a sonoff"),
    (("ota", "127.0.0.1", "4m.bin"), 19, "4m.bin: the image is built for 4096 KiB of flash"),
    (("ota", "127.0.0.1", "huge.bin"), 19, "huge.bin: the image has 626704 bytes, 16 more than"),
    (("ota", "127.0.0.1", "firmware.bin", "--running", "1.2.4"), 20, "--allow-downgrade"),
    (("ota", "127.0.0.1", "firmware.bin", "--running", "new"), 21, "version 'new' is not of"),
    (("ota", "127.0.0.1", "firmware.bin", "--key", "none.pem"), 22, "dormouse keys new"),
    (("ota", "127.0.0.1", "firmware.bin", "--key", "nokey.pem"), 22, "no unencrypted RSA"),
    (("ota", "127.0.0.1", "firmware.bin", "--bootloader", "boot.bin"), 23, "does not carry"),
    (("ota", "127.0.0.1", "cut.ota"), 30, "cut.ota: the canned update is cut short"),
    (("ota", "no.such.invalid", "firmware.bin"), 31, "no.such.invalid"),
    (("sign", "missing.bin"), 10, "missing.bin"),
    (("sign", "empty.bin"), 11, "empty.bin"),
    (("sign", "zero.bin", "--version", "1.0.0"), 15, "zero.bin: linked for 0x0"),
    (("sign", "plain.bin", "--version", "one"), 21, "version 'one' is not of the form 1.2.3"),
    (("sign", "firmware.bin", "--key", "other.pem"), 17, "by another key"),
    (("sign", "plain.bin", "-o", "nowhere/x.ota"), 12, "nowhere/x.ota: cannot be written"),
    (("sign", "plain.bin", "--partitions", "text.bin"), 13, "text.bin:1: 2 columns"),
    (("keys", "new"), 22, "never overwritten"),
    (("keys", "new", "--key", "new.pem", "--bits", "256"), 24, "256 bits"),
    (("keys", "check", "boot.bin"), 23, "does not carry the key"),
    (("image", "info", "text.bin"), 14, "text.bin: not an ESP8266 image"),
]


@pytest.fixture(scope="module")
def bad_folder(tmp_path_factory: pytest.TempPathFactory, update: Update) -> Path:
    tmp_path = tmp_path_factory.mktemp("bad")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/ota.pem").write_bytes(update.key.pem())
    (tmp_path / "partitions.csv").write_bytes((TOP / "partitions.csv").read_bytes())
    (tmp_path / "firmware.bin").write_bytes(update.image)
    (tmp_path / "plain.bin").write_bytes(image.build_application(b"text" * 500))
    make_bad_files(tmp_path, update)
    return tmp_path


@pytest.mark.parametrize(("arguments", "status", "says"), BAD, ids=lambda v: str(v)[:50])
def test_bad_input_is_one_line_and_a_status(
    bad_folder: Path,
    arguments: tuple[str, ...],
    status: int,
    says: str,
    here: Here,
) -> None:
    before = {p: p.stat().st_mtime_ns for p in bad_folder.rglob("*")}
    got, _, errors = here(bad_folder, *arguments)
    (said,) = (line for line in errors.splitlines() if "dormouse: " in line)
    assert got == status
    assert re.match(f"dormouse: .*{says}", said), said
    assert {p: p.stat().st_mtime_ns for p in bad_folder.rglob("*")} == before


async def test_a_silent_device_and_a_wrong_key(
    folder: Path, native_bootloader: NativeBootloader
) -> None:
    keys.new(folder / "other.pem", 512)
    flash = folder / "flash"
    async with running(native_bootloader.otaserver, flash, folder / "other.pem") as device:
        send = ("ota", device.host, "firmware.bin", "--port", str(device.port), "--wait", "0.5")
        before = flash.read_bytes()
        status, said = await refused(folder, *send)
        assert (status, "another key" in said) == (31, True)
        assert flash.read_bytes() == before
    status, said = await refused(folder, *send)
    assert (status, "not in OTA mode" in said) == (31, True)


async def test_a_device_that_talks_nonsense(folder: Path) -> None:
    loop = asyncio.get_running_loop()

    class Parrot(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.DatagramTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            for _ in range(10):
                self.transport.sendto(data, addr)

    transport, _ = await loop.create_datagram_endpoint(Parrot, local_addr=("127.0.0.1", 0))
    try:
        port = str(transport.get_extra_info("sockname")[1])
        status, said = await refused(folder, "ota", "127.0.0.1", "firmware.bin", "--port", port)
        assert (status, "no OTA server" in said) == (32, True)
    finally:
        transport.close()


async def test_a_full_disk_while_signing(folder: Path) -> None:
    before = sorted(folder.iterdir())
    status, _, errors = await dormouse(folder, "sign", "firmware.bin", limit=20_000)
    assert status == 12
    assert "firmware.bin.ota: cannot be written: File too large; nothing changed" in errors
    assert sorted(folder.iterdir()) == before


def test_make_has_the_targets() -> None:
    done = subprocess.run(
        ["make", "help"], cwd=TOP, capture_output=True, text=True, timeout=60, check=True
    )
    for target in ("make keys", "make sign", "make ota"):
        assert target in done.stdout
