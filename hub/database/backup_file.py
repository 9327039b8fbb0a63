"""The file of a backup: a zip of tables as data, with a manifest that the hub's key signs.

`backup.json` (a BackupManifest), `backup.hmac` (HMAC-SHA256 of backup.json, hexadecimal), and one
`<table>.copy` a table: its rows as Postgres' COPY writes them as text. Nothing in it is SQL: the
schema is made by this package's own migrations, so a file can bring values and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import IO, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.database.errors import BackupError, ForeignBackupError

__all__ = ["BackupManifest", "BackupReader", "BackupTable", "BackupWriter"]

_MANIFEST, _SIGNATURE, _ROWS = "backup.json", "backup.hmac", ".copy"
# Bytes: a manifest of 40 tables and 100 years of months has 20 KB.
_LONGEST_MANIFEST = 1 << 20
_PIECE = 1 << 18
_GZIP = b"\x1f\x8b"

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
_Count = Annotated[int, Field(ge=0, lt=1 << 63)]


class BackupTable(BaseModel):
    """One table of a backup. `total` is the sum of its rows' hashes; `size` in bytes of text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: list[_Name]
    rows: _Count
    total: int
    size: _Count
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class BackupManifest(BaseModel):
    """What a backup holds. `revision` is the schema's; `months` those that have readings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dormouse_backup: Literal[2] = 2
    revision: str = Field(pattern=r"^[0-9]{4}$")
    tables: dict[_Name, BackupTable]
    months: list[date]
    # The last number that each identity column gave out.
    sequences: dict[_Name, _Count]

    @property
    def size(self) -> int:
        """Bytes of all rows as text."""
        return sum(table.size for table in self.tables.values())


class BackupWriter:
    """Writes a backup's file (mode 0600): `add` each table, then `finish`."""

    def __init__(self, target: Path, key: bytes) -> None:
        self._target, self._key = target, key
        # Not the file of an earlier try, which somebody else may have open.
        target.unlink(missing_ok=True)
        self._file = os.fdopen(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=6)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Closed by `finish`; what did not come so far is of no use to anyone.
        self._file.close()

    def add(self, table: str, pieces: Iterator[bytes]) -> tuple[int, str]:
        """Write a table's rows; how many bytes they were, and their SHA-256."""
        size, digest = 0, hashlib.sha256()
        with self._zip.open(f"{table}{_ROWS}", "w", force_zip64=True) as member:
            for piece in pieces:
                member.write(piece)
                digest.update(piece)
                size += len(piece)
        return size, digest.hexdigest()

    def finish(self, manifest: BackupManifest) -> None:
        """Write manifest and signature, and everything to the disk."""
        text = manifest.model_dump_json().encode()
        self._zip.writestr(_MANIFEST, text)
        self._zip.writestr(_SIGNATURE, _signature(self._key, text))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())


class BackupReader:
    """An open backup whose manifest holds; `rows` of a table are checked while they are read.

    Raises BackupError for what is no backup, ForeignBackupError for one that the key did not sign
    unless `foreign` lets it through.
    """

    def __init__(self, source: Path, key: bytes, *, foreign: bool = False) -> None:
        self._source = source
        self._file = _opened(source)
        try:
            self._zip = zipfile.ZipFile(self._file)
            text = self._manifest(key, foreign=foreign)
            self.manifest = BackupManifest.model_validate_json(text)
            self._check_sizes()
        except ValidationError as error:
            self._file.close()
            raise BackupError(source, f"its manifest cannot be read: {_first(error)}") from None
        except _UNREADABLE as error:
            self._file.close()
            raise BackupError(source, f"not a whole backup of Dormouse's: {error}") from None
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def rows(self, table: str) -> Iterator[bytes]:
        """The rows of a table as text, in pieces. Raises BackupError when they were changed."""
        promised = self.manifest.tables[table]
        digest = hashlib.sha256()
        try:
            with self._zip.open(f"{table}{_ROWS}") as member:
                while piece := member.read(_PIECE):
                    digest.update(piece)
                    yield piece
        except _UNREADABLE as error:
            raise BackupError(self._source, f"{table} cannot be read: {error}") from None
        if digest.hexdigest() != promised.sha256:
            raise BackupError(self._source, f"{table} was changed since it was backed up")

    def _manifest(self, key: bytes, *, foreign: bool) -> bytes:
        text = self._member(_MANIFEST, _LONGEST_MANIFEST)
        signature = self._member(_SIGNATURE, 100)
        if not foreign and not hmac.compare_digest(signature, _signature(key, text)):
            raise ForeignBackupError(self._source)
        return text

    def _member(self, name: str, longest: int) -> bytes:
        if self._zip.getinfo(name).file_size > longest:
            raise zipfile.BadZipFile(f"{name} is too long")
        with self._zip.open(name) as member:
            return member.read(longest)

    def _check_sizes(self) -> None:
        # What is unpacked is never more than the manifest says.
        for name, table in self.manifest.tables.items():
            if self._zip.getinfo(f"{name}{_ROWS}").file_size != table.size:
                raise zipfile.BadZipFile(f"{name} has another length than the manifest says")


# zipfile: KeyError a member that is missing, NotImplementedError and RuntimeError a way of packing
# that is none of ours (encrypted, for instance), EOFError a cut one.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, NotImplementedError,
    RuntimeError, ValueError,
)  # fmt: skip


def _opened(source: Path) -> IO[bytes]:
    try:
        # A pipe without a writer would never open.
        file = os.fdopen(os.open(source, os.O_RDONLY | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise BackupError(source, str(error.strerror)) from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise BackupError(source, "not a file")
    start = file.read(len(_GZIP))
    file.seek(0)
    if start == _GZIP:
        file.close()
        raise BackupError(
            source,
            "a script, which would be run: this version restores data alone. Restore it with the "
            "version that made it, and make another",
        )
    return file


def _signature(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).hexdigest().encode()


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
