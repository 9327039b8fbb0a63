"""Storage: what is kept how long, by which rule, what had its time and when; backups."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.homekit.quantities import quantity
from contracts.reading import SeriesKey
from contracts.show import count
from contracts.zones import zoned
from hub.api.principal import Administrator, Principal
from hub.errors import HubError
from hub.language.words import _, ngettext
from hub.readings.retention import RetentionRule, StoredRule
from hub.services import Services
from hub.upkeep.packing import PackedOfTenant
from hub.upkeep.service import Upkeep, UpkeepRun
from hub.web.backups import backup_lines
from hub.web.device.removal import told
from hub.web.frame import frame, heading
from hub.web.page import page

__all__ = ["mount"]


def mount(services: Services) -> None:
    """Add /storage."""

    @page("/storage")
    async def storage(principal: Administrator) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, _("Storage"), zone):
            await _show(services, principal, zone)


async def _show(services: Services, principal: Principal, zone: ZoneInfo) -> None:
    upkeep, tenant = services.upkeep, principal.tenant
    heading(_("How long readings are kept"))
    with ui.element("ul").classes("dm-where"):
        for line in [_rule(stored) for stored in await upkeep.rules(tenant)] or [
            _("Everything is kept for ever.")
        ]:
            with ui.element("li"):
                ui.label(line)
    ui.label(_("`dormouse hub keep` on the hub's machine changes that.")).classes("dm-soft")
    heading(_("What has had its time"))
    ui.label(_last(upkeep, tenant, zone))
    heading(_("What is packed"))
    ui.label(_packed(upkeep.last, await upkeep.packed(tenant), tenant, zone))
    heading(_("Backups"))
    with ui.element("ul").classes("dm-where"):
        for line in backup_lines(services.backups, zone):
            with ui.element("li"):
                ui.label(line)
    heading(_("What was removed by hand"))
    try:
        removed = await services.removals.trail(tenant, most=50)
    except HubError as error:
        ui.label(str(error))
        return
    with ui.element("ul").classes("dm-where"):
        for removal in removed:
            with ui.element("li"):
                ui.label(f"{removal.device}: {told(removal, zone)}")
    if not removed:
        ui.label(_("Nothing.")).classes("dm-soft")


def _rule(stored: StoredRule) -> str:
    if isinstance(stored.of, SeriesKey):
        of = f"{quantity(stored.of).label} of {stored.of.device}"
    else:
        of = stored.of or _("All else")
    return f"{of}: {_days(stored.rule)}."


def _days(rule: RetentionRule) -> str:
    parts = (("readings", rule.raw_days), ("hours", rule.hourly_days), ("days", rule.daily_days))
    return ", ".join(
        f"{what} {'for ever' if days is None else 'for ' + count(days, 'day')}"
        for what, days in parts
    )


def _packed(run: UpkeepRun | None, packed: PackedOfTenant, tenant: str, zone: ZoneInfo) -> str:
    """Days are those of UTC, as they are packed."""
    if packed.since is None or packed.until is None:
        return _("Nothing: old readings are packed after `pack_after_days` of the hub's settings.")
    last = packed.until - timedelta(days=1)
    told = (
        f"{count(packed.readings, 'reading')} of {packed.since:%Y-%m-%d} to {last:%Y-%m-%d} "
        f"in {packed.size / 1e6:.1f} MB."
    )
    if run is None or run.packed is None or not run.packed.readings.get(tenant):
        return told
    return _(
        "{told} {readings} of them at {at}.",
        told=told,
        readings=run.packed.readings[tenant],
        at=zoned(run.at, zone),
    )


def _last(upkeep: Upkeep, tenant: str, zone: ZoneInfo) -> str:
    run: UpkeepRun | None = upkeep.last
    when = (
        ""
        if upkeep.next_at is None
        else _(" The next time is {next_at}.", next_at=zoned(upkeep.next_at, zone))
    )
    if run is None:
        return _("It was not looked at since the hub started.{when}", when=when)
    if run.problem:
        return _(
            "It could not be looked at at {at}: {problem}.{when}",
            at=zoned(run.at, zone),
            problem=run.problem,
            when=when,
        )
    rows = run.rows_of(tenant)
    went = (
        _(
            "{rows} went",
            rows=ngettext("{n} reading or bin", "{n} readings and bins", rows),
        )
        if rows
        else _("Nothing went")
    )
    months = (
        _(", and {months} as a whole", months=ngettext("{n} month", "{n} months", len(run.months)))
        if run.months
        else ""
    )
    return f"{went}{months} at {zoned(run.at, zone)}.{when}"
