"""A real mosquitto with accounts, on free ports, and a client to talk to it as a device would."""

from __future__ import annotations

import asyncio
import contextlib
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest

from hub.mqtt.account_repository import Account, AccountState
from hub.mqtt.accounts import AccountBook
from hub.mqtt.broker import Broker
from hub.mqtt.certificates import Authority
from hub.mqtt.delivery import Delivery
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.mosquitto import find_mosquitto
from hub.mqtt.passwords import hash_password
from hub.mqtt.source import MqttSource
from hub.runtime.child import run_as
from tests.support import folders
from tests.support.ports import claimed_port


class MemoryAccounts:
    """Accounts in a dict, where the database adds nothing to a test."""

    def __init__(self) -> None:
        self.kept: dict[str, Account] = {}

    async def list(self, tenants: object = None) -> list[Account]:
        return list(self.kept.values())

    async def create(self, account: Account) -> datetime | None:
        made = datetime.now(UTC)
        made_now = replace(account, created_at=made)
        return made if self.kept.setdefault(account.device, made_now) is made_now else None

    async def set_state(self, tenant: str, device: str, state: AccountState) -> bool:
        self.kept[device] = replace(self.kept[device], state=state)
        return True

    async def set_password(self, tenant: str, device: str, password: str) -> bool:
        self.kept[device] = replace(self.kept[device], password=password)
        return True

    async def remove(self, tenant: str, device: str) -> bool:
        return self.kept.pop(device, None) is not None


@contextlib.contextmanager
def open_folder():
    """A temporary folder that the user who runs children may enter (pytest's is closed to it)."""
    folder = Path(tempfile.mkdtemp(prefix="dormouse-test-", dir=folders.base()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def owner() -> pwd.struct_passwd | None:
    """Who children run as when tests run as root."""
    return run_as("nobody")


@contextlib.asynccontextmanager
async def running_broker(
    book: AccountBook, folder: Path, *, spied_on: bool = False
) -> AsyncIterator[Broker]:
    """A broker with these accounts; `spied_on`: and with a listener "spy" and an account SPY."""
    broker = Broker(
        folder / "broker",
        book,
        host="127.0.0.1",
        port=claimed_port(),
        enrol_port=claimed_port(),
        tls_port=claimed_port(),
        authority=Authority(folder / "authority"),
        owner=owner(),
    )
    if spied_on:
        _let_spy(broker)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


SPY = ("spy", "sees and says everything")
"""Name and password of the account that may do anything there is."""


def _let_spy(broker: Broker) -> None:
    """A listener at which one account may be any number of clients, and no ACL holds for it."""
    broker.main._config += "\nlistener {spy} 127.0.0.1\n"
    broker.main.ports["spy"] = claimed_port()
    files, name = broker.accounts, SPY[0]
    password, write = hash_password(SPY[1]), files.write
    every = "".join(f"topic readwrite {topic}\n" for topic in ("#", "$CONTROL/#", "$SYS/#"))

    def with_spy() -> set[str]:
        changed = write()
        for path, line in (
            (files.passwords, f"{name}:{password}\n"),
            (files.acl, f"\nuser {name}\n{every}"),
        ):
            with path.open("a") as file:
                file.write(line)
        return changed

    files.write = with_spy  # type: ignore[method-assign]


class OpenBroker:
    """A mosquitto of somebody else's, open to all, on `port`; it can be killed and come back."""

    def __init__(self, folder: Path) -> None:
        self.port = claimed_port()
        self._config = folder / "open.conf"
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            "user root\nmax_queued_messages 0\n"
        )
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            find_mosquitto(), "-c", self._config, stderr=asyncio.subprocess.DEVNULL
        )
        await until(self._answers)

    async def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True


@contextlib.asynccontextmanager
async def open_broker(folder: Path) -> AsyncIterator[int]:
    """A mosquitto of somebody else's, open to all; its port."""
    async with OpenBroker(folder) as broker:
        yield broker.port


@pytest.fixture
def accounts() -> AccountBook:
    """Account book of a test's broker: `await accounts.provision(name, tenant, password)`."""
    return AccountBook(MemoryAccounts())


@pytest.fixture
async def broker(accounts: AccountBook) -> AsyncIterator[Broker]:
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
        await asyncio.wait_for(source.connected.wait(), 30)
        yield source, got
    finally:
        await source.stop()


async def until(condition: Callable[[], bool | Awaitable[bool]], within: float = 60) -> None:
    """Wait for a condition; a test that waits in vain fails with its name."""
    async with asyncio.timeout(within):
        while True:
            result = condition()
            if await result if isinstance(result, Awaitable) else result:
                return
            await asyncio.sleep(0.01)
