"""Mosquitto as our child: files, restarts, errors; who is disabled is out at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import ssl
import stat

import pytest
from cryptography import x509

from hub.mqtt import mosquitto as module
from hub.mqtt.account_repository import AccountState
from hub.mqtt.broker import Broker
from hub.mqtt.certificates import Authority
from hub.mqtt.errors import (
    AccountError,
    AccountFilesError,
    BrokerError,
    BrokerPortTakenError,
)
from tests.support.broker import open_folder, owner, until
from tests.support.mqtt311 import Client

PASSWORD = "0123456789abcdef" * 2


def make(folder, book, **ports):
    wanted = {"port": 0, "enrol_port": 0, "tls_port": 0, **ports}
    return Broker(
        folder / "broker", book, host="127.0.0.1", authority=Authority(folder / "ca"),
        owner=owner(), **wanted,
    )  # fmt: skip


async def connect(broker, user="dev", password=PASSWORD):
    return await Client.connect("127.0.0.1", broker.main.ports["mqtt"], user, user, password)


def modes(folder):
    return {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()
    }


async def test_everything_it_writes_is_private(broker, accounts):
    await accounts.provision("dev", "home", PASSWORD)
    async with await connect(broker) as client:
        await client.publish("HomeKit/dev/Switch/On", "1", retain=True)
    folder = broker.accounts.passwords.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    await broker.stop()  # writes what it persists
    found = modes(folder)
    assert {"passwords", "acl", "devices.conf", "server.key", "mosquitto.db"} <= set(found)
    assert set(found.values()) == {0o600}
    assert PASSWORD not in "".join(
        path.read_text(errors="replace") for path in folder.iterdir() if path.is_file()
    )
    keys = folder.parent / "authority"
    assert modes(keys) == {"ca.key": 0o600, "ca.crt": 0o644}


@pytest.mark.parametrize("change", ["disable", "rotate", "remove"])
async def test_who_is_shut_out_is_out_at_once(broker, accounts, change):
    await accounts.provision("dev", "home", PASSWORD)
    await accounts.provision("other", "home", PASSWORD)
    async with await connect(broker) as client, await connect(broker, "other") as other:
        assert (client.code, other.code) == (0, 0)
        if change == "disable":
            await accounts.set_state("dev", AccountState.DISABLED)
        elif change == "rotate":
            await accounts.rotate("dev")
        else:
            await accounts.remove("dev")
        await asyncio.wait_for(client.closed.wait(), 30)
        await other.ping()
    async with await connect(broker) as again:
        assert again.code == 5


async def test_what_the_broker_cannot_be_told_it_is_told_later(broker, accounts, monkeypatch):
    """A disk that is full, say: who was shut out meanwhile is as soon as there is room."""
    monkeypatch.setattr(broker.accounts, "AGAIN_S", 0.1)
    await accounts.provision("dev", "home", PASSWORD)
    in_the_way = broker.accounts.passwords.with_name(".passwords.new")
    in_the_way.mkdir()
    for _ in range(2):  # nor is it passed over the second time
        with pytest.raises(AccountFilesError, match="cannot be written"):
            await accounts.set_state("dev", AccountState.DISABLED)
        with pytest.raises(AccountFilesError, match="cannot be written"):
            await accounts.provision("late", "home")
    in_the_way.rmdir()

    async def is_out() -> bool:
        async with await connect(broker) as client:
            return client.code == 5

    await until(is_out)
    password = await accounts.provision("late", "home")
    async with await Client.let_in(
        "127.0.0.1", broker.main.ports["mqtt"], "late", "late", password
    ):
        pass


async def test_killed_it_is_back_on_the_same_ports(broker, accounts):
    await accounts.provision("dev", "home", PASSWORD)
    for part in (broker.main, broker.enrolment):
        for _ in range(2):
            killed = part.pid
            os.kill(killed, signal.SIGKILL)
            await until(lambda killed=killed, part=part: part.pid not in {None, killed})

    async def accepts():
        with contextlib.suppress(OSError):
            async with await connect(broker) as client:
                return client.code == 0
        return False

    await until(accepts)


async def test_accounts_changed_while_it_was_down_are_known_when_it_is_back(broker, accounts):
    os.kill(broker.main.pid, signal.SIGKILL)
    await accounts.provision("dev", "home", PASSWORD)

    async def accepts():
        with contextlib.suppress(OSError):
            async with await connect(broker) as client:
                return client.code == 0
        return False

    await until(accepts)


async def test_its_log_is_in_ours(accounts, caplog):
    with open_folder() as folder, caplog.at_level(logging.DEBUG):
        broker = make(folder, accounts)
        await broker.start()
        await broker.stop()
    assert any(
        record.name == "hub.mqtt.broker.devices" and "running" in record.message
        for record in caplog.records
    )


async def test_a_taken_port_is_named_with_who_has_it(accounts):
    with socket.socket() as taken, open_folder() as folder:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            BrokerPortTakenError, match=rf"port {port} is taken by \S+ \(pid {os.getpid()}"
        ):
            await make(folder, accounts, port=port).start()
        with pytest.raises(BrokerPortTakenError, match=f"port {port} is taken"):
            await make(folder, accounts, enrol_port=port).start()


async def test_no_mosquitto_says_what_to_install(accounts, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "SBIN", str(tmp_path))
    with open_folder() as folder, pytest.raises(BrokerError, match="apt install mosquitto"):
        await make(folder, accounts).start()


async def test_an_old_mosquitto_says_what_to_install(accounts, monkeypatch, tmp_path):
    old = tmp_path / "mosquitto"
    old.write_text("#!/bin/sh\necho mosquitto version 1.6.9\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with open_folder() as folder, pytest.raises(BrokerError, match=r"version 1\.6: install"):
        await make(folder, accounts).start()


async def test_a_broken_configuration_tells_the_reason(accounts):
    with open_folder() as folder:
        broker = make(folder, accounts)
        broker.main._config += "\nno_such_option 1\n"
        with pytest.raises(BrokerError, match="no_such_option"):
            await broker.start()


DAMAGES = {
    "NUL": lambda data: bytes(len(data)),
    "cut in the header": lambda data: data[:20],
    "cut": lambda data: data[: len(data) // 2],
    "cut at the end": lambda data: data[:-7],
    "zeros at the end": lambda data: data + bytes(1 << 20),
    "junk": lambda _: bytes(range(256)) * 8,
    "another file": lambda _: b"-----BEGIN CERTIFICATE-----\n" * 40,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_store_is_set_aside_and_told(accounts, caplog, damage):
    await accounts.provision("dev", "home", PASSWORD)
    with open_folder() as folder:
        broker = make(folder, accounts)
        await broker.start()
        async with await connect(broker) as client:
            for n in range(9):
                await client.publish(f"HomeKit/dev/Switch/{n}/On", "1" * 200, retain=True)
        await broker.stop()
        store = folder / "broker" / "mosquitto.db"
        damaged = damage(store.read_bytes())
        store.write_bytes(damaged)
        broker = make(folder, accounts)
        await broker.start()
        try:
            async with await connect(broker) as client:
                await client.publish("HomeKit/dev/Switch/On", "1")
        finally:
            await broker.stop()
        assert (folder / "broker" / "mosquitto.db.damaged").read_bytes() == damaged
    assert "set aside as mosquitto.db.damaged" in caplog.text


async def test_a_store_that_is_not_at_fault_stays(accounts):
    await accounts.provision("dev", "home", PASSWORD)
    with open_folder() as folder:
        broker = make(folder, accounts)
        await broker.start()
        await broker.stop()
        store = folder / "broker" / "mosquitto.db"
        before = store.read_bytes()
        for option in ("no_such_option 1", "certfile /nowhere", "persistence_database_x 1"):
            broker = make(folder, accounts)
            broker.main._config += f"\n{option}\n"
            with pytest.raises(BrokerError):
                await broker.start()
            assert store.read_bytes() == before
            assert not store.with_name("mosquitto.db.damaged").exists()


async def test_a_store_damaged_under_a_running_broker_is_set_aside_at_its_restart(broker, accounts):
    await accounts.provision("dev", "home", PASSWORD)
    store = broker.accounts.passwords.parent / "mosquitto.db"
    store.write_bytes(bytes(5000))
    os.kill(broker.main.pid, signal.SIGKILL)

    async def back() -> bool:
        with contextlib.suppress(OSError):
            async with await connect(broker) as client:
                return client.code == 0
        return False

    await until(back)
    assert store.with_name("mosquitto.db.damaged").exists()


async def test_tools_verify_the_tls_listener(broker, accounts):
    await accounts.provision("viewer", "home", PASSWORD)
    port = broker.main.ports["mqtts"]
    trusting = ssl.create_default_context(cafile=broker.authority_certificate)
    async with await Client.connect(
        "localhost", port, "", "viewer", PASSWORD, tls=trusting
    ) as client:
        assert client.code == 0
    with pytest.raises(ssl.SSLCertVerificationError):
        await Client.connect("localhost", port, tls=ssl.create_default_context())


def test_certificates_are_kept_while_they_are_good(tmp_path, monkeypatch):
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    authority = Authority(tmp_path / "ca")
    assert authority.issue(certificate, key, ["a", "127.0.0.1"], None)
    assert not authority.issue(certificate, key, ["a", "127.0.0.1"], None)
    assert authority.issue(certificate, key, ["b", "127.0.0.1"], None)
    certificate.write_text("spoiled")
    assert authority.issue(certificate, key, ["b", "127.0.0.1"], None)
    assert Authority(tmp_path / "other").issue(certificate, key, ["b", "127.0.0.1"], None)


def test_certificates_of_a_machine_whose_clock_is_at_1970(tmp_path, monkeypatch):
    monkeypatch.setattr("hub.mqtt.certificates.datetime", Clock1970)
    certificate = tmp_path / "server.crt"
    Authority(tmp_path / "ca").issue(certificate, tmp_path / "server.key", ["a"], None)
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    assert found.not_valid_before_utc.year == 2026
    assert found.not_valid_after_utc.year == 2028


class Clock1970:
    """datetime on a Pi that has not heard the time yet."""

    @staticmethod
    def now(zone):
        import datetime as dt  # noqa: PLC0415

        return dt.datetime.fromtimestamp(5, zone)


@pytest.mark.parametrize("name", ["", "hub", "a+b", "a#", "a/b", "a:b", "a\nb", "x" * 65, "é"])
async def test_accounts_that_cannot_be(accounts, name):
    with pytest.raises(AccountError):
        await accounts.provision(name, "home")


async def test_a_burst_of_changes_is_one_reload(broker, accounts, caplog):
    with caplog.at_level(logging.DEBUG):
        await asyncio.gather(*(accounts.provision(f"dev{n}", "home") for n in range(200)))
        async with await connect(broker, "none") as client:
            assert client.code == 5
    reloads = [r for r in caplog.records if "Reloading" in r.message]
    assert 1 <= len(reloads) <= 20
