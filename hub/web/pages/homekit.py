"""Apple Home: how to pair, who is paired, what it is shown, what is held back and why."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from contracts.homekit.definitions import INFORMATION
from contracts.qr import svg_uri
from hub.api.principal import Principal, Reader
from hub.homekit.pairing import PairingInfo
from hub.language.words import _, ngettext
from hub.services import Services
from hub.web.ask import confirm
from hub.web.frame import frame, heading
from hub.web.page import page
from hub.web.words import service_words

__all__ = ["mount"]

# Pairing happens on a phone; nothing tells of it, so an open page looks this often.
_LOOK_S = 2.0


def mount(services: Services) -> None:
    """Add /homekit."""

    @page("/homekit")
    async def homekit(principal: Reader) -> None:
        with frame(principal, _("Apple Home")):
            page = _Page(services, principal)
            page.show()
            ui.timer(_LOOK_S, page.look_again)


class _Page:
    """What one person sees of a tenant's bridges."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self._homekit = services.homekit
        self._principal, self._tenant = principal, principal.tenant
        self._seen: object = None

    def look_again(self) -> None:
        """Show the page anew if anything on it changed."""
        if self._state() != self._seen:
            self.show.refresh()

    def _state(self) -> object:
        if not self._homekit.runs(self._tenant):
            return None
        shown = [
            (one["device"], one["name"], one["available"], sorted(one["services"]))
            for each in self._homekit.accessories(self._tenant)
            for one in each["accessories"]
        ]
        return self._homekit.pairings(self._tenant), shown, self._homekit.unshown(self._tenant)

    @ui.refreshable_method
    def show(self) -> None:
        """Build it."""
        self._seen = self._state()
        if not self._homekit.runs(self._tenant):
            ui.label(
                _(
                    "{tenant} has no bridge yet: it starts when its first device is heard.",
                    tenant=self._tenant,
                )
            )
            return
        for info in self._homekit.pairings(self._tenant):
            self._pairing(info)
        self._held()
        self._accessories()

    def _pairing(self, info: PairingInfo) -> None:
        heading(info.name)
        if info.locked:
            self._locked()
        if not info.controllers:
            if self._principal.administers:
                ui.label(_("Not paired. Open the Home app, choose Add Accessory, and scan this:"))
                _code(info)
            else:
                ui.label(_("Not paired. An administrator sees the code here."))
            return
        number = len(info.controllers)
        ui.label(
            _(
                "{controllers} {value} paired.",
                controllers=ngettext("{n} controller", "{n} controllers", number),
                value="is" if number == 1 else "are",
            )
        )
        with ui.element("ul"):
            for controller in info.controllers:
                with ui.element("li"), ui.row().classes("items-center"):
                    ui.label(controller).classes("break-all font-mono text-sm")
                    if self._principal.administers:
                        ui.button(
                            _("Remove"), on_click=lambda _, c=controller: self._unpair(info, c)
                        ).props(f'flat no-caps dense aria-label="Remove {controller}"')
        if self._principal.administers:
            with ui.expansion(_("Show the code again")):
                ui.label(
                    _(
                        "Further people are invited in the Home app. The code is for pairing anew, "
                        "after every pairing above was removed."
                    )
                )
                _code(info)

    def _locked(self) -> None:
        """Somebody has tried a hundred codes."""
        with ui.row().classes("items-center"):
            ui.label(_("Locked after 100 wrong codes: it takes no more until it is unlocked."))
            if self._principal.administers:
                ui.button(_("Unlock"), on_click=self._unlock).props("flat no-caps dense")

    async def _unlock(self) -> None:
        await self._homekit.unlock(self._tenant)
        self.show.refresh()

    async def _unpair(self, info: PairingInfo, controller: str) -> None:
        last = len(info.controllers) == 1
        details = [_("It stops seeing the devices of this hub.")]
        if last:
            details.append(
                _(
                    "It is the last one: the home forgets rooms and automations of these "
                    "accessories."
                )
            )
        if await confirm(
            _("Remove {controller}?", controller=controller), details=details, yes=_("Remove")
        ):
            await self._homekit.unpair(self._tenant, controller)
            self.show.refresh()

    def _held(self) -> None:
        heading(_("Not shown in Apple Home"))
        unshown = self._homekit.unshown(self._tenant)
        if not unshown:
            ui.label(_("Nothing: Apple Home shows everything."))
            return
        ui.label(
            _("What Apple Home does not accept, or still waits for. It is stored all the same.")
        )
        with ui.element("ul"):
            for one in unshown:
                with ui.element("li"):
                    part = _("all of it") if one.part == INFORMATION else _words(one.part)
                    ui.label(f"{self._name(one.device)}, {part}: {one.reason}.")

    def _accessories(self) -> None:
        heading(_("Accessories"))
        bridges = self._homekit.accessories(self._tenant)
        shown = [one for each in bridges for one in each["accessories"]]
        if not shown:
            ui.label(
                _("None yet: a device appears once it has sent a value that Apple Home knows.")
            )
        for one in sorted(shown, key=lambda one: str(one["name"]).casefold()):
            self._accessory(one)

    def _accessory(self, one: dict[str, Any]) -> None:
        services = ", ".join(_words(name) for name in one["services"] if name != INFORMATION)
        with ui.row().classes("items-center w-full dm-line"):
            with ui.column().classes("gap-0 grow min-w-0"):
                ui.link(one["name"] or one["device"], f"/devices/{one['device']}")
                state = "" if one["available"] else _(" · No Response")
                ui.label(f"{services}{state}").classes("text-sm opacity-80 break-words")
            if self._principal.administers:
                ui.button(_("Remove"), on_click=lambda: self._remove(one)).props(
                    "flat no-caps dense"
                ).props["aria-label"] = _("Remove {name} from Apple Home", name=one["name"])

    async def _remove(self, one: dict[str, Any]) -> None:
        sure = await confirm(
            _("Remove {name} from Apple Home?", name=one["name"]),
            details=[
                _("Its readings stay here. It comes back by itself when it says something again.")
            ],
            yes=_("Remove"),
        )
        if sure and await self._homekit.remove(self._tenant, one["device"]):
            self.show.refresh()

    def _name(self, device: str) -> str:
        name = self._homekit.names(self._tenant).get(device)
        return f"{name} ({device})" if name else device


def _code(info: PairingInfo) -> None:
    # White around it in dark mode too: cameras want it.
    code = ui.image(svg_uri(info.uri)).classes("w-56")
    code.props["alt"] = _("QR code for the Home app")
    with ui.row().classes("items-center"):
        ui.label(_("or type the code"))
        ui.label(info.pin).classes("text-xl font-mono").props('data-testid="code"')


def _words(part: str) -> str:
    """`HumiditySensor.1`, or "HumiditySensor 1", as "Humidity sensor 2"."""
    service, _dot, index = part.replace(" ", ".").partition(".")
    return service_words(service, int(index) if index.isdecimal() else 0)
