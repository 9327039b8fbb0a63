"""The card Parts: each with its last 24 hours, and how it is in a line."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

from nicegui import ui

from contracts.show import count
from hub.errors import HubError
from hub.runtime.part_states import HubPart
from hub.services import Services
from hub.web.cards import card, day_strip, mark, what
from hub.web.system.storage import size_said

__all__ = ["PartLine", "part_lines", "show_parts", "span_said"]

_MIB = 1 << 20


class PartLine:
    """A part as it is: its name, whether it is well, what of, what is known, where to go.

    `look`: it is to be looked at, though it runs.
    """

    def __init__(
        self,
        part: HubPart,
        well: bool,
        of: str,
        said: str,
        *,
        go: tuple[str, str] | None = None,
        look: bool = False,
    ) -> None:
        self.part, self.well, self.of, self.said, self.go = part, well, of, said, go
        self.look = look or go is not None

    @property
    def mark(self) -> tuple[str, str]:
        """Its icon, and the state that colours it."""
        if not self.well:
            return "error_outline", "bad"
        return ("warning_amber", "warn") if self.look else ("check", "ok")


def show_parts(services: Services, lines: list[PartLine]) -> None:
    """The card."""
    with card("Parts", "last 24 hours"), ui.element("ul").classes("dm-items"):
        for line in lines:
            with ui.element("li"):
                mark(*line.mark)
                what(line.part, line.said, aside=line.of)
                if line.go is not None:
                    ui.link(*line.go).classes("dm-note")
                states = services.part_history.states(line.part)
                day_strip(states, _day_said(line.part, states))


async def part_lines(services: Services, tenant: str, *, zone: str) -> list[PartLine]:
    """Each part, as it is just now."""
    well = await services.part_history.look()
    began = time.monotonic()
    size = 0
    with contextlib.suppress(HubError):  # it is away, and its line says so
        size, _ = await services.upkeep.sizes()
    answered = (time.monotonic() - began) * 1000
    up = datetime.now(UTC) - services.part_history.began
    hub = f"up {span_said(up)} · {_memory() / _MIB:.0f} MB"
    if not well[HubPart.HUB]:
        hub = f"{', '.join(sorted(services.supervisor.failed()))} stopped; begun again by itself"
    return [
        PartLine(HubPart.HUB, well[HubPart.HUB], metadata.version("dormouse-home"), hub),
        PartLine(
            HubPart.DATABASE, well[HubPart.DATABASE], "PostgreSQL",
            f"{size_said(size)} · answers in {answered:.0f} ms" if well[HubPart.DATABASE]
            else "away: values are shown, nothing is kept",
        ),
        *_others(services, tenant, well, zone),
    ]  # fmt: skip


def _others(
    services: Services, tenant: str, well: Mapping[str, bool], zone: str
) -> Iterator[PartLine]:
    accounts = [one for one in services.mqtt.book.all() if one.tenant == tenant]
    broker = well[HubPart.BROKER]
    yield PartLine(
        HubPart.BROKER, broker, "MQTT",
        count(len(accounts), "account") if broker else "away: no device can be heard",
    )  # fmt: skip
    yield _homekit(services, tenant, well[HubPart.HOMEKIT])
    clock = well[HubPart.CLOCK]
    yield PartLine(
        HubPart.CLOCK, True, "synchronised" if clock else "not confirmed",
        zone if clock else f"{zone} · no time server has set it yet: nothing old is removed",
        look=not clock,
    )  # fmt: skip
    disk = well[HubPart.DISK]
    yield PartLine(
        HubPart.DISK, disk, "", "enough room" if disk else "nearly full: make room on it"
    )


def _homekit(services: Services, tenant: str, well: bool) -> PartLine:
    bridge = services.bridges.running().get(tenant)
    pairings = bridge.pairings() if bridge is not None else []
    paired = sum(bool(one.controllers) for one in pairings)
    if not pairings:
        return PartLine(HubPart.HOMEKIT, well, "no bridge yet", "begins with the first device")
    of = f"{paired} of {count(len(pairings), 'bridge')} paired"
    if not well:
        return PartLine(HubPart.HOMEKIT, False, of, "stopped; begun again by itself")
    go = None if paired == len(pairings) else ("Show its code", "/homekit")
    return PartLine(
        HubPart.HOMEKIT, True, of, "" if go is None else "not all are paired yet", go=go
    )


def span_said(span: timedelta) -> str:
    """`12 days`, `3 h`, `5 min`."""
    seconds = span.total_seconds()
    if seconds >= 2 * 86400:
        return count(int(seconds // 86400), "day")
    return f"{int(seconds // 3600)} h" if seconds >= 3600 else f"{int(seconds // 60)} min"


def _day_said(part: str, states: list[str]) -> str:
    looked = sum(bool(state) for state in states)
    bad = states.count("bad")
    if not looked:
        return f"{part}, last 24 hours: not known yet"
    well = "well" if not bad else f"not well in {count(bad, 'half hour')} of {looked}"
    rest = "" if looked == len(states) else f", known of {count(looked, 'half hour')}"
    return f"{part}, last 24 hours: {well}{rest}"


def _memory() -> int:
    """Bytes that this process has in memory; where Linux does not say: the most that it had."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
