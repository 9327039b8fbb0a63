"""All broker accounts: in memory for fast answers, in the database for good, told to the broker."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from contracts.topics import is_device_id
from hub.errors import HubError
from hub.mqtt.access import is_reserved, is_viewer
from hub.mqtt.account_repository import Account, AccountState
from hub.mqtt.errors import AccountError, AccountFilesError
from hub.mqtt.passwords import hash_password, new_password

__all__ = [
    "AccountBook",
    "AccountStore",
    "others_by_account",
    "speaks_for",
    "tenant_by_account",
]


log = logging.getLogger(__name__)


class AccountStore(Protocol):
    """Where accounts are kept: hub.mqtt.account_repository.Accounts."""

    async def list(self, tenants: Sequence[str] | None = None) -> list[Account]:
        """All accounts, of every tenant when None."""

    async def create(self, account: Account) -> datetime | None:
        """Keep a new one; when it was made, None if the name is taken."""

    async def set_state(self, tenant: str, device: str, state: AccountState) -> bool:
        """Change a state."""

    async def set_password(self, tenant: str, device: str, password: str) -> bool:
        """Change a password's hash."""

    async def remove(self, tenant: str, device: str) -> bool:
        """Forget one."""


class AccountBook:
    """The accounts of all tenants; changes reach store, memory and broker in this order.

    What `on_change` was given is awaited after each change that the broker must know of. A pending
    account has enrolled and has not been heard since; it may connect.
    """

    def __init__(self, store: AccountStore) -> None:
        self._store = store
        self._accounts: dict[str, Account] = {}
        self._changed: Callable[[], Awaitable[None]] | None = None
        self._added: list[Callable[[str, str], Awaitable[None]]] = []
        self._shut_out: frozenset[str] = frozenset()
        self._untold = False

    def on_change(self, changed: Callable[[], Awaitable[None]]) -> None:
        """What to await after each change: AccountFiles.changed."""
        self._changed = changed

    def on_added(self, added: Callable[[str, str], Awaitable[None]]) -> None:
        """What to await with tenant and name of each account made here, before it can connect."""
        self._added.append(added)

    async def load(self) -> None:
        """Read all accounts from the store."""
        self._accounts = {account.device: account for account in await self._store.list()}

    def know(self, account: Account) -> None:
        """One is in the store that another worker made."""
        self._accounts.setdefault(account.device, account)

    def all(self) -> list[Account]:
        """Every account, by name."""
        return sorted(self._accounts.values(), key=lambda account: account.device)

    def connecting(self) -> list[Account]:
        """The accounts that may connect."""
        return [a for a in self._accounts.values() if self.may_connect(a)]

    def may_connect(self, account: Account) -> bool:
        """Whether an account is neither disabled nor shut out."""
        out = account.device in self._shut_out
        return account.state is not AccountState.DISABLED and not out

    async def shut_out(self, names: frozenset[str]) -> None:
        """Let these not connect until others are named (a connected one is disconnected).

        Nobody decided that: it is not kept over a restart.
        """
        self._shut_out = names
        await self._apply()

    def get(self, name: str) -> Account | None:
        """One, or None."""
        return self._accounts.get(name)

    def tenant(self, device: str) -> str | None:
        """Whose a device is; None for one without an account."""
        account = self._accounts.get(device)
        return account.tenant if account is not None else None

    def pending(self) -> list[Account]:
        """Enrolled and not heard since."""
        return [a for a in self._accounts.values() if a.state is AccountState.PENDING]

    async def add(self, account: Account) -> bool:
        """Make an account; False when the name is taken. Returns when it can connect."""
        if account.device in self._accounts:
            return False
        created = await self._store.create(account)
        if created is None:
            return False
        self._accounts[account.device] = replace(account, created_at=created)
        for added in self._added:
            try:
                await added(account.tenant, account.device)
            except HubError as error:  # the database or the broker went away in this moment
                log.warning("what was left for %s stays: %s", account.device, error)
        await self._apply()
        return True

    async def provision(
        self, name: str, tenant: str, password: str | None = None, *, commands: bool = False
    ) -> str:
        """Make an account by hand, for a device or a viewer; its password (made if not given).

        `commands`: a viewer that may also command. Raises AccountError for a name that cannot be
        one or is taken, and for a device that would command others. Where the broker cannot be told
        (AccountFilesError) there is none.
        """
        if commands and not is_viewer(name):
            raise AccountError(f"{name!r} cannot command others: only viewer or viewer.<who> can")
        if not (is_viewer(name) or (is_device_id(name) and not is_reserved(name))):
            raise AccountError(
                f"{name!r} cannot be an account: 1 to 64 of A-Z a-z 0-9 _ -, or viewer.<who>"
            )
        chosen = password or new_password()
        account = Account(
            tenant, name, hash_password(chosen), AccountState.ACTIVE, commands=commands
        )
        try:
            made = await self.add(account)
        except AccountFilesError:  # nobody has its password: it is made anew
            self._accounts.pop(name, None)
            await self._store.remove(tenant, name)
            raise
        if not made:
            raise AccountError(f"there is an account {name} already")
        return chosen

    async def set_state(self, name: str, state: AccountState) -> None:
        """Let in or shut out (a connected one is disconnected). Raises AccountError."""
        account = self._known(name)
        if account.state is state:
            if self._untold:  # who tries again is not to be told that it is done
                await self._apply()
            return
        await self._store.set_state(account.tenant, name, state)
        self._accounts[name] = replace(account, state=state)
        if AccountState.DISABLED in {account.state, state}:
            await self._apply()

    async def set_password(self, name: str, password: str) -> None:
        """Another password; who is connected with the old one is not. Raises AccountError.

        Where the broker cannot be told (AccountFilesError) the old one stays.
        """
        account = self._known(name)
        hashed = hash_password(password)
        await self._store.set_password(account.tenant, name, hashed)
        self._accounts[name] = replace(account, password=hashed)
        try:
            await self._apply()
        except AccountFilesError:
            self._accounts[name] = account
            await self._store.set_password(account.tenant, name, account.password)
            raise

    async def rotate(self, name: str) -> str:
        """A new password, made here; returns it. Raises AccountError."""
        password = new_password()
        await self.set_password(name, password)
        return password

    def readable(self, account: Account) -> list[str] | None:
        """The devices a viewer may read: its tenant's; None for all, if there is one tenant."""
        if all(other.tenant == account.tenant for other in self._accounts.values()):
            return None
        return [a.device for a in self._accounts.values() if a.tenant == account.tenant]

    async def remove(self, *names: str) -> None:
        """Forget accounts; their devices' readings stay. Raises AccountError."""
        for name in names:
            account = self._known(name)
            await self._store.remove(account.tenant, name)
            self._accounts.pop(name, None)
        await self._apply()

    def _known(self, name: str) -> Account:
        account = self._accounts.get(name)
        if account is None:
            raise AccountError(f"there is no account {name}")
        return account

    async def _apply(self) -> None:
        if self._changed is not None:
            self._untold = True
            await self._changed()
            self._untold = False


def tenant_by_account(
    book: AccountBook, default: str, gateway_of: Callable[[str], str | None] = lambda _: None
) -> Callable[[str], str]:
    """Tells whose a device is.

    One without an account belongs to whom its gateway does; without either (MQTT_URL) it is the
    default tenant's.
    """

    def tenant_of(device: str) -> str:
        own = book.tenant(device)
        if own is None and (gateway := gateway_of(device)) is not None:
            own = book.tenant(gateway)
        return own or default

    return tenant_of


def others_by_account(
    book: AccountBook, default: str | None, gateway_of: Callable[[str], str | None] = lambda _: None
) -> Callable[[str, str], bool]:
    """Tells of a tenant and a device whether that is another tenant's.

    One without an account, and without a gateway that has one, is `default`'s; None: nobody's.
    """

    def is_others(tenant: str, device: str) -> bool:
        own = book.tenant(device)
        if own is None and (gateway := gateway_of(device)) is not None:
            own = book.tenant(gateway)
        return (own or default or tenant) != tenant

    return is_others


def speaks_for(book: AccountBook, gateway: str, device: str) -> bool:
    """Whether a gateway may speak for a device: no other tenant's."""
    return book.tenant(device) in {None, book.tenant(gateway)}
