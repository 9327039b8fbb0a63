"""`POST /hook/<name>`: where repositories' hosts tell of pushes. Answered at once.

Strangers reach it: what they are told is the same whether there is such a hook or not, and what
they send is bounded in size, time and number.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from hub.api.problems import ProblemError
from hub.errors import HubError
from hub.hooks.errors import EmptyDeliveryError
from hub.hooks.service import HookService
from hub.hooks.signature import HookDelivery
from hub.runtime.retry import reason
from hub.runtime.token_bucket import TokenBuckets
from hub.runtime.turns import Turns

__all__ = ["MAX_BODY", "router"]

MAX_BODY = 2 << 20
"""Bytes of a delivery; a push of a thousand commits has less than 1 MB."""

# What an address may send that is not rightly signed: so many at once, and a minute.
_BURST, _PER_MINUTE = 30, 30
# Deliveries that are held at a time, and of one address: 2 MB of memory each.
_AT_ONCE, _SHARE = 24, 6
_BODY_S = 20.0


def router(hooks: HookService) -> APIRouter:
    """The door."""
    routes = APIRouter(include_in_schema=False)
    routes.post("/hook/{name}")(_Door(hooks).receive)
    return routes


class _Door:
    def __init__(self, hooks: HookService) -> None:
        self._hooks = hooks
        self._strangers = TokenBuckets[str](_BURST, _PER_MINUTE)
        self._turns = Turns(_AT_ONCE, _SHARE)

    async def receive(
        self, request: Request, name: Annotated[str, Path(max_length=200)]
    ) -> Response:
        """A delivery: 202 with the run it queued, 200 for what starts nothing."""
        address = request.client.host if request.client else ""
        if not self._strangers.take(address):
            wait = str(round(self._strangers.wait(address)) + 1)
            raise ProblemError(429, "too many deliveries: try again later", Retry_After=wait)
        try:
            async with asyncio.timeout(_BODY_S), self._turns.of(address):
                delivery = HookDelivery(_headers(request), await _body(request))
                answer = await self._hooks.receive(name, delivery)
        except TimeoutError:
            raise ProblemError(408, "the delivery took too long: try again") from None
        except ClientDisconnect:
            raise ProblemError(400, "the delivery broke off") from None
        except EmptyDeliveryError as empty:
            return JSONResponse({"detail": str(empty), "run": None}, 200)
        except HubError as error:
            if error.http_status == 503:
                raise ProblemError(503, "the hub waits for its database", Retry_After="5") from None
            raise ProblemError(error.http_status, reason(error)) from None
        self._strangers.give_back(address)
        status = 202 if answer.run else 200
        return JSONResponse({"detail": answer.text, "run": answer.run or None}, status)


def _headers(request: Request) -> dict[str, str]:
    """By lower-case name; one that comes twice is as if it were empty: which is meant?"""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = "" if name in found else value
    return found


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ProblemError(413, f"more than {MAX_BODY >> 20} MB: no push is that large")
    return bytes(body)
