"""Keeps an open home page as it should be: pushes what is heard, draws anew what changed else."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from contracts.homekit.quantities import Shape, importance, ordinary, quantity
from contracts.reading import SeriesKey
from hub.database.errors import DatabaseAwayError
from hub.devices.glance import Glance
from hub.live import Subscription
from hub.runtime.supervisor import PartRole, Supervisor
from hub.web.home.changes import HomePatches
from hub.web.home.view import ms, values_of, view

__all__ = ["HomeFeed"]

log = logging.getLogger(__name__)

Problems = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]


class HomeFeed:
    """`read` reads the tenant, `names` what HomeKit calls devices, `problems` the sentences on top.

    `show` draws all, `patch` what changed; see home.js.
    """

    # What is heard within it goes in one message: an eye sees no difference.
    GATHER_S = 0.15
    # Drawing anew waits so long for more reasons to, and for what was heard to be committed.
    REDRAW_S = 0.7
    # What was told just before a page subscribed is stored a moment later: so long after its first
    # look it looks again.
    AGAIN_S = (1.0, 4.0, 10.0)
    # What nobody tells of (a device that falls silent) is looked for so often.
    LOOK_S = 30.0

    def __init__(
        self,
        read: Callable[[], Awaitable[Glance]],
        names: Callable[[], Mapping[str, str]],
        problems: Problems,
        supervisor: Supervisor,
        title: str = "",
    ) -> None:
        self._title = title
        self._glance = Glance([], [])
        self._view: dict[str, Any] = {}
        self._read, self._names, self._problems = read, names, problems
        self._tasks = supervisor.tasks(PartRole.WEB)
        self._changes = HomePatches()
        self._shown_problems: Sequence[Mapping[str, Any]] = ()
        self._wake = asyncio.Event()

    async def view(self) -> dict[str, Any]:
        """All that the page shows now."""
        self._changes.reading()
        try:
            read = await self._read()
            problems = self._shown_problems = await self._problems()
        except BaseException:
            self._changes.unread()
            raise
        glance = self._glance = self._changes.overlay(read)
        self._changes.drawn(glance)
        self._view = view(glance, self._names(), problems, datetime.now(UTC), self._title)
        return self._view

    def commonest(self) -> str:
        """The curve that most devices have, as the page shows it first; "": there is none."""
        counted = Counter(
            value["label"]
            for device in self._glance.devices
            for value in values_of(device.values)
            if value["curve"]
        )
        return counted.most_common(1)[0][0] if counted else ""

    def curves(self, label: str) -> dict[str, SeriesKey]:
        """The series that the page can draw of what is called so, by device."""
        found: dict[str, SeriesKey] = {}
        for device in self._glance.devices:
            for value in sorted(device.values, key=lambda one: importance(one.series)):
                kind = quantity(value.series)
                if kind.label == label and kind.shape is Shape.CURVE and ordinary(value.series):
                    found.setdefault(device.device, value.series)
        return found

    async def run(
        self,
        updates: Subscription,
        show: Callable[[dict[str, Any]], None],
        patch: Callable[[dict[str, Any]], None],
    ) -> None:
        """Until cancelled, or the hub ends."""
        self._tasks.loop("keeping an open home page as it is", lambda: self._push(show, patch))
        self._tasks.spawn("looking again at what an open home page shows", self._again(show))
        try:
            async for update in updates:
                self._changes.take(update)
                self._wake.set()
        finally:
            await self._tasks.stop()

    async def _push(
        self, show: Callable[[dict[str, Any]], None], patch: Callable[[dict[str, Any]], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            left = max(0.0, looked + self.LOOK_S - loop.time())
            try:
                await asyncio.wait_for(self._wake.wait(), left)
            except TimeoutError:
                looked = loop.time()
                await self._look(patch)
                continue
            await asyncio.sleep(self.GATHER_S)
            self._wake.clear()
            if (changed := self._changes.patch(datetime.now(UTC))) is not None:
                self._view = {}  # not what is shown any more
                patch(changed)
            if self._changes.stale:
                await asyncio.sleep(self.REDRAW_S)
                await self._redraw(show)
                if self._changes.expects:
                    self._wake.set()
            elif self._changes.doubtful:
                await asyncio.sleep(self.REDRAW_S)
                await self._look(patch)

    async def _again(self, show: Callable[[dict[str, Any]], None]) -> None:
        waited = 0.0
        for after in self.AGAIN_S:
            await asyncio.sleep(after - waited)
            waited = after
            await self._redraw(show)

    async def _redraw(self, show: Callable[[dict[str, Any]], None]) -> None:
        before = self._view
        try:
            made = await self.view()
            if made | {"now": None} != before | {"now": None}:
                show(made)
        except DatabaseAwayError as error:  # the next look tries again
            log.info("the home page waits for the database: %s", error.reason)
        except Exception as error:  # noqa: BLE001  # noted; the page goes on with what it shows
            self._tasks.defects.note("drawing the home page", error)

    async def look(self, patch: Callable[[dict[str, Any]], None]) -> None:
        """Look for what is wrong now: somebody changed what counts."""
        await self._look(patch)

    async def _look(self, patch: Callable[[dict[str, Any]], None]) -> None:
        self._changes.doubtful = False
        if self._changes.stale:
            self._wake.set()
        try:
            problems = await self._problems()
        except DatabaseAwayError as error:
            log.info("the home page waits for the database: %s", error.reason)
            return
        except Exception as error:  # noqa: BLE001  # as above
            self._tasks.defects.note("looking for problems", error)
            return
        if problems != self._shown_problems:
            self._shown_problems = problems
            self._view = {}
            patch({"now": ms(datetime.now(UTC)), "devices": [], "problems": list(problems)})
