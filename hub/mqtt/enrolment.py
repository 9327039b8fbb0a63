"""Who may make an account by enrolling, and what becomes of an enrolment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum

from hub.mqtt.accounts import (
    HUB,
    VIEWER,
    Account,
    AccountState,
    AccountStore,
    hash_password,
    matches,
)
from hub.mqtt.source import Delivery
from hub.mqtt.topics import Enrol
from hub.problems import Problems

__all__ = ["Enroller", "Outcome"]

log = logging.getLogger(__name__)

RESERVED = frozenset({HUB, VIEWER})


class Outcome(StrEnum):
    """What became of an enrolment."""

    ENROLLED = "enrolled"
    KNOWN = "known"
    """The account is there, with that password: the device may simply connect."""
    TAKEOVER = "take-over"
    """A known id with another password."""
    CLOSED = "closed"
    RESERVED = "reserved"


class Enroller:
    """Makes accounts from enrolments while `tenant()` names a tenant to make them in.

    `tenant` is asked at each enrolment and returns None while enrolment is closed. `changed` is
    awaited after an account was made (files rewritten, broker told).
    """

    def __init__(
        self,
        store: AccountStore,
        problems: Problems,
        *,
        tenant: Callable[[], str | None],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._problems = problems
        self._tenant = tenant
        self._changed = changed
        self._one_at_a_time = asyncio.Lock()

    async def handle(self, message: Enrol, _delivery: Delivery) -> None:
        """The listener's handler."""
        await self.enrol(message)

    async def enrol(self, message: Enrol) -> Outcome:
        """Decide on one enrolment, and make the account if the rules allow it."""
        outcome = await self._decide(message)
        if outcome is Outcome.ENROLLED:
            log.info("%s enrolled (%s %s)", message.id, message.model, message.firmware)
            await self._changed()
        elif outcome is not Outcome.KNOWN:
            self._problems.note(f"enrol-{outcome}", message.id, "the enrolment was refused")
        return outcome

    async def _decide(self, message: Enrol) -> Outcome:
        if message.id in RESERVED:
            return Outcome.RESERVED
        async with self._one_at_a_time:
            known = await self._store.account(message.id)
            if known is not None:
                same = matches(message.password, known.password_hash)
                return Outcome.KNOWN if same else Outcome.TAKEOVER
            tenant = self._tenant()
            if tenant is None:
                return Outcome.CLOSED
            await self._store.add_account(
                Account(
                    message.id,
                    hash_password(message.password),
                    tenant,
                    state=AccountState.ACTIVE,
                    model=message.model,
                    firmware=message.firmware,
                )
            )
            return Outcome.ENROLLED
