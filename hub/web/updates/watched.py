"""One rollout: its waves and devices as they stand, and what may be done about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self, TypeAlias
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import HTTPException
from nicegui import ui

from contracts.zones import twice
from hub.api.principal import Principal
from hub.errors import HubError
from hub.language.times import day_said
from hub.language.words import N_, _, ngettext
from hub.rollouts.errors import UnknownRolloutError
from hub.rollouts.model import DeviceHealth, FirmwareTarget, RolloutDevice, RolloutPhase
from hub.rollouts.view import RolloutView
from hub.runtime.broadcast import Missed
from hub.services import Services
from hub.web.ask import confirm
from hub.web.frame import heading
from hub.web.updates.drawn import bar, waves
from hub.web.updates.reasons import reason_said
from hub.web.updates.words import (
    clock,
    counts,
    device_words,
    expected,
    happened,
    left_out,
    phase_words,
    sentence,
    target_words,
    wave_words,
    way_out,
)

__all__ = ["Watched", "device_table", "rows"]

_AT_MOST_EVERY_S = 0.5
_EVENTS = 200
_PAGE = 25
_STYLE = '<link rel="stylesheet" href="/static/updates.css">'

Names: TypeAlias = Mapping[str, str]
"""What devices are called, by id."""

_COLUMNS = [
    {"name": name, "label": label, "field": name, "align": "left", "sortable": True}
    for name, label in (
        ("wave", N_("Wave")), ("device", N_("Device")), ("state", N_("State")),
        ("firmware", N_("Firmware")), ("expected", N_("Expected")),
    )
]  # fmt: skip


class Watched:
    """The page of one rollout."""

    def __init__(
        self,
        services: Services,
        principal: Principal,
        view: RolloutView,
        names: Names,
        zone: ZoneInfo,
    ) -> None:
        self._services, self.zone = services, zone
        self._names = names
        self._principal = principal
        self._view = view
        self._number = view.rollout.id
        self._events: list[dict[str, Any]] = []
        self._led: tuple[str, list[str]] | None = None

    @classmethod
    async def of(cls, services: Services, principal: Principal, number: int) -> Self:
        """For a rollout that is there; 404 otherwise."""
        gone = HTTPException(404, _("There is no rollout {number} here.", number=str(number)[:20]))
        if not 0 < number < 2**31:  # no number that the database could have given
            raise gone
        try:
            view = await services.rollouts.status(principal.tenant, number)
        except UnknownRolloutError:
            raise gone from None
        names = await services.naming.names(principal.tenant)
        zones = await services.zones.of(principal.tenant)
        return cls(services, principal, view, names, zones.zone)

    async def watch(self) -> None:
        """Follow it."""
        async with self._services.rollouts.watch() as changes:
            await self._look()  # what happened since the page was made
            async for change in changes:
                if isinstance(change, Missed) or change == (self._principal.tenant, self._number):
                    await self._look()
                    await asyncio.sleep(_AT_MOST_EVERY_S)

    async def _look(self) -> None:
        self._view = await self._services.rollouts.status(self._principal.tenant, self._number)
        self._tell()

    async def show(self) -> None:
        """Build it. What changes later is put into the same elements: nobody loses the focus."""
        ui.label(target_words(self._view.rollout)).classes("text-lg font-medium break-words")
        with ui.column().props('aria-live="polite"').classes("gap-1 w-full"):
            self._phase = ui.label()
            self._counts = ui.label()
            self._wave = ui.label()
        ui.add_head_html(_STYLE)
        self._bar = ui.html("", sanitize=False).classes("w-full")
        self._way_out = ui.element("div").classes("dm-way-out dm-card w-full")
        with ui.element("div").props('role="alert"'):
            self._problem = ui.label().classes("dm-bad")
        with ui.row().classes("pt-3"):
            rollouts = self._services.rollouts
            self._pause = _button(_("Pause"), lambda: self._do(rollouts.pause))
            self._resume = _button(_("Resume"), lambda: self._do(rollouts.resume))
            self._end = _button(_("Stop…"), self._abort).props("color=negative")
        heading(_("Waves"))
        self._waves = ui.html("", sanitize=False).classes("w-full dm-card")
        heading(_("Devices"))
        self._table = device_table(self._view, self._names, self.zone)
        self._tell()
        await self._remember()
        with ui.expansion(_("History"), on_value_change=self._look_back).classes("w-full"):
            self._history()
        ui.link(_("All updates"), "/updates")

    def _tell(self, problem: str = "") -> None:
        """Put what is known into the elements."""
        view = self._view
        rollout, phase = view.rollout, view.rollout.phase
        self._phase.text = phase_words(rollout)
        self._phase.classes(**{"add" if phase is RolloutPhase.HALTED else "remove": "dm-bad"})
        self._counts.text = counts(view)
        last = max((device.wave for device in view.devices.values()), default=0) + 1
        end = (
            _(", done about {clock}", clock=clock(view.done_at, self.zone)) if view.done_at else ""
        )
        self._wave.text = (
            ""
            if phase.over
            else _("Wave {wave} of {last}{end}", wave=rollout.wave + 1, last=last, end=end)
        )
        self._bar.content = bar(view)
        self._waves.content = waves(view)
        self._lead_out()
        self._problem.text = problem
        may = self._principal.administers
        self._pause.visible = may and phase is RolloutPhase.RUNNING
        self._resume.visible = may and phase in {RolloutPhase.PAUSED, RolloutPhase.HALTED}
        self._end.visible = may and phase in {
            RolloutPhase.RUNNING,
            RolloutPhase.PAUSED,
            RolloutPhase.HALTED,
        }
        now = rows(view, self._names, self.zone)
        if now != self._table.rows:
            self._table.rows = now

    def _lead_out(self) -> None:
        """What to do where it does not go on by itself."""
        view, told = self._view, way_out(self._view)
        again = [] if self._may_not_again() else left_out(view)
        if (told, again) == self._led:
            return
        self._led = told, again
        self._way_out.clear()
        self._way_out.visible = bool(told or again)
        with self._way_out:
            if told:
                ui.label(told).classes("dm-grow")
            if again:
                target = view.rollout.target
                what = {"image": target.image} if isinstance(target, FirmwareTarget) else {}
                chosen = urlencode({**what, "devices": ",".join(again)})
                ui.link(
                    _(
                        "Roll out again to {devices}",
                        devices=ngettext("{n} device", "{n} devices", len(again)),
                    ),
                    f"/updates/new?{chosen}",
                ).classes("dm-button")

    def _may_not_again(self) -> bool:
        return not (self._principal.administers and self._view.rollout.phase.over)

    async def _abort(self) -> None:
        sure = await confirm(
            _("Stop rollout {number}?", number=self._number),
            details=[
                (
                    _(
                        "Devices that are being sent the image are finished; all others keep what "
                        "they run. It cannot be resumed."
                    )
                )
            ],
            yes=_("Stop"),
            no=_("Go on"),
        )
        if sure:
            await self._do(self._services.rollouts.abort)

    async def _do(self, act: Callable[[str, int, str], Awaitable[RolloutView]]) -> None:
        try:
            self._view = await act(self._principal.tenant, self._number, self._principal.name)
        except HubError as error:
            self._tell(sentence(error))
        else:
            self._tell()

    async def _remember(self) -> None:
        events = await self._services.rollouts.history(self._principal.tenant, self._number)
        self._events = events[-_EVENTS:]

    async def _look_back(self) -> None:
        await self._remember()
        self._history.refresh()

    @ui.refreshable_method
    def _history(self) -> None:
        with ui.element("ol"):
            for event in reversed(self._events):
                with ui.element("li"):
                    ui.label(_event(event, self.zone)).classes("text-sm break-words")


def _button(label: str, act: Callable[[], Awaitable[None]]) -> ui.button:
    return ui.button(label, on_click=act).props("outline no-caps")


def device_table(view: RolloutView, names: Names, zone: ZoneInfo) -> ui.table:
    """The devices of a rollout, a card each on a phone."""
    table = ui.table(
        columns=[{**column, "label": _(str(column["label"]))} for column in _COLUMNS],
        rows=rows(view, names, zone),
        row_key="id",
        pagination=_PAGE if len(view.devices) > _PAGE else None,
    ).classes("w-full")
    return table.props(f'flat bordered :grid="Quasar.Screen.lt.md" aria-label="{_("Devices")}"')


def rows(view: RolloutView, names: Names, zone: ZoneInfo) -> list[dict[str, str]]:
    """One row a device, the canary first."""
    return [_row(view, device, names, zone) for wave in view.waves for device in wave]


def _row(view: RolloutView, device: RolloutDevice, names: Names, zone: ZoneInfo) -> dict[str, str]:
    name = names.get(device.device)
    recent = view.recent.get(device.device)
    state = device_words(device, view.progress)
    if device.health is DeviceHealth.WATCHED:
        state += _(", being watched")
    return {
        "wave": wave_words(view, device),
        "id": device.device,
        "device": f"{name} ({device.device})" if name else device.device,
        "state": state,
        "firmware": (recent.firmware if recent else None) or _("not known"),
        "expected": expected(view, device, zone),
    }


def _event(event: dict[str, Any], zone: ZoneInfo) -> str:
    who = f"{event['device']}: " if event["device"] else ""
    change = happened(str(event["what"]), event["before"], str(event["after"]))
    reason = f" ({reason_said(event['reason'])})" if event["reason"] else ""
    local = event["at"].astimezone(zone)
    return f"{day_said(local)} {local:%H:%M:%S}{twice(local)} {who}{change}{reason}"
