"""What was heard since the page was drawn, as patches for home.js: pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.homekit.quantities import quantity
from contracts.reading import SeriesKey
from hub.devices.glance import DeviceGlance, Glance
from hub.devices.overview import LastValue
from hub.live import LiveChange, LiveOnline, LiveReport, LiveValue, Missed, Update
from hub.web.home.view import battery, due, ms, noticed, value_key, value_of

__all__ = ["HomePatches"]

# A value is stored a moment after it was told; one that never is, is not looked for any more.
_LOOKS = 12


class HomePatches:
    """Takes what is heard; gives patches. `stale` says that the page must be made anew.

    `doubtful`: what is wrong may be something else now.

    A value is told before it is in the database: what was heard stays over what is read there
    until that is as new (`overlay`).
    """

    def __init__(self) -> None:
        self.stale = False
        self.doubtful = False
        self._devices: dict[str, DeviceGlance] = {}
        self._reports: dict[str, Mapping[str, Any]] = {}
        self._reported: dict[str, Mapping[str, Any]] = {}  # since `reading`
        self._series: dict[SeriesKey, LastValue] = {}
        self._heard: dict[SeriesKey, LiveValue] = {}
        self._waiting: dict[str, dict[str, Any]] = {}
        # Series that the page has not and the database will have, with how often it had them not.
        self._expected: dict[SeriesKey, int] = {}

    @property
    def expects(self) -> bool:
        """Whether something heard was not yet read: it is to be looked for again."""
        return bool(self._expected)

    def reading(self) -> None:
        """The page is being made anew: what is heard from now on may not be in what is read."""
        self.stale = False
        self._waiting, self._reported = {}, {}

    def unread(self) -> None:
        """It was not read after all: the page still has to be made anew."""
        self.stale = True

    def drawn(self, glance: Glance) -> None:
        """The page shows this now, and is patched with what was heard since `reading`."""
        self._devices = {device.device: device for device in glance.devices}
        self._reports = {device.device: device.report for device in glance.devices}
        self._reports |= self._reported
        self._series = {value.series: value for device in glance.devices for value in device.values}
        self._expected = {
            series: tries + 1
            for series, tries in self._expected.items()
            if series not in self._series and tries < _LOOKS
        }
        self.stale = self.stale or self.expects

    def overlay(self, glance: Glance) -> Glance:
        """What was read, with what was heard later over it."""
        for device in glance.devices:
            device.values[:] = [self._newer(value) for value in device.values]
        return glance

    def take(self, update: Update | Missed) -> None:
        """Hear of something."""
        match update:
            case LiveValue():
                self._value(update)
            case LiveReport(device, report, at):
                self._report(device, report, at)
            case LiveOnline(device, online, at):
                self.doubtful = True
                if online:
                    self._patch(device)["seen"] = ms(at)
            case LiveChange("readings", name):
                # Removed: what is read is right, whatever was heard.
                self._heard = {
                    key: heard for key, heard in self._heard.items() if key.full_name != name
                }
                self.stale = True
            case LiveChange("clock"):
                self._heard.clear()
                self.stale = True
            case LiveChange() | Missed():
                self.stale = True

    def patch(self, now: datetime) -> dict[str, Any] | None:
        """What is new since the last patch; None: nothing."""
        if not self._waiting:
            return None
        devices = [
            {"id": device, **changed, "values": list(changed.get("values", {}).values())}
            for device, changed in self._waiting.items()
        ]
        self._waiting = {}
        return {"now": ms(now), "devices": devices}

    def _value(self, heard: LiveValue) -> None:
        before = self._series.get(heard.series)
        if before is None:
            self._heard[heard.series] = heard
            self._expected.setdefault(heard.series, 0)
            self.stale = True
            return
        if heard.at < before.at:
            return
        self._heard[heard.series] = heard
        kind = quantity(heard.series)
        changed = self._patch(heard.series.device)
        changed["seen"] = max(changed.get("seen") or 0, ms(heard.at) or 0)
        changed["due"] = ms(due(heard.at, self._reports.get(heard.series.device, {})))
        key = value_key(heard.series)
        shown_value = {
            "key": key,
            **value_of(heard.value, kind),
            "noticed": noticed(heard.series, heard.value),
            "at": ms(heard.at),
        }
        changed.setdefault("values", {})[key] = shown_value

    def _report(self, device: str, report: Mapping[str, Any], at: datetime) -> None:
        known = self._devices.get(device)
        if known is None:
            self.stale = True
            return
        changed = self._patch(device)
        changed["seen"] = max(changed.get("seen") or 0, ms(at) or 0)
        self._reports[device] = self._reported[device] = report
        changed["due"] = ms(due(at, report))
        changed["battery"] = battery(report, known.values)

    def _patch(self, device: str) -> dict[str, Any]:
        return self._waiting.setdefault(device, {})

    def _newer(self, read: LastValue) -> LastValue:
        heard = self._heard.get(read.series)
        if heard is None:
            return read
        if heard.at <= read.at:
            del self._heard[read.series]
            return read
        return LastValue(read.series, heard.value, heard.at, heard.raw)
