"""The file of a backup: a zip of tables as data, with a manifest that the hub's key signs.

`backup.json` (a BackupManifest), `backup.hmac` (HMAC-SHA256 of backup.json, hexadecimal), one
`<table>.copy` a table: its rows as Postgres' COPY writes them as text, and below `files` those of
the data folder that go with it (see kept_files). Nothing in it is SQL: the schema is made by this
package's own migrations, so a file can bring values and nothing else.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import IO, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.database.errors import BackupError, ForeignBackupError
from hub.database.kept_files import KEPT_FILE, LONGEST_FILE
from hub.runtime.disk import DiskRoom, room

__all__ = ["BackupManifest", "BackupReader", "BackupTable", "BackupWriter"]

_MANIFEST, _SIGNATURE, _ROWS = "backup.json", "backup.hmac", ".copy"
# Bytes: a manifest of 40 tables and 100 years of months has 20 KB.
_LONGEST_MANIFEST = 1 << 20
_PIECE = 1 << 18
# Bytes of rows between two looks at the disk: a backup that filled it would end Postgres.
_LOOK = 1 << 23
_FILES = "files/"
# Each month becomes a table: 200 years.
_MOST_MONTHS = 2400
# Bytes of one row: Postgres holds all of it in memory, up to a gigabyte. An image has 4 MB, which
# are twice as many as text.
_LONGEST_ROW = 64 << 20
# Bytes of a zip's list of members, all of which is read before anything is checked: ours are some
# 40 tables of 100 bytes.
_LONGEST_LIST = 1 << 16
_END = struct.Struct("<4s8xLLH")
_END64_BEHIND, _END64 = 76, struct.Struct("<4s36xQQ")
_GZIP = b"\x1f\x8b"
# Ways of packing that are unpacked piece by piece; of others (bzip2, LZMA, Zstandard) zipfile
# unpacks in one go whatever a piece holds, which may be a million times as much.
_PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

_FileName = Annotated[str, Field(pattern=KEPT_FILE)]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
_Count = Annotated[int, Field(ge=0, lt=1 << 63)]


class BackupTable(BaseModel):
    """One table of a backup. `total` is the sum of its rows' hashes; `size` in bytes of text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: list[_Name]
    rows: _Count
    total: int
    size: _Count
    sha256: _Sha256


class BackupManifest(BaseModel):
    """What a backup holds. `revision` is the schema's; `months` those that have readings.

    `files` are those beside the database, each with its SHA-256; form 2 had none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dormouse_backup: Literal[2, 3] = 3
    revision: str = Field(pattern=r"^[0-9]{4}$")
    tables: dict[_Name, BackupTable]
    months: Annotated[list[date], Field(max_length=_MOST_MONTHS)]
    # The last number that each identity column gave out.
    sequences: dict[_Name, _Count]
    files: dict[_FileName, _Sha256] = {}

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
                if size // _LOOK != (size + len(piece)) // _LOOK:
                    self._refuse_full()
                member.write(piece)
                digest.update(piece)
                size += len(piece)
        return size, digest.hexdigest()

    def add_file(self, name: str, content: bytes) -> str:
        """Write a file of the data folder; its SHA-256."""
        self._zip.writestr(f"{_FILES}{name}", content)
        return hashlib.sha256(content).hexdigest()

    def finish(self, manifest: BackupManifest) -> None:
        """Write manifest and signature, and everything to the disk."""
        text = manifest.model_dump_json().encode()
        self._zip.writestr(_MANIFEST, text)
        self._zip.writestr(_SIGNATURE, _signature(self._key, text))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())

    def _refuse_full(self) -> None:
        if room(self._target.parent) is DiskRoom.FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class BackupReader:
    """An open backup whose manifest holds; `rows` of a table are checked while they are read.

    Raises BackupError for what is no backup, ForeignBackupError for one that the key did not sign
    unless `foreign` lets it through.
    """

    def __init__(self, source: Path, key: bytes, *, foreign: bool = False) -> None:
        self._source = source
        self._file = _opened(source)
        try:
            _refuse_long_list(self._file)
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
        digest, row = hashlib.sha256(), 0
        try:
            with self._open(f"{table}{_ROWS}") as member:
                while piece := member.read(_PIECE):
                    digest.update(piece)
                    end = piece.find(b"\n")
                    longest = row + (end if end >= 0 else len(piece))
                    row = longest if end < 0 else len(piece) - piece.rfind(b"\n") - 1
                    if longest > _LONGEST_ROW:
                        raise BackupError(self._source, f"a row of {table} is too long")
                    yield piece
        except _UNREADABLE as error:
            raise BackupError(self._source, f"{table} cannot be read: {error}") from None
        if digest.hexdigest() != promised.sha256:
            raise BackupError(self._source, f"{table} was changed since it was backed up")

    def files(self) -> dict[str, bytes]:
        """The files of the data folder, by name. Raises BackupError when one was changed."""
        found = {}
        for name, sha256 in self.manifest.files.items():
            try:
                content = self._member(f"{_FILES}{name}", LONGEST_FILE)
            except _UNREADABLE as error:
                raise BackupError(self._source, f"{name} cannot be read: {error}") from None
            if hashlib.sha256(content).hexdigest() != sha256:
                raise BackupError(self._source, f"{name} was changed since it was backed up")
            found[name] = content
        return found

    def check(self) -> None:
        """Read all of it; raises BackupError where it is not as it was written."""
        self.files()
        for table in self.manifest.tables:
            for _ in self.rows(table):
                pass

    def _manifest(self, key: bytes, *, foreign: bool) -> bytes:
        text = self._member(_MANIFEST, _LONGEST_MANIFEST)
        signature = self._member(_SIGNATURE, 100)
        if not foreign and not hmac.compare_digest(signature, _signature(key, text)):
            raise ForeignBackupError(self._source)
        return text

    def _member(self, name: str, longest: int) -> bytes:
        if self._zip.getinfo(name).file_size > longest:
            raise zipfile.BadZipFile(f"{name} is too long")
        with self._open(name) as member:
            return member.read(longest)

    def _open(self, name: str) -> IO[bytes]:
        if self._zip.getinfo(name).compress_type not in _PACKED:
            raise zipfile.BadZipFile(f"{name} is packed in a way that none of ours is")
        return self._zip.open(name)

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


def _refuse_long_list(file: IO[bytes]) -> None:
    """Raises BadZipFile for a list of members that none of ours has; leaves the file at its start.

    Ours end in that list's own end, without a comment (APPNOTE.TXT, 4.3.14 to 4.3.16).
    """
    size = file.seek(0, os.SEEK_END)
    if size < _END.size:
        raise zipfile.BadZipFile("it is too short")
    file.seek(max(size - _END64_BEHIND - _END.size, 0))
    tail = file.read()
    file.seek(0)
    mark, length, _, comment = _END.unpack(tail[-_END.size :])
    if mark != b"PK\x05\x06" or comment:
        raise zipfile.BadZipFile("it does not end as a zip of ours")
    if len(tail) == _END64_BEHIND + _END.size:
        mark, large, _ = _END64.unpack(tail[: _END64.size])
        if mark == b"PK\x06\x06":  # a file of more than 4 GB
            length = large
    if length > _LONGEST_LIST:
        raise zipfile.BadZipFile(f"it lists {length} bytes of members")


def _signature(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).hexdigest().encode()


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
