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
from hub.database.postgres import Postgres
from hub.doctor import broker, database, machine
from hub.doctor.finding import DoctorFinding, DoctorKind, Verdict, exit_status
from hub.mqtt.mosquitto import Mosquitto
from tests.support.broker import open_folder, owner
from tests.support.hub import until
from tests.support.mqtt311 import Client


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
    assert "a stranger cannot enrol" in {f["what"] for f in findings if f["verdict"] == "note"}
    # The sensors' network is tried where one is set up, by `dormouse hub doctor network`.
    assert {f["kind"] for f in findings} == set(DoctorKind) - {DoctorKind.NETWORK}
    told = (await ask(hub)).stdout.splitlines()
    assert "a device cannot publish to another's topic: good" in told
    (hub.data_dir / "broker" / "server.key").chmod(0o644)
    (hub.data_dir / "broker").chmod(0o755)
    spoiled = await ask(hub)
    assert spoiled.exit_code == DoctorKind.FILES.exit_status == 53
    assert "broker/server.key: chmod 600" in spoiled.stdout.replace("\n", "")
    # Its accounts were for this alone.
    transport_accounts = json.loads(
        (await asyncio.to_thread(CliRunner().invoke, root(),
         ["devices", "list", "--json", "--data-dir", str(hub.data_dir)])).stdout
    )["accounts"]  # fmt: skip
    assert transport_accounts == []


async def test_a_hub_with_several_tenants(hub):
    postgres = Postgres(hub.data_dir / "postgres")
    postgres.look_up()
    async with await psycopg.AsyncConnection.connect(postgres.app_url) as conn:
        await conn.execute("SELECT dormouse.ensure_tenant('beach')")
    async with hub.operator() as client:
        opened = await client.post(
            "/enrolment/window", params={"tenant": "beach"}, json={"minutes": 10}
        )
        assert opened.is_success, opened.text
    password = "0123456789abcdef" * 2
    async with await Client.connect("127.0.0.1", hub.facts["enrol_port"]) as stranger:
        enrolment = {"id": "esp8266_beac0001", "password": password}
        await stranger.publish("enrol/esp8266_beac0001", json.dumps(enrolment))

    async def connected() -> bool:
        async with await Client.connect(
            "127.0.0.1", hub.facts["mqtt_port"], "esp8266_beac0001", "esp8266_beac0001", password
        ) as device:
            if device.code == 0:
                topic = "HomeKit/esp8266_beac0001/TemperatureSensor/CurrentTemperature"
                await device.publish(topic, "20.5")
            return device.code == 0

    await until(connected)

    async def two_bridges() -> bool:
        return len(await hub.ask("GET", "/homekit/pairings")) == 2

    await until(two_bridges)
    result = await ask(hub, "--json")
    assert [f for f in json.loads(result.stdout) if f["verdict"] == "bad"] == []
    assert result.exit_code == 0


def test_one_exit_status_a_kind():
    """The gravest counts; notes are nothing wrong."""
    findings = [DoctorFinding("it holds", Verdict.NOTE, kind=kind) for kind in DoctorKind]
    assert exit_status([]) == exit_status(findings) == 0
    seen = {}
    for kind in reversed(DoctorKind):
        findings.append(DoctorFinding("it holds", Verdict.BAD, "it does not", kind))
        seen[kind] = exit_status(findings)
    assert seen == {
        "network": 57,
        "certificate": 56,
        "parts": 55,
        "ports": 54,
        "files": 53,
        "dashboard": 52,
        "database": 51,
        "broker": 50,
    }


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
        "nobody connects to the broker without an account",
        "passwords that are guessed first open nothing",
        "a known device does not connect with another password",
        "a device cannot publish to another's topic",
        "a device cannot read another's topics",
        "a device cannot end another's session by its client id",
        "a stranger cannot read enrolments",
    }


def test_what_cannot_be_tried_is_not_good():
    """Nothing gets in where nobody answers, and no port is seen of a program that is closed to us:
    neither proves anything."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken, and not listened at
        door = broker.BrokerListener("127.0.0.1", closed.getsockname()[1])
        found = list(broker.examine(door, door, [("a", "x" * 32), ("b", "y" * 32)]))
    assert bad(found) == {"the broker answers", "the listener for enrolments answers"}
    assert len(found) == 2
    nobodys = 2**22 + 1  # more than the kernel's largest number of a process
    assert [one.verdict for one in machine.ports({"pid": nobodys}, {})] == [Verdict.NOTE]


async def test_a_broker_that_delivers_nothing():
    """Not even to whom it is for: that nothing reaches others proves nothing."""
    with open_folder() as folder:
        place = folder / "mute"
        place.mkdir()
        acl = place / "acl"
        acl.write_text("user nobody\n")
        if (who := owner()) is not None:
            os.chown(place, who.pw_uid, who.pw_gid)
        config = f"listener {{mqtt}} {{host}}\nallow_anonymous true\nacl_file {acl}\n"
        mute = Mosquitto(
            "mute", place, f"{config}log_dest stderr\n", host="127.0.0.1", ports={"mqtt": 0},
            owner=who,
        )  # fmt: skip
        await mute.start()
        door = broker.BrokerListener("127.0.0.1", mute.port)
        accounts = [("a", "x" * 32), ("b", "y" * 32)]
        try:
            found = await asyncio.to_thread(lambda: list(broker.examine(door, None, accounts)))
        finally:
            await mute.stop()
    assert "a device hears what is said to it" in bad(found)
    assert "a device cannot publish to another's topic" not in {one.what for one in found}


async def test_a_database_without_its_policies(database_with_rows):
    url, admin = database_with_rows
    async with Database(url) as store:
        assert bad([finding async for finding in database.examine(store)]) == set()
        async with await psycopg.AsyncConnection.connect(admin, autocommit=True) as conn:
            for table in ("device", "key_value"):
                await conn.execute(f"ALTER TABLE dormouse.{table} DISABLE ROW LEVEL SECURITY")
        assert bad([finding async for finding in database.examine(store)]) == {
            "what keeps tenants apart is as declared",
            "without a tenant no rows are seen",
            "a tenant cannot read another's rows",
            "a tenant cannot write another's rows",
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
        found = list(machine.ports({"pid": os.getpid()}, {}))
        assert bad(found) == {"every port that is open is one of the settings"}
        assert f"127.0.0.1:{port}" in found[0].detail
        assert not any(
            f":{port}" in finding.detail
            for facts, bridges in (({"mqtt_port": port}, {}), ({}, {port: "Dormouse beach"}))
            for finding in machine.ports({"pid": os.getpid(), **facts}, bridges)
        )


def test_files_that_others_may_read(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "secret.key").touch(0o600)
    (tmp_path / "ca.crt").touch(0o644)
    assert bad(machine.files(tmp_path)) == set()
    (tmp_path / "secret.key").chmod(0o640)
    assert bad(machine.files(tmp_path)) == {f"another user cannot read secrets in {tmp_path}"}
