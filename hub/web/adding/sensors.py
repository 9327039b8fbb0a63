"""The first reading of a device, and what each of its sensors shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from nicegui import ui

from hub.homekit.registry import SERVICES
from hub.reading import SeriesKey
from hub.store.overview import LastValue
from hub.web.adding.context import Adding
from hub.web.adding.script import sensors_in
from hub.web.quantities import Shape, quantity, shown
from hub.web.wizard.show import WizardPage

__all__ = ["calibration", "test_reading"]

# A device that enrolled takes its first reading in the same wake; after this the page says what
# else may be the matter.
_PATIENCE_S = 90


async def test_reading(page: WizardPage, adding: Adding, device: str) -> None:
    """Wait for something that the device measured, show it, and go on with what was found."""
    found: dict[SeriesKey, LastValue] = {}
    since = datetime.now(UTC)

    @ui.refreshable
    def listed() -> None:
        with ui.column().classes("w-full gap-2").props('aria-live="polite"'):
            sensors = sensors_in(found)
            if not sensors:
                _waiting(device, (datetime.now(UTC) - since).total_seconds() > _PATIENCE_S)
            for key, last in sorted(found.items()):
                if f"{key.service}/{key.index}" in sensors:
                    _value(key, last)

    found.update(await adding.latest(device))
    listed()
    # Not within what is shown anew at each reading: it would lose the focus.
    following = ui.button("Next", on_click=lambda: page.answer({"sensors": sensors_in(found)}))
    following.props("no-caps").set_enabled(bool(sensors_in(found)))

    async def watch() -> None:
        async for latest in adding.measured(device):
            found.update(latest)
            listed.refresh()
            following.set_enabled(bool(sensors_in(found)))

    ui.timer(0, watch, once=True)
    ui.timer(_PATIENCE_S + 1, listed.refresh, once=True)


def _waiting(device: str, long: bool) -> None:
    with ui.row().classes("items-center gap-3"):
        ui.spinner(size="sm").props('aria-hidden="true"')
        ui.label(f"Waiting for the first reading of {device}.")
    if long:
        ui.label(
            "It takes its time. A device that sleeps measures when it wakes next (press its reset "
            "button to wake it now). Is a sensor attached to the pins it was set up with? Is it "
            "near enough to the WiFi?"
        )


def _value(key: SeriesKey, last: LastValue) -> None:
    kind = quantity(key)
    with ui.row().classes("items-baseline gap-3"):
        ui.label(kind.label)
        ui.label(shown(last.value, kind)).classes("text-xl font-medium")
        ui.label(f"at {last.at.astimezone():%H:%M:%S}").classes("text-sm opacity-80")


async def calibration(page: WizardPage, adding: Adding, service: str, index: int) -> None:
    """Show what a sensor measures and, where that is a quantity, let it be put right."""
    device = page.answer_to("device")["device"]
    latest = await adding.latest(device)
    mine = {key: v for key, v in latest.items() if (key.service, key.index) == (service, index)}
    for key, last in sorted(mine.items()):
        _value(key, last)
    main = _main(mine, service)
    if main is None or quantity(main).shape is not Shape.CURVE:
        ui.button("Next", on_click=lambda: page.answer({"offset": None})).props("no-caps")
        return
    raw = float(mine[main].value)
    kind = quantity(main)
    known = page.answer_to(page.view.step.key) or {"offset": None}
    ui.label(
        "Does an instrument that you trust show something else? Then type what it shows now; "
        "what was measured so far and what comes is put right by the difference."
    )
    truth = ui.number(
        f"It really is ({kind.unit})" if kind.unit else "It really is",
        value=None if known["offset"] is None else round(raw + known["offset"], 2),
    ).props("outlined clearable step=any")
    said = ui.label("").classes("text-sm")

    def difference() -> float | None:
        return None if truth.value is None else round(float(truth.value) - raw, 6)

    def tell() -> None:
        offset = difference()
        said.text = "" if offset is None else f"{offset:+.2f} {kind.unit} from now on"

    truth.on_value_change(tell)

    async def effect() -> None:
        offset = difference()
        if offset is not None or known["offset"] is not None:
            await adding.calibrate(main, offset or 0.0)

    ui.button("Next", on_click=lambda: page.answer({"offset": difference()}, effect)).props(
        "no-caps"
    )


def _main(mine: Mapping[SeriesKey, LastValue], service: str) -> SeriesKey | None:
    """The series that the service is about."""
    known = SERVICES.get(service)
    for key in mine:
        if known is None or key.characteristic == known.main:
            return key
    return None
