"""Who may connect to the broker: a device's name, its password's hash, its state, its tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.database.database import Database
from hub.database.queries import Queries

__all__ = ["Account", "AccountRepository", "AccountState"]

_QUERIES = Queries.of("hub.mqtt")


class AccountState(StrEnum):
    """Enrolled and not heard since (it may connect), let in for good, shut out."""

    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Account:
    """A broker account; `password` is mosquitto's own form of a salted hash.

    `commands`: a viewer that may also command its tenant's devices.
    """

    tenant: str
    device: str
    password: str
    state: AccountState
    model: str = ""
    firmware: str = ""
    created_at: datetime | None = None
    changed_at: datetime | None = None
    commands: bool = False


class AccountRepository:
    """Accounts of all tenants: the broker has one name space, the database one tenant at a time."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def list(self, tenants: Sequence[str] | None = None) -> list[Account]:
        """The accounts of these tenants, of all when None, by device."""
        names = await self.database.tenants() if tenants is None else tenants
        rows = await self.database.rows(names, _QUERIES["accounts"])
        accounts = [Account(**{**row, "state": AccountState(row["state"])}) for row in rows]
        return sorted(accounts, key=lambda account: (account.device, account.tenant))

    async def find(self, device: str) -> Account | None:
        """The account of that name, whichever tenant has it."""
        async with self.database.nobody() as conn:
            row = await (await conn.execute(_QUERIES["tenant_of_broker_user"], [device])).fetchone()
        if row is None or row[0] is None:
            return None
        rows = await self.database.rows(
            [row[0]],
            _QUERIES["account_of_device"],
            [device],
        )
        return Account(**{**rows[0], "state": AccountState(rows[0]["state"])}) if rows else None

    async def create(self, account: Account) -> datetime | None:
        """Make the account; when it was, None if the name is taken, here or in another tenant."""
        async with self.database.of(account.tenant).transaction() as conn:
            row = await (
                await conn.execute(_QUERIES["claim_broker_user"], [account.device])
            ).fetchone()
            if row != (True,):
                return None
            made = await conn.execute(
                _QUERIES["add_account"],
                [
                    account.device,
                    account.password,
                    account.state,
                    account.model,
                    account.firmware,
                    account.commands,
                ],
            )
            created = await made.fetchone()
            return created[0] if created else None

    async def set_state(self, tenant: str, device: str, state: AccountState) -> bool:
        """Approve, disable; False when there is no such account."""
        return await self._set(tenant, device, "state", state)

    async def set_password(self, tenant: str, device: str, password: str) -> bool:
        """Another password's hash; False when there is no such account."""
        return await self._set(tenant, device, "password", password)

    async def remove(self, tenant: str, device: str) -> bool:
        """Remove the account and free its name; False when there is none."""
        async with self.database.of(tenant).transaction() as conn:
            cursor = await conn.execute(_QUERIES["remove_account"], [device])
            await conn.execute(_QUERIES["release_broker_user"], [device])
            return cursor.rowcount == 1

    async def _set(self, tenant: str, device: str, column: str, value: str) -> bool:
        statements = {
            "state": _QUERIES["set_account_state"],
            "password": _QUERIES["set_account_password"],
        }
        async with self.database.of(tenant).transaction() as conn:
            changed = await conn.execute(statements[column], [value, device])
            return changed.rowcount == 1
