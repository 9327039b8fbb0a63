"""Sessions that end by themselves while accounts change: mosquitto below 2.0.23 dies of them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import struct
from collections.abc import Callable

import pytest

from hub.doctor.finding import Verdict
from hub.doctor.parts import examine_broker_version
from hub.mqtt.account_repository import AccountState
from hub.mqtt.accounts import AccountBook
from hub.mqtt.broker import Broker
from hub.mqtt.broker_config import MAIN
from hub.mqtt.broker_versions import faults_of
from hub.mqtt.expiring_sessions import ExpiringSessions, never_expire
from tests.support.broker import until
from tests.support.mqtt5 import SESSION_EXPIRY, connect5, properties
from tests.support.mqtt311 import Client

PASSWORD = "0123456789abcdef" * 2
NAMES = [f"evil{n}" for n in range(12)]
GOOD = [f"good{n}" for n in range(12)]
LINE = "New client connected from 127.0.0.1:5 as {} (p{}, c0, k60, u'{}')."


async def leave_session(broker: Broker, name: str, ends_after_s: int) -> bool:
    """Connect with MQTT 5 and go: a session stays. Whether there was one before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.main.ports["mqtt"])
    expiry = properties(struct.pack("!BI", SESSION_EXPIRY, ends_after_s))
    writer.write(connect5(name, name, PASSWORD, clean=False, with_properties=expiry))
    answer = await reader.readexactly(4)
    writer.write(b"\xe0\x00")
    await reader.read()
    writer.close()
    assert answer[3] == 0
    return bool(answer[2])


async def is_in(broker: Broker, name: str, state: AccountState) -> bool:
    """Whether the broker goes by a state; it may be starting."""
    with contextlib.suppress(OSError):
        port = broker.main.ports["mqtt"]
        async with await Client.connect("127.0.0.1", port, name, name, PASSWORD, clean=False) as it:
            return it.code == (0 if state is AccountState.ACTIVE else 5)
    return False


def said(caplog: pytest.LogCaptureFixture, what: str) -> Callable[[], bool]:
    return lambda: any(what in record.getMessage() for record in caplog.records)


async def test_accounts_that_change_while_their_sessions_run_out(
    broker: Broker, accounts: AccountBook, caplog: pytest.LogCaptureFixture
):
    """2.0.11 as it was configured ended of this: a session was noted twice, and freed once."""
    caplog.set_level(logging.DEBUG)
    broker.reload.EVERY_S = 0
    for name in (*NAMES, *GOOD, "later"):
        await accounts.provision(name, "home", PASSWORD)
    for name in NAMES:
        await leave_session(broker, name, 2)
    for state in (AccountState.DISABLED, AccountState.ACTIVE):
        await asyncio.gather(*(accounts.set_state(name, state) for name in NAMES))
        await until(functools.partial(is_in, broker, NAMES[0], state))
    port = broker.main.ports["mqtt"]
    clients: list[Client] = []
    async with contextlib.AsyncExitStack() as stack:
        # The first end the sessions, the others get the memory that they had.
        for name in (*NAMES, *GOOD):
            client = await Client.let_in("127.0.0.1", port, name, name, PASSWORD)
            clients.append(await stack.enter_async_context(client))
        await leave_session(broker, "later", 1)
        await until(said(caplog, "Expiring client later"))
        for client in clients:
            await client.ping()
    assert broker.main.child.restarts == 0


async def test_what_comes_from_the_store_stays(broker: Broker, accounts: AccountBook):
    await accounts.provision("dev", "home", PASSWORD)
    await leave_session(broker, "dev", 1000)
    await broker.main.child.stop()
    assert never_expire(broker.store) == 1
    assert never_expire(broker.store) == 0
    whole = broker.store.read_bytes()
    for damaged in (whole[:30], whole[:-5], b"", b"\x00" * 500, whole[:19] + b"\xff" * 60):
        broker.store.write_bytes(damaged)
        never_expire(broker.store)
    broker.store.write_bytes(whole)
    await broker.main.child.start()
    for _ in range(3):
        broker.main.reload()
    assert await leave_session(broker, "dev", 0)


async def test_others_need_not_wait_for_the_new_start(broker: Broker, accounts: AccountBook):
    """Somebody shut out just now speaks MQTT 5, and the broker began anew a moment before."""
    broker.reload.EVERY_S, broker.reload.last_anew = 3600, asyncio.get_running_loop().time()
    await accounts.provision("evil", "home", PASSWORD)
    await until(functools.partial(is_in, broker, "evil", AccountState.ACTIVE))
    await leave_session(broker, "evil", 2)
    await until(lambda: bool(broker.reload._expiring.of({"evil"})))
    pid = broker.main.pid
    await accounts.set_state("evil", AccountState.DISABLED)
    for name in ("new", "newer"):
        await accounts.provision(name, "home", PASSWORD)
        await until(functools.partial(is_in, broker, name, AccountState.ACTIVE))
    await accounts.remove("new")
    await until(functools.partial(is_in, broker, "new", AccountState.DISABLED))
    assert broker.main.pid == pid
    # What was kept back goes with its next start, whatever that comes of.
    broker.main.drop()
    await until(functools.partial(is_in, broker, "evil", AccountState.DISABLED))
    await until(functools.partial(is_in, broker, "newer", AccountState.ACTIVE))
    assert broker.main.pid != pid


def test_whose_change_wants_a_new_start():
    now = 100.0
    sessions = ExpiringSessions({"old", "new"}.__contains__, lambda: now)
    assert not sessions.line(LINE.format("new", 5, "new"))
    assert not sessions.line(LINE.format("old", 2, "old"))
    assert not sessions.line(LINE.format("stranger", 5, "stranger"))
    assert not sessions.changed({"old", "stranger"})
    assert sessions.changed({"new"})
    sessions.forget()
    assert not sessions.changed({"new"})
    # Its line came after the change that it knew nothing of.
    assert sessions.line(LINE.format("new", 5, "new"))
    now += sessions.LATE_S + 1
    assert not sessions.line(LINE.format("new", 5, "new"))


def test_no_session_of_mqtt_311_expires():
    """What the broker then notes of one that went; nothing else can be seen from outside."""
    assert "persistent_client_expiration" not in MAIN
    assert "per_listener_settings false" in MAIN


@pytest.mark.parametrize(
    ("version", "faults"), [((2, 0, 11), 2), ((2, 0, 21), 1), ((2, 0, 23), 0), ((2, 1, 2), 0)]
)
def test_the_doctor_knows_of_versions_that_end(version: tuple[int, int, int], faults: int):
    said = list(examine_broker_version(version))
    assert len(faults_of(version)) == faults
    assert [one.verdict for one in said] == ([Verdict.NOTE] * faults or [Verdict.GOOD])
    assert all(".".join(map(str, version)) in one.detail for one in said)
