"""The devices of all tenants that a person belongs to, as of one moment, by tenant."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from urllib.parse import quote

from nicegui import ui

from hub.api.principal import Principal, Reader
from hub.devices.glance import DeviceGlance
from hub.errors import HubError
from hub.language.times import span
from hub.language.words import _, ngettext
from hub.services import Services
from hub.web.device.noted import text_of
from hub.web.frame import frame, heading
from hub.web.home.view import battery, device_path
from hub.web.page import page

__all__ = ["mount"]


def mount(services: Services) -> None:
    """Add /everywhere."""

    @page("/everywhere")
    async def everywhere(principal: Reader) -> None:
        with frame(principal, _("All tenants")):
            await _Page(services, principal).show()


class _Page:
    """The page's content."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services, self._principal = services, principal

    async def show(self) -> None:
        with ui.row().classes("items-end w-full"):
            self._path = ui.input(_("Only those where")).props(
                'outlined dense maxlength=1000 placeholder="$.battery_mv < 2700"'
            )
            self._path.classes("dm-grow").on("keydown.enter", self._ask)
            ui.button(_("Show"), on_click=self._ask).props("no-caps unelevated")
        self._status = ui.label().props('role="status"')
        self._found: list[tuple[str, DeviceGlance]] = []
        self._listed()
        await self._ask()

    async def _ask(self) -> None:
        path = str(self._path.value or "").strip() or None
        try:
            tenants = list(self._principal.tenants)
            self._found = await self._services.devices.everywhere(tenants, path)
        except HubError as error:
            self._found, self._status.text = [], f"{error}."
        else:
            self._status.text = ngettext("{n} device", "{n} devices", len(self._found))
        self._listed.refresh()

    @ui.refreshable_method
    def _listed(self) -> None:
        for tenant, of in groupby(self._found, key=lambda one: one[0]):
            heading(tenant)
            with ui.element("ul").classes("dm-list"):
                for _name, device in of:
                    with ui.element("li").classes("dm-row"):
                        _row(tenant, device)


def _row(tenant: str, device: DeviceGlance) -> None:
    with ui.element("div").classes("dm-grow"):
        ui.link(
            device.name or device.device,
            f"{device_path(device.device)}?tenant={quote(tenant, safe='')}",
        )
        charge = battery(device.report, device.values)
        noted = [f"{name}: {text_of(value)}"[:80] for name, value in device.attributes.items()]
        seen = device.seen_at
        heard = _("never heard")
        if seen is not None:
            heard = _("heard {span} ago", span=span((datetime.now(UTC) - seen).total_seconds()))
        facts = [device.device, heard, *noted[:5]]
        if charge is not None:
            facts.insert(
                1,
                _(
                    "battery {text}{value}",
                    text=charge["text"],
                    value=", low" if charge["low"] else "",
                ),
            )
        ui.label(" · ".join(facts)).classes("dm-soft")
