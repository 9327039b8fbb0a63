"""The native tools: what they take, what they say, how they end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from contracts import image
from contracts.ota import protocol
from tests.bootloader.conftest import Signer, make_signer
from tests.bootloader.server import SLOT, Server, blank_flash, decide
from tests.support.bootloader import NativeBootloader


@pytest.mark.parametrize("bits", [512, 1024, 2048])
@pytest.mark.parametrize("form", ["--key", "--config"])
def test_a_signed_stream_is_taken_and_starts(
    native_bootloader: NativeBootloader, tmp_path: Path, plain: bytes, bits: int, form: str
) -> None:
    signer = make_signer(tmp_path, bits)
    key = (form, signer.pem if form == "--key" else signer.config)
    stamped = image.stamp(plain, "1.2.3", "nodemcu", signer.key)
    flash = blank_flash(tmp_path / "flash")
    with Server(native_bootloader.otaserver, flash, *key) as server:
        assert server.update(protocol.build(stamped, signer.key)) == 0
    assert server.counts["finished"] == 1
    content = flash.read_bytes()
    assert content[SLOT : SLOT + len(stamped)] == stamped
    assert content[:SLOT] == b"\xff" * SLOT
    assert decide(native_bootloader.bootdecide, flash, tmp_path / "none", *key) == {
        "start": "app",
        "reason": "check",
        "app": "signed",
        "size": len(plain) - 16,
        "version": "1.2.3",
        "board": "nodemcu",
        "counter": (1 << 24) + (2 << 16) + 3,
    }


def test_the_request_in_rtc_memory_is_taken_once(
    native_bootloader: NativeBootloader, tmp_path: Path, plain: bytes, small: Signer
) -> None:
    flash = blank_flash(tmp_path / "flash", plain)
    rtc = tmp_path / "rtc"
    rtc.write_bytes(b"yaotaota and more")
    first, second = (
        decide(native_bootloader.bootdecide, flash, rtc, "--config", small.config) for _ in range(2)
    )
    assert (first["start"], first["reason"]) == ("server", "rtc")
    assert (second["start"], second["app"]) == ("app", "hashed")
    assert rtc.read_bytes() == b"zaotaota and more"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--flash FILE is missing"),
        (["--flash", "{flash}"], "without a key nothing is accepted"),
        (["--flash", "{flash}", "--key", "{text}"], "no RSA key in PEM form"),
        (["--flash", "{flash}", "--config", "{text}"], "no MODULUS in it"),
        (["--flash", "{text}", "--config", "{config}"], "the slot ends at 0xd5000"),
        (["--flash", "{flash}", "--config", "{config}", "--slot", "0:5"], "multiples of 0x1000"),
        (["--flash", "{flash}", "--config", "{config}", "--port", "70000"], "is not a port number"),
        (["--flash", "{flash}", "--config", "{config}", "--bind", "here"], "not an IPv4 address"),
        (["--nonsense"], "usage: otaserver"),
    ],
)
def test_one_clear_line_for_what_cannot_be_done(
    native_bootloader: NativeBootloader,
    tmp_path: Path,
    small: Signer,
    arguments: list[str],
    complaint: str,
) -> None:
    (tmp_path / "text").write_text("nothing of use\n")
    names = {
        "flash": str(blank_flash(tmp_path / "flash")),
        "text": str(tmp_path / "text"),
        "config": str(small.config),
    }
    done = subprocess.run(
        [native_bootloader.otaserver, *(argument.format(**names) for argument in arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert complaint in done.stderr


def test_a_server_that_nobody_calls_restarts(
    native_bootloader: NativeBootloader, tmp_path: Path, small: Signer
) -> None:
    flash = blank_flash(tmp_path / "flash")
    arguments = ("--config", small.config, "--idle-restart", "50")
    with Server(native_bootloader.otaserver, flash, *arguments) as server:
        assert server.wait() == 3
    assert "nobody came, restarting" in server.lines


def test_a_lost_session_starts_over(
    native_bootloader: NativeBootloader,
    tmp_path: Path,
    small: Signer,
    small_stream: protocol.SignedStream,
) -> None:
    flash = blank_flash(tmp_path / "flash")
    # Longer than a busy machine may keep this process from sending the next datagram.
    arguments = ("--config", small.config, "--packet-wait", "5000")
    with Server(native_bootloader.otaserver, flash, *arguments) as server:
        assert server.take(small_stream.data[:20])
        # Nothing answers the first datagram until the session is given up.
        assert server.ask_until_answered(small_stream.data[0].raw) > 1
        assert server.take(small_stream.data[1:])
        server.send([small_stream.end[0].raw])
        assert server.wait() == 0
    assert "session lost, waiting for a new one" in server.lines
    assert flash.read_bytes()[SLOT : SLOT + small_stream.size] == small_stream.payload()
