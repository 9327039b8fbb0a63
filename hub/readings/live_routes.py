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
from hub.api.principal import Principal, authenticate_again
from hub.api.scope import Scope
from hub.api.streams import LiveStreams
from hub.database.database import Database
from hub.devices.glance import SeriesGlance, glance
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
class _LiveStream:
    """One stream: what it wants to see, and what it knows of calibrations."""

    request: Request
    caller: Principal
    store: Database
    updates: Subscription
    devices: frozenset[str]
    series: frozenset[SeriesKey]
    calibrated: dict[SeriesKey, SeriesGlance]

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

    async def load_calibrations(self) -> None:
        """The calibrations that hold now."""
        overview = await glance(self.store.of(self.caller.tenant))
        self.calibrated = {one.series: one for device in overview.devices for one in device.values}


def routes(store: Database, live: Live, streams: LiveStreams) -> APIRouter:
    """/live."""
    router = APIRouter(tags=["live"])
    handlers = _Handlers(store, live, streams)
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
    )(handlers.live)
    return router


class _Handlers:
    """What the route does."""

    def __init__(self, store: Database, live: Live, streams: LiveStreams) -> None:
        self._store, self._live, self._streams = store, live, streams

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
        stream = _LiveStream(request, caller, self._store, updates, frozenset(device), keys, {})
        chunks = self._chunks(stream)
        first = await anext(chunks)
        return StreamingResponse(
            _rest(first, chunks),
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            media_type="text/event-stream",
        )

    async def _chunks(self, stream: _LiveStream) -> AsyncIterator[str]:
        updates = stream.updates
        with self._streams.one(stream.caller, updates):
            async with updates:
                await stream.load_calibrations()
                tenant = {"tenant": stream.caller.tenant}
                yield f"retry: {_RETRY_MS}\n" + _event("ready", tenant, updates.position)
                checked = time.monotonic()
                while True:
                    batch: list[Update | Missed] | None = None
                    try:
                        async with asyncio.timeout(BEAT_S):
                            batch = await updates.batch(_AT_ONCE)
                    except TimeoutError:
                        yield ": beat\n\n"
                    if batch == []:
                        ended = "the hub stops" if self._live.closed else "no longer allowed"
                        yield _event("end", {"reason": ended}, updates.position)
                        return
                    if batch and (chunk := await _chunk(stream, batch)):
                        yield chunk
                    if time.monotonic() - checked >= BEAT_S:
                        checked = time.monotonic()
                        if not await _still(stream):
                            yield _event("end", {"reason": "no longer allowed"}, updates.position)
                            return
                        await stream.load_calibrations()


async def _rest(first: str, chunks: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for chunk in chunks:
        yield chunk


async def _still(stream: _LiveStream) -> bool:
    """Whether who opened the stream may still see this tenant."""
    principal = await authenticate_again(stream.request)
    return (
        principal is not None
        and may(principal, Scope.READ)
        and principal.tenant == stream.caller.tenant
    )


async def _chunk(stream: _LiveStream, batch: list[Update | Missed]) -> str:
    """The events of a batch; each one's id is the position after the whole of it.

    Whoever is cut off within a batch, which is one write, gets it again as far as it was not read.
    """
    if any(isinstance(one, LiveChange) and one.noun == "calibration" for one in batch):
        await stream.load_calibrations()
    parts = [
        _event(*_described(stream, one))
        for one in batch
        if isinstance(one, Missed) or stream.wants(one)
    ]
    if not parts:
        return ""
    # Ids only with the last: a reader that has seen less asks again from before the batch.
    return "".join(parts)[:-1] + f"id: {stream.updates.position}\n\n"


def _described(stream: _LiveStream, one: Update | Missed) -> tuple[str, dict[str, Any]]:
    match one:
        case Missed(number):
            return "missed", {"events": number}
        case LiveValue(key, raw, at):
            known = stream.calibrated.get(key)
            value = raw if known is None else known.calibrated(raw)
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
