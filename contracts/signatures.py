"""The key pair that signs updates: made, imported, written into a bootloader's config.h."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from host import files
from host.errors import FileReadError, KeyFileError, WeakKeyError, WrongKeyError

__all__ = [
    "DEFAULT_BITS",
    "EXPONENT",
    "SIZES",
    "Config",
    "Key",
    "carries",
    "check_carried",
    "config_h",
    "fingerprint",
    "import_pem",
    "load",
    "new",
]

EXPONENT = 3
"""yaota8266's servers have this public exponent built in."""
SIZES = (512, 768, 1024, 1536, 2048)
"""Bits. 512: the least that holds a SHA-256 signature; 2048: with 256 bytes of data a datagram is
532 bytes, and over 548 they have been reported not to arrive."""
DEFAULT_BITS = 2048


@dataclass(frozen=True)
class Key:
    """A private RSA key with exponent 3 and a size of SIZES."""

    private: rsa.RSAPrivateKey

    @property
    def bits(self) -> int:
        """The size of the modulus."""
        return self.private.key_size

    @property
    def modulus(self) -> bytes:
        """The public modulus, big-endian, `bits` / 8 bytes."""
        return self.private.public_key().public_numbers().n.to_bytes(self.bits // 8, "big")

    @property
    def name(self) -> str:
        """Sixteen hex digits that stand for the public key in messages."""
        return fingerprint(self.modulus)

    def sign_plain(self, message: bytes) -> bytes:
        """The RSA signature over 00 01 FF.. 00 `message`, without hash or DigestInfo."""
        return self.private.sign(message, padding.PKCS1v15(), utils.NoDigestInfo())

    def sign_sha256(self, message: bytes) -> bytes:
        """The PKCS#1 v1.5 signature with SHA-256 and its DigestInfo, as in an image's trailer."""
        return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def pem(self) -> bytes:
        """The key as an unencrypted PEM file (PKCS#1, which yaota8266's own tools read too)."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )


def fingerprint(modulus: bytes) -> str:
    """Sixteen hex digits that stand for a public key in messages; `modulus` big-endian."""
    return hashlib.sha256(modulus).hexdigest()[:16]


def new(path: Path, bits: int = DEFAULT_BITS) -> Key:
    """Make a key and write it to `path` (0600), which must not exist. Raises KeyFileError."""
    if bits not in SIZES:
        raise WeakKeyError(f"{bits} bits: choose one of {', '.join(map(str, SIZES))}")
    _must_be_free(path)  # before the seconds that making a key may take
    if bits >= 1024:
        key = Key(rsa.generate_private_key(EXPONENT, bits))
    else:  # cryptography makes no key that small
        import rsa as small_rsa  # noqa: PLC0415  # the hub, which makes no keys, need not load it

        made = small_rsa.newkeys(bits, exponent=EXPONENT)[1]
        key = _parse(made.save_pkcs1(), "the new key")
    _keep(key, path)
    return key


def import_pem(source: Path, path: Path) -> Key:
    """Check the key in `source` (PEM, unencrypted) and keep a copy at `path`, which must be free.

    Raises KeyFileError or WeakKeyError.
    """
    key = load(source)
    _keep(key, path)
    return key


def load(path: Path) -> Key:
    """The key in a PEM file. Raises KeyFileError or WeakKeyError."""
    try:
        data = files.read(path)
    except FileReadError as error:
        raise KeyFileError(f"{error}; `dormouse keys new` makes a key") from None
    return _parse(data, str(path))


def _parse(data: bytes, where: str) -> Key:
    try:
        private = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFileError(f"{where}: no unencrypted RSA private key in PEM form") from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise KeyFileError(f"{where}: a private key, but not an RSA one")
    exponent = private.public_key().public_numbers().e
    if exponent != EXPONENT:
        raise WeakKeyError(
            f"{where}: public exponent {exponent}; yaota8266 needs {EXPONENT} "
            "(openssl genrsa -3, or `dormouse keys new`)"
        )
    if private.key_size not in SIZES:
        raise WeakKeyError(
            f"{where}: {private.key_size} bits; a bootloader takes {', '.join(map(str, SIZES))}"
        )
    return Key(private)


def _must_be_free(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise KeyFileError(
            f"{path}: there is a key already and it is never overwritten; devices that carry it "
            "could not be updated without it (move it away to make another)"
        )


def _keep(key: Key, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        files.write(path, key.pem(), mode=0o600, replace=False)
    except FileExistsError:
        _must_be_free(path)
        raise


@dataclass(frozen=True)
class Config:
    """The settings of yaota8266's config.h, with its defaults; times in milliseconds.

    `require_signature` is ours: applications without a signed trailer are not started. None writes
    the file for a stock yaota8266, which has no such setting.
    """

    main_app_offset: int = 0x3C000
    baud_rate: int = 115200
    pkt_wait_ms: int = 10000
    idle_reboot_ms: int = 60000
    gpio_mask: int = 0xF035
    gpio_wait_ms: int = 3000
    require_signature: bool | None = None


def config_h(modulus: bytes, config: Config | None = None) -> str:
    """The text of config.h; `modulus` big-endian.

    The MODULUS line has the form that yaota8266's own verify looks for, and its generated code
    takes: lower-case escapes, no space between.
    """
    config = config or Config()
    escapes = "".join(f"\\x{byte:02x}" for byte in modulus)
    settings = [
        ("Where the application begins in flash.", f"MAIN_APP_OFFSET {config.main_app_offset:#x}"),
        ("Serial output; 0 leaves the ROM's 74880.", f"BAUD_RATE {config.baud_rate}"),
        (
            f"The key that updates are signed with: {len(modulus) * 8} bits, exponent 3.",
            f'MODULUS "{escapes}"',
        ),
        (
            "No packet for so long: reception starts over from the beginning.",
            f"PKT_WAIT_MS {config.pkt_wait_ms}",
        ),
        (
            "No first packet for so long: restart into the application.",
            f"IDLE_REBOOT_MS {config.idle_reboot_ms}",
        ),
        (
            "Pins whose change at power-on enters OTA mode; 0 enters it always.",
            f"GPIO_MASK {config.gpio_mask:#x}",
        ),
        ("For how long those pins are watched.", f"GPIO_WAIT_MS {config.gpio_wait_ms}"),
    ]
    if config.require_signature is not None:
        settings.append(
            (
                "1: an application without a signed trailer is not started.",
                f"REQUIRE_SIGNATURE {config.require_signature:d}",
            )
        )
    return "\n".join(f"// {why}\n#define {what}\n" for why, what in settings)


def carries(image: bytes, modulus: bytes) -> bool:
    """Whether a bootloader image holds the modulus, big-endian as C string or little-endian."""
    return modulus in image or modulus[::-1] in image


def check_carried(path: Path, key: Key) -> None:
    """Raises WrongKeyError unless the bootloader image at `path` carries the key."""
    if not carries(files.read(path), key.modulus):
        raise WrongKeyError(
            f"{path}: does not carry the key {key.name}; a device with it would take "
            "nothing that this key signs"
        )
