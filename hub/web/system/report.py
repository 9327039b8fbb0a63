"""The report for support: how a hub is, as a text to read before it is sent; no secrets."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from zoneinfo import ZoneInfo

from hub.devices.overview import DeviceOverview
from hub.language.words import _
from hub.logs.read import for_tenant, newest
from hub.services import Services
from hub.web.backups import backup_lines
from hub.web.system.choices import firmware_counts, fixed_settings
from hub.web.system.log import log_line_said
from hub.web.system.parts import PartLine, part_lines

__all__ = ["support_report"]

_LINES = 200
_UTC = ZoneInfo("UTC")
_STATES = {"ok": "+", "bad": "!", "": "."}


async def support_report(services: Services, tenant: str) -> str:
    """Versions, parts with their day, storage, backups, settings by name, the tenant's log.

    Times are UTC's. Neither addresses of devices nor their values nor what any setting is; what the
    doctor finds is in it for the hub's own tenant alone.
    """
    lines = await part_lines(services, tenant, zone="")
    devices = await services.devices.overview(tenant)
    log = await asyncio.to_thread(newest, services.settings.data_dir, for_tenant(tenant), _LINES)
    head = [
        _(
            "Dormouse {version}, {now} UTC",
            version=metadata.version("dormouse-home"),
            now=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        ),
        _(
            "Python {python_version}, {platform}",
            python_version=platform.python_version(),
            platform=platform.platform(),
        ),
    ]
    told = [f"{line['at']} {line.get('level', '')} {log_line_said(line)}" for line in log]
    sections = [
        (_("Parts, and their last 24 hours (+ well, ! not, . not known)"), _parts(services, lines)),
        (_("Devices"), _devices(devices)),
        (_("Backups"), backup_lines(services.backups, _UTC)),
        (_("Found"), _found(services, tenant)),
        (_("Settings that are not as they come"), fixed_settings(services.settings)),
        (_("Log, the newest last"), told),
    ]
    text = [*head]
    for title, said in sections:
        text += ["", title, *(f"  {one}" for one in said)]
    return "\n".join(text) + "\n"


def _parts(services: Services, lines: list[PartLine]) -> Iterator[str]:
    for line in lines:
        day = "".join(_STATES[state] for state in services.part_history.states(line.part))
        yield f"{day} {line.part} {'well' if line.well else 'NOT WELL'}: {line.of} {line.said}"


def _devices(devices: list[DeviceOverview]) -> Iterator[str]:
    yield _("{devices} in all", devices=len(devices))
    for version, number in firmware_counts(devices).most_common():
        yield _("{number} on firmware {version}", number=number, version=version)


def _found(services: Services, tenant: str) -> Iterator[str]:
    if tenant != services.settings.tenant:
        yield _("for who administers the hub's own tenant")
        return
    for finding in services.examine_parts():
        detail = f": {finding.detail}" if finding.detail else ""
        yield f"{finding.verdict} {finding.what}{detail}"
