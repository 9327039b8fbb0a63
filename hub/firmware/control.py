"""What the command line may do with firmware images, over the control socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request

from hub.database.errors import UnknownTenantError
from hub.firmware.check import MAX_UPLOAD
from hub.firmware.errors import (
    FirmwareError,
    FirmwareInUseError,
    ImageTooLargeError,
    UnknownFirmwareError,
    VersionTakenError,
)
from hub.firmware.repository import FirmwareRepository, Image

__all__ = ["router"]

_T = TypeVar("_T")

_STATUS: dict[type[Exception], int] = {
    UnknownFirmwareError: 404,
    UnknownTenantError: 404,
    FirmwareInUseError: 409,
    VersionTakenError: 409,
    ImageTooLargeError: 413,
}

_UPLOAD_S = 120  # one that stalls must not hold up those behind it for ever


def router(of: Callable[[str | None], FirmwareRepository]) -> APIRouter:
    """The routes under /firmware; `of` gives a tenant's images, the hub's own tenant's for None."""
    routes = APIRouter(prefix="/firmware")
    # One at a time: an upload is held in memory, twice while it is checked.
    uploading = asyncio.Lock()

    @routes.post("")
    async def add(
        request: Request,
        tenant: str | None = None,
        notes: Annotated[str, Query(max_length=2000)] = "",
    ) -> dict[str, Any]:
        async with uploading, asyncio.timeout(_UPLOAD_S):
            return await _answered(lambda: _add(of(tenant), request, notes))

    @routes.get("")
    async def images(tenant: str | None = None) -> list[dict[str, Any]]:
        return await _answered(lambda: _list(of(tenant)))

    @routes.get("/{which}")
    async def show(
        which: str, tenant: str | None = None, board: str | None = None
    ) -> dict[str, Any]:
        return await _answered(lambda: _show(of(tenant), which, board))

    @routes.delete("/{which}")
    async def remove(
        which: str, tenant: str | None = None, board: str | None = None
    ) -> dict[str, Any]:
        return await _answered(lambda: _remove(of(tenant), which, board))

    return routes


async def _answered(step: Callable[[], Awaitable[_T]]) -> _T:
    try:
        return await step()
    except (FirmwareError, UnknownTenantError) as error:
        raise HTTPException(_STATUS.get(type(error), 422), str(error)) from None


async def _add(firmware: FirmwareRepository, request: Request, notes: str) -> dict[str, Any]:
    return _told(await firmware.add(await _body(request), notes=notes))


async def _body(request: Request) -> bytes:
    """The upload; refused as soon as it is too large, whatever it said of its length."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_UPLOAD:
            raise ImageTooLargeError(MAX_UPLOAD)
        pieces.append(piece)
    return b"".join(pieces)


async def _list(firmware: FirmwareRepository) -> list[dict[str, Any]]:
    return [_told(image) for image in await firmware.images()]


async def _which(firmware: FirmwareRepository, which: str, board: str | None) -> Image:
    """An image by its number or its version."""
    if which.isascii() and which.isdigit() and len(which) < 10:
        return await firmware.get(int(which))
    return await firmware.find(which, board)


async def _show(firmware: FirmwareRepository, which: str, board: str | None) -> dict[str, Any]:
    return _told(await _which(firmware, which, board))


async def _remove(firmware: FirmwareRepository, which: str, board: str | None) -> dict[str, Any]:
    image = await _which(firmware, which, board)
    await firmware.remove(image.id)
    return _told(image)


def _told(image: Image) -> dict[str, Any]:
    return {**asdict(image), "added_at": image.added_at.isoformat()}
