"""Backups that only the holder of a key can read: age (age-encryption.org), by pyrage."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import IO

from hub.database.errors import BackupError
from hub.folder import write_private

__all__ = ["AGE_HEADER", "AgeKey", "fresh_file", "is_encrypted"]

AGE_HEADER = b"age-encryption.org/v1\n"
# Bytes: one with twenty readers has 2,000. What is longer age reads for minutes, all else waiting.
_LONGEST_HEADER = 1 << 14
_HEADER_END = b"\n--- "
_NOT_WHOLE = "it is not whole, or was changed"
_KEY = re.compile(r"^AGE-SECRET-KEY-1[0-9A-Z]{58}$", re.MULTILINE)


def is_encrypted(file: Path) -> bool:
    """Whether a file says that it is age's; what cannot be read does not."""
    try:
        # A pipe without a writer would never open.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:
            return opened.read(len(AGE_HEADER)) == AGE_HEADER
    except OSError:
        return False


class AgeKey:
    """An age identity in a file (mode 0600), as `age-keygen` writes them.

    It goes to no command line and no log; `age -d -i FILE` reads what was encrypted with it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def ensure(self) -> None:
        """Make it if there is none. Raises OSError."""
        if self.path.exists():
            return
        from pyrage import x25519  # noqa: PLC0415  # only where backups are encrypted

        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        identity = x25519.Identity.generate()
        write_private(self.path, f"# public key: {identity.to_public()}\n{identity}\n")

    def text(self) -> str:
        """The secret. Raises BackupError where the file has none."""
        try:
            match = _KEY.search(self.path.read_text("ascii", "replace"))
        except OSError as error:
            raise BackupError(self.path, f"the key: {error.strerror}") from None
        if match is None:
            raise BackupError(self.path, "there is no age key in it (AGE-SECRET-KEY-1...)")
        return match[0]

    def encrypt(self, source: Path, target: Path) -> None:
        """Write `source` encrypted to `target` (mode 0600), and read it back: it is the same.

        Raises OSError, BackupError; `target` is then no backup.
        """
        from pyrage import encrypt_io, x25519  # noqa: PLC0415  # see ensure

        recipient = x25519.Identity.from_str(self.text()).to_public()
        with source.open("rb") as plain, fresh_file(target) as sealed:
            encrypt_io(plain, sealed, [recipient])
            sealed.flush()
            os.fsync(sealed.fileno())
        back = _Digest()
        self._decrypt(target, back)
        with source.open("rb") as plain:
            if back.digest != hashlib.file_digest(plain, "sha256").digest():
                raise BackupError(target, "it is not what was encrypted")

    def decrypt(self, source: Path, target: Path) -> None:
        """Write what `source` holds to `target` (mode 0600). Raises OSError, BackupError."""
        with fresh_file(target) as plain:
            self._decrypt(source, plain)

    def _decrypt(self, source: Path, target: IO[bytes] | _Digest) -> None:
        import pyrage  # noqa: PLC0415  # see ensure

        identity = pyrage.x25519.Identity.from_str(self.text())
        try:
            with source.open("rb") as sealed:
                if _HEADER_END not in sealed.read(_LONGEST_HEADER):
                    raise BackupError(source, _NOT_WHOLE)
                sealed.seek(0)
                pyrage.decrypt_io(sealed, target, [identity])
        except pyrage.DecryptError as error:
            if "matching keys" not in str(error):
                raise BackupError(source, _NOT_WHOLE) from None
            raise BackupError(source, f"the key in {self.path} does not open it") from None
        except OSError as error:
            # What age refuses has no number; a disk's has.
            if error.errno is None:
                raise BackupError(source, _NOT_WHOLE) from None
            raise


class _Digest:
    """A file of which only the SHA-256 is kept."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def write(self, piece: bytes) -> int:
        self._sha256.update(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing waits."""

    @property
    def digest(self) -> bytes:
        return self._sha256.digest()


def fresh_file(target: Path) -> IO[bytes]:
    """A new file, mode 0600, whatever stood there."""
    target.unlink(missing_ok=True)
    return os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
