"""What is odd about a device's series, each in a sentence that can be muted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.reading import SeriesKey
from hub.anomalies.detect import AnomalyKind
from hub.anomalies.watch import SeriesAnomaly
from hub.api.principal import Principal
from hub.language.times import SpokenClock
from hub.language.words import N_, _
from hub.services import Services
from hub.web.charts import ChartMark
from hub.web.frame import heading
from hub.web.oddities import odd_text
from hub.web.terms import called

__all__ = ["MUTED_FOR", "OddPanel", "kind_name", "muted_until"]

MUTED_FOR = {
    N_("a day"): timedelta(days=1),
    N_("a week"): timedelta(days=7),
    N_("for good"): None,
}
"""How long something may be muted, by what that is called."""

_KINDS = {
    AnomalyKind.STUCK: N_("stuck"),
    AnomalyKind.JUMP: N_("jump"),
    AnomalyKind.RANGE: N_("out of its usual range"),
    AnomalyKind.SILENT: N_("without readings"),
}


class OddPanel:
    """Found after the page is there, since it takes a look at the past weeks.

    `mark` is awaited with what the chart is to point at.
    """

    def __init__(
        self,
        services: Services,
        principal: Principal,
        device: str,
        mark: Callable[[Mapping[SeriesKey, Sequence[ChartMark]]], Awaitable[None]],
        *,
        zone: ZoneInfo,
    ) -> None:
        self._zone = zone
        self._services, self._principal, self._device, self._mark = (
            services,
            principal,
            device,
            mark,
        )

    def build(self) -> None:
        """Make the place for it."""
        self._box = ui.element("div").classes("w-full")
        ui.timer(0, self.show, once=True)

    async def show(self) -> None:
        """Find what is odd, and say it."""
        odd = await self._services.anomalies.device(self._principal.tenant, self._device)
        self._box.clear()
        if odd:
            with self._box:
                heading(_("Unusual"))
                told = [one for one in odd if not one.muted]
                if len(told) > 1 and self._principal.administers:
                    self._muting(_("Mute all"), _("Mute all that is unusual of it"), told)
                with ui.element("ul").classes("dm-odd"):
                    for one in odd:
                        with ui.element("li"):
                            self._line(one)
        await self._mark(_marks(odd))

    def _line(self, one: SeriesAnomaly) -> None:
        ui.label(f"{called(one.label)}: {odd_text(one)}").classes("dm-soft" if one.muted else "")
        if one.muted:
            ui.label(muted_until(one.until, self._zone)).classes("dm-small dm-soft")
        if not self._principal.administers:
            return
        what = f"{called(one.label)}, {kind_name(one.anomaly.kind)}"
        if one.muted:
            ui.button(_("Unmute"), on_click=lambda: self._unmute(one)).props(
                f'flat dense no-caps aria-label="{_("Unmute")} {what}"'
            )
            return
        self._muting(_("Mute"), f"{_('Mute')} {what}", [one])

    def _muting(self, text: str, called: str, odd: Sequence[SeriesAnomaly]) -> None:
        """A button with how long; the key `m` presses the first one of the page."""
        button = ui.button(text).props("flat dense no-caps").classes("dm-mute")
        button.props["aria-label"] = called
        with button, ui.menu():
            for words, length in MUTED_FOR.items():
                ui.menu_item(_(words), lambda length=length: self._mute(odd, length))

    async def _mute(self, odd: Sequence[SeriesAnomaly], length: timedelta | None) -> None:
        until = None if length is None else datetime.now(UTC) + length
        for one in odd:
            await self._services.anomalies.mute(
                self._principal.tenant, one, until, self._principal.name
            )
        await self.show()

    async def _unmute(self, one: SeriesAnomaly) -> None:
        await self._services.anomalies.unmute(self._principal.tenant, one)
        await self.show()


def kind_name(kind: AnomalyKind) -> str:
    """What is odd, in the language that holds."""
    return _(_KINDS[kind])


def muted_until(until: datetime | None, zone: ZoneInfo) -> str:
    """`muted until 3 Dec 14:05`, `muted for good`."""
    if until is None:
        return _("muted {until}", until=_("for good"))
    at = SpokenClock(datetime.now(UTC), zone).at(until)
    return _("muted {until}", until=_("until {until}", until=at))


def _marks(odd: Sequence[SeriesAnomaly]) -> dict[SeriesKey, list[ChartMark]]:
    marks: dict[SeriesKey, list[ChartMark]] = {}
    for one in odd:
        if not one.muted:
            at = round(one.anomaly.at.timestamp() * 1000)
            marks.setdefault(one.series, []).append(ChartMark(at, one.anomaly.value, odd_text(one)))
    return marks
