"""The chart of a device's page: any span, several series and places over each other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.homekit.quantities import Shape
from contracts.reading import SeriesKey
from hub.anomalies.profile import SeriesProfile
from hub.calibration.scale import scale_changes
from hub.database.errors import DatabaseAwayError, ForeignRowError
from hub.database.replica.replica import asked
from hub.devices.glance import Glance
from hub.language.times import SpokenClock
from hub.language.times import span as spoken_span
from hub.language.words import N_, _
from hub.readings.points import Resolution, Span, StoredSeries
from hub.readings.service import TenantReadings
from hub.runtime.defects import Defects
from hub.web.ask import ask_dates, typed_instant
from hub.web.charts import ChartMark, ChartMove, Trace, options
from hub.web.charts.element import Chart
from hub.web.device.choices import MOST_SERIES, Choices, key_of, place_of
from hub.web.device.said import reports_lane, spoken, summary
from hub.web.device.spans import SPANS, ChartWindow, latest
from hub.web.device.traces import Drawn, TraceRequest, draw
from hub.web.device.usual import usual_hours

__all__ = ["ChartPanel"]

log = logging.getLogger(__name__)

_FINENESS = {
    Resolution.RAW: N_("every reading"),
    Resolution.HOURLY: N_("hourly means, lowest to highest shaded"),
    Resolution.DAILY: N_("daily means, lowest to highest shaded"),
}
_MOVES = (("chevron_left", N_("Earlier"), -1), ("chevron_right", N_("Later"), 1))
_SPANS = {
    "hour": N_("Hour"),
    "day": N_("Day"),
    "week": N_("Week"),
    "month": N_("Month"),
    "year": N_("Year"),
}
# Hours of longer times are a hedge, not an area.
_USUAL_AT_MOST = timedelta(days=8)
_KEYS = {"[": -1, "]": 1}
# A chart that ends now is drawn anew when something came, no oftener than this.
_LIVE_S = 20.0


class ChartPanel:
    """Made once for a page."""

    def __init__(
        self,
        readings: Callable[[], TenantReadings],
        glance: Glance,
        offered: Choices,
        defects: Defects,
        moves: Callable[[], Awaitable[Sequence[ChartMove]]],
        *,
        usual: Callable[[Sequence[SeriesKey]], Mapping[SeriesKey, SeriesProfile]],
        zone: ZoneInfo,
    ) -> None:
        self._usual, self._shaded = usual, False
        self._defects, self._find_moves = defects, moves
        self._find_readings, self._readings, self._zone = readings, readings(), zone
        self._seen = {one.device: one.seen_at for one in glance.devices}
        self._offered = offered
        self._marks: Mapping[SeriesKey, Sequence[ChartMark]] = {}
        self._chosen: list[str] = []
        self._drawn: set[SeriesKey] = set()
        self._width, self._resolution = 900, Resolution.RAW
        self._span = "day"
        self._window = latest("day", datetime.now(UTC))
        self._drawing = asyncio.Lock()
        self._drawn_at = 0.0

    async def build(self, chosen: Sequence[str], span: str) -> None:
        """Make the controls and the chart."""
        self._chosen = list(chosen)
        self._span = span if span in SPANS else "day"
        self._window = latest(self._span, datetime.now(UTC))
        made, label, note = await asked(self._made)
        self._controls()
        self._chart = Chart(made, label, self._zoomed, self._sized, self._key)
        self._note = ui.label(note).classes("dm-soft").props('aria-live="polite"')
        self._downloads()

    async def heard(self, series: SeriesKey, at: datetime) -> None:
        """A value of some series came."""
        self._seen[series.device] = max(self._seen.get(series.device) or at, at)
        shown = series in self._drawn
        loop = asyncio.get_running_loop()
        if not shown or self._span == "" or loop.time() - self._drawn_at < _LIVE_S:
            return
        self._window = latest(self._span, datetime.now(UTC))
        try:
            await self.draw()
        except DatabaseAwayError as error:  # the next value tries again
            log.info("a chart waits for the database: %s", error.reason)
        except Exception as error:  # noqa: BLE001  # noted; the page goes on with what it shows
            self._defects.note("drawing a chart", error)

    async def dated_again(self, seen: Mapping[str, datetime | None]) -> None:
        """What was heard has other times; devices were heard then."""
        self._seen.update(seen)
        await self.draw()

    def shows(self, device: str) -> bool:
        """Whether a series of that device is drawn."""
        return any(one.device == device for one in self._drawn)

    async def mark(self, marks: Mapping[SeriesKey, Sequence[ChartMark]]) -> None:
        """Point at what is odd about series."""
        if marks != self._marks or (not self._shaded and self._usual(list(self._drawn))):
            self._marks = marks
            await self.draw()

    async def draw(self) -> None:
        """Draw what is chosen, anew."""
        async with self._drawing:
            made, label, note = await asked(self._made)
            self._chart.draw(made, label)
            self._note.text = note
            self._time.text = self._said()
            self._downloads.refresh()

    # --- controls -----------------------------------------------------------------------------

    @ui.refreshable_method
    def _downloads(self) -> None:
        """What is seen, as a file: the same series, time and bins."""
        with ui.element("div").classes("dm-chips dm-downloads"):
            ui.label(_("Download")).classes("dm-soft")
            for form, name in (("csv", "CSV"), ("parquet", _("Parquet"))):
                if path := self._file(form):
                    ui.link(name, path).classes("dm-button").props("download")
            ui.button("PNG", color=None).props("no-caps flat dense").classes("dm-button").on(
                "click",
                js_handler="(e) => e.target.closest('section').querySelector('.dm-chart')"
                ".dispatchEvent(new Event('dm-picture'))",
            )

    def _file(self, form: str) -> str:
        keys = sorted({key.full_name for key in self._drawn})
        if not keys or len(keys) > MOST_SERIES:
            return ""
        query = [("series", key) for key in keys]
        window = self._window
        query += [("since", window.since.isoformat()), ("until", window.until.isoformat())]
        query += [("resolution", self._resolution.value), ("format", form)]
        return "/api/readings?" + urlencode([*query, ("zone", self._zone.key)])

    async def _dates(self) -> None:
        """A time from one day to another, both whole."""
        local = [t.astimezone(self._zone) for t in (self._window.since, self._window.until)]
        chosen = await ask_dates(_("Which days?"), *[f"{t:%Y-%m-%d}" for t in local])
        if chosen is None:
            return
        since, until = [await typed_instant(f"{day}T00:00", self._zone) for day in chosen]
        if since is None or until is None or since > until:
            ui.notify(_("The first day must not be after the last."), type="negative")
            return
        now = datetime.now(UTC)
        self._window = ChartWindow(since, until + timedelta(days=1)).within(now)
        self._loosen(now)
        await self.draw()

    async def _sized(self, width: int) -> None:
        """How wide the plot is, which the browser knows: bins are no narrower than 3 px."""
        before, self._width = self._width, width
        if abs(width - before) > before // 8:
            await self.draw()

    def _said(self) -> str:
        """The time that is shown: `29 Nov 14:32 to now`."""
        now = datetime.now(UTC)
        clock = SpokenClock(now, self._zone)
        until = _("now") if self._window.current(now) else clock.at(self._window.until)
        return f"{clock.at(self._window.since)} \N{EN DASH} {until}"

    def _controls(self) -> None:
        with ui.row().classes("dm-tools"):
            self._spans = ui.toggle(
                {name: _(_SPANS[name]) for name in SPANS},
                value=self._span,
                on_change=self._spanned,
            ).props(f'no-caps unelevated dense padding="6px 12px" aria-label="{_("Span")}"')
            ui.button(_("Dates…"), on_click=self._dates).props("flat no-caps dense").classes(
                "dm-touch"
            )
            with ui.row().classes("no-wrap gap-1 items-center"):
                for icon, label, steps in _MOVES:
                    ui.button(icon=icon, on_click=partial(self._move, steps)).props(
                        f'flat round aria-label="{_(label)}"'
                    ).classes("dm-touch")
                    if steps < 0:
                        self._time = ui.label(self._said()).classes("dm-strong dm-small")
        ui.select(
            dict(self._offered.labels),
            value=self._chosen,
            multiple=True,
            with_input=True,
            label=_("Shown series, of this and other devices"),
            on_change=self._choose,
        ).props(f'use-chips outlined dense options-dense max-values="{MOST_SERIES}"').classes(
            "w-full"
        )

    async def _spanned(self, event: Any) -> None:
        if event.value not in SPANS:
            return
        self._span = event.value
        self._window = latest(self._span, datetime.now(UTC))
        await self._again()

    async def _move(self, steps: int) -> None:
        now = datetime.now(UTC)
        self._window = self._window.moved(steps, now)
        self._loosen(now)
        await self.draw()

    async def _key(self, key: str) -> None:
        """A key that was pressed on the page: `[` and `]` go, `1` to `5` choose a span."""
        if key in _KEYS:
            await self._move(_KEYS[key])
        elif key.isdecimal() and 1 <= int(key) <= len(SPANS):
            self._spans.set_value(list(SPANS)[int(key) - 1])

    async def _zoomed(self, since: int, until: int) -> None:
        if until <= since or since < 0 or until > 10**14:
            return
        now = datetime.now(UTC)
        chosen = ChartWindow(_instant(since), _instant(until))
        self._window = chosen.within(now)
        self._loosen(now)
        await self.draw()

    def _loosen(self, now: datetime) -> None:
        """The window no longer follows the clock, unless it ends now."""
        if not self._window.current(now):
            self._span = ""
            self._spans.set_value(None)

    async def _choose(self, event: Any) -> None:
        chosen = self._offered.offered(event.value or [])
        if chosen != event.value:
            event.sender.set_value(chosen)  # which comes back here
            return
        self._chosen = chosen
        await self._again()

    async def _again(self) -> None:
        """Draw, and let the address say what is drawn, so that it can be kept and sent."""
        chosen = [("series", one) for one in self._chosen]
        ui.navigate.history.replace("?" + urlencode([("span", self._span or "day"), *chosen]))
        await self.draw()

    # --- what is drawn ------------------------------------------------------------------------

    async def _made(self) -> tuple[dict[str, Any], str, str]:
        now = datetime.now(UTC)
        self._readings = self._find_readings()
        requests, more = await self._requests()
        self._drawn = {request.key for request in requests}
        drawn = await draw(
            self._readings, requests, self._window, now, self._zone, width=self._width
        )
        traces = self._with_usual(drawn, now)
        self._resolution = drawn.resolution
        self._drawn_at = asyncio.get_running_loop().time()
        since, until = (
            round(t.timestamp() * 1000) for t in (self._window.since, self._window.until)
        )
        moves = [move for move in await self._find_moves() if since <= move.at < until]
        moves = moves if any(place_of(one) is None for one in self._chosen) else []
        moves += await self._scales(requests, drawn.series)
        present = round(now.timestamp() * 1000)
        made = options(
            traces,
            since,
            until,
            now=present,
            moves=moves,
            lanes=reports_lane(drawn.traces, since, min(until, present)),
            zone=self._zone,
        )
        parts = [spoken(trace) for trace in drawn.traces] or [_("nothing chosen")]
        parts += [move.text for move in moves]
        fineness = _(_FINENESS[drawn.resolution])
        if drawn.hours > 1 and drawn.resolution is Resolution.HOURLY:
            fineness = _("means of {n} hours, lowest to highest shaded", n=drawn.hours)
        note = summary(drawn.traces, fineness, min(until, present)) or _("Choose a series.")
        if self._shaded:
            note += _("; grey: usual for the hour")
        if drawn.gone:
            note += _("; no longer there: {names}", names=", ".join(drawn.gone))
        if self._readings.age is not None:
            note += _(
                "; as of {span} ago, for the database's copy lags",
                span=spoken_span(self._readings.age),
            )
        if more:
            note += _("; {more} further series not drawn", more=more)
        return made, f"{_('Chart.')} {'; '.join(parts)}", note

    def _with_usual(self, drawn: Drawn, now: datetime) -> list[Trace]:
        """The traces, the first curve with what is usual of it where no other one is drawn."""
        curves = [n for n, one in enumerate(drawn.traces) if one.kind.shape is Shape.CURVE]
        self._shaded = False
        if len(curves) != 1 or self._window.length > _USUAL_AT_MOST:
            return drawn.traces
        known = self._usual([drawn.series[curves[0]].key])
        made = list(drawn.traces)
        for profile in known.values():
            made[curves[0]] = replace(
                made[curves[0]], usual=usual_hours(profile, self._window.within(now))
            )
            self._shaded = bool(made[curves[0]].usual)
        return made

    async def _scales(
        self, requests: Sequence[TraceRequest], drawn: Sequence[StoredSeries]
    ) -> list[ChartMove]:
        """Where calibrations begin or end, and sources change: what steps may have been level."""
        span = Span(self._window.since, self._window.until)
        names = {request.key: request.name for request in requests}
        told = [
            (one.at, f"{request.name}: {one}")
            for request in requests
            for one in scale_changes(
                self._readings.calibrations(request.key), span.since, span.until
            )
        ]
        sources = await self._readings.source_changes(drawn, span)
        told += [
            (change.at, f"{names[one.key]}: {change.told(one.key)}")
            for one in drawn
            for change in sources.get(one.id, ())
        ]
        return [ChartMove(round(at.timestamp() * 1000), text, "adjust") for at, text in told]

    async def _requests(self) -> tuple[list[TraceRequest], int]:
        """What is to be drawn, places as what was measured there, and how much more there is."""
        requests: list[TraceRequest] = []
        for one in self._chosen:
            place = place_of(one)
            if place is None:
                key = key_of(one)
                requests.append(self._request(key, self._offered.labels[one]))
                continue
            span = Span(self._window.since, self._window.until)
            try:
                found = await self._readings.find_in_place(place[0], span, place[1])
            except ForeignRowError:
                continue  # the place was removed meanwhile
            for series in found:
                title = self._offered.title(series.key, one)
                requests.append(replace(self._request(series.key, title), found=series))
        return requests[:MOST_SERIES], max(0, len(requests) - MOST_SERIES)

    def _request(self, key: SeriesKey, name: str) -> TraceRequest:
        return TraceRequest(key, name, self._seen.get(key.device), self._marks.get(key, ()))


def _instant(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
