"""What a person changes of a device itself: its name, its place, how often it measures."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from nicegui import ui

from hub.api.principal import Principal
from hub.device_settings.configs import SettingsState
from hub.language.times import SpokenClock, span
from hub.language.words import _
from hub.live import LiveChange
from hub.services import Services
from hub.web.adding.context import paths
from hub.web.ask import ask_choice, ask_move, ask_text
from hub.web.device.opened import OpenedDevice
from hub.web.frame import heading

__all__ = ["ManagePanel", "ask_and_move", "ask_and_rename"]

# s: what people choose from; others are set by `dormouse config`.
_INTERVALS = (60, 120, 300, 600, 900, 1800, 3600)
_BUTTON = "outline no-caps dense"
_WITHIN = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


async def ask_and_rename(services: Services, principal: Principal, device: str, name: str) -> bool:
    """Ask for a device's name and give it; False where the person thought better of it.

    Raises HubError with what was refused.
    """
    new_name = await ask_text(
        _("Rename {value}", value=name or device), _("Name"), value=name, yes=_("Rename")
    )
    if new_name is None:
        return False
    await services.naming.rename(principal.tenant, device, new_name, principal.name)
    services.live.publish(principal.tenant, LiveChange("place", ""))
    return True


async def ask_and_move(  # noqa: PLR0917  # each says what is asked
    services: Services,
    principal: Principal,
    device: str,
    name: str,
    place: int | None,
    zone: ZoneInfo,
) -> bool:
    """Ask where a device is, and since when; as above."""
    tenant = principal.tenant
    places = {one.id: one.path for one in paths(await services.places.tree(tenant))}
    options = {0: _("In no place")} | places
    answer = await ask_move(_("Move {name}", name=name), options, value=place or 0, zone=zone)
    if answer is None:
        return False
    to, since = answer
    await services.devices.put(tenant, device, to or None, principal.name, since=since)
    services.live.publish(tenant, LiveChange("place", ""))
    return True


class ManagePanel:
    """Name, place and interval: what holds, and controls for who administers."""

    def __init__(self, opened: OpenedDevice) -> None:
        self._opened = opened
        self._services, self._principal = opened.services, opened.principal

    async def build(self) -> None:
        """Make it."""
        with ui.element("section").props(f'aria-label="{_("Name and place")}"').classes("dm-card"):
            heading(_("Name and place"))
            self._named()
        with ui.element("section").props(f'aria-label="{_("Measures every")}"').classes("dm-card"):
            heading(_("Measures every"))
            await self._measures()

    async def show(self) -> None:
        """Show what holds now; what is the same stays, and a focus with it."""
        if self._called() != self._shown_called:
            self._named.refresh()
        if await self._measured() != self._shown_measured:
            await self._measures.refresh()

    def _called(self) -> tuple[str, str]:
        path = _WITHIN.join(place.name for place in self._opened.places) or _("in no place")
        return self._opened.name, path

    async def _measured(self) -> tuple[str, str, str]:
        """The interval, what still holds until when, and what is said of it."""
        settings = self._services.device_settings.of(self._opened.tenant)
        state = await settings.state(self._opened.key)
        now = self._now()
        every = _("every {span}", span=span(now)) if now else _("as built")
        return every, self._pending(state), self._said(state)

    @ui.refreshable_method
    def _named(self) -> None:
        self._shown_called = self._called()
        with ui.element("dl").classes("dm-facts"):
            for name, value in zip((_("Name"), _("Place")), self._shown_called, strict=True):
                with ui.element("dt"):
                    ui.label(name)
                with ui.element("dd"):
                    ui.label(value)
        ui.label(_("Readings so far stay with the place they were measured in.")).classes(
            "dm-soft dm-small"
        )
        if self._principal.administers:
            with ui.element("div").classes("dm-chips"):
                ui.button(_("Rename"), icon="edit", on_click=self._rename).props(_BUTTON)
                ui.button(_("Move…"), icon="place", on_click=self._move).props(_BUTTON)

    @ui.refreshable_method
    async def _measures(self) -> None:
        every, pending, said = self._shown_measured = await self._measured()
        with ui.element("div").classes("dm-row"):
            ui.label(every).classes("dm-number")
            if pending:
                with ui.element("span").classes("dm-pill warn"):
                    ui.icon("schedule").props('aria-hidden="true"')
                    ui.label(pending)
        ui.label(said).classes("dm-soft").props('role="status"')
        if self._principal.administers:
            ui.button(_("Interval…"), icon="schedule", on_click=self._interval).props(_BUTTON)

    async def _rename(self) -> None:
        name = self._opened.device.name or ""
        if await ask_and_rename(self._services, self._principal, self._opened.key, name):
            ui.navigate.reload()

    async def _move(self) -> None:
        opened = self._opened
        where = (opened.key, opened.name, opened.device.place, opened.zone)
        if await ask_and_move(self._services, self._principal, *where):
            ui.navigate.reload()

    async def _interval(self) -> None:
        now = self._now()
        options = {
            seconds: _("every {span}", span=span(seconds))
            for seconds in sorted({*_INTERVALS, now} - {0})
        }
        chosen = await ask_choice(
            _("How often does {name} measure?", name=self._opened.name),
            _("Interval"),
            options,
            value=now or 300,
            yes=_("Change"),
        )
        if chosen is None:
            return
        await self._services.device_settings.change(
            self._principal.tenant,
            self._opened.key,
            {"interval": int(chosen)},
            who=self._principal.name,
            why="interval changed on its page",
        )
        self._services.live.publish(self._opened.tenant, LiveChange("settings", self._opened.key))

    def _now(self) -> int:
        told = self._opened.device.report.get("next_wake_s")
        return round(told) if isinstance(told, int | float) and not isinstance(told, bool) else 0

    def _wakes(self) -> str:
        at = self._opened.device.next_wake_at
        return SpokenClock(datetime.now(UTC), self._opened.zone).at(at) if at else ""

    def _pending(self, state: SettingsState) -> str:
        """What still holds, and until when: `5 min until 14:35`."""
        now = self._now()
        if not state.waiting or not now or state.desired.get("interval") in {None, now}:
            return ""
        return _("{span} until {value}", span=span(now), value=self._wakes() or _("it wakes"))

    def _said(self, state: SettingsState) -> str:
        """It sleeps: what is asked of it holds from when it wakes next."""
        about_sensors = (state.problem or "").startswith("setting sensors")
        if state.problem and not about_sensors:
            return _("It refused its settings: {problem}.", problem=state.problem)
        interval = state.desired.get("interval")
        if not state.waiting or interval == self._now() or not isinstance(interval, int | float):
            return ""
        asked = _("every {span}", span=span(float(interval)))
        at = self._wakes()
        when = _("at its next wake, about {at}", at=at) if at else _("when it wakes next")
        return _("Asked for {asked}: taken up {when}.", asked=asked, when=when)
