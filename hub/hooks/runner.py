"""Runs of hooks: what is queued is carried out, one at a time a hook, over restarts."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.errors import HubError
from hub.firmware.repository import FirmwareRepository
from hub.hooks.errors import WrongRunStateError
from hub.hooks.model import Hook, HookRun, RunState
from hub.hooks.repository import HookRepository
from hub.hooks.sandbox import Sandbox, sandbox_user
from hub.hooks.statuses import CommitStatus
from hub.hooks.step import RunFolder, StepContext, check_signed
from hub.hooks.work import RunOver, RunWork
from hub.live import Live, LiveChange
from hub.rollouts.service import Rollouts
from hub.runtime.retry import reason
from hub.runtime.supervisor import PartRole, Supervisor
from hub.self_update.service import SelfUpdate
from hub.settings import Settings

__all__ = ["HookRunner"]

log = logging.getLogger(__name__)

# User numbers that no account has: systemd keeps them for users of a moment (61184 to 65519).
_FIRST_NUMBER, _NUMBERS = 63_000, 2_000


class HookRunner:
    """Carries out the runs of all tenants' hooks.

    `firmware` gives a tenant's images.
    """

    LOOK_S = 20.0

    def __init__(
        self,
        settings: Settings,
        database: Database,
        live: Live,
        *,
        firmware: Callable[[str], FirmwareRepository],
        rollouts: Rollouts,
        updates: SelfUpdate,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._settings, self._database, self._live = settings, database, live
        self._firmware, self._rollouts, self._updates = firmware, rollouts, updates
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.DUTIES)
        self._there_is_work = asyncio.Event()
        # By tenant and hook: what goes on.
        self._active: dict[tuple[str, int], tuple[RunWork, asyncio.Task[None]]] = {}

    @property
    def folder(self) -> Path:
        """Where runs have their folders."""
        return self._settings.data_dir / "hooks"

    async def start(self) -> None:
        """Begin; what an earlier hub left undone is gone on with."""
        self._tasks.loop("runs of hooks", self._run_on)

    async def stop(self) -> None:
        """End; the next start goes on at the steps that were interrupted."""
        await self._tasks.stop()

    def hurry(self) -> None:
        """There is something to run, or a run is over that goes on."""
        self._there_is_work.set()

    def image(self, tenant: str, run: HookRun) -> Path:
        """What a run's build made, to be signed. Raises WrongRunStateError."""
        found = self._folder(tenant, run).image
        if run.state is not RunState.WAITING or not found.is_file():
            raise WrongRunStateError(f"run {run.id} is {run.state}: it waits for no signature")
        return found

    async def sign(self, tenant: str, run: HookRun, canned: bytes) -> str:
        """Go on with a run whose image somebody signed. Raises WrongRunStateError.

        Raises StepFailedError for what is not that image, signed.
        """
        self.image(tenant, run)
        folder = self._folder(tenant, run)
        said = await asyncio.to_thread(check_signed, folder, canned)
        folder.write(folder.signed, canned)
        active = self._active.get((tenant, run.hook))
        if active is not None:
            active[0].hurry()
        return said

    async def _run_on(self) -> None:
        while True:
            self._there_is_work.clear()
            try:
                for tenant in await self._database.tenants():
                    await self._look_at(tenant)
            except DatabaseAwayError as error:
                log.info("runs of hooks wait for the database: %s", reason(error))
            try:
                async with asyncio.timeout(self.LOOK_S):
                    await self._there_is_work.wait()
            except TimeoutError:
                pass

    async def _look_at(self, tenant: str) -> None:
        repository = HookRepository(self._database.of(tenant))
        runs = await repository.open()
        there = {run.id for run in runs}
        for (of, _), (work, task) in list(self._active.items()):
            if of == tenant and work.run.id not in there:
                task.cancel()
        if not runs:
            return
        hooks = {hook.id: hook for hook in await repository.all()}
        # Who has begun goes on before who is queued.
        for run in sorted(runs, key=lambda run: (run.state is RunState.QUEUED, run.id)):
            key = (tenant, run.hook)
            if key not in self._active and run.hook in hooks:
                work = self._work(tenant, repository, hooks[run.hook], run)
                task = self._tasks.spawn("a run of a hook", self._carry(key, work, repository))
                self._active[key] = (work, task)

    def _work(self, tenant: str, repository: HookRepository, hook: Hook, run: HookRun) -> RunWork:
        context = partial(self._context, tenant, hook)
        return RunWork(run, repository, context, changed=partial(self._changed, tenant))

    def _context(self, tenant: str, hook: Hook, work: RunWork) -> StepContext:
        settings, run = self._settings, work.run
        folder = self._folder(tenant, run)
        user = sandbox_user(settings.hook_as, settings.run_as)
        scratch = Sandbox(
            folder.path / "scratch", user, run.chain.limits, _FIRST_NUMBER + run.id % _NUMBERS
        )
        return StepContext(
            tenant, hook, run, folder, scratch,
            self._firmware(tenant), self._rollouts, self._updates, work.remember, work.wait,
            work.detail,
        )  # fmt: skip

    def _folder(self, tenant: str, run: HookRun) -> RunFolder:
        return RunFolder(self.folder / f"{tenant}-{run.id}")

    async def _carry(self, key: tuple[str, int], work: RunWork, repository: HookRepository) -> None:
        status, over = CommitStatus(work.run, repository), False
        try:
            await self._tell(status, work)
            ended = await self._to_its_end(work)
            over = True
            await self._tell(status, work)
            log.info("run %d of hook %s: %s, %s", ended.id, ended.name, ended.state, ended.reason)
        except RunOver:
            over = True
        except DatabaseAwayError as error:
            log.info("a run of a hook waits for the database: %s", reason(error))
        except asyncio.CancelledError:
            # Its hook went, or a newer run came; else the hub ends and the next one goes on.
            over = not await _is_open(repository, work.run)
            raise
        finally:
            if over:
                await asyncio.to_thread(shutil.rmtree, self._folder(key[0], work.run).path, True)
            self._active.pop(key, None)
            self._there_is_work.set()

    async def _to_its_end(self, work: RunWork) -> HookRun:
        try:
            return await work.carry()
        except (RunOver, DatabaseAwayError):
            raise
        except HubError as error:
            return await work.fail(str(error))
        except Exception as error:  # noqa: BLE001  # it ends this run alone, and is told
            self._tasks.defects.note("a run of a hook", error)
            return await work.fail("the hub failed at this; its log says why")

    async def _tell(self, status: CommitStatus, work: RunWork) -> None:
        """To the source's API; what goes wrong there is said and stops nothing."""
        problem = await status.tell(work.run)
        if problem:
            log.warning("run %d: its commit's status was not taken: %s", work.run.id, problem)

    def _changed(self, tenant: str, run: HookRun) -> None:
        self._live.publish(tenant, LiveChange("hook", str(run.id)))


async def _is_open(repository: HookRepository, run: HookRun) -> bool:
    try:
        return run.id in {one.id for one in await repository.open()}
    except HubError:
        return True
