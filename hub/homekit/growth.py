"""How the tree changes: in bursts, ids kept first, checked, and only then announced."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from contracts.homekit.definitions import INFORMATION
from contracts.reading import SeriesKey, Value
from hub.homekit.driver import Driver
from hub.homekit.keeper import Keeper
from hub.homekit.tree import Tree
from hub.runtime.defects import Defects

__all__ = ["Growth"]

log = logging.getLogger(__name__)


class Growth:
    """Shows devices that are new or have something new. `names` is what each is called.

    `settle` is how long, in seconds, a burst of news is gathered: a device's first messages come
    together, and one change of the tree is enough for all of them. `show` shows one value;
    `regrown` is called after each change.
    """

    # What is built and checked in one go holds up everything else: 0.1 s on a Raspberry Pi.
    AT_ONCE = 50
    # So many times as long as that took others then have: after a power cut readings come first.
    REST = 3.0

    def __init__(
        self,
        tree: Tree,
        keeper: Keeper,
        show: Callable[[SeriesKey, Value], None],
        *,
        settle: float,
        regrown: Callable[[], None],
        defects: Defects,
    ) -> None:
        self.names: Mapping[str, str] = {}
        self._tree, self._keeper, self._show, self._settle = tree, keeper, show, settle
        self._defects, self._regrown = defects, regrown
        self._grown: dict[str, None] = {}
        self._changed = asyncio.Event()
        self.busy = False
        """Something is new that is not shown yet."""

    def grow(self, device: str) -> None:
        """Something of a device is new (or it is gone)."""
        self._grown[device] = None
        self.busy = True
        self._changed.set()

    def name_of(self, device: str) -> str | None:
        """What a device is called; None for one that is not shown."""
        return self.names.get(device)

    def forget(self, device: str) -> None:
        """A device has left: nothing is called by its name from now on."""
        self.names = {other: name for other, name in self.names.items() if other != device}

    async def run(self) -> None:
        """Make one change after another, until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(self._settle)
            self._changed.clear()
            grown = list(self._grown)
            self._grown.clear()
            for first in range(0, len(grown), self.AT_ONCE):
                began = time.thread_time()
                await self._grow(grown[first : first + self.AT_ONCE])
                if first + self.AT_ONCE < len(grown):
                    await asyncio.sleep(self.REST * (time.thread_time() - began))
            self.busy = bool(self._grown)

    async def _grow(self, grown: list[str]) -> None:
        try:
            for driver in await self.show(grown):
                await driver.start()
            self._tree.refresh()
            self._regrown()
        except Exception as error:  # noqa: BLE001  # noted: it must not end the growth of all else
            log.error("homekit: cannot show %s", ", ".join(grown))  # noqa: TRY400  # as above
            self._defects.note("showing devices in HomeKit", error)

    async def show(self, devices: list[str]) -> list[Driver]:
        """Show devices (anew), without what fails the checklist; drivers made for it, not started.

        Ids are kept before they are shown. Nothing waits between building and checking, so no
        controller ever sees what fails.
        """
        tree = self._tree
        made: list[Driver] = []
        named = set(devices)
        while True:
            ready = tree.place(devices)
            if tree.identities.changed:
                await self._keeper.until_saved()
            before, self.names = self.names, tree.names()
            named |= {device for device, name in self.names.items() if before.get(device) != name}
            # A device may have been removed while its ids were being kept.
            made += tree.build(device for device in ready if device in tree.models)
            faults = tree.faults()
            for device, fault in faults:
                log.warning("homekit: %s is held back: %s", device, fault.reason)
            devices = list({device: None for device, _ in faults})
            if not devices:
                break
        for device in named:
            key = SeriesKey(device, INFORMATION, 0, "Name")
            if key in tree.shown and device in self.names:
                self._show(key, self.names[device])
        return made
