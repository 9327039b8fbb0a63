"""The doctor finds nothing wrong with a hub as it is, and finds what is spoiled."""

from __future__ import annotations

import asyncio
import json
import os
import socket

import psycopg
import pytest
from typer.testing import CliRunner

from host.cli import root
from hub.database.database import Database
from hub.doctor import broker, database, machine
from hub.doctor.finding import Verdict
from hub.mqtt.mosquitto import Mosquitto
from tests.support.broker import open_folder, owner


def bad(findings):
    return {finding.what for finding in findings if finding.verdict is Verdict.BAD}


async def ask(hub, *more):
    arguments = ["hub", "doctor", "--data-dir", str(hub.data_dir), *more]
    return await asyncio.to_thread(CliRunner().invoke, root(), arguments)


async def test_a_hub_as_it_is(hub):
    result = await ask(hub, "--json")
    findings = json.loads(result.stdout)
    assert [f for f in findings if f["verdict"] == "bad"] == []
    assert result.exit_code == 0
    assert len(findings) > 14
    # Enrolment is open by default, and the doctor says so.
    assert "enrol as a stranger" in {f["what"] for f in findings if f["verdict"] == "note"}
    (hub.data_dir / "broker" / "server.key").chmod(0o644)
    (hub.data_dir / "broker").chmod(0o755)
    spoiled = await ask(hub)
    assert spoiled.exit_code == 1
    assert "broker/server.key: chmod 600" in spoiled.stdout.replace("\n", "")
    # Its accounts were for this alone.
    transport_accounts = json.loads(
        (await asyncio.to_thread(CliRunner().invoke, root(),
         ["devices", "list", "--json", "--data-dir", str(hub.data_dir)])).stdout
    )["accounts"]  # fmt: skip
    assert transport_accounts == []


async def test_an_open_broker():
    with open_folder() as folder:
        place = folder / "open"
        place.mkdir()
        if (who := owner()) is not None:
            os.chown(place, who.pw_uid, who.pw_gid)
        config = "listener {mqtt} {host}\nallow_anonymous true\nlog_dest stderr\n"
        open_broker = Mosquitto(
            "open", place, config, host="127.0.0.1", ports={"mqtt": 0}, owner=who
        )
        await open_broker.start()
        door = broker.BrokerListener("127.0.0.1", open_broker.port)
        accounts = [("a", "x" * 32), ("b", "y" * 32)]
        try:
            found = await asyncio.to_thread(lambda: list(broker.examine(door, door, accounts)))
        finally:
            await open_broker.stop()
    assert bad(found) == {
        "connect to the broker without an account",
        "connect with passwords that are guessed first",
        "connect as a known device with another password",
        "publish to another device's topic",
        "read other devices' topics",
        "end another device's session by its client id",
        "read enrolments as a stranger",
    }


async def test_a_database_without_its_policies(database_with_rows):
    url, admin = database_with_rows
    async with Database(url) as store:
        assert bad([finding async for finding in database.examine(store)]) == set()
        async with await psycopg.AsyncConnection.connect(admin, autocommit=True) as conn:
            for table in ("device", "key_value"):
                await conn.execute(f"ALTER TABLE dormouse.{table} DISABLE ROW LEVEL SECURITY")
        assert bad([finding async for finding in database.examine(store)]) == {
            "find a tenant's table without forced row-level security",
            "read rows without being a tenant",
            "read another tenant's rows",
            "write another tenant's rows",
        }


@pytest.fixture
async def database_with_rows(database):
    async with Database(database.app_url) as store:
        for name in ("home", "beach"):
            await store.ensure_tenant(name)
            async with store.of(name).transaction() as conn:
                await conn.execute(
                    """INSERT INTO dormouse.device (tenant_id, key)
                       VALUES (dormouse.current_tenant(), 'dev')"""
                )
    return database.app_url, database.admin_url


def test_a_port_that_no_setting_names():
    with socket.socket() as secret:
        secret.bind(("127.0.0.1", 0))
        secret.listen()
        port = secret.getsockname()[1]
        found = list(machine.ports({"pid": os.getpid()}))
        assert bad(found) == {"find a port that no setting names"}
        assert f"127.0.0.1:{port}" in found[0].detail
        assert not any(
            f":{port}" in f.detail for f in machine.ports({"pid": os.getpid(), "mqtt_port": port})
        )


def test_files_that_others_may_read(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "secret.key").touch(0o600)
    (tmp_path / "ca.crt").touch(0o644)
    assert bad(machine.files(tmp_path)) == set()
    (tmp_path / "secret.key").chmod(0o640)
    assert bad(machine.files(tmp_path)) == {f"read secrets in {tmp_path} as another user"}
