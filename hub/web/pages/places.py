"""The tree of places and the devices in it: drag and drop, or a dialog to do without."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from hub.api.principal import Principal, Reader
from hub.database.errors import CycleError, DuplicateNameError, ForeignRowError
from hub.errors import HubError
from hub.language.words import _, ngettext
from hub.live import LiveChange, Missed
from hub.places.repository import PlaceUsage
from hub.services import Services
from hub.web.adding.context import paths
from hub.web.ask import ask_choice, ask_text, ask_zone, confirm
from hub.web.cards import empty
from hub.web.device.manage import ask_and_move, ask_and_rename
from hub.web.frame import frame, heading
from hub.web.page import page

__all__ = ["mount"]

_ALLOW_DROP = "(e) => { e.preventDefault(); e.currentTarget.classList.add('dm-over'); }"
_LEFT = "(e) => e.currentTarget.classList.remove('dm-over')"


def mount(services: Services) -> None:
    """Add /places."""

    @page("/places")
    async def places(principal: Reader) -> None:
        with frame(principal, _("Places")):
            page = _Page(services, principal)
            await page.load()
            page.show()
            ui.timer(0, page.watch, once=True)


@dataclass(frozen=True, slots=True)
class _Dragged:
    """What is being dragged: a place by its number, or a device by its id."""

    place: int | None = None
    device: str | None = None


class _Page:
    """What one person sees and moves of a tenant's places."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services = services
        self._principal = principal
        self._places, self._tenant = services.places, principal.tenant
        self._dragged = _Dragged()
        self._names: dict[str, str] = {}
        self._tree: list[dict[str, Any]] = []
        self._elsewhere: list[dict[str, Any]] = []
        self._shown: object = None
        self._problem = ""

    async def watch(self) -> None:
        """Follow what others change."""
        async with self._services.live.subscribe(self._tenant) as updates:
            await self.again()  # what changed since it was loaded
            async for update in updates:
                if isinstance(update, Missed) or (
                    isinstance(update, LiveChange) and update.noun in {"place", "device"}
                ):
                    await self.again()

    async def load(self) -> None:
        """Ask the database."""
        self._names = await self._services.naming.names(self._tenant)
        self._tree = _without_values(await self._places.tree(self._tenant, values=True))
        self._elsewhere = await self._places.devices_elsewhere(self._tenant)
        self._zones = await self._services.zones.of(self._tenant)

    async def again(self) -> None:
        """Show what is now, if it is anything else: a menu that is open would close."""
        await self.load()
        if self._state() != self._shown:
            self.show.refresh()

    def _state(self) -> object:
        return self._tree, self._elsewhere, self._names, self._problem, self._zones

    @ui.refreshable_method
    def show(self) -> None:
        """Build it; all at once, since whoever asks for it meanwhile would add to it."""
        self._shown = self._state()
        tree, elsewhere = self._tree, self._elsewhere
        with ui.element("div").props('role="alert"').classes("w-full"):
            if self._problem:
                ui.label(self._problem).classes("dm-bad")
        if self._principal.administers:
            ui.label(_("Drag a device or a place to its new place, or use its menu.")).classes(
                "text-sm"
            )
            with ui.row():
                ui.button(_("New place"), icon="add", on_click=lambda: self._add(None)).props(
                    "outline no-caps"
                )
                ui.button(_("Time zone…"), icon="schedule", on_click=self._zone).props(
                    "outline no-caps"
                )
        ui.label(_("Times are those of {key}.", key=self._zones.zone.key)).classes("text-sm").props(
            'data-testid="zone"'
        )
        if not tree:
            empty(
                "place",
                _("No places yet"),
                _("Rooms and houses: readings belong to the place where they were measured."),
            )
        self._branch(tree, 2)
        if tree and self._principal.administers:
            top = ui.label(_("Drop a place here to move it to the top level")).classes(
                "w-full dm-drop text-sm"
            )
            self._target(top, lambda: self._drop(None))
        heading(_("In no place"))
        with ui.column().classes("w-full gap-1") as nowhere:
            for device in elsewhere:
                self._device(device, None)
            if not elsewhere:
                ui.label(_("Every device has its place.")).classes("text-sm opacity-80")
        if self._principal.administers:
            self._target(nowhere, lambda: self._drop(None))

    def _branch(self, places: list[dict[str, Any]], level: int) -> None:
        with ui.element("ul").classes("w-full" + (" pl-6" if level > 2 else "")):
            for place in places:
                with ui.element("li").classes("w-full"):
                    self._place(place)
                    with ui.column().classes("w-full gap-1 pl-6"):
                        for device in place["devices"]:
                            self._device(device, place["id"])
                    self._branch(place["children"] or [], level + 1)

    def _place(self, place: dict[str, Any]) -> None:
        number, name = place["id"], place["name"]
        with ui.row().classes("items-center no-wrap w-full dm-row") as row:
            ui.icon("place").props('aria-hidden="true"')
            ui.label(name).classes("grow font-medium break-words min-w-0")
            if place["zone"]:
                ui.label(place["zone"]).classes("text-sm opacity-80")
            if not self._principal.administers:
                return
            with ui.button(icon="more_vert").props("flat round dense") as button, ui.menu():
                button.props.set_optional("aria-label", _("Actions for {name}", name=name))
                ui.menu_item(_("New place within"), lambda: self._add(number))
                ui.menu_item(_("Rename"), lambda: self._rename(number, name))
                ui.menu_item(_("Move to…"), lambda: self._move_place(number, name))
                ui.menu_item(_("Time zone…"), lambda: self._zone_of(number, name, place["zone"]))
                ui.menu_item(_("Remove"), lambda: self._remove(number, name))
        self._draggable(row, _Dragged(place=number))
        self._target(row, lambda: self._drop(number))

    def _device(self, device: dict[str, Any], place: int | None) -> None:
        key = device["device"]
        name = self._names.get(key) or key
        with ui.row().classes("items-center no-wrap w-full dm-row") as row:
            ui.icon("sensors").props('aria-hidden="true"')
            ui.link(name, f"/devices/{key}").classes("grow break-words min-w-0")
            if not self._principal.administers:
                return
            with ui.button(icon="more_vert").props("flat round dense") as button, ui.menu():
                button.props.set_optional("aria-label", _("Actions for {name}", name=name))
                ui.menu_item(_("Rename"), lambda: self._rename_device(key, device["name"] or ""))
                ui.menu_item(_("Move to…"), lambda: self._move_device(key, name, place))
        self._draggable(row, _Dragged(device=key))

    # --- drag and drop --------------------------------------------------------------------------

    def _draggable(self, row: ui.element, what: _Dragged) -> None:
        row.props('draggable="true"')

        def begin() -> None:
            self._dragged = what

        row.on("dragstart.stop", begin, args=[])

    def _target(self, row: ui.element, drop: Callable[[], Awaitable[None]]) -> None:
        row.on("dragover", js_handler=_ALLOW_DROP).on("dragleave", js_handler=_LEFT)
        row.on("drop.prevent.stop", drop, args=[])

    async def _drop(self, place: int | None) -> None:
        dragged, self._dragged = self._dragged, _Dragged()
        if dragged.device is not None:
            device = dragged.device
            await self._put(device, place)
        elif dragged.place is not None and dragged.place != place:
            moved = dragged.place
            await self._do(lambda: self._places.move(self._tenant, moved, place))

    # --- by dialog ------------------------------------------------------------------------------

    async def _add(self, parent: int | None) -> None:
        name = await ask_text(_("A new place"), _("Name"), yes=_("Create"))
        if name is not None:
            await self._do(lambda: self._places.add(self._tenant, name, parent))

    async def _zone(self) -> None:
        zones = self._services.zones
        chosen = await ask_zone(
            _("Time zone"), _("That of the hub"), self._zones.own, zones.names()
        )
        if chosen is not None:
            await self._do(lambda: zones.set_tenant(self._tenant, chosen or None))

    async def _zone_of(self, place: int, name: str, now: str | None) -> None:
        zones = self._services.zones
        chosen = await ask_zone(
            _("Time zone of {name}", name=name),
            _("That of the place around it"),
            now,
            zones.names(),
        )
        if chosen is not None:
            await self._do(lambda: zones.set_place(self._tenant, place, chosen or None))

    async def _rename(self, place: int, name: str) -> None:
        new_name = await ask_text(
            _("Rename {name}", name=name), _("Name"), value=name, yes=_("Rename")
        )
        if new_name is not None:
            await self._do(lambda: self._places.rename(self._tenant, place, new_name))

    async def _rename_device(self, device: str, name: str) -> None:
        await self._do(lambda: ask_and_rename(self._services, self._principal, device, name))

    async def _move_place(self, place: int, name: str) -> None:
        options = {0: _("Top level")} | await self._options()
        options.pop(place, None)
        to = await ask_choice(
            _("Move {name}", name=name), _("Within"), options, value=0, yes=_("Move")
        )
        if to is not None:
            await self._do(lambda: self._places.move(self._tenant, place, to or None))

    async def _move_device(self, device: str, name: str, place: int | None) -> None:
        where = (device, name, place, self._zones.zone)
        await self._do(lambda: ask_and_move(self._services, self._principal, *where))

    async def _put(self, device: str, place: int | None) -> None:
        devices, who = self._services.devices, self._principal.name
        await self._do(lambda: devices.put(self._tenant, device, place, who))

    async def _options(self) -> dict[int, str]:
        return {place.id: place.path for place in paths(await self._places.tree(self._tenant))}

    async def _remove(self, place: int, name: str) -> None:
        try:
            usage = await self._places.usage(self._tenant, place)
        except HubError as error:
            await self._tell(str(error))
            return
        if await confirm(
            _("Remove {name}?", name=name), details=_lost(usage, self._zones.zone), yes=_("Remove")
        ):
            await self._do(
                lambda: self._places.remove_branch(self._tenant, place, self._principal.name)
            )

    async def _do(self, change: Callable[[], Awaitable[object]]) -> None:
        """Make a change, tell those who look on; say on the page what was refused."""
        try:
            await change()
        except HubError as error:
            await self._tell(_sentence(error))
            return
        self._problem = ""
        await self.again()
        self._services.live.publish(self._tenant, LiveChange("place", ""))

    async def _tell(self, problem: str) -> None:
        self._problem = problem
        await self.again()


def _without_values(tree: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tree with who is where, but not what they measure, which changes all the time."""
    return [
        {
            **place,
            "devices": [{**device, "values": None} for device in place["devices"]],
            "children": _without_values(place["children"] or []),
        }
        for place in tree
    ]


def _sentence(error: HubError) -> str:
    if isinstance(error, DuplicateNameError):
        return _("There is a place of that name already.")
    if isinstance(error, CycleError):
        return _("A place cannot be moved into one that lies within it.")
    if isinstance(error, ForeignRowError):
        return _("That is gone: somebody removed it meanwhile.")
    return str(error)


def _lost(usage: PlaceUsage, zone: ZoneInfo) -> list[str]:
    """What goes with a place, and what becomes of the devices there."""
    lines = []
    if usage.below:
        lines.append(
            _(
                "{places} within it would go as well.",
                places=ngettext("{n} place", "{n} places", usage.below),
            )
        )
    if usage.devices:
        there = ", ".join(usage.devices[:5]) + (_(" and more") if len(usage.devices) > 5 else "")
        one = len(usage.devices) == 1
        verb, they = ("is", "it") if one else ("are", "they")
        lines.append(
            _(
                "{devices} {verb} there now ({there}): {they} would move to the place around it.",
                devices=ngettext("{n} device", "{n} devices", len(usage.devices)),
                verb=verb,
                there=there,
                they=they,
            )
        )
    if usage.placements and usage.since:
        lines.append(
            _(
                "{records} of which device was there, since {at}, would be deleted.",
                records=ngettext("{n} record", "{n} records", usage.placements),
                at=f"{usage.since.astimezone(zone):%d %B %Y}",
            )
        )
    return [*lines, _("Readings stay as they are.")]
