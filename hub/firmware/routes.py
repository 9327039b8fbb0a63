"""Firmware images: what there is to update devices to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from hub.api.access import Read, Update
from hub.api.problems import ProblemError
from hub.firmware.check import MAX_UPLOAD
from hub.firmware.errors import ImageTooLargeError
from hub.firmware.repository import FirmwareRepository, StoredImage
from hub.live import Live, LiveChange
from hub.runtime.turns import Turns

__all__ = ["routes"]

_UPLOADS = 16  # at once, of as many tenants: 3 MB of memory each
_UPLOAD_S = 120  # one that stalls must not hold up those behind it for ever


class ImageOut(BaseModel):
    """An image; `board` empty: for any; `key`: fingerprint of the key that signed it.

    `counter`: its security counter, 0 for none.
    """

    id: int
    version: str
    board: str
    size: int
    digest: str
    key: str
    counter: int
    notes: str
    added: datetime


Which = Annotated[
    str,
    Path(pattern=r"^[0-9A-Za-z.+_-]{1,64}$", description="the image's number, or its version"),
]
Board = Annotated[
    str | None,
    Query(pattern=r"^[^\x00]{0,64}$", description="where a version is there for several boards"),
]


def routes(firmware: Callable[[str], FirmwareRepository], live: Live) -> APIRouter:
    """The routes under /firmware; `firmware` gives a tenant's images."""
    router = APIRouter(prefix="/firmware", tags=["firmware"])
    handlers = _Handlers(firmware, live)
    router.get("")(handlers.images)
    router.get("/{image}")(handlers.one)
    router.post(
        "",
        status_code=201,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string"}}},
            }
        },
    )(handlers.add)
    router.delete("/{image}", status_code=204)(handlers.remove)
    return router


class _Handlers:
    """What the routes do."""

    def __init__(self, firmware: Callable[[str], FirmwareRepository], live: Live) -> None:
        self._firmware, self._live = firmware, live
        # An upload is held in memory, twice while it is checked: one at a time. One that trickles
        # in keeps only its own tenant's waiting.
        self._receiving, self._checking = Turns(_UPLOADS, 1), Turns(1, 1)

    async def images(self, caller: Read) -> list[ImageOut]:
        """All images, the newest first."""
        return [_image(image) for image in await self._firmware(caller.tenant).images()]

    async def one(self, caller: Read, image: Which, board: Board = None) -> ImageOut:
        """One image."""
        return _image(await _find(self._firmware(caller.tenant), image, board))

    async def add(
        self,
        request: Request,
        caller: Update,
        notes: Annotated[str, Query(max_length=2000, pattern=r"^[^\x00]*$")] = "",
    ) -> ImageOut:
        """Add a signed image: the body is the canned file. The same again is the one there is."""
        try:
            async with asyncio.timeout(_UPLOAD_S), self._receiving.of(caller.tenant):
                canned = await _body(request)
                async with self._checking.of(caller.tenant):
                    image = await self._firmware(caller.tenant).add(canned, notes=notes)
        except TimeoutError:
            raise ProblemError(
                408, f"the upload took longer than {_UPLOAD_S} s: try again"
            ) from None
        self._live.publish(caller.tenant, LiveChange("firmware", str(image.id)))
        return _image(image)

    async def remove(self, caller: Update, image: Which, board: Board = None) -> None:
        """Remove an image; not while a rollout that is not over uses it."""
        images = self._firmware(caller.tenant)
        number = (await _find(images, image, board)).id
        await images.remove(number)
        self._live.publish(caller.tenant, LiveChange("firmware", str(number)))


async def _find(images: FirmwareRepository, which: str, board: str | None) -> StoredImage:
    if which.isdigit() and len(which) < 10:
        return await images.get(int(which))
    return await images.find(which, board)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_UPLOAD:
            raise ImageTooLargeError(MAX_UPLOAD)
    return bytes(body)


def _image(image: StoredImage) -> ImageOut:
    return ImageOut(
        id=image.id,
        version=image.version,
        board=image.board,
        size=image.size,
        digest=image.digest,
        key=image.key,
        counter=image.counter,
        notes=image.notes,
        added=image.added_at,
    )
