"""A real mosquitto with accounts, on free ports, and a client to talk to it as a device would."""

from __future__ import annotations

import asyncio
import contextlib
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hub.child import run_as
from hub.mqtt.accounts import Account, AccountState, Role, hash_password
from hub.mqtt.broker import Broker
from hub.mqtt.source import Delivery, Endpoint, MqttSource


class MemoryAccounts:
    """Accounts in a dict, where the database adds nothing to a test."""

    def __init__(self) -> None:
        self.kept: dict[str, Account] = {}

    async def accounts(self) -> list[Account]:
        return list(self.kept.values())

    async def account(self, name: str) -> Account | None:
        return self.kept.get(name)

    async def add_account(self, account: Account) -> bool:
        return self.kept.setdefault(account.name, account) is account

    async def change_account(
        self,
        name: str,
        *,
        state: AccountState | None = None,
        password_hash: str | None = None,
    ) -> bool:
        if name not in self.kept:
            return False
        old = self.kept[name]
        self.kept[name] = replace(
            old, state=state or old.state, password_hash=password_hash or old.password_hash
        )
        return True

    async def remove_account(self, name: str) -> bool:
        return self.kept.pop(name, None) is not None

    def give(self, name: str, password: str, role: Role = Role.DEVICE) -> None:
        """Keep an account without telling the broker."""
        self.kept[name] = Account(name, hash_password(password), "home", role)


@contextlib.contextmanager
def open_folder():
    """A temporary folder that the user who runs children may enter (pytest's is closed to it)."""
    folder = Path(tempfile.mkdtemp(prefix="dormouse-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def owner() -> pwd.struct_passwd | None:
    """Who children run as when tests run as root."""
    return run_as("nobody")


@contextlib.asynccontextmanager
async def running_broker(accounts: MemoryAccounts, folder: Path) -> AsyncIterator[Broker]:
    broker = Broker(
        folder / "broker", accounts, host="127.0.0.1", port=0, enrol_port=0, owner=owner()
    )
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


@pytest.fixture
def accounts() -> MemoryAccounts:
    return MemoryAccounts()


@pytest.fixture
async def broker(accounts: MemoryAccounts) -> AsyncIterator[Broker]:
    with open_folder() as folder:
        async with running_broker(accounts, folder) as running:
            yield running


@contextlib.asynccontextmanager
async def subscriber(
    endpoint: Endpoint, *filters: str, client_id: str = "", session_s: int = 0, ack: bool = True
):
    """A subscribed source, and the list of what it was delivered."""
    source = MqttSource(endpoint, filters, client_id=client_id, session_s=session_s)
    got: list[Delivery] = []

    def deliver(delivery: Delivery) -> None:
        got.append(delivery)
        if ack:
            source.acknowledge(delivery)

    await source.start(deliver)
    try:
        await asyncio.wait_for(source.connected.wait(), 10)
        yield source, got
    finally:
        await source.stop()


async def until(condition: Callable[[], bool | Awaitable[bool]], within: float = 10) -> None:
    """Wait for a condition; a test that waits in vain fails with its name."""
    async with asyncio.timeout(within):
        while True:
            result = condition()
            if await result if isinstance(result, Awaitable) else result:
                return
            await asyncio.sleep(0.01)
