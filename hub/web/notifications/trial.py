"""What a rule would have told in the last 30 days, as a line of time."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from nicegui import ui

from hub.language.times import day_said
from hub.language.words import _, ngettext
from hub.notifications.past import Tried
from hub.web.cards import strip

__all__ = ["show_trial", "times_said", "tried_said"]


def show_trial(
    tried: Tried, since: datetime, until: datetime, zone: ZoneInfo | None = None
) -> None:
    """The line; with dates below it where there is a zone to tell them by."""
    strip(((one.since, one.until or until) for one in tried.times), since, until)
    if zone is None:
        return
    with ui.element("div").classes("dm-axis"):
        for part in range(3):
            at = (since + (until - since) * part / 3 + timedelta(hours=12)).astimezone(zone)
            ui.label(day_said(at))
        ui.label(_("today")).classes("dm-strong")


def times_said(tried: Tried) -> str:
    """`3 in 30 days`, `never`; nothing where the past says nothing of it."""
    if not tried.known:
        return ""
    number = len(tried.times)
    if not number and tried.whole:
        return _("never in 30 days")
    if tried.whole:
        return _("{number} in 30 days", number=number)
    return _("at least {number} in 30 days", number=number)


def tried_said(tried: Tried) -> str:
    """The same as a sentence."""
    if not tried.known:
        return _("What it would have told in the past is not known.")
    if not tried.times and tried.whole:
        return _("It would have told you nothing in the last 30 days.")
    number = len(tried.times)
    times = {1: _("once"), 2: _("twice")}.get(number) or ngettext("{n} time", "{n} times", number)
    if tried.whole:
        return _("It would have told you {times} in the last 30 days.", times=times)
    return _("It would have told you at least {times} in the last 30 days.", times=times)
