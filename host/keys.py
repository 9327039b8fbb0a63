"""The key that signs updates, as a file: made, imported, read."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from contracts.errors import KeyFileError, WeakKeyError, WrongKeyError
from contracts.signatures import EXPONENT, SIZES, Key, carries, parse_pem
from host import files
from host.errors import FileReadError

__all__ = ["DEFAULT_BITS", "check_carried", "import_pem", "load", "new"]

DEFAULT_BITS = 2048


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
        key = parse_pem(made.save_pkcs1(), "the new key")
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
    return parse_pem(data, str(path))


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


def check_carried(path: Path, key: Key) -> None:
    """Raises WrongKeyError unless the bootloader image at `path` carries the key."""
    if not carries(files.read(path), key.modulus):
        raise WrongKeyError(
            f"{path}: does not carry the key {key.name}; a device with it would take "
            "nothing that this key signs"
        )
