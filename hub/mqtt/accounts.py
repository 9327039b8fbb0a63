"""Who has an account at the broker, and mosquitto's files that say so.

The database is the source; the files are written from it and re-read at SIGHUP.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from hub.child import Account as Owner

__all__ = [
    "HUB",
    "VIEWER",
    "Account",
    "AccountFiles",
    "AccountState",
    "AccountStore",
    "Role",
    "hash_password",
    "matches",
    "new_password",
]

HUB = "hub"
VIEWER = "viewer"

# Device passwords are 128 random bits: nothing to guess, and the broker hashes at every connect.
_ROUNDS = 101
_SALT = 12


class Role(StrEnum):
    """What an account may touch."""

    DEVICE = "device"
    """`HomeKit/<name>/#`, read and write."""
    VIEWER = "viewer"
    """`HomeKit/#`, read."""


class AccountState(StrEnum):
    """Whether an account may connect."""

    ACTIVE = "active"
    PENDING = "pending"
    """Enrolled, not approved yet."""
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Account:
    """An account: a device or a person's tool; `name` is the broker user name."""

    name: str
    password_hash: str = field(repr=False)
    tenant: str
    role: Role = Role.DEVICE
    state: AccountState = AccountState.ACTIVE
    model: str = ""
    firmware: str = ""
    created: datetime | None = None


class AccountStore(Protocol):
    """Where accounts are kept (the store's table `account`)."""

    async def accounts(self) -> list[Account]:
        """All of them, of every tenant."""

    async def account(self, name: str) -> Account | None:
        """One, or None."""

    async def add_account(self, account: Account) -> bool:
        """Keep a new one; False when the name is taken."""

    async def change_account(
        self,
        name: str,
        *,
        state: AccountState | None = None,
        password_hash: str | None = None,
    ) -> bool:
        """Change one; False when there is none of that name."""

    async def remove_account(self, name: str) -> bool:
        """Forget one (its readings stay); False when there is none of that name."""


def new_password() -> str:
    """A password of 128 random bits, as devices make them: 32 hex digits."""
    return secrets.token_hex(16)


def hash_password(password: str) -> str:
    """In mosquitto's format: `$7$rounds$salt$PBKDF2-HMAC-SHA512`, base64."""
    salt = os.urandom(_SALT)
    return f"$7${_ROUNDS}${_b64(salt)}${_b64(_derive(password, salt, _ROUNDS))}"


def matches(password: str, password_hash: str) -> bool:
    """Whether a password is the one hashed, in constant time; False for a malformed hash."""
    try:
        empty, kind, rounds, salt, digest = password_hash.split("$")
        derived = _derive(password, base64.b64decode(salt), int(rounds))
        expected = base64.b64decode(digest)
    except ValueError:
        return False
    return not empty and kind == "7" and hmac.compare_digest(derived, expected)


def _derive(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


ACL = f"""\
user {HUB}
topic readwrite HomeKit/#

pattern readwrite HomeKit/%u/#
"""


class AccountFiles:
    """The broker's password and ACL files, kept equal to the database.

    `changed()` asks for a rewrite; several within `GATHER_S` become one, after which `reload` is
    called (SIGHUP to the broker). Files are mode 0600, belong to `owner` when given, and are
    replaced whole.
    """

    # A burst of enrolments costs a few rewrites, and one device waits no longer than this.
    GATHER_S = 0.05

    def __init__(
        self,
        folder: Path,
        store: AccountStore,
        reload: Callable[[], None],
        *,
        hub_password: str,
        owner: Owner | None = None,
    ) -> None:
        self.passwords = folder / "passwords"
        self.acl = folder / "acl"
        self._store = store
        self._reload = reload
        self._hub = f"{HUB}:{hash_password(hub_password)}\n"
        self._owner = owner
        self._wanted = asyncio.Event()
        self._waiters: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Write both files and keep them written from here on."""
        await self._write()
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Write no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def changed(self) -> None:
        """Returns when the files have what the database has now and the broker was told."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._wanted.set()
        await waiter

    async def _keep(self) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(self.GATHER_S)
            self._wanted.clear()
            waiters, self._waiters = self._waiters, []
            try:
                await self._write()
                self._reload()
            except Exception as error:  # noqa: BLE001  # handed to whoever waits
                for waiter in waiters:
                    if not waiter.done():
                        waiter.set_exception(error)
            else:
                for waiter in waiters:
                    if not waiter.done():
                        waiter.set_result(None)

    async def _write(self) -> None:
        accounts = [a for a in await self._store.accounts() if a.state is AccountState.ACTIVE]
        lines = (f"{account.name}:{account.password_hash}\n" for account in accounts)
        viewers = (
            f"user {account.name}\ntopic read HomeKit/#\n\n"
            for account in accounts
            if account.role is Role.VIEWER
        )
        _replace(self.passwords, [self._hub, *lines], self._owner)
        _replace(self.acl, [*viewers, ACL], self._owner)


def _replace(path: Path, lines: Iterable[str], owner: Owner | None) -> None:
    """Write a private file so that a reader sees the old or the new one, whole."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if owner is not None:
            os.fchown(descriptor, owner.pw_uid, owner.pw_gid)
        file.writelines(lines)
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)
