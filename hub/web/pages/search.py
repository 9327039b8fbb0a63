"""Searching devices by what they report and what is noted about them; searches under a name."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from hub.api.principal import Principal, Reader
from hub.devices.glance import DeviceGlance
from hub.errors import HubError
from hub.language.words import _
from hub.searches.repository import SavedSearch
from hub.services import Services
from hub.web.ask import confirm
from hub.web.device.noted import text_of
from hub.web.frame import frame, heading
from hub.web.home.view import device_path
from hub.web.page import page
from hub.web.reloaded import Reloaded

__all__ = ["mount"]


def mount(services: Services) -> None:
    """Add /search."""

    @page("/search")
    async def search(principal: Reader) -> None:
        with frame(principal, _("Search")):
            await _Page(services, principal).show()


class _Page:
    """The page's content: a question, what it finds, and those that are saved."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services, self._principal = services, principal
        self._found: list[DeviceGlance] | None = None

    async def show(self) -> None:
        ui.label(
            _(
                "A condition on what devices report and on what is noted about them, as SQL/JSON "
                "path: {one}, or {other}.",
                one="$.battery_mv < 2700",
                other='$.room == "attic" && $.cells[*].mv > 1305',
            )
        )
        with ui.row().classes("items-end w-full"):
            self._path = ui.input(_("Condition")).props("outlined dense maxlength=1000")
            self._path.classes("dm-grow").on("keydown.enter", self._ask)
            ui.button(_("Search"), on_click=self._ask).props("no-caps unelevated")
        self._status = ui.label().props('role="status"')
        self._results()
        heading(_("Saved searches"))
        self._list = Reloaded(self._all, self._show_saved)
        await self._list.refresh()
        self._form()

    async def _all(self) -> list[SavedSearch]:
        return await self._services.searches.all(self._principal)

    async def _ask(self) -> None:
        path, tenant = str(self._path.value or "").strip(), self._principal.tenant
        if not path:
            self._status.text = _("Type a condition first.")
            return
        try:
            matching = await self._services.devices.where(tenant, path)
            glance = await self._services.devices.glance(tenant)
        except HubError as error:
            self._found, self._status.text = None, f"{error}."
        else:
            self._found = [one for one in glance.devices if one.device in matching]
            self._status.text = (
                _("{found} found.", found=len(self._found)) if self._found else _("None is so.")
            )
        self._results.refresh()

    @ui.refreshable_method
    def _results(self) -> None:
        with ui.element("ul").classes("dm-list"):
            for one in self._found or ():
                with ui.element("li").classes("dm-row"), ui.element("div").classes("dm-grow"):
                    ui.link(one.name or one.device, device_path(one.device))
                    noted = [f"{k}: {text_of(v)}"[:80] for k, v in sorted(one.attributes.items())]
                    ui.label(" · ".join([one.device, *noted[:5]])).classes("dm-soft")

    def _show_saved(self, searches: Sequence[SavedSearch]) -> None:
        if not searches:
            ui.label(_("No searches are saved.")).classes("dm-soft")
            return
        with ui.element("ul").classes("dm-list"):
            for one in searches:
                with ui.element("li").classes("dm-row"):
                    self._row(one)

    def _row(self, one: SavedSearch) -> None:
        with ui.element("div").classes("dm-grow"):
            ui.label(one.name).classes("dm-strong")
            ui.label(one.path)
            ui.label(
                _("for everybody, by {made_by}", made_by=one.made_by)
                if one.shared
                else _("your own")
            ).classes("dm-soft")

        async def use() -> None:
            self._path.value = one.path
            await self._ask()

        async def remove() -> None:
            who = _("Everybody loses it.") if one.shared else _("It is your own.")
            if await confirm(
                _("Remove the search {name}?", name=one.name), details=[who], yes=_("Remove")
            ):
                try:
                    await self._services.searches.remove(self._principal, one.id)
                except HubError as error:
                    self._status.text = f"{error}."
                await self._list.refresh()

        button = ui.button(_("Use"), on_click=use).props("flat no-caps")
        button.props["aria-label"] = _("Use {name}", name=one.name)
        if not one.shared or self._principal.administers:
            button = ui.button(_("Remove"), on_click=remove).props("flat no-caps color=negative")
            button.props["aria-label"] = _("Remove {name}", name=one.name)

    def _form(self) -> None:
        with ui.row().classes("items-end w-full"):
            name = ui.input(_("Save the condition as")).props("outlined dense maxlength=100")
            shared = None
            if self._principal.administers:
                shared = ui.checkbox(_("for everybody"))
                shared.props["aria-label"] = _("for everybody")

            async def save() -> None:
                called, path = str(name.value or "").strip(), str(self._path.value or "").strip()
                if not called or not path:
                    self._status.text = _("Type a condition, and what it is to be called.")
                    return
                try:
                    await self._services.searches.save(
                        self._principal, called, path, shared=bool(shared and shared.value)
                    )
                except HubError as error:
                    self._status.text = f"{error}."
                    return
                name.value = ""
                self._status.text = _("{called} is saved.", called=called)
                await self._list.refresh()

            ui.button(_("Save"), on_click=save).props("no-caps outline")
