"""The broker's accounts as the database keeps them."""

from __future__ import annotations

from hub.mqtt.accounts import Account, AccountState
from hub.store import accounts as kept
from hub.store.store import Store

__all__ = ["StoredAccounts"]


class StoredAccounts:
    """Accounts of all tenants, in the form the broker's side asks for."""

    def __init__(self, store: Store) -> None:
        self._kept = kept.Accounts(store)

    async def accounts(self) -> list[Account]:
        """All of them, of every tenant."""
        return [_told(account) for account in await self._kept.list()]

    async def account(self, name: str) -> Account | None:
        """One, or None."""
        found = await self._kept.find(name)
        return _told(found) if found else None

    async def add_account(self, account: Account) -> bool:
        """Keep a new one; False when the name is taken."""
        return await self._kept.create(
            kept.Account(
                account.tenant,
                account.name,
                account.password_hash,
                kept.AccountState(account.state),
                account.model,
                account.firmware,
            )
        )

    async def change_account(
        self,
        name: str,
        *,
        state: AccountState | None = None,
        password_hash: str | None = None,
    ) -> bool:
        """Change one; False when there is none of that name."""
        found = await self._kept.find(name)
        if found is None:
            return False
        if state is not None:
            await self._kept.set_state(found.tenant, name, kept.AccountState(state))
        if password_hash is not None:
            await self._kept.set_password(found.tenant, name, password_hash)
        return True

    async def remove_account(self, name: str) -> bool:
        """Forget one (its readings stay); False when there is none of that name."""
        found = await self._kept.find(name)
        return found is not None and await self._kept.remove(found.tenant, name)


def _told(account: kept.Account) -> Account:
    return Account(
        account.device,
        account.password,
        account.tenant,
        state=AccountState(account.state),
        model=account.model,
        firmware=account.firmware,
        created=account.created_at,
    )
