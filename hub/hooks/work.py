"""One run of a hook: its steps in order, each kept as it begins and ends."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hub.database.errors import DatabaseAwayError
from hub.errors import HubError
from hub.hooks.errors import StepFailedError
from hub.hooks.model import ChainStep, HookRun, RunState, RunStep, StepKind, StepState, steps_of
from hub.hooks.repository import HookRepository
from hub.hooks.sandbox import Sandbox
from hub.hooks.step import RunFolder, StepContext, StepResult, perform

__all__ = ["RunOver", "RunWork"]

_TAIL = 4000  # characters
# Steps that need the checkout, which a restart of the machine or a full disk may have taken.
_IN_CHECKOUT = {
    StepKind.MERGE,
    StepKind.TEST,
    StepKind.BUILD,
    StepKind.SIGN,
    StepKind.INSTALL,
    StepKind.COMMAND,
}
# s: beyond a command's own time, for the git and the database around it.
_MARGIN_S = 60.0
# s: another worker may have taken what is waited for.
_LOOK_S = 20.0


class RunOver(Exception):  # noqa: N818  # no error: somebody ended it
    """The run is over meanwhile: a newer one came, or the hook is gone."""


class RunWork:
    """Carries one run to its end. `context` has all that steps need but the run's memory.

    `changed` is told of each change; `turn` is held while a command runs. Whatever stops it leaves
    the run as it stands in the database: the next hub goes on at that step.
    """

    def __init__(
        self,
        run: HookRun,
        repository: HookRepository,
        context: Callable[[RunWork], StepContext],
        *,
        changed: Callable[[HookRun], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.run = run
        self._repository, self._changed, self._now = repository, changed, now
        self._make_context = context
        self._steps = list(run.steps)
        self._at = 0
        self.detail: dict[str, Any] = {}
        for step in self._steps:
            self.detail.update(step.detail)
        self._signed = asyncio.Event()

    @property
    def waiting(self) -> bool:
        """Whether it waits for a person."""
        return self.run.state is RunState.WAITING

    def hurry(self) -> None:
        """What was waited for may have come."""
        self._signed.set()

    async def remember(self) -> None:
        """Keep what the step has found out so far."""
        await self._keep(replace(self._steps[self._at], detail=dict(self.detail)))

    async def wait(self, text: str, ready: Callable[[], bool]) -> None:
        """Say that a person is waited for; return when it is `ready`."""
        self.run = replace(self.run, state=RunState.WAITING)
        step = replace(self._steps[self._at], state=StepState.WAITING, text=text)
        await self._keep(step)
        while not ready():
            self._signed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._signed.wait()
        self.run = replace(self.run, state=RunState.RUNNING)
        await self._keep(replace(self._steps[self._at], state=StepState.RUNNING))

    async def carry(self) -> HookRun:
        """To the end; the run as it ended. Raises RunOver, DatabaseAwayError."""
        context = self._make_context(self)
        self._resume(context.sandbox, context.folder)
        began = self.run.began_at or self._now()
        self.run = replace(self.run, state=RunState.RUNNING, began_at=began)
        by_kind = _specifications(self.run)
        while self._at < len(self._steps):
            step = self._steps[self._at]
            if not await self._one(self._make_context(self), step, by_kind[self._at]):
                return self.run
            self._at += 1
        await self._finish(RunState.PASSED, f"{len(self._steps)} steps passed")
        return self.run

    async def fail(self, reason: str) -> HookRun:
        """End it where it stands."""
        step = self._steps[min(self._at, len(self._steps) - 1)]
        ended = replace(step, state=StepState.FAILED, text=reason, ended_at=self._now())
        await self._finish(RunState.FAILED, f"{step.kind}: {reason}", ended)
        return self.run

    def _resume(self, sandbox: Sandbox, folder: RunFolder) -> None:
        """Find the step to go on with: the first that did not pass, or the fetch, for its files."""
        left = [n for n, step in enumerate(self._steps) if step.state is not StepState.PASSED]
        self._at = left[0] if left else len(self._steps)
        needs = any(self._steps[n].kind in _IN_CHECKOUT for n in left)
        if self._at and needs and not (sandbox.work / ".git").exists():
            self._at = 0
            for n, step in enumerate(self._steps):
                if step.state is StepState.PASSED:
                    self._steps[n] = replace(step, state=StepState.PENDING)
        if self._at == 0:
            shutil.rmtree(folder.path, ignore_errors=True)
            self.detail = {k: v for k, v in self.detail.items() if k == "rollout"}
            folder.path.mkdir(parents=True, mode=0o711, exist_ok=True)

    async def _one(self, context: StepContext, step: RunStep, its: ChainStep | None) -> bool:
        """Do a step; whether the next one is to be done."""
        again = step.state in {StepState.RUNNING, StepState.WAITING}
        step = replace(
            step, state=StepState.RUNNING, attempts=step.attempts + 1, began_at=self._now(),
            ended_at=None, text="interrupted by the hub's end: begun anew" if again else "",
            tail="",
        )  # fmt: skip
        await self._keep(step)
        patience = its.patience_s if its else self.run.chain.fetch_s
        try:
            async with asyncio.timeout(patience + _MARGIN_S):
                result = await perform(context, step.kind, its)
        except DatabaseAwayError:
            raise
        except TimeoutError:
            return await self._failed(StepFailedError(f"took longer than {patience:g} s"))
        except StepFailedError as error:
            return await self._failed(error)
        except HubError as error:
            return await self._failed(StepFailedError(str(error)))
        await self._passed(result)
        return True

    async def _passed(self, result: StepResult) -> None:
        step = self._steps[self._at]
        if result.commit:
            self.run = replace(self.run, commit=result.commit)
        await self._keep(
            replace(
                step, state=StepState.PASSED, text=result.text, tail=result.tail[-_TAIL:],
                detail=dict(self.detail), ended_at=self._now(),
            )
        )  # fmt: skip

    async def _failed(self, error: StepFailedError) -> bool:
        step = replace(
            self._steps[self._at], state=StepState.FAILED, text=error.reason,
            tail=error.tail[-_TAIL:], ended_at=self._now(),
        )  # fmt: skip
        await self._finish(RunState.FAILED, f"{step.kind}: {error.reason}", step)
        return False

    async def _finish(self, state: RunState, reason: str, step: RunStep | None = None) -> None:
        ended = replace(self.run, state=state, reason=reason, ended_at=self._now())
        if step is not None:
            self._steps[self._at] = step
        if not await self._repository.change(ended, step):
            raise RunOver
        self.run = replace(ended, steps=tuple(self._steps))
        self._changed(self.run)

    async def _keep(self, step: RunStep) -> None:
        self._steps[self._at] = step
        if not await self._repository.change(self.run, step):
            raise RunOver
        self.run = replace(self.run, steps=tuple(self._steps))
        self._changed(self.run)


def _specifications(run: HookRun) -> list[ChainStep | None]:
    """What the chain says of each step, in order; None for those that every chain begins with."""
    before: list[ChainStep | None] = [None] * (len(steps_of(run.chain)) - len(run.chain.steps))
    return [*before, *run.chain.steps]
