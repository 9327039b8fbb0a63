"""Firmware images: what there is to update devices to."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from hub.api.access import Read, Update
from hub.api.parameters import Number
from hub.api.problems import ProblemError
from hub.firmware.check import MAX_UPLOAD
from hub.firmware.errors import ImageTooLargeError
from hub.firmware.repository import Image
from hub.live import LiveChange

__all__ = ["routes"]

routes = APIRouter(prefix="/firmware", tags=["firmware"])

# One at a time: an upload is held in memory, twice while it is checked.
_UPLOAD_S = 120  # one that stalls must not hold up those behind it for ever


class ImageOut(BaseModel):
    """An image; `board` empty: for any; `key`: fingerprint of the key that signed it."""

    id: int
    version: str
    board: str
    size: int
    digest: str
    key: str
    notes: str
    added: datetime


ImageNumber = Annotated[Number, Path(description="the image's number")]


@routes.get("")
async def images(asked: Read) -> list[ImageOut]:
    """All images, the newest first."""
    return [_image(image) for image in await asked.hub.firmware(asked.tenant).images()]


@routes.get("/{image}")
async def one(asked: Read, image: ImageNumber) -> ImageOut:
    """One image."""
    return _image(await asked.hub.firmware(asked.tenant).get(image))


@routes.post(
    "",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def add(
    request: Request,
    asked: Update,
    notes: Annotated[str, Query(max_length=2000, pattern=r"^[^\x00]*$")] = "",
) -> ImageOut:
    """Add a signed image: the body is the canned file. The same again is the one that is there."""
    uploading: asyncio.Lock = request.app.state.uploading
    try:
        async with asyncio.timeout(_UPLOAD_S), uploading:
            canned = await _body(request)
            image = await asked.hub.firmware(asked.tenant).add(canned, notes=notes)
    except TimeoutError:
        raise ProblemError(408, f"the upload took longer than {_UPLOAD_S} s: try again") from None
    asked.hub.live.publish(asked.tenant, LiveChange("firmware", str(image.id)))
    return _image(image)


@routes.delete("/{image}", status_code=204)
async def remove(asked: Update, image: ImageNumber) -> None:
    """Remove an image; not while a rollout that is not over uses it."""
    await asked.hub.firmware(asked.tenant).remove(image)
    asked.hub.live.publish(asked.tenant, LiveChange("firmware", str(image)))


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_UPLOAD:
            raise ImageTooLargeError(MAX_UPLOAD)
    return bytes(body)


def _image(image: Image) -> ImageOut:
    return ImageOut(
        id=image.id,
        version=image.version,
        board=image.board,
        size=image.size,
        digest=image.digest,
        key=image.key,
        notes=image.notes,
        added=image.added_at,
    )
