"""What changed of a device, as sentences, and how a change is undone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from contracts.homekit.quantities import quantity
from contracts.reading import SeriesKey
from hub.calibration.span import CalibrationSpan
from hub.device_settings.repository import SettingsVersion
from hub.devices.history import PropertyChange
from hub.language.times import span
from hub.language.words import N_, _
from hub.web.device.noted import text_of
from hub.web.device.sensor_words import in_short

__all__ = [
    "SETTING", "ChangeLine", "calibrations_of", "change_lines", "settings_changes", "undoing",
]  # fmt: skip

SETTING = "setting "
"""Before the name of a setting of the device, as a property that changed."""

_GONE = N_("a place that is gone")
# Name and interval have a history of their own.
_ELSEWHERE = {"name", "interval"}


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """A change in words; `undoable`: nothing of its kind came after it, and it can be taken back.

    `icon` is one of Material Icons.
    """

    change: PropertyChange
    icon: str
    text: str
    undoable: bool = False


_ICONS = {
    "name": "edit", "place": "place", "interval_s": "schedule", "owner": "person",
    "firmware": "system_update_alt", "calibration": "adjust", "attributes": "label",
    "id": "swap_horiz", "setting sensors": "sensors", "setting wifi": "wifi",
}  # fmt: skip
_UNDONE = {"name", "place", "calibration"}


def change_lines(changes: Sequence[PropertyChange], places: Mapping[int, str]) -> list[ChangeLine]:
    """A line for each, in their order (the newest first); `places` are paths by number."""
    seen: set[str] = set()
    lines = []
    for change in changes:
        newest = change.property not in seen
        seen.add(change.property)
        undoable = newest and change.property in _UNDONE
        if change.property == "name":
            undoable = undoable and bool(change.before)
        if change.property.startswith(SETTING):
            # What a device was set up with, and a network's password, the hub does not have.
            known = change.before is not None and change.property != SETTING + "wifi"
            undoable = newest and known
        icon = _ICONS.get(change.property, "edit")
        lines.append(ChangeLine(change, icon, _text(change, places), undoable))
    return lines


def settings_changes(versions: Sequence[SettingsVersion]) -> list[PropertyChange]:
    """What was asked of a device, a change for each setting; `versions` the newest first."""
    changes = []
    for newer, older in pairwise([*versions, None]):
        if newer is None:
            continue
        before, after = older.settings if older else {}, newer.settings
        changes += [
            PropertyChange(
                newer.at, SETTING + name, before.get(name), after.get(name), newer.who, newer.why
            )
            for name in sorted({*before, *after} - _ELSEWHERE)
            if before.get(name) != after.get(name)
        ]
    return changes


def _text(change: PropertyChange, places: Mapping[int, str]) -> str:
    before, after = change.before, change.after
    match change.property:
        case "name":
            text = _went(_("Renamed"), before, after, _("Named {}"), _("Name {} taken away"))
        case "place":
            old, new = (None if n is None else places.get(n, _(_GONE)) for n in (before, after))
            text = _went(_("Moved"), old, new, _("Put into {}"), _("Taken out of {}"))
        case "interval_s":
            old, new = (span(n) if isinstance(n, int | float) else None for n in (before, after))
            text = _("Measures every {new}", new=new) if new else _("Measures as built")
            text += _(", before every {old}", old=old) if old else ""
        case "firmware":
            text = _went(
                _("Updated"), before, after, _("Firmware {}"), _("Firmware no longer known")
            )
        case "owner":
            text = _went(_("Owner changed"), before, after, _("Owner {}"), _("Owner {} taken away"))
        case "id":
            text = _("Replaced: {after} in place of {before}", after=after, before=before)
        case "calibration":
            text = _calibrated(before, after)
        case "attributes":
            text = _noted(before, after)
        case _:
            text = _asked(change.property.removeprefix(SETTING), before, after)
    return text


def _asked(setting: str, before: Any, after: Any) -> str:
    """What a device was asked for; it takes that up when it wakes."""
    match setting:
        case "sensors" if after is None:
            text = _("Its own list of sensors again")
        case "sensors":
            text = _("Sensors: {sensors}", sensors=in_short(after))
        case "wifi" if after:
            text = _("Another WiFi: {ssid}", ssid=after.get("ssid", ""))
        case _ if after is None:
            text = _("{setting} no longer asked for", setting=setting)
        case _:
            text = f"{setting} {text_of(after)}"
    if setting == "sensors" and before is not None:
        text += _(", before {old}", old=in_short(before))
    elif before is not None and after is not None and setting != "wifi":
        text += _(", before {old}", old=text_of(before))
    return text


def _went(verb: str, before: Any, after: Any, came: str, left: str) -> str:
    if before and after:
        return _("{verb} from {before} to {after}", verb=verb, before=before, after=after)
    return came.format(after) if after else left.format(before)


def _noted(before: object, after: object) -> str:
    old, new = (one if isinstance(one, dict) else {} for one in (before, after))
    parts = [
        f"{name} {text_of(new[name])}" if name in new else _("{name} taken away", name=name)
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    return _("Noted: {what}", what=", ".join(parts))


def _calibrated(before: object, after: object) -> str:
    old, new = calibrations_of("", before), calibrations_of("", after)
    parts: list[str] = []
    for key in sorted({*old, *new}, key=lambda one: one.full_name):
        parts += [
            f"{quantity(key).label.lower()} {_scale(one.gain, one.offset, key)}"
            for one in undoing(new.get(key, ()), old.get(key, ()))
        ]
    return _("Calibrated: ") + (", ".join(dict.fromkeys(parts)) or _("as before"))


def _scale(gain: float, offset: float, key: SeriesKey) -> str:
    """`-0.4 °C`, `x 1.02 + 0.3 °C`, `as measured`."""
    if (gain, offset) == (1.0, 0.0):
        return _("as measured")
    times = "" if gain == 1.0 else f"\N{MULTIPLICATION SIGN} {gain:g}"
    sign = "+" if offset > 0 else "\N{MINUS SIGN}"
    shift = f"{sign}{abs(offset):g} {quantity(key).unit}".rstrip() if offset else ""
    return " ".join(part for part in (times, shift) if part)


def calibrations_of(device: str, told: object) -> dict[SeriesKey, list[CalibrationSpan]]:
    """What a history's calibration (a list of objects) says, by series."""
    found: dict[SeriesKey, list[CalibrationSpan]] = {}
    for one in told if isinstance(told, list) else []:
        key = SeriesKey(device, one.get("service", ""), one.get("index", 0), one["characteristic"])
        since, until = (_instant(one.get(name)) for name in ("since", "until"))
        found.setdefault(key, []).append(CalibrationSpan(since, until, one["gain"], one["offset"]))
    return found


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None


def undoing(
    wanted: Sequence[CalibrationSpan], held: Sequence[CalibrationSpan]
) -> list[CalibrationSpan]:
    """What has to be set where `held` holds, so that `wanted` does: only where they differ."""
    edges = sorted({t for one in (*wanted, *held) for t in (one.since, one.until) if t})
    spans: list[CalibrationSpan] = []
    for since, until in pairwise([None, *edges, None]):
        scale, now = _at(wanted, since), _at(held, since)
        if scale == now:
            continue
        last = spans[-1] if spans else None
        if last and last.until == since and (last.gain, last.offset) == scale:
            spans[-1] = CalibrationSpan(last.since, until, *scale)
        else:
            spans.append(CalibrationSpan(since, until, *scale))
    return spans


def _at(spans: Iterable[CalibrationSpan], at: datetime | None) -> tuple[float, float]:
    for one in spans:
        if one.since is None if at is None else one.holds(at):
            return one.gain, one.offset
    return 1.0, 0.0
