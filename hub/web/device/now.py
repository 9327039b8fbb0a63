"""What a device says now, and what it can be told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from nicegui import background_tasks, ui

from contracts.homekit.quantities import Shape, importance, quantity
from contracts.reading import SeriesKey, Value
from hub.api.principal import Principal
from hub.devices.glance import DeviceGlance
from hub.devices.overview import LastValue
from hub.errors import HubError
from hub.language.times import span
from hub.language.words import _
from hub.live import LiveValue
from hub.services import Services
from hub.web.terms import called, shown

__all__ = ["NowPanel"]

# HomeKit waits 5 s for a device to confirm; a page that waited less would call it undone too soon.
_CONFIRM_S = 6.0
_TICK_S = 10.0


class NowPanel:
    """The newest values, live; a control where a value can be written and `principal` may."""

    def __init__(self, services: Services, principal: Principal, device: DeviceGlance) -> None:
        self._services, self._principal, self._device = services, principal, device
        self._rows: dict[SeriesKey, _Row] = {}
        self._seen_at = device.seen_at

    def build(self) -> None:
        """Make it."""
        values = [v for v in self._device.values if quantity(v.series).shape is not Shape.TEXT]
        with ui.element("dl").classes("dm-now"):
            for value in sorted(values, key=lambda v: importance(v.series)):
                self._rows[value.series] = _Row(self._services, self._principal, value)
        if not values:
            ui.label(_("It has not sent a value yet.")).classes("dm-soft")
        ui.timer(_TICK_S, self._tick)

    def heard(self, update: LiveValue) -> bool:
        """Show a new value; False for a series that is not here."""
        row = self._rows.get(update.series)
        if row is not None:
            row.heard(update.value, update.at)
        return row is not None

    def read(self, device: DeviceGlance) -> None:
        """Show what was read anew: something is calibrated otherwise."""
        for value in device.values:
            row = self._rows.get(value.series)
            if row is not None:
                row.heard(value.value, value.at)

    def renew(self, device: DeviceGlance) -> None:
        """Readings were removed: show what is the newest now; what has none any more goes."""
        newest = {value.series: value for value in device.values}
        for key, row in list(self._rows.items()):
            if key in newest:
                row.renew(newest[key])
            else:
                self._rows.pop(key).remove()

    def _tick(self) -> None:
        for row in self._rows.values():
            row.show_age()


class _Row:
    """One series: its value, how old it is, a control."""

    def __init__(self, services: Services, principal: Principal, value: LastValue) -> None:
        self._services, self._principal, self._read = services, principal, value
        self._kind = quantity(value.series)
        self._value, self._at = value.value, value.at
        self._control: Any = None
        self._silent = False
        self._row = ui.element("div").classes("dm-now-row")
        with self._row.props(f'data-series="{_named(value.series)}"'):
            with ui.element("dt"):
                ui.label(called(self._kind.label))
            with ui.element("dd"):
                self._text = ui.label(shown(self._value, self._kind)).classes("dm-number")
                self._age = ui.label().classes("dm-soft dm-small")
                settable = services.devices.settable(principal.tenant, value.series)
                if settable and principal.administers:
                    self._make_control()
        self.show_age()

    def heard(self, value: Value, at: datetime) -> None:
        """A value came."""
        if at < self._at:
            return
        self._take(value, at)

    def renew(self, value: LastValue) -> None:
        """What was newer was removed."""
        self._take(value.value, value.at)

    def remove(self) -> None:
        """There is no value any more."""
        self._row.delete()

    def _take(self, value: Value, at: datetime) -> None:
        self._value, self._at = value, at
        self._text.text = shown(self._value, self._kind)
        self._say("")
        self._put_back()
        self.show_age()

    def show_age(self) -> None:
        """Say how old the value is."""
        seconds = (datetime.now(UTC) - self._at).total_seconds()
        self._age.text = _("just now") if seconds < 60 else _("{span} ago", span=span(seconds))

    def _make_control(self) -> None:
        label = f'aria-label="{called(self._kind.label)}"'
        if set(self._kind.words) == {0, 1}:
            self._control = ui.switch(value=bool(self._value), on_change=self._changed).props(label)
        elif self._kind.words:
            self._control = ui.select(
                dict(self._kind.words), value=self._known(), on_change=self._changed
            ).props(f"{label} dense outlined")
        else:
            self._control = ui.number(value=self._number(), label=self._kind.unit).props(
                f"{label} dense outlined"
            )
            ui.button(_("Set"), on_click=lambda: self._send(self._control.value)).props(
                "no-caps dense"
            )
        self._status = ui.label().classes("dm-small").props('role="status"')

    def _changed(self, event: Any) -> None:
        # Not by awaiting here: when a task comes to run, who changed it is no longer known.
        if not self._silent:
            background_tasks.create(self._send(event.value), name="command")

    async def _send(self, requested: Any) -> None:
        if requested is None or not isinstance(requested, bool | int | float):
            return
        key = self._read.series
        value: Value = requested if self._kind.words or not _whole(requested) else int(requested)
        try:
            _at, sent = await self._services.devices.command(self._principal.tenant, key, value)
        except HubError as error:
            self._say(str(error))
            self._put_back()
            return
        if not sent:
            self._say(_("asleep: it gets this at its next wake"))
            self._put_back()
            return
        self._say(_("sent, waiting for the device"))
        before = self._at
        await asyncio.sleep(_CONFIRM_S)
        if self._at == before:
            self._say(_("sent, but the device did not confirm"))
            self._put_back()

    def _put_back(self) -> None:
        """Let the control show what really is."""
        if self._control is None:
            return
        self._silent = True
        try:
            if set(self._kind.words) == {0, 1}:
                self._control.set_value(bool(self._value))
            else:
                self._control.set_value(self._known() if self._kind.words else self._number())
        finally:
            self._silent = False

    def _say(self, text: str) -> None:
        if self._control is not None:
            self._status.text = text

    def _known(self) -> int | None:
        return int(self._value) if not isinstance(self._value, str) else None

    def _number(self) -> float | None:
        return None if isinstance(self._value, str) else float(self._value)


def _named(key: SeriesKey) -> str:
    return f"{key.service}/{key.index}/{key.characteristic}"


def _whole(value: float) -> bool:
    return float(value).is_integer()
