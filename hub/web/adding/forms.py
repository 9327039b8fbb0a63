"""What stands on the page at each step of adding a device."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from contracts.qr import svg_uri
from hub.homekit.network import addresses
from hub.web.adding import sensors, waiting
from hub.web.adding.context import Adding
from hub.web.adding.script import sensor_of
from hub.web.wizard_page import WizardPage
from hub.wizards.machine import Step

__all__ = ["Forms"]

_WAYS = {
    "phone": "With a phone: the device opens a WiFi of its own",
    "cable": "It has its WiFi already: it was set up over a USB cable, or joined before",
}

# What the portal of the firmware shows, in its order (firmware/dormouse/portal).
_PORTAL = (
    (
        "Give the device power. If it was set up before, hold its button (GPIO0, on many boards "
        "called FLASH) for two seconds right afterwards; not while you plug it in."
    ),
    (
        "Point your phone's camera at the device's label, and join its WiFi (dormouse-…). "
        "`make flash` printed the label; with the device on a cable, `dormouse label` prints it "
        "again, with name and password to type instead."
    ),
    "A page “Set up this sensor” opens by itself. If it does not, open http://192.168.4.1/ there.",
    (
        "Choose your WiFi and type its password. The sensors that were found are chosen, and the "
        "hub is looked for; if it is not found, its address is {address}"
    ),
    (
        "Tap Join. If the password was wrong or the network was not found, the page says so "
        "and lets you correct it. When it says Done, let your phone return to your own WiFi and "
        "go on here."
    ),
)


class Forms:
    """Builds the form of a step; see WizardPage."""

    def __init__(self, adding: Adding, hub_host: str) -> None:
        self._adding = adding
        self._host = hub_host

    async def __call__(self, page: WizardPage, step: Step) -> None:
        """Build it."""
        sensor = sensor_of(step.key)
        if sensor is not None:
            await sensors.calibration(page, self._adding, *sensor)
            return
        forms: dict[str, Callable[[WizardPage], Awaitable[None]]] = {
            "way": self._way,
            "portal": self._portal,
            "device": self._device,
            "name": self._name,
            "place": self._place,
            "new-place": self._new_place,
            "reading": self._reading,
            "homekit": self._homekit,
            "done": self._done,
        }
        await forms[step.key](page)

    async def _way(self, page: WizardPage) -> None:
        known = page.answer_to("way") or {"way": "phone"}
        ui.label("How does it get into your WiFi?")
        way = ui.radio(_WAYS, value=known["way"]).props('aria-label="How it gets into your WiFi"')
        _next(page, lambda: {"way": way.value})

    async def _portal(self, page: WizardPage) -> None:
        texts = [text.format(address=self._hub_address()) for text in _PORTAL]
        for number, text in enumerate(texts, 1):
            with ui.row().classes("no-wrap items-baseline gap-3"):
                ui.label(f"{number}.").classes("font-medium")
                ui.label(text)
        _next(page, dict, "It says that it joined")

    async def _device(self, page: WizardPage) -> None:
        await waiting.waiting_list(page, self._adding)

    async def _name(self, page: WizardPage) -> None:
        device = page.answer_to("device")["device"]
        known = page.answer_to("name") or {"name": self._adding.own_name(device)}
        ui.label(f"{device} is what it calls itself to the hub. What do you call it?")
        name = ui.input("Name", value=known["name"]).props("maxlength=64 autofocus outlined")
        name.classes("w-full")

        async def effect() -> None:
            await self._adding.name(device, name.value or "")

        name.on("keydown.enter", lambda: page.answer({"name": name.value}, effect))
        _next(page, lambda: {"name": name.value}, effect=effect)

    async def _place(self, page: WizardPage) -> None:
        device = page.answer_to("device")["device"]
        places = {place.id: place.path for place in await self._adding.place_names()}
        options: dict[int, str] = {**places, 0: "A new place…", -1: "In no place yet"}
        known = page.answer_to("place") or {"new": not places, "place": None}
        chosen = 0 if known["new"] else known["place"] if known["place"] in places else -1
        if page.answer_to("place") is None and places:
            chosen = next(iter(places))
        place = ui.select(options, value=chosen, label="Place").props("outlined").classes("w-full")

        async def effect() -> None:
            if place.value != 0:
                await self._adding.put(device, place.value if place.value > 0 else None)

        _next(
            page,
            lambda: {
                "new": place.value == 0,
                "place": place.value if place.value > 0 else None,
            },
            effect=effect,
        )

    async def _new_place(self, page: WizardPage) -> None:
        device = page.answer_to("device")["device"]
        places = {place.id: place.path for place in await self._adding.place_names()}
        known = page.answer_to("new-place") or {"name": "", "within": 0}
        name = ui.input("Name of the place", value=known["name"]).props("maxlength=100 outlined")
        name.classes("w-full")
        within_options = {0: "Top level", **places}
        within = ui.select(
            within_options,
            value=known["within"] if known["within"] in within_options else 0,
            label="Within",
        ).props("outlined")
        within.classes("w-full")

        async def effect() -> None:
            made = await self._adding.place_of(name.value or "", within.value or None)
            await self._adding.put(device, made)

        _next(page, lambda: {"name": name.value, "within": within.value}, effect=effect)

    async def _reading(self, page: WizardPage) -> None:
        await sensors.test_reading(page, self._adding, page.answer_to("device")["device"])

    async def _homekit(self, page: WizardPage) -> None:
        bridge = self._adding.bridge
        device = page.answer_to("device")["device"]
        pairings = bridge.pairings() if bridge else []
        if bridge is None or not pairings:
            ui.label("Apple Home's side of the hub is not running; there is nothing to do here.")
        elif any(info.controllers for info in pairings):
            name = self._adding.own_name(device) or device
            there = bridge.has(device)
            ui.label(
                f"It is there already: look for “{name}” in the Home app."
                if there
                else "Your home is paired. The device appears there by itself once it has sent "
                "a value that Apple Home knows."
            )
        else:
            ui.label(
                "To have it in Apple Home, open the Home app, choose Add Accessory and scan this "
                "once. Every device of this hub comes with it, now and later."
            )
            info = pairings[0]
            # White around it in dark mode too: cameras want it.
            ui.image(svg_uri(info.uri)).props('alt="QR code for the Home app"').classes("w-56")
            ui.label(f"Or type the code {info.pin}").classes("text-lg")
        if bridge is not None:
            for held in bridge.unshown():
                if held.device == device:
                    ui.label(f"Not shown in Apple Home: {held.part}, {held.reason}").classes(
                        "text-sm"
                    )
        _next(page, dict)

    async def _done(self, page: WizardPage) -> None:
        device = page.answer_to("device")["device"]
        name = page.answer_to("name")["name"] or device
        ui.label(f"{name} is set up.")
        ui.link("Open its page", f"/devices/{device}")
        ui.button("Add another device", on_click=page.reset).props("no-caps")

    def _hub_address(self) -> str:
        """Where devices find the hub: as this browser does, unless it is on the same machine."""
        if self._host not in {"", "localhost", "127.0.0.1", "::1"}:
            return self._host
        return " or ".join(addresses(self._adding.services.settings.host))


def _next(
    page: WizardPage,
    values: Callable[[], dict[str, Any]],
    label: str = "Next",
    effect: Callable[[], Awaitable[object]] | None = None,
) -> None:
    ui.button(label, on_click=lambda: page.answer(values(), effect)).props("no-caps")
