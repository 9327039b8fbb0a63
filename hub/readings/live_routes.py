"""What happens now, as Server-Sent Events (the HTML standard's text/event-stream)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from contracts.reading import SeriesKey
from hub.api.access import Read, may
from hub.api.parameters import DeviceKey, SeriesName, series_key, series_name
from hub.api.principal import ForeignTenantError, Principal, authenticate_again
from hub.api.scope import Scope
from hub.api.streams import LiveStreams
from hub.live import (
    Live,
    LiveChange,
    LiveCommand,
    LiveOnline,
    LiveReport,
    LiveValue,
    Missed,
    Subscription,
    Update,
)

__all__ = ["routes"]

BEAT_S = 15.0
"""Shorter than the 30 to 60 s after which proxies and phones take a silent connection for dead."""
_RETRY_MS = 2000
_AT_ONCE = 200  # events in one write


@dataclass(slots=True)
class _Watch:
    """One stream: what it wants to see."""

    request: Request
    caller: Principal
    updates: Subscription
    devices: frozenset[str]
    series: frozenset[SeriesKey]

    def wants(self, update: Update) -> bool:
        if not self.devices and not self.series:
            return True
        match update:
            case LiveValue(series=key) | LiveCommand(series=key):
                return key in self.series or key.device in self.devices
            case LiveReport(device=device) | LiveOnline(device=device):
                return device in self.devices
            case _:
                return True


def routes(live: Live, streams: LiveStreams) -> APIRouter:
    """/live."""
    router = APIRouter(tags=["live"])
    steps = _Steps(live, streams)
    router.get(
        "/live",
        response_model=None,
        responses={
            200: {
                "description": "events `ready`, `value`, `report`, `online`, `command`, `change`, "
                "`missed`, `end`; see docs/api.md",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            }
        },
    )(steps.live)
    return router


class _Steps:
    """What the route does."""

    def __init__(self, live: Live, streams: LiveStreams) -> None:
        self._live, self._streams = live, streams

    async def live(
        self,
        request: Request,
        caller: Read,
        device: Annotated[list[DeviceKey], Query(max_length=200)] = [],  # noqa: B006  # FastAPI copies it
        series: Annotated[list[SeriesName], Query(max_length=200)] = [],  # noqa: B006  # as above
        last_event_id: Annotated[str | None, Header(max_length=100)] = None,
    ) -> StreamingResponse:
        """Values, reports and changes as they are heard, of these devices and series, or of all.

        With the `id` of the last event as Last-Event-ID the stream goes on after it; what cannot be
        told any more is told as `missed`.
        """
        updates = self._live.subscribe(caller.tenant, after=last_event_id)
        keys = frozenset(series_key(name) for name in series)
        watch = _Watch(request, caller, updates, frozenset(device), keys)
        chunks = self._chunks(watch)
        first = await anext(chunks)
        return StreamingResponse(
            _rest(first, chunks),
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            media_type="text/event-stream",
        )

    async def _chunks(self, watch: _Watch) -> AsyncIterator[str]:
        updates = watch.updates
        with self._streams.one(watch.caller, updates):
            async with updates:
                tenant = {"tenant": watch.caller.tenant}
                yield f"retry: {_RETRY_MS}\n" + _event("ready", tenant, updates.position)
                checked = time.monotonic()
                while True:
                    found: list[Update | Missed] | None = None
                    try:
                        async with asyncio.timeout(BEAT_S):
                            found = await updates.batch(_AT_ONCE)
                    except TimeoutError:
                        yield ": beat\n\n"
                    if found == []:
                        ended = "the hub stops" if self._live.closed else "no longer allowed"
                        yield _event("end", {"reason": ended}, updates.position)
                        return
                    if found and (told := _told(watch, found)):
                        yield told
                    if time.monotonic() - checked >= BEAT_S:
                        checked = time.monotonic()
                        if not await _still(watch):
                            yield _event("end", {"reason": "no longer allowed"}, updates.position)
                            return


async def _rest(first: str, chunks: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for chunk in chunks:
        yield chunk


async def _still(watch: _Watch) -> bool:
    """Whether who opened the stream may still see this tenant."""
    try:
        principal = await authenticate_again(watch.request)
    except ForeignTenantError:
        return False
    return (
        principal is not None
        and may(principal, Scope.READ)
        and principal.tenant == watch.caller.tenant
    )


def _told(watch: _Watch, found: list[Update | Missed]) -> str:
    """The events of a batch; each one's id is the position after the whole of it.

    Whoever is cut off within a batch, which is one write, gets it again as far as it was not read.
    """
    parts = [
        _event(*_described(one)) for one in found if isinstance(one, Missed) or watch.wants(one)
    ]
    if not parts:
        return ""
    # Ids only with the last: a reader that has seen less asks again from before the batch.
    return "".join(parts)[:-1] + f"id: {watch.updates.position}\n\n"


def _described(one: Update | Missed) -> tuple[str, dict[str, Any]]:
    match one:
        case Missed(number):
            return "missed", {"events": number}
        case LiveValue(key, value, at, raw):
            return "value", {
                "series": series_name(key), "value": value, "raw": raw, "at": at.isoformat(),
            }  # fmt: skip
        case LiveCommand(key, value, at):
            return "command", {"series": series_name(key), "value": value, "at": at.isoformat()}
        case LiveReport(device, report, at):
            return "report", {"device": device, "report": dict(report), "at": at.isoformat()}
        case LiveOnline(device, online, at):
            return "online", {"device": device, "online": online, "at": at.isoformat()}
        case LiveChange(noun, key):
            return "change", {"noun": noun, "key": key}


def _event(kind: str, data: dict[str, Any], position: str | None = None) -> str:
    """JSON has no line breaks of its own, so `data` is one line whatever a device says."""
    number = f"id: {position}\n" if position is not None else ""
    return f"event: {kind}\ndata: {json.dumps(data)}\n{number}\n"
