from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from contracts import bootloader_config, signatures
from contracts.errors import DormouseError, KeyFileError, WeakKeyError, WrongKeyError
from host import files, keys
from host.errors import FileWriteError
from tests.contracts.known import known_key


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None
) -> bytes:
    hiding = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hiding)


@pytest.mark.parametrize("bits", signatures.SIZES)
def test_a_new_key(bits: int, tmp_path: Path) -> None:
    path = tmp_path / "deep/ota.pem"
    made = keys.new(path, bits)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["ota.pem"]
    loaded = keys.load(path)
    assert (loaded.bits, loaded.modulus, loaded.name) == (bits, made.modulus, made.name)
    assert len(made.modulus) == bits // 8
    assert made.modulus[0] >= 0x80
    block = pow(
        int.from_bytes(made.sign_plain(b"x" * 36), "big"), 3, int.from_bytes(made.modulus, "big")
    )
    assert block.to_bytes(bits // 8, "big") == (
        b"\0\1" + b"\xff" * (bits // 8 - 39) + b"\0" + b"x" * 36
    )


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path, other = tmp_path / "ota.pem", tmp_path / "other.pem"
    keys.new(path, 512)
    before = path.read_bytes()
    keys.new(other, 512)
    for attempt in (lambda: keys.new(path, 512), lambda: keys.import_pem(other, path)):
        with pytest.raises(KeyFileError, match="never overwritten"):
            attempt()
    assert path.read_bytes() == before
    dangling = tmp_path / "link.pem"
    dangling.symlink_to(tmp_path / "absent")
    with pytest.raises(KeyFileError):
        keys.new(dangling, 512)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link.pem", "ota.pem", "other.pem"]


def test_import_takes_what_openssl_makes(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs.pem", tmp_path / "ours.pem"
    subprocess.run(
        ["openssl", "genrsa", "-3", "-out", theirs, "1024"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    made = keys.import_pem(theirs, ours)
    assert made.bits == 1024
    assert ours.stat().st_mode & 0o777 == 0o600
    shown = subprocess.run(
        ["openssl", "rsa", "-in", ours, "-noout", "-modulus"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shown.stdout.strip() == f"Modulus={made.modulus.hex().upper()}"


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"no key", KeyFileError, "no unencrypted RSA private key"),
        (pem(known_key().private, b"secret"), KeyFileError, "no unencrypted RSA private key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), KeyFileError, "not an RSA one"),
        (pem(rsa.generate_private_key(65537, 1024)), WeakKeyError, "exponent 65537"),
        (pem(rsa.generate_private_key(3, 1152)), WeakKeyError, "1152 bits"),
        (b"", DormouseError, "empty"),
    ],
)
def test_what_is_no_key_for_us(
    content: bytes, error: type[DormouseError], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.pem"
    path.write_bytes(content)
    with pytest.raises(error, match=says) as caught:
        keys.import_pem(path, tmp_path / "ota.pem")
    assert str(path) in str(caught.value)
    assert not (tmp_path / "ota.pem").exists()


def test_no_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="dormouse keys new"):
        keys.load(tmp_path / "ota.pem")
    with pytest.raises(WeakKeyError):
        keys.new(tmp_path / "ota.pem", 511)


def test_config_h_for_a_stock_tree_to_the_byte() -> None:
    text = bootloader_config.config_h(known_key().modulus)
    defines = [line for line in text.splitlines() if line.startswith("#")]
    # The MODULUS line as yaota8266's own print_rsa_modulus.py prints it for this key.
    assert defines == [
        "#define MAIN_APP_OFFSET 0x3c000",
        "#define BAUD_RATE 115200",
        '#define MODULUS "\\x90\\x00\\x00\\x00\\x00\\x00\\x00\\xc0' + "\\x00" * 22 + "\\x01\\x00"
        "\\x80\\x00\\x00\\x00\\x00\\x00\\x77" + "\\x00" * 23 + '\\x67\\xa9"',
        "#define PKT_WAIT_MS 10000",
        "#define IDLE_REBOOT_MS 60000",
        "#define GPIO_MASK 0xf035",
        "#define GPIO_WAIT_MS 3000",
    ]
    assert all(not line or line.startswith(("#define ", "// ")) for line in text.splitlines())
    assert text.endswith("\n")


def test_config_h_for_our_tree_compiles_to_the_key(tmp_path: Path) -> None:
    key = known_key()
    config = bootloader_config.Config(0x40000, 0, 5000, 10000, 0, 0, require_signature=True)
    (tmp_path / "config.h").write_text(bootloader_config.config_h(key.modulus, config))
    source = tmp_path / "show.c"
    source.write_text(
        '#include "config.h"\n#include <stdio.h>\nint main(void) {\n'
        "static const unsigned char mod[] = MODULUS;\n"
        'for (unsigned i = 0; i < sizeof mod - 1; i++) printf("%02x", mod[i]);\n'
        'printf(" %d %d %d %d %d %d %d", MAIN_APP_OFFSET, BAUD_RATE, PKT_WAIT_MS, IDLE_REBOOT_MS,'
        "GPIO_MASK, GPIO_WAIT_MS, REQUIRE_SIGNATURE); return 0; }\n"
    )
    program = tmp_path / "show"
    subprocess.run(["gcc", "-Werror", "-o", program, source], check=True, timeout=60)
    shown = subprocess.run([program], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout == f"{key.modulus.hex()} {0x40000} 0 5000 10000 0 0 1"


def test_whether_a_bootloader_carries_the_key(tmp_path: Path) -> None:
    key = known_key()
    image = tmp_path / "boot.bin"
    for modulus in (key.modulus, key.modulus[::-1]):
        image.write_bytes(b"\xe9\x01code" + modulus + b"more")
        keys.check_carried(image, key)
    image.write_bytes(b"\xe9\x01code" + key.modulus[:-1] + b"\0more")
    with pytest.raises(WrongKeyError, match=re.escape(key.name)):
        keys.check_carried(image, key)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    kept = tmp_path / "file"
    kept.write_bytes(b"old")
    with pytest.raises(FileWriteError, match="cannot be written"):
        files.write(tmp_path / "missing/file", b"new")
    with pytest.raises(FileWriteError):
        files.write(tmp_path, b"new")  # a folder stands there
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    files.write(kept, b"new", mode=0o640)
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (b"new", 0o640)
