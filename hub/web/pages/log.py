"""Log: what happened to this tenant's devices, people, rollouts, and to the hub."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.zones import zoned
from hub.api.principal import Administrator, Principal
from hub.language.words import _
from hub.logs.read import for_tenant, newest
from hub.services import Services
from hub.web.frame import frame
from hub.web.page import page

__all__ = ["mount"]

_MOST = 200


def mount(services: Services) -> None:
    """Add /log."""

    @page("/log")
    async def log(principal: Administrator) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, _("Log"), zone):
            await _show(services, principal, zone)


async def _show(services: Services, principal: Principal, zone: ZoneInfo) -> None:
    """The newest first."""
    lines = await asyncio.to_thread(
        newest, services.settings.data_dir, for_tenant(principal.tenant), _MOST
    )
    ui.label(
        _(
            "What happened lately, the newest first; `dormouse logs` on the hub's "
            "machine has all of the hub's log."
        )
    ).classes("dm-soft")
    with ui.element("ul").classes("dm-where"):
        for line in reversed(lines):
            with ui.element("li"):
                ui.label(_sentence(line, zone))
    if not lines:
        ui.label(_("Nothing.")).classes("dm-soft")


def _sentence(line: dict[str, Any], zone: ZoneInfo) -> str:
    at = zoned(datetime.fromisoformat(line["at"]), zone, "%Y-%m-%d %H:%M:%S")
    reason = f": {line['reason']}" if line.get("reason") else ""
    told = "" if reason and str(line["reason"]) in str(line["text"]) else reason
    return f"{at} {line['text']}{told}"
