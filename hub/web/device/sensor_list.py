"""The dialog in which a device's list of sensors is put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from nicegui import ui

from hub.device_settings.drivers import DRIVERS, DriverNeeds, clash, missing
from hub.language.words import _
from hub.web.ask import asked
from hub.web.device.sensor_words import GPIOS, OPTIONS, driver_name, options_of, pin_name

__all__ = ["MOST_SENSORS", "ask_sensors"]

MOST_SENSORS = 12  # what a device takes
_ROM = re.compile(r"[0-9A-Fa-f]{16}")


async def ask_sensors(
    device: str, sensors: Sequence[Mapping[str, object]], board: object, *, known: bool
) -> list[dict[str, object]] | None:
    """A list as the firmware has it, begun with `sensors`; None where nothing is to change.

    `known`: it is what the device has; otherwise its own list is said to be replaced.
    """
    with asked(_("Sensors of {name}", name=device), stays=True) as dialog:
        editor = _Editor(sensors, board)
        ui.label(
            _("New sensors are tried at once; where one measures nothing it keeps its list.")
            if known
            else _("This takes the place of the list in the device: name all that it has.")
        ).classes("dm-soft dm-small")
        await editor.build()
        problem = ui.label().classes("dm-bad").props('role="alert"')

        def submit() -> None:
            problem.text = editor.problem()
            if not problem.text:
                dialog.submit(editor.entries)

        with ui.row().classes("w-full justify-end"):
            ui.button(_("Cancel"), on_click=lambda: dialog.submit(None)).props("flat no-caps")
            ui.button(_("Change"), on_click=submit).props("no-caps")
    answer: list[dict[str, object]] | None = await dialog
    dialog.delete()
    return answer


class _Editor:
    """What is put together: `entries`."""

    def __init__(self, sensors: Sequence[Mapping[str, object]], board: object) -> None:
        self.entries: list[dict[str, object]] = [dict(one) for one in sensors]
        self._pins = {gpio: pin_name(gpio, board) for gpio in GPIOS}
        self._board = board

    async def build(self) -> None:
        """Make it."""
        self._rows()
        kinds = {key: driver_name(key) for key in DRIVERS}
        self._more = ui.select(
            dict(sorted(kinds.items(), key=lambda one: one[1].casefold())),
            label=_("Add a sensor"),
            on_change=lambda event: self._add(event.value),
        )
        self._more.props("outlined options-dense").classes("w-full")

    def problem(self) -> str:
        """What cannot be so, in a sentence; "" if all can."""
        for entry in self.entries:
            name = driver_name(entry["driver"])
            if lacking := missing(entry):
                fields = ", ".join(_(OPTIONS[pin]) for pin in lacking)
                return _("{name} needs: {fields}.", name=name, fields=fields)
            if "rom" in entry and not _ROM.fullmatch(str(entry["rom"])):
                return _("{name}: a ROM has 16 hexadecimal digits.", name=name)
            if entry.get("scl") is not None and entry.get("scl") == entry.get("sda"):
                return _("{name}: SCL and SDA are two pins.", name=name)
        if both := clash(self.entries):
            one, other = (driver_name(self.entries[n]["driver"]) for n in both)
            return _("{one} and {other} cannot both be there.", one=one, other=other)
        return ""

    @ui.refreshable_method
    def _rows(self) -> None:
        if not self.entries:
            ui.label(_("No sensor yet.")).classes("dm-soft")
        with ui.element("ol").classes("dm-sensors"):
            for number, entry in enumerate(self.entries):
                with ui.element("li"):
                    self._row(number, entry)

    def _row(self, number: int, entry: dict[str, object]) -> None:
        driver, name = DRIVERS.get(str(entry["driver"])), driver_name(entry["driver"])
        with ui.element("div").classes("dm-row"):
            ui.label(name).classes("dm-grow dm-strong")
            ui.button(icon="close", on_click=partial(self._take, number)).props(
                "flat round dense"
            ).props["aria-label"] = _("Take {name} off the list", name=name)
        if driver is None:
            ui.label(options_of(entry, self._board)).classes("dm-soft dm-small")
            return
        with ui.element("div").classes("dm-sensor-fields"):
            for option in (*driver.pins, *driver.options):
                self._field(entry, driver, option)

    def _field(self, entry: dict[str, object], driver: DriverNeeds, option: str) -> None:
        put, title = partial(self._put, entry, option), _(OPTIONS[option])
        held, usual = entry.get(option), {None: _("as usual")}
        bounds = driver.options.get(option)
        if option in driver.pins:
            self._choice(title, self._pins, held, put)
        elif option in driver.wired:
            self._choice(title, usual | self._pins, held, put)
        elif option == "address" and bounds:
            addresses = {n: f"0x{n:02x}" for n in range(bounds[0], bounds[1] + 1)}
            self._choice(title, usual | addresses, held, put)
        elif bounds == (0, 1):
            self._choice(title, usual | {0: "0", 1: "1"}, held, put)
        elif bounds is None:
            text = ui.input(title, value=str(held or ""), on_change=lambda e: put(e.value or None))
            text.props("outlined dense maxlength=16")
        else:
            low, high = bounds
            shown = held if isinstance(held, int) else None
            ui.number(
                title, value=shown, min=low, max=high, precision=0, on_change=lambda e: put(e.value)
            ).props(f'outlined dense hint="{low}-{high}"')

    @staticmethod
    def _choice(
        title: str, options: Mapping[Any, str], held: object, put: Callable[[object], None]
    ) -> None:
        value = held if held in options else None
        ui.select(dict(options), value=value, label=title, on_change=lambda e: put(e.value)).props(
            "outlined dense options-dense"
        )

    @staticmethod
    def _put(entry: dict[str, object], option: str, value: object) -> None:
        if value is None:
            entry.pop(option, None)
        else:
            entry[option] = int(value) if isinstance(value, float) else value

    def _add(self, driver: object) -> None:
        if driver not in DRIVERS:
            return
        if len(self.entries) < MOST_SENSORS:
            entry: dict[str, object] = {"driver": driver}
            buses = [one for one in self.entries if {"scl", "sda"} <= one.keys()]
            if buses and "scl" in DRIVERS[str(driver)].pins:  # they share it
                entry |= {"scl": buses[0]["scl"], "sda": buses[0]["sda"]}
            self.entries.append(entry)
        self._more.value = None
        self._rows.refresh()

    def _take(self, number: int) -> None:
        del self.entries[number]
        self._rows.refresh()
