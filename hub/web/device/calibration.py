"""Calibrations of a device's series: seen and set."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from nicegui import ui

from contracts.homekit.quantities import Shape, importance, quantity, shown
from contracts.reading import SeriesKey
from hub.api.principal import Principal
from hub.devices.glance import DeviceGlance, SeriesGlance
from hub.errors import HubError
from hub.live import LiveChange
from hub.services import Services

__all__ = ["CalibrationPanel"]


class CalibrationPanel:
    """What holds now, and a form for who may change it. `changed` is awaited after a change."""

    def __init__(
        self,
        services: Services,
        principal: Principal,
        device: DeviceGlance,
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._services, self._principal, self._changed = services, principal, changed
        self._device = device.device
        self._series = {
            _name(value): value
            for value in sorted(device.values, key=lambda v: importance(v.series))
            if quantity(value.series).shape is Shape.CURVE and not isinstance(value.raw, bool | str)
        }

    def build(self) -> None:
        """Make it."""
        if not self._series:
            ui.label("It measures nothing that could be calibrated.").classes("dm-soft")
            return
        for name, value in self._series.items():
            if (value.gain, value.offset) != (1.0, 0.0):
                now = shown(value.value, quantity(value.series))
                ui.label(f"{name}: {value.gain:g} * measured {value.offset:+g}, now {now}")
        if not self._principal.administers:
            return
        with ui.row().classes("items-end w-full"):
            names = list(self._series)
            self._what = ui.select(names, value=names[0], label="Series").props("outlined dense")
            self._gain = ui.number("Gain", value=1, format="%g").props("outlined dense")
            self._offset = ui.number("Offset", value=0, format="%g").props("outlined dense")
            self._since = ui.input("Since (UTC; empty: always)").props(
                "type=datetime-local outlined dense stack-label"
            )
            ui.button("Calibrate", on_click=self._set).props("no-caps")
        self._status = ui.label().props('role="status"')

    async def _set(self) -> None:
        value = self._series.get(str(self._what.value))
        gain, offset = self._gain.value, self._offset.value
        if value is None or not all(isinstance(n, int | float) for n in (gain, offset)):
            self._status.text = "Gain and offset must be numbers."
            return
        try:
            since = _instant(self._since.value)
            readings = self._services.readings.of(self._principal.tenant)
            await readings.calibrate(
                value.series, gain=gain, offset=offset, since=since, who=self._principal.name
            )
        except (HubError, ValueError) as error:
            self._status.text = str(error)
            return
        self._status.text = f"{value.series.characteristic} is calibrated."
        self._services.live.publish(self._principal.tenant, LiveChange("device", self._device))
        await self._changed()


def _name(value: SeriesGlance) -> str:
    key: SeriesKey = value.series
    return f"{quantity(key).label} ({key.service})"


def _instant(text: object) -> datetime | None:
    """What a datetime field holds, taken for UTC; None for an empty one. Raises ValueError."""
    if not text:
        return None
    return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
