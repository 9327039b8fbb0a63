"""An update in virtual time: the real session over a modelled link to a modelled device."""

from __future__ import annotations

import heapq
import itertools

from contracts.ota.session import Session
from tests.support.link import Path, Weather
from tests.support.stock_server import Device

__all__ = ["run"]

_TICK = 1.0


def run(session: Session, device: Device, weather: Weather, seed: object) -> float:
    """Carry the update through; the virtual seconds it took. Errors of the session are raised."""
    there, back = Path(weather, f"{seed} there"), Path(weather, f"{seed} back")
    order = itertools.count()
    events: list[tuple[float, int, str, bytes]] = [(_TICK, next(order), "tick", b"")]
    now = 0.0

    def post(at: float, kind: str, raw: bytes) -> None:
        heapq.heappush(events, (at, next(order), kind, raw))

    while not session.finished:
        for raw in session.due(now):
            for at in there.arrivals(now):
                post(at, "device", raw)
        if session.wake_at < events[0][0]:
            now = max(now, session.wake_at)
            continue
        now, _, kind, raw = heapq.heappop(events)
        if kind == "tick":
            device.server.tick(now)
            post(now + _TICK, "tick", b"")
        elif kind == "client":
            session.receive(raw, now)
        elif not device.server.finished and (answer := device.receive(raw, now)):
            for at in back.arrivals(answer[0]):
                post(at, "client", answer[1])
    return now
