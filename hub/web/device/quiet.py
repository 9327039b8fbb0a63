"""What will be unusual of a device and is not to be told: a battery change, works in the room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from nicegui import ui

from contracts.homekit.quantities import quantity
from contracts.reading import SeriesKey
from hub.anomalies.detect import AnomalyKind
from hub.errors import HubError
from hub.language.words import _
from hub.web.device.odd import MUTED_FOR, kind_name, muted_until
from hub.web.device.opened import OpenedDevice
from hub.web.frame import heading
from hub.web.snackbar import Snackbar
from hub.web.terms import called

__all__ = ["QuietPanel"]

_Kinds = Mapping[AnomalyKind, datetime | None]


class QuietPanel:
    """Each series that is watched: told, or muted until when; muted ahead by who administers."""

    def __init__(self, opened: OpenedDevice, snackbar: Snackbar) -> None:
        self._opened, self._snackbar = opened, snackbar

    async def build(self) -> None:
        """Make it."""
        with ui.element("section").props(f'aria-label="{_("Unusual values")}"').classes("dm-card"):
            heading(_("Unusual values"))
            await self._listed()
            ui.label(
                _("Muted ahead, too: nothing is told of what will be unusual. Rules with limits "
                  "tell all the same.")
            ).classes("dm-soft dm-small")  # fmt: skip
            self._status = ui.label().classes("dm-bad").props('role="status"')

    async def show(self) -> None:
        """Show what holds now; what is the same stays."""
        if await self._read() != self._shown:
            await self._listed.refresh()

    async def _read(self) -> dict[SeriesKey, dict[AnomalyKind, datetime | None]]:
        return await self._opened.services.anomalies.mutes(self._opened.tenant, self._opened.key)

    @ui.refreshable_method
    async def _listed(self) -> None:
        self._shown = await self._read()
        if not self._shown:
            ui.label(_("It measures nothing whose usual range could be learnt.")).classes("dm-soft")
            return
        with ui.element("ul").classes("dm-list"):
            for key, kinds in self._shown.items():
                with ui.element("li").classes("dm-row"):
                    self._line(key, kinds)
        if len(self._shown) > 1 and self._opened.principal.administers:
            self._muting(_("Mute all"), _("Mute all that will be unusual of it"), list(self._shown))

    def _line(self, key: SeriesKey, kinds: _Kinds) -> None:
        name = called(quantity(key).label)
        with ui.element("div").classes("dm-grow"):
            ui.label(name)
            ui.label(self._said(kinds)).classes("dm-soft dm-small")
        if not self._opened.principal.administers:
            return
        if kinds:
            button = ui.button(_("Unmute"), on_click=partial(self._want, {key: {}}))
            button.props("flat dense no-caps").props["aria-label"] = f"{_('Unmute')} {name}"
        if len(kinds) < len(AnomalyKind):
            self._muting(_("Mute"), f"{_('Mute')} {name}", [key])

    def _said(self, kinds: _Kinds) -> str:
        zone = self._opened.zone
        if not kinds:
            return _("told when it is unusual")
        if len(kinds) == len(AnomalyKind) and len(set(kinds.values())) == 1:
            return muted_until(next(iter(kinds.values())), zone)
        return ", ".join(
            f"{kind_name(kind)}: {muted_until(until, zone)}" for kind, until in kinds.items()
        )

    def _muting(self, text: str, name: str, series: Sequence[SeriesKey]) -> None:
        button = ui.button(text).props("flat dense no-caps")
        button.props["aria-label"] = name
        with button, ui.menu():
            for words, length in MUTED_FOR.items():
                ui.menu_item(_(words), partial(self._mute, series, length))

    async def _mute(self, series: Sequence[SeriesKey], length: timedelta | None) -> None:
        until = None if length is None else datetime.now(UTC) + length
        await self._want({key: dict.fromkeys(AnomalyKind, until) for key in series})

    async def _want(self, wanted: Mapping[SeriesKey, _Kinds]) -> None:
        before = {key: self._shown.get(key, {}) for key in wanted}
        if await self._change(wanted):
            said = _("Muted.") if any(wanted.values()) else _("It is told again.")
            self._snackbar.offer(said, partial(self._back, before))

    async def _back(self, before: Mapping[SeriesKey, _Kinds]) -> None:
        await self._change(before)

    async def _change(self, wanted: Mapping[SeriesKey, _Kinds]) -> bool:
        opened = self._opened
        try:
            await opened.services.anomalies.change_mutes(
                opened.tenant, wanted, opened.principal.name
            )
        except HubError as error:
            self._status.text = f"{error}."
            return False
        self._status.text = ""
        await self.show()
        return True
