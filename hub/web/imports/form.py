"""Importing by the page: a file is chosen, tried, and then imported once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.zones import zoned
from hub.imports.model import DateOrder, HistoryImport, RepeatedHour
from hub.imports.routes import NameOut, ReportOut
from hub.imports.service import ImportService
from hub.imports.targets import MappingRefusedError, names_of
from hub.language.words import N_, _, ngettext
from hub.web.imports.sent import FileNotSentError, SentFile, send
from hub.web.reloaded import Reloaded

__all__ = ["ImportForm"]

_NAMES = 200  # more are for `dormouse hub import`, with a file of names
_REFUSED = 20
_TOO_MANY = "%d further names: `dormouse hub import --map-file` takes them all."


_HOURS = {
    RepeatedHour.REFUSE: N_("refused"),
    RepeatedHour.FIRST: N_("the first one"),
    RepeatedHour.SECOND: N_("the second one"),
}


class ImportForm:
    """The page's content."""

    def __init__(self, imports: ImportService, tenant: str, zone: ZoneInfo) -> None:
        self._imports, self._tenant, self._zone = imports, tenant, zone
        self._tried: tuple[SentFile, dict[str, str | Sequence[str]]] | None = None
        self._names: dict[str, str] = {}
        self._busy = False

    async def show(self) -> None:
        """Build it."""
        ui.label(
            _(
                "CSV, what Home Assistant's history page downloads, InfluxDB's CSV and line "
                "protocol; not packed. It is read as it is sent, however large it is. Home "
                "Assistant's database and packed files take `dormouse hub import`."
            )
        )
        with ui.element("label").classes("dm-row"):
            ui.label(_("File"))
            self._file = ui.element("input").props(f'type=file aria-label="{_("File to import")}"')
        self._file.on("change", self._changed)
        with ui.row().classes("items-end"):
            self._zone_name = ui.input(_("Zone of times without an offset"), value=self._zone.key)
            dates = {
                DateOrder.ISO: _("refused"),
                DateOrder.DAY_FIRST: _("3 April"),
                DateOrder.MONTH_FIRST: _("4 March"),
            }
            self._dates = ui.select(dates, value=DateOrder.ISO, label=_("03/04/2026 is"))
            hours = {one: _(_HOURS[one]) for one in RepeatedHour}
            self._hour = ui.select(
                hours, value=RepeatedHour.REFUSE, label=_("A time that comes twice is")
            )
        for control in (self._zone_name, self._dates, self._hour):
            control.props("outlined dense").on_value_change(self._changed).classes("dm-field")
        ui.button(_("Try it: nothing is stored"), on_click=self._try).props("no-caps unelevated")
        self._progress = ui.element("span").props('aria-hidden="true"')
        self._status = ui.label().props('role="status"')
        self._found()
        self._trail = Reloaded(self._past, self._show_past)
        await self._trail.refresh()

    # --- what is asked ------------------------------------------------------------------------

    def _query(self) -> dict[str, str | Sequence[str]]:
        """Raises MappingRefusedError."""
        lines = [f"{theirs}={ours.strip()}" for theirs, ours in self._names.items() if ours.strip()]
        names_of(lines)
        return {
            "map": lines,
            "zone": str(self._zone_name.value or self._zone.key),
            "dates": self._dates.value.value,
            "repeated_hour": self._hour.value.value,
        }

    def _changed(self) -> None:
        """What was tried is no longer what would be imported."""
        if self._tried is not None and not self._busy:
            self._tried = None
            self._button.set_visibility(False)
            self._status.text = _("Try it again.")

    async def _try(self) -> None:
        sent = await self._sent(_("Reading"), dry_run=True)
        if sent is not None:
            for one in sent.report.names:
                self._names.setdefault(one.name, "")
            self._status.text = _summary(sent.report)
            self._found.refresh()

    async def _import(self) -> None:
        sent = await self._sent(_("Importing"), dry_run=False)
        if sent is not None:
            self._tried = None
            refused = sent.report.refused_lines
            skipped = (
                _(", {lines} refused", lines=ngettext("{n} line", "{n} lines", refused))
                if refused
                else ""
            )
            self._status.text = _(
                "{readings} imported{skipped}.",
                readings=ngettext("{n} reading", "{n} readings", sent.report.stored),
                skipped=skipped,
            )
            self._found.refresh()
        await self._trail.refresh()

    async def _sent(self, doing: str, *, dry_run: bool) -> SentFile | None:
        if self._busy:
            return None
        tried = self._tried
        self._busy, self._status.text = True, _("{doing} the file…", doing=doing)
        try:
            query = self._query() if dry_run or tried is None else tried[1]
            sent = await send(
                chosen=self._file.html_id,
                progress=self._progress.html_id,
                query={**query, "dry_run": "true" if dry_run else "false"},
                doing=doing,
                which="" if dry_run or tried is None else tried[0].which,
            )
        except (FileNotSentError, MappingRefusedError, TimeoutError) as error:
            self._status.text = str(error) or _("The file could not be sent.")
            return None
        finally:
            self._busy = False
        self._tried = (sent, query)
        return sent

    # --- what was found -----------------------------------------------------------------------

    @ui.refreshable_method
    def _found(self) -> None:
        report = self._tried[0].report if self._tried else None
        with ui.element("ul").classes("dm-list"):
            for one in report.names[:_NAMES] if report else ():
                with ui.element("li").classes("dm-row"), ui.element("div").classes("dm-grow"):
                    self._name(one)
        if report and len(report.names) > _NAMES:
            ui.label(_TOO_MANY % (len(report.names) - _NAMES)).classes("dm-soft")
        for line in report.refused[:_REFUSED] if report else ():
            ui.label(_("Line {line}: {reason}", line=line.line, reason=line.reason)).classes(
                "dm-soft"
            )
        if report and report.refused_lines > _REFUSED:
            ui.label(
                _("{refused_lines} lines are refused.", refused_lines=report.refused_lines)
            ).classes("dm-soft")
        many = ngettext("{n} reading", "{n} readings", report.stored) if report else ""
        self._button = ui.button(_("Import {many}", many=many), on_click=self._import).props(
            "no-caps outline"
        )
        self._button.set_visibility(bool(report and report.stored))

    def _name(self, one: NameOut) -> None:
        def said(event: object) -> None:
            self._names[one.name] = str(getattr(event, "value", "") or "")
            self._changed()

        ui.label(one.name).classes("dm-strong")
        target = ui.input(
            _("Device/Service/Characteristic, or with @unit"), value=self._names[one.name]
        )
        target.props["aria-label"] = _("What {name} is here", name=one.name)
        target.props("outlined dense maxlength=200").on_value_change(said).classes("w-full")
        if one.hint and one.series is None:
            button = ui.button(
                _("Use {hint}", hint=one.hint), on_click=partial(target.set_value, one.hint)
            )
            button.props("flat no-caps dense")
        ui.label(told(one, self._zone)).classes("dm-soft")

    async def _past(self) -> list[HistoryImport]:
        return await self._imports.trail(self._tenant, 50)

    def _show_past(self, past: Sequence[HistoryImport]) -> None:
        with ui.element("ul").classes("dm-where"):
            for one in past:
                ended = (
                    ""
                    if one.finished_at
                    else _(", not finished: {value}", value=one.error or "under way")
                )
                with ui.element("li"):
                    ui.label(
                        _(
                            "{at}, {who}: {value}: {readings} stored, {there} there already, "
                            "{lines} refused{ended}",
                            at=zoned(one.at, self._zone),
                            who=one.who,
                            value=one.source or "a file",
                            readings=ngettext("{n} reading", "{n} readings", one.stored),
                            there=one.there,
                            lines=ngettext("{n} line", "{n} lines", one.refused),
                            ended=ended,
                        )
                    )
        if not past:
            ui.label(_("Nothing was imported.")).classes("dm-soft")


def _summary(report: ReportOut) -> str:
    return _(
        "{lines}, {readings} to import.",
        lines=ngettext("{n} line", "{n} lines", report.lines),
        readings=ngettext("{n} reading", "{n} readings", report.stored),
    )


def told(one: NameOut, zone: ZoneInfo) -> str:
    """What a file has of one name, and what would become of it."""
    parts = [ngettext("{n} row", "{n} rows", one.rows)]
    if one.first and one.last:
        parts[0] += _(
            " from {first} to {last}", first=zoned(one.first, zone), last=zoned(one.last, zone)
        )
    if one.problem or one.series is None:
        return _(
            "{parts}; not imported: {value}",
            parts=parts[0],
            value=one.problem or "say what it is here",
        )
    if one.low is not None and one.high is not None:
        taken = _(", taken as {unit}", unit=one.unit) if one.unit else ""
        parts.append(f"{one.low:g} to {one.high:g}{taken}")
    fates = (
        (
            one.stored,
            _(
                "to import into {series}{value}",
                series=one.series,
                value=_(" (new)") if one.new else "",
            ),
        ),
        (one.there, _("there already")),
        (one.other, _("there with another value, which stays")),
        (one.gone, _("of hours that are kept as means alone")),
        (one.refused, _("refused")),
        (one.empty, _("without a value")),
        (one.overlap, _("within what is here already")),
        (one.repeated, _("at times that come twice")),
    )
    parts += [
        f"{number} {what}" for number, what in fates if number or what.startswith("to import")
    ]
    return "; ".join(parts)
