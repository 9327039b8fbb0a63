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

from hub.errors import HubError
from hub.language.words import _, ngettext
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
    with card(_("Parts"), _("last 24 hours")), ui.element("ul").classes("dm-items"):
        for line in lines:
            with ui.element("li"):
                mark(*line.mark)
                what(_(line.part.value), line.said, aside=line.of)
                if line.go is not None:
                    ui.link(*line.go).classes("dm-note")
                states = services.part_history.states(line.part)
                day_strip(states, _day_said(_(line.part.value), states))


async def part_lines(services: Services, tenant: str, *, zone: str) -> list[PartLine]:
    """Each part, as it is just now."""
    well = await services.part_history.look()
    began = time.monotonic()
    size = 0
    with contextlib.suppress(HubError):  # it is away, and its line says so
        size, _rows = await services.upkeep.sizes()
    answered = (time.monotonic() - began) * 1000
    up = datetime.now(UTC) - services.part_history.began
    hub = _("up {span} · {memory} MB", span=span_said(up), memory=f"{_memory() / _MIB:.0f}")
    if not well[HubPart.HUB]:
        hub = _(
            "{names} stopped; begun again by itself",
            names=", ".join(sorted(services.supervisor.failed())),
        )
    return [
        PartLine(HubPart.HUB, well[HubPart.HUB], metadata.version("dormouse-home"), hub),
        PartLine(
            HubPart.DATABASE,
            well[HubPart.DATABASE],
            "PostgreSQL",
            _(
                "{size} · answers in {answered} ms",
                size=size_said(size),
                answered=f"{answered:.0f}",
            )
            if well[HubPart.DATABASE]
            else _("away: values are shown, nothing is kept"),
        ),
        *_others(services, tenant, well, zone),
    ]


def _others(
    services: Services, tenant: str, well: Mapping[str, bool], zone: str
) -> Iterator[PartLine]:
    accounts = [one for one in services.mqtt.book.all() if one.tenant == tenant]
    broker = well[HubPart.BROKER]
    yield PartLine(
        HubPart.BROKER,
        broker,
        "MQTT",
        ngettext("{n} account", "{n} accounts", len(accounts))
        if broker
        else _("away: no device can be heard"),
    )
    yield _homekit(services, tenant, well[HubPart.HOMEKIT])
    clock = well[HubPart.CLOCK]
    yield PartLine(
        HubPart.CLOCK,
        True,
        _("synchronised") if clock else _("not confirmed"),
        zone
        if clock
        else _("{zone} · no time server has set it yet: nothing old is removed", zone=zone),
        look=not clock,
    )
    disk = well[HubPart.DISK]
    yield PartLine(
        HubPart.DISK, disk, "", _("enough room") if disk else _("nearly full: make room on it")
    )


def _homekit(services: Services, tenant: str, well: bool) -> PartLine:
    pairings = services.homekit.pairings(tenant)
    paired = sum(bool(one.controllers) for one in pairings)
    if not pairings:
        return PartLine(
            HubPart.HOMEKIT, well, _("no bridge yet"), _("begins with the first device")
        )
    of = _(
        "{paired} of {bridges} paired",
        paired=paired,
        bridges=ngettext("{n} bridge", "{n} bridges", len(pairings)),
    )
    if not well:
        return PartLine(HubPart.HOMEKIT, False, of, _("stopped; begun again by itself"))
    go = None if paired == len(pairings) else (_("Show its code"), "/homekit")
    return PartLine(
        HubPart.HOMEKIT, True, of, "" if go is None else _("not all are paired yet"), go=go
    )


def span_said(span: timedelta) -> str:
    """`12 days`, `3 h`, `5 min`."""
    seconds = span.total_seconds()
    if seconds >= 2 * 86400:
        return ngettext("{n} day", "{n} days", int(seconds // 86400))
    return (
        f"{int(seconds // 3600)} h"
        if seconds >= 3600
        else _("{minutes} min", minutes=int(seconds // 60))
    )


def _day_said(part: str, states: list[str]) -> str:
    looked = sum(bool(state) for state in states)
    bad = states.count("bad")
    if not looked:
        return _("{part}, last 24 hours: not known yet", part=part)
    well = (
        _("well")
        if not bad
        else _(
            "not well in {half_hours} of {looked}",
            half_hours=ngettext("{n} half hour", "{n} half hours", bad),
            looked=looked,
        )
    )
    rest = (
        ""
        if looked == len(states)
        else _(
            ", known of {half_hours}",
            half_hours=ngettext("{n} half hour", "{n} half hours", looked),
        )
    )
    return _("{part}, last 24 hours: {well}{rest}", part=part, well=well, rest=rest)


def _memory() -> int:
    """Bytes that this process has in memory; where Linux does not say: the most that it had."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
