"""System: the hub's parts, backups, storage, time, joining, versions, the log; all in cards."""

from __future__ import annotations

import asyncio

from nicegui import ui

from hub.api.principal import Administrator, Principal
from hub.errors import HubError
from hub.language.words import N_, _
from hub.services import Services
from hub.web.cards import card, columns, failed
from hub.web.frame import frame
from hub.web.page import page
from hub.web.system.backups import BackupCard
from hub.web.system.choices import show_joining, show_time, show_versions
from hub.web.system.log import LogCard
from hub.web.system.parts import PartLine, part_lines, show_parts
from hub.web.system.report import support_report
from hub.web.system.storage import show_storage

__all__ = ["mount"]

_MORE = (
    (
        "/storage",
        N_("Storage"),
        N_("What was packed, what had its time, what people removed."),
    ),
    ("/sites", N_("Sites"), N_("Places with a network of their own, and how their tunnels are.")),
    ("/log", N_("Log"), N_("What happened: logins, devices lost and back, commands, rollouts.")),
    ("/hooks", N_("Hooks"), N_("What pushes to repositories start, and how each run went.")),
    ("/imports", N_("Import history"), N_("Readings from a file of another system.")),
)


def mount(services: Services) -> None:
    """Add /system."""

    @page("/system")
    async def system(principal: Administrator) -> None:
        zones = await services.zones.of(principal.tenant)
        tenant, zone = principal.tenant, zones.zone
        whole = tenant == services.settings.tenant
        lines = await part_lines(services, tenant, zone=zone.key)
        with frame(principal, _("System"), zone):
            with ui.element("div").classes("dm-top"):
                ui.label(_answer(lines)).classes("dm-soft")
                _report_button(services, principal)
            with columns("two"):
                with ui.element("div").classes("dm-stack"):
                    show_parts(services, lines)
                    await show_storage(services, tenant, whole=whole)
                with ui.element("div").classes("dm-stack"):
                    await BackupCard(services.backups, zone, whole=whole).show()
                    show_time(services, tenant, zones)
                    show_joining(services, tenant)
                    await _versions(services, tenant, whole=whole)
            with ui.element("div").classes("dm-stack dm-last"):
                await LogCard(services.settings.data_dir, tenant, zone).show()
                _more()


def _answer(lines: list[PartLine]) -> str:
    """Whether all is well, and if not, what is not."""
    bad = [_(line.part.value) for line in lines if not line.well]
    open_ends = [line for line in lines if line.look]
    if bad:
        return _("Not well: {names}.", names=", ".join(bad))
    if not open_ends:
        return _("Everything runs.")
    things = (
        _("one thing") if len(open_ends) == 1 else _("{open_ends} things", open_ends=len(open_ends))
    )
    return _("Everything runs; {things} to look at.", things=things)


def _report_button(services: Services, principal: Principal) -> None:
    async def report() -> None:
        text = await support_report(services, principal.tenant)
        ui.download(text.encode(), "dormouse-report.txt", "text/plain")

    ui.button(_("Report for support"), icon="description", on_click=report).props("no-caps outline")


async def _versions(services: Services, tenant: str, *, whole: bool) -> None:
    box = ui.element("div").classes("w-full")

    async def show() -> None:
        box.clear()
        with box:
            try:
                async with asyncio.timeout(5):
                    devices = await services.devices.overview(tenant)
            except (HubError, TimeoutError):
                failed(
                    _("Versions could not be read"),
                    _("The database did not answer within 5 s."),
                    show,
                )
                return
            show_versions(services.settings, devices, whole=whole)

    await show()


def _more() -> None:
    with card(_("More")), ui.element("ul").classes("dm-items"):
        for path, name, text in _MORE:
            with ui.element("li"), ui.element("div").classes("dm-what"):
                ui.link(_(name), path)
                ui.label(_(text)).classes("dm-note")
