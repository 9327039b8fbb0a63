"""Firmware images of one tenant, kept as they are streamed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import dict_row

from contracts.errors import VersionError
from contracts.flash_map import FlashMap
from contracts.versions import Version
from hub.database.database import Connection, TenantDatabase
from hub.database.queries import Queries, Query
from hub.firmware.check import check
from hub.firmware.errors import (
    FirmwareInUseError,
    ImageRefusedError,
    UnknownFirmwareError,
    VersionTakenError,
)

__all__ = ["FirmwareRepository", "StoredImage"]

_QUERIES = Queries.of("hub.firmware")


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image that is kept.

    `board` is empty for any, `size` the image's bytes, `digest` the canned file's SHA-256 in hex,
    `key` the fingerprint of the key that signed it, `counter` its security counter.
    """

    id: int
    version: str
    board: str
    size: int
    digest: str
    key: str
    counter: int
    notes: str
    added_at: datetime


_LONGEST_NOTES = 2000  # characters, as the table has it


class FirmwareRepository:
    """The images of one tenant; what is added must fit one of `flash_maps`, if there are any."""

    def __init__(self, database: TenantDatabase, flash_maps: Sequence[FlashMap] = ()) -> None:
        self._database = database
        self._maps = flash_maps

    async def add(self, canned: bytes, *, notes: str = "") -> StoredImage:
        """Check and keep a canned file; the same file again is the image that is there.

        Raises ImageRefusedError and VersionTakenError.
        """
        if len(notes) > _LONGEST_NOTES or "\0" in notes:
            raise ImageRefusedError(f"notes of more than {_LONGEST_NOTES} characters, or with NUL")
        checked = await asyncio.to_thread(check, canned, self._maps)
        values = [
            checked.version,
            checked.board,
            checked.size,
            checked.digest,
            checked.key,
            checked.counter,
            notes,
            canned,
        ]
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["add_image"], values)
            there = await _images(conn, _QUERIES["image_by_digest"], checked.digest)
            if there:
                return there[0]
            row = await (
                await conn.execute(_QUERIES["image_of_version"], [checked.version, checked.board])
            ).fetchone()
        raise VersionTakenError(checked.version, checked.board, row[0] if row else 0)

    async def images(self) -> list[StoredImage]:
        """All, the newest first."""
        async with self._database.transaction() as conn:
            return await _images(conn, _QUERIES["images"])

    async def get(self, image_id: int) -> StoredImage:
        """The image of that number. Raises UnknownFirmwareError."""
        async with self._database.transaction() as conn:
            images = await _images(conn, _QUERIES["image_by_number"], image_id)
        if not images:
            raise await self._unknown(f"number {image_id}")
        return images[0]

    async def find(self, version: str, board: str | None = None) -> StoredImage:
        """The image of that version for a board (one for any board will do), or the only one.

        Raises UnknownFirmwareError, also when the board is not given and several fit, and
        ImageRefusedError for what is no version.
        """
        try:
            Version.parse(version)
        except VersionError as error:
            raise ImageRefusedError(str(error)) from None
        fitting = [image for image in await self.images() if image.version == version]
        if board is not None:
            exact = [image for image in fitting if image.board == board]
            fitting = exact or [image for image in fitting if not image.board]
        if len(fitting) == 1:
            return fitting[0]
        requested = f"{version} for {board}" if board else version
        raise await self._unknown(f"{requested} of which there is one" if fitting else requested)

    async def load(self, image_id: int) -> bytes:
        """The canned file. Raises UnknownFirmwareError."""
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_QUERIES["canned_file"], [image_id])).fetchone()
        if row is None:
            raise await self._unknown(f"number {image_id}")
        return bytes(row[0])

    async def remove(self, image_id: int) -> None:
        """Forget an image. Raises UnknownFirmwareError and FirmwareInUseError."""
        image = await self.get(image_id)
        async with self._database.transaction() as conn:
            users = await _users(conn, image_id)
            if users:
                raise FirmwareInUseError(image.version, users)
            await conn.execute(_QUERIES["remove_image"], [image_id])

    async def _unknown(self, requested: str) -> UnknownFirmwareError:
        images = await self.images()
        known = [f"{image.version} ({image.board or 'any board'})" for image in images[:5]]
        return UnknownFirmwareError(requested, known)


async def _images(conn: Connection, query: Query, *facts: object) -> list[StoredImage]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, facts)
        return [StoredImage(**row) for row in await cursor.fetchall()]


async def _users(conn: Connection, image_id: int) -> list[int]:
    """The rollouts that are not over and use the image."""
    rows = await conn.execute(_QUERIES["open_rollouts_of_image"], [image_id])
    return [row[0] for row in await rows.fetchall()]
