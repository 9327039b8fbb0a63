"""Calibrations of a device's series: seen and set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.homekit.quantities import importance, quantity
from contracts.reading import SeriesKey
from contracts.zones import zoned
from hub.api.principal import Principal
from hub.calibration.span import CalibrationSpan
from hub.devices.glance import DeviceGlance
from hub.devices.overview import LastValue
from hub.errors import HubError
from hub.language.words import _
from hub.readings.service import calibratable
from hub.services import Services
from hub.web.ask import typed_instant
from hub.web.terms import called, shown
from hub.web.words import service_words

__all__ = ["CalibrationPanel"]


class CalibrationPanel:
    """What holds when, and a form for who may change it."""

    def __init__(
        self, services: Services, principal: Principal, device: DeviceGlance, zone: ZoneInfo
    ) -> None:
        self._services, self._principal, self._zone = services, principal, zone
        self._readings = services.readings.of(principal.tenant)
        self._series: dict[str, LastValue] = {}
        self._take(device)

    def build(self) -> None:
        """Make it."""
        if not self._series:
            ui.label(_("It measures nothing that could be calibrated.")).classes("dm-soft")
            return
        self._held()
        if not self._principal.administers:
            return
        with ui.row().classes("items-end w-full"):
            names = list(self._series)
            self._what = ui.select(names, value=names[0], label=_("Series")).props("outlined dense")
            self._gain = ui.number(_("Gain"), value=1, format="%g").props("outlined dense")
            self._offset = ui.number(_("Offset"), value=0, format="%g").props("outlined dense")
            self._since = ui.input(_("Since (empty: always)")).props(
                "type=datetime-local outlined dense stack-label"
            )
            ui.button(_("Calibrate"), on_click=self._set).props("no-caps")
        self._status = ui.label().props('role="status"')

    def read(self, device: DeviceGlance) -> None:
        """Show what was read anew: something is calibrated otherwise."""
        if self._series:
            self._take(device)
            self._held.refresh()

    def _take(self, device: DeviceGlance) -> None:
        values = sorted(device.values, key=lambda v: importance(v.series))
        self._series = {
            _name(value.series): value for value in values if calibratable(value.series)
        }

    @ui.refreshable_method
    def _held(self) -> None:
        for name, value in self._series.items():
            spans = self._readings.calibrations(value.series)
            for text in lines(spans, self._zone):
                ui.label(f"{name}: {text}")
            if list(lines(spans, self._zone)):
                kind = quantity(value.series)
                ui.label(
                    _(
                        "{name}: now {value}, measured {raw}",
                        name=name,
                        value=shown(value.value, kind),
                        raw=shown(value.raw, kind),
                    )
                )

    async def _set(self) -> None:
        value = self._series.get(str(self._what.value))
        gain, offset = self._gain.value, self._offset.value
        if value is None or not all(isinstance(n, int | float) for n in (gain, offset)):
            self._status.text = _("Gain and offset must be numbers.")
            return
        try:
            since = await typed_instant(self._since.value, self._zone)
            holds, _spans = await self._readings.calibrate(
                value.series, gain=gain, offset=offset, since=since, who=self._principal.name
            )
        except HubError as error:
            self._status.text = str(error)
            return
        self._status.text = _(
            "{characteristic} is calibrated.", characteristic=value.series.characteristic
        )
        if holds is not None and holds != since:
            begin = zoned(holds, self._zone)
            self._status.text += _(
                " It holds from {begin} on: the readings around that time are gone.", begin=begin
            )


def lines(spans: Sequence[CalibrationSpan], zone: ZoneInfo) -> Iterator[str]:
    """What holds when, a sentence each; what changes nothing is left out."""
    for span in spans:
        if (span.gain, span.offset) != (1.0, 0.0):
            since = _(" from {since}", since=zoned(span.since, zone)) if span.since else ""
            until = _(" until {until}", until=zoned(span.until, zone)) if span.until else ""
            yield _(
                "{gain} * measured {offset}{since}{until}",
                gain=f"{span.gain:g}",
                offset=f"{span.offset:+g}",
                since=since,
                until=until,
            )


def _name(key: SeriesKey) -> str:
    return f"{called(quantity(key).label)} ({service_words(key.service)})"
