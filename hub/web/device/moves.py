"""Where a device was, as a page says it: marks in its chart, and a list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from contracts.zones import zoned
from hub.devices.history import PropertyChange
from hub.devices.placements import Stay
from hub.language.words import _
from hub.web.charts import ChartMove
from hub.web.home.view import ms

__all__ = ["PlacedStay", "listed", "moves_of", "replacements_of", "updates_of"]

PlacedStay = tuple[Stay, list[str]]
"""A stay, and its place's names from the outside in."""

_WITHIN = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


def moves_of(stays: Sequence[PlacedStay]) -> list[ChartMove]:
    """What happened when a device came to be elsewhere."""
    return list(_moves(stays))


def _moves(stays: Sequence[PlacedStay]) -> Iterator[ChartMove]:
    left = None
    for n, (stay, path) in enumerate(stays):
        verb = _("moved to") if left == stay.since else _("put into")
        yield ChartMove(ms(stay.since) or 0, f"{verb} {_name(path)}")
        left = stay.until
        following = stays[n + 1][0].since if n + 1 < len(stays) else None
        if left is not None and left != following:
            yield ChartMove(ms(left) or 0, _("taken out of {name}", name=_name(path)))


def replacements_of(changes: Iterable[PropertyChange]) -> list[ChartMove]:
    """When another chip took its place."""
    return [
        ChartMove(
            ms(change.at) or 0,
            _("{after} replaced {before}", after=change.after, before=change.before),
        )
        for change in changes
        if change.property == "id"
    ]


def updates_of(changes: Iterable[PropertyChange]) -> list[ChartMove]:
    """When it came to run another firmware."""
    return [
        ChartMove(ms(change.at) or 0, _("updated to {after}", after=change.after))
        for change in changes
        if change.property == "firmware" and change.before and change.after
    ]


def listed(stays: Sequence[PlacedStay], zone: ZoneInfo) -> list[str]:
    """A line for each stay, the last one first; times by the zone's clock."""
    return [_stay(stay, _name(path), zone) for stay, path in reversed(stays)]


def _stay(stay: Stay, name: str, zone: ZoneInfo) -> str:
    since = zoned(stay.since, zone)
    if stay.until is None:
        return _("{name}: from {since} on", name=name, since=since)
    until = zoned(stay.until, zone)
    return _("{name}: from {since} until {until}", name=name, since=since, until=until)


def _name(path: Sequence[str]) -> str:
    return _WITHIN.join(path) or _("a place that is gone")
