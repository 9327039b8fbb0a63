"""The card Storage: what takes how much room, for how long there is room, how long is kept."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from nicegui import ui

from hub.errors import HubError
from hub.language.words import _
from hub.readings.retention import PartitionOfMonth, RetentionRule, StoredRule
from hub.services import Services
from hub.upkeep.service import Upkeep
from hub.web.ask import ask_choice
from hub.web.cards import attempted, card
from hub.web.reloaded import Reloaded

__all__ = ["RoomTaken", "forecast", "show_storage", "size_said"]

_KEPT = {
    0: "Every reading, for ever",
    30: "30 days, then hours",
    90: "90 days, then hours",
    365: "a year, then hours",
    730: "two years, then hours",
}
_SPANS = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"))


@dataclass(frozen=True, slots=True)
class RoomTaken:
    """Bytes: of the disk with the data folder, and what of it is whose."""

    total: int
    free: int
    readings: int
    backups: int

    @property
    def other(self) -> int:
        """What is neither."""
        return max(self.total - self.free - self.readings - self.backups, 0)


async def show_storage(services: Services, tenant: str, *, whole: bool) -> None:
    """The card; `whole`: with the machine's disk, for who administers the hub's own tenant."""
    upkeep = services.upkeep
    with card(_("Storage")) as head, ui.element("div").classes("dm-panel-body"):
        if whole:
            try:
                size, _rows = await upkeep.sizes()
                months = await upkeep.months()
            except HubError as error:
                ui.label(
                    _("What the database holds could not be read: {error}.", error=error)
                ).classes("dm-note")
            else:
                taken = room_taken(services.settings.data_dir, size)
                with head:
                    used = _(
                        "{size} of {whole} used",
                        size=size_said(taken.total - taken.free),
                        whole=size_said(taken.total),
                    )
                    ui.label(used).classes("dm-note")
                _bar(taken)
                ui.label(forecast(months, taken.free)).classes("dm-note")
        kept = Reloaded(lambda: upkeep.rules(tenant), lambda rules: _kept(upkeep, tenant, rules))
        await kept.refresh()
        ui.link(_("What was packed and removed"), "/storage").classes("dm-note")


def _kept(upkeep: Upkeep, tenant: str, rules: list[StoredRule]) -> None:
    of_all = next((one.rule for one in rules if one.of is None), RetentionRule())
    particular = len([one for one in rules if one.of is not None])
    said = _("Every reading is kept for ever.")
    if of_all.raw_days is not None:
        said = _(
            "Single readings are kept for {raw_days} days, hours and days ",
            raw_days=of_all.raw_days,
        )
        said += (
            _("for ever.")
            if of_all.hourly_days is None
            else _("for {hourly_days} days.", hourly_days=of_all.hourly_days)
        )
    if particular:
        said += _(" {particular} more particular rules hold besides.", particular=particular)
    label = ui.label(said).classes("dm-note")

    async def change() -> None:
        options = {**_KEPT}
        options.setdefault(of_all.raw_days or 0, f"{of_all.raw_days} days, then hours")
        chosen = await ask_choice(
            _(
                "How long are single readings kept? Those that are older go within six "
                "hours; their hours and days stay."
            ),
            _("Keep"),
            options,
            value=of_all.raw_days or 0,
            yes=_("Keep so"),
        )
        if chosen is None:
            return
        rule = RetentionRule(chosen or None, of_all.hourly_days, of_all.daily_days)
        await attempted(upkeep.keep(tenant, rule))
        label.text = (
            _("Every reading is kept for ever.")
            if not chosen
            else _("Single readings are kept for {chosen} days.", chosen=chosen)
        )

    button = ui.button(_("Keep single readings for a time only…"), on_click=change)
    button.props("flat dense no-caps align=left").classes("dm-small-button")


def room_taken(data_dir: Path, readings: int) -> RoomTaken:
    """What a data folder's disk has, with so many bytes of readings."""
    disk = shutil.disk_usage(data_dir)
    backups = sum(one.stat().st_size for one in (data_dir / "backups").glob("*") if one.is_file())
    return RoomTaken(disk.total, disk.free, readings, backups)


def forecast(months: list[PartitionOfMonth], free: int) -> str:
    """For how long there is room, by the largest of the last whole months."""
    whole = [month.size for month in sorted(months, key=lambda one: one.name)][:-1]
    grown = max(whole[-3:], default=0)
    if grown < 1e5:
        return _("How much it grows is known after a whole month.")
    left = free / grown
    if left >= 240:
        said = _("room for decades")
    elif left >= 24:
        said = _("room for about {left} years", left=f"{left / 12:.0f}")
    else:
        said = _("room for about {left} months", left=f"{left:.0f}")
    return _("Grows by {size} a month: {said}.", size=size_said(grown), said=said)


def _bar(taken: RoomTaken) -> None:
    shares = (
        (_("Readings"), taken.readings, "var(--dm-c1)"),
        (_("Backups"), taken.backups, "var(--dm-c2)"),
        (_("Other"), taken.other, "var(--dm-edge)"),
    )
    said = ", ".join(f"{name} {size_said(size)}" for name, size, _colour in shares)
    bar = ui.element("div").classes("dm-track").props('role="img"')
    bar.props["aria-label"] = _("{said}, free {size}", said=said, size=size_said(taken.free))
    with bar:
        for _name, size, colour in shares:
            width = max(100 * size / taken.total, 0.5)
            ui.element("div").style(f"width: {width:.1f}%; background: {colour}")
    with ui.row().classes("dm-note items-center"):
        for name, size, colour in shares:
            with ui.element("div"):
                ui.html(
                    f'<i class="dm-key" style="background: {colour}"></i>{name} {size_said(size)}',
                    sanitize=False,
                )


def size_said(number: float) -> str:
    """`1.4 GB`, `12.4 MB`: bytes in the unit that fits."""
    for least, unit in _SPANS:
        if number >= least:
            return f"{number / least:.1f} {unit}"
    return f"{number / 1e6:.1f} MB"
