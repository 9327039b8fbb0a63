"""What people may do with rollouts: see a plan, start, watch, pause, resume, abort, look back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.database.database import Database
from hub.device_settings.schema import checked
from hub.firmware.repository import FirmwareRepository, StoredImage
from hub.rollouts.errors import BadRequestError, DeviceBusyError, WrongPhaseError
from hub.rollouts.forecast import Forecast, forecast
from hub.rollouts.model import (
    DeviceBaseline,
    FirmwareTarget,
    ReportSample,
    Rollout,
    RolloutDevice,
    RolloutOptions,
    RolloutPhase,
    SettingsTarget,
    Transition,
)
from hub.rollouts.plan import begin
from hub.rollouts.repository import RolloutSnapshot
from hub.rollouts.runner import RolloutChange, Runner
from hub.rollouts.said import log_begun
from hub.rollouts.select import Selection, select
from hub.rollouts.view import RolloutView
from hub.rollouts.work import OperatorRequest
from hub.runtime.broadcast import Subscription

__all__ = ["RolloutRequest", "Rollouts"]


class RolloutRequest(BaseModel):
    """A rollout to be: which devices, what they shall have, how.

    One of `version` (with `board` where several images have it), `image` (its number) and
    `settings`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    select: Selection = Selection()
    version: str | None = Field(None, max_length=64)
    board: str | None = Field(None, max_length=64)
    image: int | None = None
    settings: dict[str, Any] | None = None
    options: RolloutOptions = RolloutOptions()

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> RolloutRequest:
        """From JSON. Raises BadRequestError with one line, which repeats no value."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            what = first["msg"].removeprefix("Value error, ")
            raise BadRequestError(f"{where.removeprefix('options.')}: {what}") from None


class Rollouts:
    """The rollouts of all tenants; every method is told whose.

    `firmware` gives a tenant's images.
    """

    def __init__(
        self, store: Database, runner: Runner, firmware: Callable[[str], FirmwareRepository]
    ) -> None:
        self._store = store
        self._runner = runner
        self._firmware = firmware

    async def plan(self, tenant: str, request: RolloutRequest, who: str = "") -> RolloutView:
        """What would happen: waves, who is skipped and why, when each should be done.

        Raises HubError leaves for what is asked wrongly, as `start` does.
        """
        rollout, devices, _ = await self._prepare(tenant, request, who)
        return self._view(tenant, RolloutSnapshot(rollout, devices))

    async def start(self, tenant: str, request: RolloutRequest, who: str) -> RolloutView:
        """Start a rollout. Raises DeviceBusyError and what `plan` raises."""
        rollout, devices, transitions = await self._prepare(tenant, request, who)
        repository = self._runner.repository(tenant)
        rollout = await repository.add(rollout, devices, transitions)
        started = RolloutSnapshot(rollout, devices)
        self._runner.begin(tenant, started)
        log_begun(tenant, started.rollout)
        return self._view(tenant, started)

    async def latest(self, tenant: str, limit: int = 50) -> list[RolloutView]:
        """The newest rollouts, first."""
        return [
            self._view(tenant, self._live(tenant, snapshot))
            for snapshot in await self._runner.repository(tenant).latest(limit)
        ]

    async def status(self, tenant: str, number: int) -> RolloutView:
        """Where a rollout stands. Raises UnknownRolloutError."""
        worker = self._runner.worker(tenant, number)
        if worker is None:
            return self._view(tenant, await self._runner.repository(tenant).load(number))
        return self._view(tenant, RolloutSnapshot(worker.rollout, worker.devices))

    async def pause(self, tenant: str, number: int, who: str) -> RolloutView:
        """No new commands; those that are out are taken back; who is in the middle is finished.

        Raises UnknownRolloutError, WrongPhaseError.
        """
        return await self._request(tenant, number, "pause", who)

    async def resume(self, tenant: str, number: int, who: str) -> RolloutView:
        """Go on after a pause or a halt, whose failures are looked past. Raises as `pause`."""
        return await self._request(tenant, number, "resume", who)

    async def abort(self, tenant: str, number: int, who: str) -> RolloutView:
        """End it: who has not taken the command is skipped. Raises as `pause`."""
        return await self._request(tenant, number, "abort", who)

    async def history(
        self, tenant: str, number: int, *, since: int = 0, device: str | None = None
    ) -> list[dict[str, Any]]:
        """Every transition, oldest first: RolloutRepository.events.

        Raises UnknownRolloutError.
        """
        repository = self._runner.repository(tenant)
        await repository.load(number)
        return await repository.events(number, since=since, device=device)

    def watch(self) -> Subscription[RolloutChange]:
        """Changes as they come: (tenant, number), or Missed for one who is slow."""
        return self._runner.watch()

    async def _request(
        self, tenant: str, number: int, what: Literal["pause", "resume", "abort"], who: str
    ) -> RolloutView:
        worker = self._runner.worker(tenant, number)
        phase = worker.rollout.phase if worker else None
        if worker is None:
            phase = (await self._runner.repository(tenant).load(number)).rollout.phase
        allowed = {
            "pause": {RolloutPhase.RUNNING},
            "resume": {RolloutPhase.PAUSED, RolloutPhase.HALTED},
            "abort": {RolloutPhase.RUNNING, RolloutPhase.PAUSED, RolloutPhase.HALTED},
        }
        if worker is None or phase not in allowed[what]:
            raise WrongPhaseError(number, str(phase), what)
        await worker.handle_event(OperatorRequest(what, who))
        return self._view(tenant, RolloutSnapshot(worker.rollout, worker.devices))

    async def _prepare(
        self, tenant: str, request: RolloutRequest, who: str
    ) -> tuple[Rollout, dict[str, RolloutDevice], list[Transition]]:
        names = await select(self._store.of(tenant), request.select)
        repository = self._runner.repository(tenant)
        busy = await repository.busy(names)
        if busy:
            raise DeviceBusyError(busy)
        baselines = await repository.baselines(names)
        target = await self._target(tenant, request, baselines)
        if isinstance(target, SettingsTarget):
            # A command of settings is their version, which counts by itself.
            baselines = {name: replace(baseline, command=0) for name, baseline in baselines.items()}
        now = self._runner.now()
        rollout = Rollout(0, target, request.options, now, who)
        devices, transitions = begin(rollout, baselines, now)
        return rollout, devices, transitions

    async def _target(
        self, tenant: str, request: RolloutRequest, baselines: Mapping[str, DeviceBaseline]
    ) -> FirmwareTarget | SettingsTarget:
        given = [request.version, request.image, request.settings]
        if sum(one is not None for one in given) != 1:
            raise BadRequestError("name one of: a version, an image's number, settings")
        if request.settings is not None:
            return SettingsTarget(changes=checked(request.settings))
        images = self._firmware(tenant)
        if request.image is not None:
            return _target(await images.get(request.image))
        board = request.board
        if board is None:
            boards = {
                baseline.sample.board for baseline in baselines.values() if baseline.sample
            } - {None}
            board = boards.pop() if len(boards) == 1 else None
        return _target(await images.find(request.version or "", board))

    def _live(self, tenant: str, snapshot: RolloutSnapshot) -> RolloutSnapshot:
        worker = self._runner.worker(tenant, snapshot.rollout.id)
        return RolloutSnapshot(worker.rollout, worker.devices) if worker else snapshot

    def _view(self, tenant: str, snapshot: RolloutSnapshot) -> RolloutView:
        worker = self._runner.worker(tenant, snapshot.rollout.id)
        recent = self._recent(tenant, snapshot.devices)
        when: Mapping[str, Forecast] = {}
        if not snapshot.rollout.phase.over:
            when = forecast(snapshot.rollout, snapshot.devices, recent, self._runner.now())
        return RolloutView(
            snapshot.rollout, snapshot.devices, when, worker.progress if worker else {}, recent
        )

    def _recent(self, tenant: str, devices: Mapping[str, RolloutDevice]) -> dict[str, ReportSample]:
        reports = {}
        for name, device in devices.items():
            last = self._runner.last_report(tenant, name) or device.last
            if last is not None:
                reports[name] = last
        return reports


def _target(image: StoredImage) -> FirmwareTarget:
    return FirmwareTarget(
        image=image.id,
        version=image.version,
        board=image.board,
        size=image.size,
        digest=image.digest,
        key=image.key,
        counter=image.counter,
    )
