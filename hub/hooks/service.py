"""What may be done with hooks: added, listed, removed, called, run, signed."""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from hub.database.database import Database
from hub.hooks.errors import (
    EmptyDeliveryError,
    HookRefusedError,
    HookUnknownError,
    OperatorNeededError,
    RepeatedDeliveryError,
    SignatureMissingError,
    SignatureWrongError,
)
from hub.hooks.model import Hook, HookChange, HookRun, NewHook, refuse_secret
from hub.hooks.push import NothingToDo, read_push
from hub.hooks.repository import HookRepository, HookSecret
from hub.hooks.runner import HookRunner
from hub.hooks.signature import PREFIX, HookDelivery, delivery_key, verify
from hub.hooks.sources import HookSource
from hub.live import Live, LiveChange
from hub.self_update.service import SelfUpdate

__all__ = ["HookAnswer", "HookService"]

# s: another worker may have added or removed a hook.
_KNOWN_S = 20.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What a delivery is answered: one line, and the run that it queued (0: none)."""

    text: str
    run: int = 0


class HookService:
    """The hooks of all tenants.

    The secrets that deliveries are proven by are kept in memory for a while, so that strangers'
    cost the database next to nothing; `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        live: Live,
        runner: HookRunner,
        updates: SelfUpdate,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._live, self._runner, self._clock = database, live, runner, clock
        self._updates = updates
        self._known: dict[str, list[HookSecret]] | None = None
        self._known_until = 0.0
        self._changes = 0
        # What is tried where there is no such hook, so that it takes as long.
        self._nobody = HookSecret("", 0, HookSource.GITHUB, "", secrets.token_urlsafe(32))

    def of(self, tenant: str) -> HookRepository:
        """A tenant's."""
        return HookRepository(self._database.of(tenant))

    async def add(self, tenant: str, new: NewHook, by: str) -> tuple[Hook, str]:
        """Keep a new hook; it and its secret, which is told this once.

        Raises HookNameTakenError, TooManyHooksError, SelfUpdateRefusedError.
        """
        if new.chain.updates_hub:
            self._updates.refuse_unfit()
        secret = new.secret or _new_secret(new.source)
        await self.of(tenant).add(new, secret, by)
        self._changed(tenant, f"hook {new.name} was added by {by}")
        return await self.of(tenant).named(new.name), secret

    async def change(
        self, tenant: str, which: str, change: HookChange, by: str, *, operator: bool = False
    ) -> tuple[Hook, str]:
        """Change a hook; it, and its new secret where there is one, which is told this once.

        Runs that were queued keep the chain that they were queued with. Raises HookUnknownError,
        HookRefusedError, SelfUpdateRefusedError; OperatorNeededError unless an `operator` asks for
        what can update the hub.
        """
        hook = await self.of(tenant).named(which)
        _refuse_stranger(hook, operator=operator)
        if change.chain is not None and change.chain.updates_hub:
            self._updates.refuse_unfit()
        secret = change.secret
        if secret is not None:
            secret = secret or _new_secret(hook.source)
            try:
                refuse_secret(hook.source, secret)
            except ValueError as error:
                raise HookRefusedError(str(error)) from None
        await self.of(tenant).change_hook(hook.id, change, secret)
        self._changed(tenant, f"hook {hook.name} was changed by {by}")
        return await self.of(tenant).named(str(hook.id)), secret or ""

    async def remove(self, tenant: str, which: str, by: str, *, operator: bool = False) -> None:
        """Forget a hook and its runs; one that is going on ends.

        Raises HookUnknownError; OperatorNeededError as `change`.
        """
        hook = await self.of(tenant).named(which)
        _refuse_stranger(hook, operator=operator)
        await self.of(tenant).remove(hook.id)
        self._changed(tenant, f"hook {hook.name} was removed by {by}")
        self._runner.hurry()

    async def run(self, tenant: str, which: str, who: str, *, operator: bool = False) -> HookRun:
        """Queue a run of the branch's head.

        One that replaces the hub an operator alone may ask for. Raises HookUnknownError,
        OperatorNeededError.
        """
        hook = await self.of(tenant).named(which)
        _refuse_stranger(hook, operator=operator)
        number = await self.of(tenant).queue(hook, who)
        self._told_queued(tenant, number)
        return await self.of(tenant).run(number)

    async def image(self, tenant: str, number: int) -> tuple[bytes, str, str]:
        """What a run waits for to be signed, with its version and board.

        Raises RunUnknownError, WrongRunStateError.
        """
        run = await self.of(tenant).run(number)
        data = await asyncio.to_thread(self._runner.image(tenant, run).read_bytes)
        detail: dict[str, str] = {}
        for step in run.steps:
            detail.update(step.detail)
        return data, detail.get("version", ""), detail.get("board", "")

    async def sign(self, tenant: str, number: int, canned: bytes) -> str:
        """Go on with a run whose image was signed. Raises as `image`, and StepFailedError."""
        run = await self.of(tenant).run(number)
        return await self._runner.sign(tenant, run, canned)

    async def receive(self, name: str, delivery: HookDelivery) -> HookAnswer:
        """Take what came to `/hook/<name>`.

        Raises DeliveryRefusedError leaves; what strangers are told is the same whether there is
        such a hook or not.
        """
        if not delivery.signed:
            raise SignatureMissingError if delivery.body.strip() else EmptyDeliveryError
        hook = self._proven(await self._candidates(name), delivery)
        if not delivery.body.strip():
            raise EmptyDeliveryError
        found = read_push(hook.source, delivery, hook.branch)
        noted = (delivery.digest, delivery_key(hook.source, delivery))
        repository = self.of(hook.tenant)
        try:
            if isinstance(found, NothingToDo):
                await repository.note(hook.hook, *noted)
                return HookAnswer(found.why)
            run = await repository.queue(
                hook.hook, f"a push at {hook.source}", commit=found.commit, forced=found.forced,
                delivery=noted,
            )  # fmt: skip
        except HookUnknownError:  # it was removed in this moment
            raise SignatureWrongError from None
        except RepeatedDeliveryError:
            log.warning("hook %d of %s: a delivery came again", hook.hook, hook.tenant)
            raise
        self._told_queued(hook.tenant, run)
        return HookAnswer(f"run {run} is queued", run)

    def _proven(self, candidates: list[HookSecret], delivery: HookDelivery) -> HookSecret:
        """Whose secret signed it: hooks of several tenants may have one name."""
        for one in candidates or [self._nobody]:
            try:
                verify(one.source, one.secret, delivery, self._clock())
            except SignatureWrongError:
                continue
            if candidates:
                return one
        raise SignatureWrongError

    async def _candidates(self, name: str) -> list[HookSecret]:
        if time.monotonic() > self._known_until:
            self._known = None
        while self._known is None:
            changes = self._changes
            known: dict[str, list[HookSecret]] = {}
            for tenant in await self._database.tenants():
                for its, secret in (await self.of(tenant).secrets()).items():
                    known.setdefault(its, []).append(secret)
            if changes == self._changes:
                self._known = known
                self._known_until = time.monotonic() + _KNOWN_S
        return self._known.get(name, [])

    def _changed(self, tenant: str, what: str) -> None:
        log.info("%s: %s", tenant, what)
        self._known, self._changes = None, self._changes + 1
        self._live.publish(tenant, LiveChange("hook", ""))

    def _told_queued(self, tenant: str, run: int) -> None:
        self._live.publish(tenant, LiveChange("hook", str(run)))
        self._runner.hurry()


def _refuse_stranger(hook: Hook, *, operator: bool) -> None:
    if hook.chain.updates_hub and not operator:
        raise OperatorNeededError(hook.name)


def _new_secret(source: HookSource) -> str:
    if source is HookSource.GITLAB_SIGNED:
        return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(32)
