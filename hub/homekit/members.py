"""Devices leave HomeKit, come back, and take another's place."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import MutableMapping
from datetime import UTC, datetime

from contracts.homekit.definitions import INFORMATION, SERVICES
from contracts.reading import SeriesKey, Value
from hub.homekit.accessory import PRESS
from hub.homekit.display import Display
from hub.homekit.errors import UnknownDeviceError
from hub.homekit.growth import Growth
from hub.homekit.identity import part
from hub.homekit.keeper import Keeper
from hub.homekit.presence import Presences
from hub.homekit.tree import Tree
from hub.homekit.writes import Writes

__all__ = ["Members"]

log = logging.getLogger(__name__)


class Members:
    """Who is shown by a bridge set; `newest` has the time of each series' newest value."""

    def __init__(
        self,
        tree: Tree,
        keeper: Keeper,
        growth: Growth,
        display: Display,
        *,
        presences: Presences,
        writes: Writes,
        newest: MutableMapping[SeriesKey, datetime],
    ) -> None:
        self._tree, self._keeper, self._growth, self._display = tree, keeper, growth, display
        self._presences, self._writes, self._newest = presences, writes, newest

    def has(self, device: str) -> bool:
        """Whether HomeKit has a place for the device."""
        record = self._tree.identities.accessories.get(device)
        return record is not None and not record.removed

    def remove(self, device: str) -> None:
        """Take a device out; it may come back, and is then given its own ids again."""
        self._tree.forget(device)
        self._presences.forget(device)
        for key in [key for key in self._newest if key.device == device]:
            del self._newest[key]
        self._writes.forget(device)
        self._display.forget(device)
        self._keeper.forget(device)
        self._growth.forget(device)
        self._growth.grow(device)
        self._tree.identities.remove(device)

    def remove_service(self, device: str, service: str, index: int) -> None:
        """Take one service out, with its last one the device; it is away until it is heard live."""
        model = self._tree.models.get(device)
        if model is None:
            return
        self._tree.identities.set_gone(device, part(service, index), gone=True)
        for key in model.forget_service(service, index):
            self._newest.pop(key, None)
        if model.empty:
            self.remove(device)
            return
        self._tree.drop_service(device, service, index)
        self._growth.grow(device)

    def renew(self, key: SeriesKey, heard: tuple[Value, datetime] | None) -> None:
        """Readings of a series were removed: show what its newest one is now, raw, and of when.

        None: it has none any more. Then a service whose main characteristic it was is taken out.
        """
        model = self._tree.models.get(key.device)
        if model is None or key not in model.heard or key.characteristic == PRESS:
            return
        if heard is not None:
            value, at = heard
            if heard != model.heard[key]:
                self._newest[key] = at
                self._display.take(key, value, live=False, at=at)
            return
        self._newest.pop(key, None)
        self._keeper.forget_value(key)
        if key.service != INFORMATION and SERVICES[key.service].main == key.characteristic:
            self.remove_service(key.device, key.service, key.index)
            return
        model.forget(key)
        self._growth.grow(key.device)

    def replace(self, old: str, new: str) -> None:
        """Let `new` take the place of `old`: same accessory, room and automations.

        Raises UnknownDeviceError when `old` has no place.
        """
        tree = self._tree
        if not self.has(old):
            raise UnknownDeviceError(old)
        named = {
            key: heard
            for key, heard in tree.model(old).heard.items()
            if key.characteristic in {"Name", "ConfiguredName"}
        }
        for device in (old, new):
            tree.hide(device)
        heard = tree.model(old).heard
        if (successor := tree.models.get(new)) is not None:
            # What it measures is what is measured here from now on.
            heard = {key: (value, datetime.now(UTC)) for key, (value, _) in successor.heard.items()}
        tree.identities.replace(old, new)
        for device in (old, new):
            tree.forget(device)
            self._keeper.forget(device)
        self._presences.forget(old)
        self._growth.forget(old)
        for key, (value, at) in [*heard.items(), *named.items()]:
            self._display.take(dataclasses.replace(key, device=new), value, live=False, at=at)
        self._growth.grow(new)

    async def forget_silent(self, after: float) -> None:
        """Remove devices that were silent for `after` seconds; looks ten times in that period."""
        while True:
            await asyncio.sleep(after / 10)
            for device, silence in self._presences.silent(after):
                log.info("homekit: %s was silent for %.0f s: removed", device, silence)
                self.remove(device)
