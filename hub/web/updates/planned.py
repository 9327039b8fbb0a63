"""A rollout to be: what, for which devices, how; its plan before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from hub.api.principal import Principal
from hub.errors import HubError
from hub.language.times import span
from hub.language.words import N_, _, ngettext
from hub.rollouts.model import DeviceState, RolloutOptions
from hub.rollouts.service import RolloutRequest
from hub.rollouts.view import RolloutView
from hub.services import Services
from hub.web.adding.context import paths
from hub.web.frame import heading
from hub.web.updates.watched import device_table
from hub.web.updates.words import clock, sentence

__all__ = ["Planned"]

_KINDS = {"firmware": N_("Firmware"), "interval": N_("How often devices measure")}
# s: what people choose from; other settings are rolled out by `dormouse rollout`.
_INTERVALS = (60, 120, 300, 600, 900, 1800, 3600)
_SCOPES = {"all": N_("All devices"), "place": N_("Devices of a place"), "some": N_("These devices")}


class Planned:
    """The form, the plan it makes, and the button that starts it."""

    def __init__(
        self,
        services: Services,
        principal: Principal,
        image: int | None,
        chosen: Sequence[str] = (),
    ) -> None:
        self._services = services
        self._principal = principal
        self._first_image, self._chosen = image, chosen
        self._view: RolloutView | None = None
        self._zone = ZoneInfo("UTC")
        self._problem = ""
        self._options: dict[str, Any] = {}

    async def show(self) -> None:
        """Build it."""
        services, tenant = self._services, self._principal.tenant
        self._zone = (await services.zones.of(tenant)).zone
        images = {
            image.id: _(
                "{version} for {value}", version=image.version, value=image.board or "any board"
            )
            for image in await self._services.firmware(tenant).images()
        }
        self._names = await self._services.naming.names(tenant)
        devices = {
            one.device: f"{self._names[one.device]} ({one.device})"
            if one.device in self._names
            else one.device
            for one in await services.devices.overview(tenant)
        }
        places = {place.id: place.path for place in paths(await services.places.tree(tenant))}
        with ui.column().classes("w-full max-w-2xl gap-3"):
            self._what = ui.radio(
                {key: _(text) for key, text in _KINDS.items()},
                value="firmware" if images else "interval",
                on_change=self._stale,
            ).props(f'inline aria-label="{_("What")}"')
            self._image = _select(_("Firmware"), images, self._first_image, self._stale)
            self._image.bind_visibility_from(self._what, "value", value="firmware")
            self._image.visible = bool(images)
            if not images:
                with ui.row().classes("items-center") as none:
                    ui.label(_("There is no firmware to roll out yet."))
                    ui.link(_("Add firmware"), "/updates")
                none.bind_visibility_from(self._what, "value", value="firmware")
            intervals = {seconds: _("every {span}", span=span(seconds)) for seconds in _INTERVALS}
            self._interval = _select(_("Devices measure"), intervals, 300, self._stale)
            self._interval.bind_visibility_from(self._what, "value", value="interval")
            chosen = [one for one in self._chosen if one in devices]
            self._scope = ui.radio(
                {key: _(text) for key, text in _SCOPES.items()},
                value="some" if chosen else "all",
                on_change=self._stale,
            )
            self._scope.props(f'aria-label="{_("Which devices")}"')
            self._place = _select(_("Place"), places, None, self._stale)
            self._place.bind_visibility_from(self._scope, "value", value="place")
            self._some = ui.select(
                devices, multiple=True, label=_("Devices"), on_change=self._stale, value=chosen
            ).props("outlined use-chips")
            self._some.classes("w-full").bind_visibility_from(self._scope, "value", value="some")
            with ui.expansion(_("Options")).classes("w-full"):
                self._how()
            ui.button(_("Preview"), on_click=self._plan).props("no-caps")
        self._result()

    def _how(self) -> None:
        defaults = RolloutOptions()
        self._number("canary", _("Canary: devices updated first, as a test"), defaults.canary)
        self._text("wave", _("Devices in each wave after that: a number, or 25%"), defaults.wave)
        self._text("halt_at", _("Failures that halt it"), defaults.halt_at)
        self._number("streams", _("Devices sent to at the same time"), defaults.streams)
        self._number("attempts", _("Attempts a device"), defaults.attempts)
        self._number("battery_mv", _("Skip devices with a battery below (mV)"), defaults.battery_mv)
        self._number(
            "reports", _("Reports of the new version before the next wave"), defaults.reports
        )
        self._text("windows", _("Only between, e.g. 22:00-06:00 ({key})", key=self._zone.key), "")
        downgrade = ui.checkbox(_("Allow a version lower than the running one"))
        downgrade.on_value_change(lambda e: self._set("downgrade", e.value))

    def _number(self, name: str, label: str, value: float) -> None:
        field = ui.number(label, value=value, min=0, precision=0).props("outlined dense")
        field.classes("w-full").on_value_change(lambda e: self._set(name, e.value))

    def _text(self, name: str, label: str, value: str) -> None:
        field = ui.input(label, value=value).props("outlined dense")
        field.classes("w-full").on_value_change(lambda e: self._set(name, e.value))

    def _set(self, name: str, value: Any) -> None:
        self._options[name] = value
        self._stale()

    def _stale(self) -> None:
        """What was planned is not what would start now."""
        if self._view is not None or self._problem:
            self._view, self._problem = None, ""
            self._result.refresh()

    def _request(self) -> RolloutRequest:
        options = {name: value for name, value in self._options.items() if value is not None}
        windows = str(options.pop("windows", "")).replace(",", " ").split()
        match self._scope.value:
            case "place":
                select: dict[str, Any] = {"place": str(self._place.value or "")}
            case "some":
                select = {"devices": self._some.value}
            case _:
                select = {"all": True}
        what: dict[str, Any] = {"image": self._image.value}
        if self._what.value == "interval":
            what = {"settings": {"interval": self._interval.value}}
        return RolloutRequest.read(
            {
                "select": select,
                **what,
                "options": {**options, "windows": windows, "timezone": self._zone.key},
            }
        )

    async def _plan(self) -> None:
        try:
            self._view = await self._services.rollouts.plan(
                self._principal.tenant, self._request(), self._principal.name
            )
            self._problem = ""
        except HubError as error:
            self._view, self._problem = None, sentence(error)
        self._result.refresh()

    async def _start(self) -> None:
        try:
            view = await self._services.rollouts.start(
                self._principal.tenant, self._request(), self._principal.name
            )
        except HubError as error:
            self._view, self._problem = None, sentence(error)
            self._result.refresh()
            return
        ui.navigate.to(f"/updates/{view.rollout.id}")

    @ui.refreshable_method
    def _result(self) -> None:
        with ui.element("div").props('role="alert"'):
            if self._problem:
                ui.label(self._problem).classes("dm-bad")
        view = self._view
        if view is None:
            return
        heading(_("Preview"))
        going = [
            device for device in view.devices.values() if device.state is not DeviceState.SKIPPED
        ]
        waves = len({device.wave for device in going})
        ui.label(_forecast(view, len(going), waves, self._zone)).props('aria-live="polite"')
        device_table(view, self._names, self._zone)
        if going:
            ui.button(_("Start rollout"), icon="play_arrow", on_click=self._start).props("no-caps")
        else:
            ui.label(
                _("There is nothing to start: every device would be skipped, as its row says.")
            )


def _forecast(view: RolloutView, going: int, waves: int, zone: ZoneInfo) -> str:
    skipped = len(view.devices) - going
    left = (
        _(" {devices} skipped.", devices=ngettext("{n} device", "{n} devices", skipped))
        if skipped
        else ""
    )
    when = (
        _("done about {clock} if nothing fails", clock=clock(view.done_at, zone))
        if view.done_at
        else _("the end cannot be estimated: some devices have not said when they wake")
    )
    return _(
        "{devices} in {waves}, {when}.{left}",
        devices=ngettext("{n} device", "{n} devices", going),
        waves=ngettext("{n} wave", "{n} waves", waves),
        when=when,
        left=left,
    )


def _select(label: str, options: dict[int, str], value: int | None, changed: Any) -> ui.select:
    chosen = value if value in options else next(iter(options), None)
    field = ui.select(options, value=chosen, label=label, on_change=changed).props("outlined")
    return field.classes("w-full")
