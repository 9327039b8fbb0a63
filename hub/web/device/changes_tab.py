"""The third tab of a device's page: what changed, by whom and when, and how it was on a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from nicegui import ui

from hub.errors import HubError
from hub.language.times import SpokenClock
from hub.language.words import _
from hub.live import LiveChange, Missed, Update
from hub.web.device.changed import (
    SETTING,
    ChangeLine,
    calibrations_of,
    change_lines,
    settings_changes,
    undoing,
)
from hub.web.device.moves import listed
from hub.web.device.opened import OpenedDevice
from hub.web.device.past import PastPanel
from hub.web.device.reasons import why_said
from hub.web.device.removal import told
from hub.web.frame import heading
from hub.web.reloaded import Reloaded

__all__ = ["ChangesTab"]

_MOST = 200


class ChangesTab:
    """Made once for a page."""

    def __init__(self, opened: OpenedDevice) -> None:
        self._opened = opened

    async def build(self) -> None:
        """Make it."""
        opened = self._opened
        with ui.element("section").props(f'aria-label="{_("Changes")}"').classes("dm-card"):
            heading(_("Changes"))
            self._status = ui.label().classes("dm-bad").props('role="status"')
            self._listed = Reloaded(self._changes, self._show_changes, only_changed=True)
            await self._listed.refresh()
        with ui.element("section").props(f'aria-label="{_("How it was")}"').classes("dm-card"):
            heading(_("How it was on a day"))
            past = PastPanel(opened.services.devices, opened.tenant, opened.key, opened.zone)
            await past.build()
        with ui.element("section").props(f'aria-label="{_("Where it was")}"').classes("dm-card"):
            heading(_("Where it was"))
            self._where = Reloaded(self._stays, self._show_stays, only_changed=True)
            await self._where.refresh()
        with ui.element("section").props(f'aria-label="{_("Removed")}"').classes("dm-card"):
            heading(_("Removed readings"))
            self._removed = Reloaded(self._removals, self._show_removals, only_changed=True)
            await self._removed.refresh()

    async def take(self, update: Update | Missed) -> None:
        """See DeviceTab."""
        match update:
            case LiveChange("calibration" | "device" | "place" | "clock" | "settings") | Missed():
                await self._listed.refresh()
                await self._where.refresh()
            case LiveChange("readings"):
                await self._removed.refresh()

    async def _changes(self) -> list[ChangeLine]:
        devices, tenant = self._opened.services.devices, self._opened.tenant
        changes = await devices.changes(tenant, self._opened.key, most=_MOST)
        settings = self._opened.services.device_settings.of(tenant)
        changes += settings_changes(await settings.history(self._opened.key))
        changes.sort(key=lambda one: one.at, reverse=True)
        paths = {place.place: place.name for place in self._opened.glance.places}
        return change_lines(changes[:_MOST], paths)

    def _show_changes(self, lines: Sequence[ChangeLine]) -> None:
        if not lines:
            ui.label(_("Nothing of it was changed yet.")).classes("dm-soft")
            return
        clock = SpokenClock(datetime.now(UTC), self._opened.zone)
        with ui.element("ul").classes("dm-list dm-changes"):
            for line in lines:
                with ui.element("li").classes("dm-row"):
                    self._line(line, clock)

    def _line(self, line: ChangeLine, clock: SpokenClock) -> None:
        change = line.change
        ui.icon(line.icon).classes("dm-soft").props('aria-hidden="true"')
        with ui.element("div").classes("dm-grow"):
            ui.label(line.text)
            when = clock.at(change.at)
            today = (
                change.at.astimezone(clock.zone).date() == clock.now.astimezone(clock.zone).date()
            )
            parts = [
                _("Today {when}", when=when) if today else when,
                change.who,
                why_said(change.why),
            ]
            ui.label(" \N{MIDDLE DOT} ".join(part for part in parts if part)).classes(
                "dm-soft dm-small"
            )
        if line.undoable and self._opened.principal.administers:
            ui.button(_("Undo"), on_click=lambda: self._undo(line)).props(
                "flat no-caps dense"
            ).props["aria-label"] = _("Undo: {text}", text=line.text)

    async def _stays(self) -> list[str]:
        stays = await self._opened.services.devices.stays(self._opened.tenant, self._opened.key)
        return listed(stays, self._opened.zone)

    def _show_stays(self, lines: Sequence[str]) -> None:
        if not lines:
            ui.label(_("It was in no place yet.")).classes("dm-soft")
            return
        with ui.element("ul").classes("dm-where"):
            for line in lines:
                with ui.element("li"):
                    ui.label(line)

    async def _removals(self) -> list[str]:
        removals = self._opened.services.removals
        found = await removals.trail(self._opened.tenant, self._opened.key, 20)
        return [told(removal, self._opened.zone) for removal in found]

    def _show_removals(self, lines: Sequence[str]) -> None:
        if not lines:
            ui.label(_("Nothing of it was removed.")).classes("dm-soft")
            return
        with ui.element("ul").classes("dm-where"):
            for line in lines:
                with ui.element("li"):
                    ui.label(line)

    async def _undo(self, line: ChangeLine) -> None:
        opened, change = self._opened, line.change
        services, tenant, who = opened.services, opened.tenant, opened.principal.name
        try:
            match change.property:
                case "name":
                    await services.naming.rename(tenant, opened.key, str(change.before), who)
                case "place":
                    stays = await services.devices.stays(tenant, opened.key)
                    last = stays[-1][0] if stays else None
                    # Where the move is what holds now, it is as if it had not been.
                    here = last is not None and last.until is None and last.place == change.after
                    since = last.since if here and last is not None else None
                    await services.devices.put(tenant, opened.key, change.before, who, since=since)
                case "calibration":
                    await self._undo_calibration(line)
                case setting if setting.startswith(SETTING):
                    asked = {setting.removeprefix(SETTING): change.before}
                    settings, why = services.device_settings, "change of settings undone"
                    await settings.change(tenant, opened.key, asked, who=who, why=why)
                    services.live.publish(tenant, LiveChange("settings", opened.key))
        except HubError as error:
            self._status.text = f"{error}."
            return
        self._status.text = ""
        services.live.publish(tenant, LiveChange("device", opened.key))
        if change.property == "name":
            ui.navigate.reload()

    async def _undo_calibration(self, line: ChangeLine) -> None:
        opened, change = self._opened, line.change
        readings = opened.services.readings.of(opened.tenant)
        before = calibrations_of(opened.key, change.before)
        after = calibrations_of(opened.key, change.after)
        for key in {*before, *after}:
            for one in undoing(before.get(key, ()), after.get(key, ())):
                await readings.calibrate(
                    key,
                    gain=one.gain,
                    offset=one.offset,
                    since=one.since,
                    until=one.until,
                    who=opened.principal.name,
                )
