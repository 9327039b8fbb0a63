"""What stands on the page at each step of adding a device."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from hub.homekit.network import addresses
from hub.language.words import N_, _
from hub.web.adding import sensors, waiting
from hub.web.adding.context import Adding, PlaceName
from hub.web.adding.done import show_done
from hub.web.adding.script import sensor_of
from hub.web.wizard_page import WizardPage
from hub.wizards.machine import Step

__all__ = ["Forms"]

_NEW, _NONE = 0, -1
# More places than these are chosen from a list that is searched.
_CHIPS = 12

_NO_CODE = (
    N_("The label names the device's own WiFi (dormouse-…) and its password: join it by hand."),
    N_("Its page opens by itself; if not, open http://192.168.4.1/ there."),
    N_(
        "A device that was set up before: hold its button (FLASH) for 2 s right after it got power."
    ),
    N_("No label? With the device on a cable, `dormouse label` prints one."),
)
_CABLE = (
    N_(
        "On a computer with the device on its USB cable, `make flash` puts firmware and WiFi on it."
    ),
    N_("It then asks this hub within a minute: nothing more is to be done here."),
)


class Forms:
    """Builds the form of a step; see WizardPage. `alone`: no other draft waits for devices."""

    def __init__(self, adding: Adding, hub_host: str, *, alone: bool = True) -> None:
        self._adding = adding
        self._host = hub_host
        self._alone = alone

    async def __call__(self, page: WizardPage, step: Step) -> None:
        """Build it."""
        sensor = sensor_of(step.key)
        if sensor is not None:
            await sensors.calibration(page, self._adding, *sensor)
            return
        forms: dict[str, Callable[[WizardPage], Awaitable[None]]] = {
            "device": self._device,
            "reading": self._reading,
            "place": self._place,
            "done": self._done,
        }
        await forms[step.key](page)

    async def _device(self, page: WizardPage) -> None:
        ui.label(
            _(
                "Give the device power. Then point your phone's camera at the code on its "
                "label and join its WiFi (dormouse-…): a page opens there, on which you "
                "choose your WiFi and type its password."
            )
        )
        ui.label(
            _(
                "Then let the phone return to your own WiFi. Nothing is to be pressed here: "
                "this page goes on by itself."
            )
        ).classes("dm-note")
        await waiting.waiting_list(page, self._adding, alone=self._alone)
        with ui.expansion(_("No code, or it cannot be read")).classes("w-full"):
            _lines(
                *map(_, _NO_CODE),
                _(
                    "If the hub is not found there, its address is {address}.",
                    address=self._address(),
                ),
            )
        with ui.expansion(_("Add it with a cable instead")).classes("w-full"):
            _lines(*map(_, _CABLE))

    async def _reading(self, page: WizardPage) -> None:
        await sensors.test_reading(page, self._adding, page.answer_to("device")["device"])

    async def _place(self, page: WizardPage) -> None:
        device = page.answer_to("device")["device"]
        places = await self._adding.place_names()
        known = page.answer_to("place") or {}
        called = known.get("name", self._adding.own_name(device))
        form = _PlaceForm(places, known, called)

        async def effect() -> None:
            number = form.place
            if form.new:
                number = await self._adding.place_of(form.new, None)
            await self._adding.put(device, number)
            if form.called:
                await self._adding.name(device, form.called)

        async def save() -> None:
            if form.lacks_place:
                page.complain(_("Type what the new place is called, or choose another."))
                return
            await page.answer(form.answer, effect)

        form.on_enter(save)
        ui.button(_("Save"), on_click=save).props("no-caps unelevated")

    async def _done(self, page: WizardPage) -> None:
        device = page.answer_to("device")["device"]
        name = page.answer_to("place")["name"] or device
        await show_done(page, self._adding, device, name)

    def _address(self) -> str:
        """Where devices find the hub: as this browser does, unless it is on the same machine."""
        if self._host not in {"", "localhost", "127.0.0.1", "::1"}:
            return self._host
        return " or ".join(addresses(self._adding.services.settings.host))


class _PlaceForm:
    """Places to choose from, and a name that follows the place until somebody types one."""

    def __init__(self, places: list[PlaceName], known: dict[str, Any], called: str) -> None:
        self._paths = {place.id: place.path for place in places}
        options = {**self._paths, _NEW: _("+ New"), _NONE: _("No place yet")}
        chosen: int = _NEW if known.get("new") or not places else _NONE
        if known.get("place") in self._paths:
            chosen = known["place"]
        self._typed = bool(called)
        self._choice: ui.radio | ui.select
        if len(options) > _CHIPS:
            self._choice = ui.select(options, value=chosen, label=_("Place"), with_input=True)
            self._choice.props("outlined").classes("w-full")
        else:
            ui.label(_("Place")).classes("dm-note")
            self._choice = ui.radio(options, value=chosen).props(
                f'inline aria-label="{_("Place")}"'
            )
        self._new = ui.input(_("Name of the place"), value=known.get("new", ""))
        self._new.props("maxlength=100 outlined").classes("w-full")
        self._name = ui.input(_("Name"), value=called).props("maxlength=64 outlined")
        self._name.classes("w-full")
        self._followed = ""
        self._name.on_value_change(self._was_typed)
        self._choice.on_value_change(self._follow)
        self._new.on_value_change(self._follow)
        self._follow()

    def on_enter(self, save: Callable[[], Awaitable[None]]) -> None:
        """Have the enter key save, too."""
        self._name.on("keydown.enter", save)

    @property
    def place(self) -> int | None:
        """The number of the place; None: none, or a new one."""
        value = self._choice.value
        return int(value) if value is not None and int(value) > 0 else None

    @property
    def new(self) -> str:
        """What a new place is called; empty where another is chosen."""
        return str(self._new.value or "").strip() if self._choice.value == _NEW else ""

    @property
    def lacks_place(self) -> bool:
        """Whether a new place is wanted and has no name."""
        return self._choice.value == _NEW and not self.new

    @property
    def called(self) -> str:
        """What the device is called; empty: it keeps its id."""
        return str(self._name.value or "").strip() if self._typed else self._followed

    @property
    def answer(self) -> dict[str, Any]:
        """See hub.web.adding.script."""
        return {"name": self.called, "place": self.place, "new": self.new}

    def _was_typed(self) -> None:
        self._typed = True

    def _follow(self) -> None:
        self._new.set_visibility(self._choice.value == _NEW)
        if not self._typed:
            path = self._paths.get(self.place or 0, "")
            self._followed = self.new or path.rpartition(" / ")[2]
            # Not as its value: of that NiceGUI tells the browser a second time, a moment later,
            # which takes away what somebody has typed meanwhile.
            self._name.props["value"] = self._followed


def _lines(*texts: str) -> None:
    with ui.element("ol").classes("dm-chain"):
        for text in texts:
            with ui.element("li"):
                ui.label(text).classes("dm-note")
