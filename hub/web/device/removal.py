"""Deleting readings, a series or the device, for who may; and what was removed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.homekit.quantities import importance, quantity
from contracts.reading import SeriesKey
from contracts.zones import zoned
from hub.api.principal import Principal
from hub.devices.glance import DeviceGlance
from hub.errors import HubError
from hub.language.words import N_, _, ngettext
from hub.removals.model import Removal, RemovalKind
from hub.services import Services
from hub.web.ask import confirm, typed_instant
from hub.web.terms import called
from hub.web.words import service_words

__all__ = ["RemovalPanel", "told"]

_ALL = N_("the device with all that is its own")


class RemovalPanel:
    """A form for who administers; what was removed is told among the changes."""

    def __init__(
        self, services: Services, principal: Principal, device: DeviceGlance, zone: ZoneInfo
    ) -> None:
        self._zone = zone
        self._removals, self._principal = services.removals, principal
        self._device = device.device
        keys = sorted((value.series for value in device.values), key=importance)
        self._series = {_name(key): key for key in keys}

    def build(self) -> None:
        """Make it."""
        if not self._principal.administers:
            return
        names = [*self._series, _(_ALL)]
        with ui.row().classes("items-end w-full"):
            self._what = ui.select(names, value=names[0], label=_("What")).props("outlined dense")
            self._since = self._instant(_("From (empty: all)"))
            self._until = self._instant(_("Until"))
            ui.button(_("Remove"), on_click=self._remove).props("no-caps outline color=negative")
        self._status = ui.label().props('role="status"')

    def _instant(self, label: str) -> ui.input:
        return ui.input(label).props("type=datetime-local step=1 outlined dense stack-label")

    async def _remove(self) -> None:
        key = self._series.get(str(self._what.value))
        try:
            since, until = [
                await typed_instant(field.value, self._zone) for field in (self._since, self._until)
            ]
        except HubError as error:
            self._status.text = str(error)
            return
        if (since is None) != (until is None) or (key is None and since is not None):
            self._status.text = (
                _("A span has two ends.")
                if key
                else _("The device goes as a whole: leave times empty.")
            )
            return
        if since is not None and until is not None and since >= until:
            self._status.text = _("The span must begin before it ends.")
            return
        question = _("Remove {asked}?", asked=self._asked(key, since, until))
        details = [_("This cannot be undone. It is told in the trail that you did it.")]
        if not await confirm(question, details=details, yes=_("Remove")):
            return
        try:
            done = await self._carry_out(key, since, until)
        except HubError as error:
            self._status.text = str(error)
            return
        if key is None:
            ui.navigate.to("/")
            return
        self._status.text = _(
            "{readings} removed.", readings=ngettext("{n} reading", "{n} readings", done.readings)
        )

    async def _carry_out(
        self, key: SeriesKey | None, since: datetime | None, until: datetime | None
    ) -> Removal:
        tenant, who = self._principal.tenant, self._principal.name
        if key is None:
            return await self._removals.device(tenant, self._device, who=who)
        if since is None or until is None:
            return await self._removals.series(tenant, key, who=who)
        return await self._removals.span(tenant, key, since, until, who=who)

    def _asked(self, key: SeriesKey | None, since: datetime | None, until: datetime | None) -> str:
        if key is None:
            return _(
                "{device} with all its readings, settings and its account", device=self._device
            )
        if since is None or until is None:
            return _("all readings of {name}", name=_name(key))
        return _(
            "the readings of {name}{span}", name=_name(key), span=_span(since, until, self._zone)
        )


def told(removal: Removal, zone: ZoneInfo) -> str:
    """A removal as a sentence, by the zone's clock."""
    what = removal.series or _("the device")
    span = ""
    if removal.what is RemovalKind.READING and removal.since is not None:
        span = f" of {_second(removal.since, zone)}"
    elif removal.since is not None and removal.until is not None:
        span = _span(removal.since, removal.until, zone)
    why = f": {removal.why}" if removal.why else ""
    state = "" if removal.finished_at else _(", not finished yet")
    return _(
        "{second}: {who} removed {what}{span}, {readings}{state}{why}",
        second=_second(removal.at, zone),
        who=removal.who,
        what=what,
        span=span,
        readings=ngettext("{n} reading", "{n} readings", removal.readings),
        state=state,
        why=why,
    )


def _span(since: datetime, until: datetime, zone: ZoneInfo) -> str:
    return _(
        " from {second} until {until}", second=_second(since, zone), until=_second(until, zone)
    )


def _second(instant: datetime, zone: ZoneInfo) -> str:
    return zoned(instant, zone, "%Y-%m-%d %H:%M:%S")


def _name(key: SeriesKey) -> str:
    return f"{called(quantity(key).label)} ({service_words(key.service, key.index)})"
