"""Accounts as a worker keeps them: the others are told of each change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from hub.mqtt.account_repository import Account, AccountRepository, AccountState

__all__ = ["AnnouncedAccounts"]


class AnnouncedAccounts(AccountRepository):
    """Calls `changed` after each change that is committed."""

    def __init__(self, accounts: AccountRepository, changed: Callable[[], None]) -> None:
        super().__init__(accounts.database)
        self._changed = changed

    async def create(self, account: Account) -> datetime | None:
        """See AccountRepository.create."""
        created = await super().create(account)
        self._told(changed=created is not None)
        return created

    async def set_state(self, tenant: str, device: str, state: AccountState) -> bool:
        """See AccountRepository.set_state."""
        return self._told(changed=await super().set_state(tenant, device, state))

    async def set_password(self, tenant: str, device: str, password: str) -> bool:
        """See AccountRepository.set_password."""
        return self._told(changed=await super().set_password(tenant, device, password))

    async def remove(self, tenant: str, device: str) -> bool:
        """See AccountRepository.remove."""
        return self._told(changed=await super().remove(tenant, device))

    def _told(self, *, changed: bool) -> bool:
        if changed:
            self._changed()
        return changed
