"""The first reading of a device, and what each of its sensors shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.homekit.definitions import SERVICES
from contracts.homekit.quantities import quantity
from contracts.reading import SeriesKey
from contracts.zones import zoned
from hub.devices.overview import LastValue
from hub.language.words import _
from hub.readings.service import calibratable
from hub.web.adding.context import Adding
from hub.web.adding.script import sensors_in
from hub.web.terms import shown
from hub.web.wizard_page import WizardPage

__all__ = ["calibration", "test_reading"]

# A device that enrolled takes its first reading in the same wake; after this the page says what
# else may be the matter.
_PATIENCE_S = 90


async def test_reading(page: WizardPage, adding: Adding, device: str) -> None:
    """Wait for something that the device measured, show it, and go on with what was found."""
    values: dict[SeriesKey, LastValue] = {}
    since = datetime.now(UTC)
    zone = await adding.zone()

    @ui.refreshable
    def listed() -> None:
        with ui.column().classes("w-full gap-2").props('aria-live="polite"'):
            sensors = sensors_in(values)
            if not sensors:
                _waiting(device, (datetime.now(UTC) - since).total_seconds() > _PATIENCE_S)
            for key, last in sorted(values.items()):
                if f"{key.service}/{key.index}" in sensors:
                    _value(key, last, zone)

    values.update(await adding.latest(device))
    listed()
    # Not within what is shown anew at each reading: it would lose the focus.
    following = ui.button(_("Next"), on_click=lambda: page.answer({"sensors": sensors_in(values)}))
    following.props("no-caps").set_enabled(bool(sensors_in(values)))

    async def watch() -> None:
        async for latest in adding.measured(device):
            values.update(latest)
            listed.refresh()
            following.set_enabled(bool(sensors_in(values)))

    ui.timer(0, watch, once=True)
    ui.timer(_PATIENCE_S + 1, listed.refresh, once=True)


def _waiting(device: str, long: bool) -> None:
    with ui.row().classes("items-center gap-3"):
        ui.spinner(size="sm").props('aria-hidden="true"')
        ui.label(_("Waiting for the first reading of {device}.", device=device))
    if long:
        ui.label(
            _(
                "It takes its time. A device that sleeps measures when it wakes next (press "
                "its reset button to wake it now). Is a sensor attached to the pins it was "
                "set up with? Is it near enough to the WiFi?"
            )
        )


def _value(key: SeriesKey, last: LastValue, zone: ZoneInfo) -> None:
    kind = quantity(key)
    with ui.row().classes("items-baseline gap-3"):
        ui.label(kind.label)
        ui.label(shown(last.value, kind)).classes("text-xl font-medium")
        ui.label(f"at {zoned(last.at, zone, '%H:%M:%S')}").classes("text-sm opacity-80")


async def calibration(page: WizardPage, adding: Adding, service: str, index: int) -> None:
    """Show what a sensor measures; let a quantity be put right, and one of several be named."""
    device = page.answer_to("device")["device"]
    latest, zone = await adding.latest(device), await adding.zone()
    values = {key: v for key, v in latest.items() if (key.service, key.index) == (service, index)}
    for key, last in sorted(values.items()):
        _value(key, last, zone)
    known = {"offset": None, "name": "", **(page.answer_to(page.view.step.key) or {})}
    name = None
    if any(key.service == service and key.index != index for key in latest):
        name = ui.input(_("What it measures, as Apple Home shows it"), value=known["name"])
        name.props("maxlength=64 outlined").classes("w-full")
    correction = _correction(values, service, known["offset"])

    async def effect() -> None:
        called = (name.value or "").strip() if name is not None else ""
        if called and called != known["name"]:
            await adding.call_sensor(device, service, index, called)
        if correction is not None and correction.offset != known["offset"]:
            await adding.calibrate(correction.key, correction.offset or 0.0)

    def answer() -> dict[str, Any]:
        return {
            "offset": correction.offset if correction else None,
            "name": name.value or "" if name is not None else "",
        }

    ui.button(_("Next"), on_click=lambda: page.answer(answer(), effect)).props("no-caps")


class _Correction:
    """A field for what an instrument that is trusted shows; `offset` is the difference."""

    def __init__(self, key: SeriesKey, raw: float, known: float | None) -> None:
        self.key = key
        self._raw, self._known = raw, known
        self._shown = None if known is None else round(raw + known, 2)
        self._unit = quantity(key).unit
        ui.label(
            _(
                "Does an instrument that you trust show something else? Then type what it "
                "shows now; what was measured so far and what comes is put right by the "
                "difference."
            )
        )
        self._truth = ui.number(
            _("True value ({unit})", unit=self._unit) if self._unit else _("True value"),
            value=self._shown,
        )
        self._truth.props("outlined clearable step=any").on_value_change(self._tell)
        self._total = ui.label("").classes("text-sm")

    @property
    def offset(self) -> float | None:
        """What is added to every reading; None where nothing was typed."""
        typed = self._truth.value
        if typed is None or typed == self._shown:
            return None if typed is None else self._known
        return round(float(typed) - self._raw, 6)

    def _tell(self) -> None:
        offset = self.offset
        self._total.text = "" if offset is None else f"{offset:+.2f} {self._unit}"


def _correction(
    values: Mapping[SeriesKey, LastValue], service: str, known: float | None
) -> _Correction | None:
    main = _main(values, service)
    if main is None or not calibratable(main):
        return None
    return _Correction(main, float(values[main].raw), known)


def _main(values: Mapping[SeriesKey, LastValue], service: str) -> SeriesKey | None:
    """The series that the service is about."""
    known = SERVICES.get(service)
    for key in values:
        if known is None or key.characteristic == known.main:
            return key
    return None
