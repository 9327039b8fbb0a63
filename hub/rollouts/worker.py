"""One rollout being carried out: take events, plan, commit, and only then act."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from contracts import topics
from hub.database.errors import DatabaseAwayError
from hub.errors import HubError
from hub.mqtt.errors import NotConnectedError
from hub.rollouts.errors import StaleRolloutError
from hub.rollouts.health import reports_needed
from hub.rollouts.model import (
    DeviceHealth,
    DeviceState,
    FirmwareTarget,
    ReportSample,
    Rollout,
    SettingsTarget,
    changed,
)
from hub.rollouts.parts import WorkerParts, command_payload
from hub.rollouts.plan import redo, remind, step
from hub.rollouts.repository import RolloutSnapshot
from hub.rollouts.said import log_changes
from hub.rollouts.work import (
    Action,
    AnswerLater,
    ClearCommand,
    Event,
    PublishCommand,
    Reported,
    RequestSettings,
    RestoreSettings,
    SendImage,
    SettingsRequested,
    StepInputs,
    StepOutcome,
    StreamEnded,
)
from hub.runtime.retry import reason, retrying

__all__ = ["Worker"]

log = logging.getLogger(__name__)

_BACK_OFF = (0.1, 5.0)  # s: pauses while the database is away
_LONGEST_SLEEP_S = 3600.0  # the clock on the wall may be set meanwhile
_EVENTS = 250  # in one step: a commit takes as long as ten ms of planning then
_AT_ONCE = 100  # messages on their way to the broker


class Worker:
    """Carries out one rollout from `start` to its end or `stop`.

    Events that come between two steps are taken by the next together. A step is computed, then
    committed for as long as it takes, then its actions are done; they may be done again after a
    restart.
    """

    def __init__(self, snapshot: RolloutSnapshot, parts: WorkerParts) -> None:
        self.rollout = snapshot.rollout
        self.devices = snapshot.devices
        self.progress: dict[str, Any] = {}
        """Of the streams under way: a StreamProgress by device."""
        self.broken = False
        """Whether it ended by a defect."""
        self._parts = parts
        self._inbox: list[tuple[Event, asyncio.Future[None] | None]] = []
        self._wake = asyncio.Event()
        self._wake_at: datetime | None = None
        self._commit_uncertain = False
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def going(self) -> bool:
        """Whether it is not over."""
        return not self.rollout.phase.over

    def start(self) -> None:
        """Begin, or go on where it was: what the broker must hold is published again."""
        self._wake.set()
        self._task = asyncio.create_task(self._run(), name=f"rollout {self.rollout.id}")

    async def stop(self) -> None:
        """Stop here; a later start goes on."""
        tasks = [*self._streams.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, waiter in self._inbox:
            if waiter is not None:
                waiter.cancel()
        self._inbox.clear()

    async def finished(self) -> None:
        """Until the rollout is over."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def interested(self, device: str, sample: ReportSample) -> bool:
        """Whether a report may change anything."""
        own = self.devices.get(device)
        if own is None:
            return False
        if own.state is DeviceState.PENDING:
            target = self.rollout.target
            ours = isinstance(target, FirmwareTarget) and sample.firmware == target.version
            return ours or own.stranded
        return not own.over or own.health is DeviceHealth.WATCHED

    async def handle_event(self, event: Event) -> None:
        """Take an event in; returns when its effect is committed."""
        if self._task is None or self._task.done():
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._inbox.append((event, waiter))
        self._wake.set()
        await waiter

    def post_event(self, event: Event) -> None:
        """Take an event in that nobody waits for."""
        self._inbox.append((event, None))
        self._wake.set()

    def wake_up(self) -> None:
        """Look again: a stream is free."""
        self._wake.set()

    async def republish(self) -> None:
        """The broker may have lost what it kept: publish it again."""
        await self._perform(remind(self.rollout, self.devices))

    async def _run(self) -> None:
        try:
            await self._resume()
            while not self.rollout.phase.over:
                await self._until_needed()
                self._wake.clear()
                await self._step()
            await self._note_cleared()
        except StaleRolloutError as error:
            self.broken = True
            log.error("%s", error)  # noqa: TRY400  # one line says it
        except Exception as error:  # noqa: BLE001  # noted; the runner begins it again
            self.broken = True
            log.error("rollout %d cannot go on now", self.rollout.id)  # noqa: TRY400  # noted with its trace
            self._parts.defects.note("carrying out a rollout", error)
        # Not when it was stopped: what was not committed then is to be delivered again.
        for _, waiter in self._inbox:
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        self._inbox.clear()

    async def _resume(self) -> None:
        """After a restart: what was committed and perhaps not done."""
        actions = redo(self.rollout, self.devices)
        self._parts.slots.taken |= {a.device for a in actions if isinstance(a, SendImage)}
        await self._perform(actions)

    async def _until_needed(self) -> None:
        if self._wake_at is None:
            await self._wake.wait()
            return
        seconds = (self._wake_at - self._parts.now()).total_seconds()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(max(seconds, 0.0), _LONGEST_SLEEP_S)):
                await self._wake.wait()

    async def _step(self) -> None:
        batch, self._inbox = self._inbox[:_EVENTS], self._inbox[_EVENTS:]
        if self._inbox:
            self._wake.set()
        try:
            outcome = await self._commit([event for event, _ in batch])
        except BaseException:
            self._inbox = batch + self._inbox  # for `stop`, which leaves them unacknowledged
            raise
        self._wake_at = outcome.wake_at
        for _, waiter in batch:
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        self._parts.changed(self.rollout.id)
        self._end_streams()
        await self._perform(outcome.actions)

    async def _commit(self, events: Sequence[Event]) -> StepOutcome:
        """Plan and commit, for as long as the database is away again with what then is so."""
        first, longest = _BACK_OFF
        retry = retrying(
            [DatabaseAwayError], first=first, longest=longest, waiting=self._on_database_away
        )
        outcome: StepOutcome = await retry(self._try_commit, events)
        return outcome

    def _on_database_away(self, error: BaseException) -> None:
        self._commit_uncertain = True
        log.warning("rollout %d waits for the database: %s", self.rollout.id, reason(error))

    async def _try_commit(self, events: Sequence[Event]) -> StepOutcome:
        if self._commit_uncertain:
            await self._reread()
        outcome = step(self.rollout, self.devices, await self._inputs(events), self._now())
        reserved = self._reserve_streams(outcome)
        if _unchanged(self.rollout, outcome):
            return outcome
        try:
            committed = await self._parts.repository.commit(self.rollout, outcome)
        except DatabaseAwayError:
            self._parts.slots.taken -= reserved
            raise
        tenant = self._parts.repository.tenant
        log_changes(tenant, self.rollout, committed, self.devices, outcome.changed)
        self.rollout = committed
        self.devices.update(outcome.changed)
        return outcome

    async def _reread(self) -> None:
        """A commit whose end is not known may have happened."""
        snapshot = await self._parts.repository.load(self.rollout.id)
        self._commit_uncertain = False
        if snapshot.rollout.revision != self.rollout.revision:
            self.rollout, self.devices = snapshot.rollout, snapshot.devices
            await self._resume()

    def _reserve_streams(self, outcome: StepOutcome) -> set[str]:
        """Reserve the streams that the step has given away; those that were not taken before."""
        streamed = {action.device for action in outcome.actions if isinstance(action, SendImage)}
        fresh = streamed - self._parts.slots.taken
        self._parts.slots.taken |= fresh
        return fresh

    async def _inputs(self, events: Sequence[Event]) -> StepInputs:
        watched = [
            event.device
            for event in events
            if isinstance(event, Reported)
            and (device := self.devices.get(event.device)) is not None
            and device.health is DeviceHealth.WATCHED
            and len(device.after) >= reports_needed(device, self.rollout.options)
        ]
        gaps = await self._parts.repository.gaps(watched) if watched else {}
        return StepInputs(
            events,
            free=self._parts.slots.free,
            streaming=frozenset(self._streams),
            recent={
                name: recent
                for name, device in self.devices.items()
                if device.state is DeviceState.PENDING
                and device.wave <= self.rollout.wave + 1
                and (recent := self._parts.recent(name))
            },
            gaps={name: gaps.get(name, 0) for name in watched},
        )

    async def _perform(self, actions: Iterable[Action]) -> None:
        """Every device's actions in their order, many devices side by side."""
        by_device: dict[str, list[Action]] = {}
        for action in actions:
            by_device.setdefault(action.device, []).append(action)
        names = list(by_device)
        for start in range(0, len(names), _AT_ONCE):
            await asyncio.gather(
                *(self._perform_all(by_device[name]) for name in names[start : start + _AT_ONCE])
            )

    async def _perform_all(self, actions: Sequence[Action]) -> None:
        for action in actions:
            try:
                await self._perform_one(action)
            except NotConnectedError:
                continue  # republish comes with the next connection

    async def _perform_one(self, action: Action) -> None:
        match action:
            case PublishCommand(device, command):
                payload = command_payload(self.rollout, command)
                await self._parts.publish(topics.ota(device), payload, retain=True)
            case ClearCommand(device):
                await self._parts.publish(topics.ota(device), "", retain=True)
                self.devices[device] = changed(self.devices[device], pending_clear=False)
            case AnswerLater(device, command, seconds):
                payload = json.dumps({"id": command, "later": seconds}, separators=(",", ":"))
                await self._parts.publish(topics.ota(device), payload)
            case SendImage(device, command, address):
                self._begin_stream(device, command, address)
            case RequestSettings(device):
                await self._request_settings(device)
            case RestoreSettings(device, former):
                await self._restore_settings(device, former)

    def _begin_stream(self, device: str, command: int, address: str | None) -> None:
        if device not in self._streams:
            self._parts.slots.taken.add(device)
            task = asyncio.create_task(self._stream(device, command, address))
            self._streams[device] = task

    def _end_streams(self) -> None:
        """Nobody waits any more for what a device has come back from without our help."""
        for device, task in self._streams.items():
            if self.devices[device].state is not DeviceState.UPDATING:
                task.cancel()

    async def _stream(self, device: str, command: int, address: str | None) -> None:
        error: str | None = None
        stranded = False
        target = self.rollout.target
        try:
            if isinstance(target, FirmwareTarget):
                async with self._parts.slots.semaphore:
                    await self._parts.stream(
                        device, address, target.image, lambda now: self._progress(device, now)
                    )
        except DatabaseAwayError as failed:
            log.warning("the image for %s could not be read: %s", device, failed.reason)
            error = "the image could not be read: the database was away"
        except HubError as failed:
            error = str(getattr(failed, "reason", failed))
            stranded = bool(getattr(failed, "stranded", False))
        except Exception as failed:  # noqa: BLE001  # noted; the device counts as not streamed to
            self._parts.defects.note("streaming an image", failed)
            error = f"a defect of the hub: {type(failed).__name__}"
        finally:
            self._streams.pop(device, None)
            self._parts.slots.taken.discard(device)
            self.progress.pop(device, None)
        self.post_event(StreamEnded(device, command, error, stranded))
        self._parts.freed()

    def _progress(self, device: str, now: Any) -> None:
        self.progress[device] = now
        self._parts.changed(self.rollout.id)

    async def _request_settings(self, device: str) -> None:
        target = self.rollout.target
        if not isinstance(target, SettingsTarget):
            return
        why = f"rollout {self.rollout.id}"
        try:
            # Not as they are now: it may be requested already, and that not be noted.
            before = await self._parts.configs.before(device, who="rollout", why=why)
            # What held a secret cannot be requested again: nobody knows it any more.
            former = {n: before.get(n) for n in target.changes if n != "wifi"}
            version = await self._parts.configs.request(
                device, target.changes, who="rollout", why=why
            )
            self.post_event(SettingsRequested(device, version, former=former))
        except DatabaseAwayError as error:
            log.warning("settings of %s wait for the database: %s", device, error.reason)
            why = "the settings could not be stored: the database was away"
            self.post_event(SettingsRequested(device, 0, why))
        except HubError as error:
            self.post_event(SettingsRequested(device, 0, str(error)))

    async def _restore_settings(self, device: str, former: Any) -> None:
        if not former:
            return
        why = f"rollout {self.rollout.id} was aborted"
        try:
            await self._parts.configs.request(device, former, who="rollout", why=why)
        except HubError as error:
            log.warning("former settings of %s are not requested again: %s", device, error)
        except Exception as error:  # noqa: BLE001  # noted with its trace; the rollout ends all the same
            self._parts.defects.note("requesting former settings", error)

    async def _note_cleared(self) -> None:
        """The end: what the broker has forgotten need not be told at the next start."""
        cleared = [name for name, device in self.devices.items() if not device.pending_clear]
        with contextlib.suppress(DatabaseAwayError):
            await self._parts.repository.cleared(cleared)

    def _now(self) -> datetime:
        return self._parts.now()


def _unchanged(before: Rollout, outcome: StepOutcome) -> bool:
    """Whether there is nothing to commit."""
    return not outcome.changed and not outcome.transitions and outcome.rollout == before
