"""The core's digests and RSA against the libraries of the host, through the boot decision."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from contracts import bootloader_config, image, signatures
from contracts.ota import protocol
from tests.bootloader.conftest import Signer, make_signer
from tests.bootloader.server import Server, blank_flash, decide
from tests.support.bootloader import NativeBootloader


def state(
    native: NativeBootloader, folder: Path, app: bytes, *arguments: str | Path
) -> tuple[object, object]:
    """What a start finds in the slot: start and app of the decision."""
    flash = blank_flash(folder / "flash", app)
    decision = decide(native.bootdecide, flash, folder / "none", *arguments)
    return decision["start"], decision["app"]


def test_images_of_every_length_in_a_block(
    native_bootloader: NativeBootloader, tmp_path: Path, small: Signer
) -> None:
    config = ("--config", small.config)
    for length in range(1, 130):
        plain = image.build_application(bytes(range(length)))
        signed = image.stamp(plain, "1.2.3", "board", small.key)
        for app, good in ((plain, "hashed"), (signed, "signed")):
            assert state(native_bootloader, tmp_path, app, *config) == ("app", good), length


@pytest.mark.parametrize("bits", signatures.SIZES)
def test_keys_of_every_size(
    native_bootloader: NativeBootloader, tmp_path: Path, plain: bytes, bits: int
) -> None:
    signer = make_signer(tmp_path, bits)
    config = ("--config", signer.config)
    for version in ("1.0.0", "1.0.1", "1.0.2"):
        app = image.stamp(plain, version, "", signer.key)
        assert state(native_bootloader, tmp_path, app, *config) == ("app", "signed")
        bad = app[:-1] + bytes([app[-1] ^ 1])
        assert state(native_bootloader, tmp_path, bad, *config) == ("server", "bad-signature")


def signed_with(private: rsa.RSAPrivateKey, plain: bytes) -> bytes:
    """A signed image of a key that our host tools would not make (its exponent is not 3)."""
    stamped = bytearray(image.stamp(plain, "1.2.3", ""))
    at = len(plain) + 10
    stamped[at : at + 2] = struct.pack("<H", private.key_size // 8)
    return bytes(stamped) + private.sign(bytes(stamped[4:]), padding.PKCS1v15(), hashes.SHA256())


def test_exponent_65537(native_bootloader: NativeBootloader, tmp_path: Path, plain: bytes) -> None:
    private = rsa.generate_private_key(65537, 2048)
    pem = tmp_path / "key.pem"
    pem.write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    app = signed_with(private, plain)
    assert state(native_bootloader, tmp_path, app, "--key", pem) == ("app", "signed")
    numbers = private.public_key().public_numbers()
    config = tmp_path / "config.h"
    modulus = numbers.n.to_bytes(256, "big")
    # Without its exponent the key is another one.
    config.write_text(bootloader_config.config_h(modulus))
    assert state(native_bootloader, tmp_path, app, "--config", config) == (
        "server",
        "bad-signature",
    )
    config.write_text(bootloader_config.config_h(modulus) + "#define RSA_EXPONENT 65537\n")
    assert state(native_bootloader, tmp_path, app, "--config", config) == ("app", "signed")


@pytest.mark.parametrize("exponent", [0, 1, 2, 4, 7, 65536, 65539])
def test_exponents_that_are_not_known(
    native_bootloader: NativeBootloader, tmp_path: Path, small: Signer, exponent: int
) -> None:
    config = tmp_path / "config.h"
    config.write_text(small.config.read_text() + f"#define RSA_EXPONENT {exponent}\n")
    with pytest.raises(AssertionError, match="the RSA key cannot be used"):
        decide(
            native_bootloader.bootdecide,
            blank_flash(tmp_path / "flash"),
            tmp_path / "none",
            *("--config", config),
        )


@pytest.mark.parametrize("form", ["pkcs1", "pkcs8", "spki", "public-pkcs1"])
def test_every_form_of_a_key_file(
    native_bootloader: NativeBootloader, tmp_path: Path, signer: Signer, plain: bytes, form: str
) -> None:
    private, public = signer.key.private, signer.key.private.public_key()
    pem = serialization.Encoding.PEM
    written = {
        "pkcs1": lambda: private.private_bytes(
            pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ),
        "pkcs8": lambda: private.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "spki": lambda: public.public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo),
        "public-pkcs1": lambda: public.public_bytes(pem, serialization.PublicFormat.PKCS1),
    }[form]()
    key = tmp_path / "key.pem"
    key.write_bytes(b"a comment before it\n" + written)
    app = image.stamp(plain, "1.2.3", "", signer.key)
    assert state(native_bootloader, tmp_path, app, "--key", key) == ("app", "signed")


def test_damaged_key_files_are_refused(
    native_bootloader: NativeBootloader, tmp_path: Path, signer: Signer
) -> None:
    lines = signer.pem.read_text().splitlines()
    flash = blank_flash(tmp_path / "flash")
    key = tmp_path / "key.pem"
    for damaged in (lines[:1], lines[:4], [lines[0], "MIIC", lines[-1]], lines[1:]):
        key.write_text("\n".join(damaged))
        with pytest.raises(AssertionError, match="no RSA key in PEM form"):
            decide(native_bootloader.bootdecide, flash, tmp_path / "none", "--key", key)


def test_wake_reasons_and_pins(
    native_bootloader: NativeBootloader, tmp_path: Path, small: Signer, plain: bytes
) -> None:
    """The native decision is the chip's: see test_qemu for every branch of it."""
    flash, rtc = blank_flash(tmp_path / "flash", plain), tmp_path / "rtc"

    def reason(*arguments: str) -> object:
        rtc.write_bytes(b"yaotaota" if "rtc" in arguments else b"")
        given = [argument for argument in arguments if argument != "rtc"]
        decision = decide(
            native_bootloader.bootdecide, flash, rtc, "--config", small.config, *given
        )
        return decision["start"], decision["reason"]

    assert reason("rtc", "--reset-reason", "5") == ("app", "wake")
    assert reason("rtc", "--reset-reason", "4") == ("server", "rtc")
    assert reason("--pin-changes") == ("server", "pin")
    assert reason("--require-signature") == ("server", "check")
    assert reason() == ("app", "check")


def test_a_session_with_another_exponent(
    native_bootloader: NativeBootloader, tmp_path: Path, plain: bytes
) -> None:
    private = rsa.generate_private_key(65537, 1024)
    pem = tmp_path / "key.pem"
    pem.write_bytes(signatures.Key(private).pem())
    stream = protocol.build(plain, signatures.Key(private))
    flash = blank_flash(tmp_path / "flash")
    with Server(native_bootloader.otaserver, flash, "--key", pem) as server:
        assert server.update(stream) == 0
