"""What accounts cost: wake cycles a second with and without them; decisions over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import socket
import statistics
import time
from multiprocessing.pool import Pool
from pathlib import Path
from typing import NamedTuple

import uvicorn
from fastapi import FastAPI

from hub.mqtt.account_repository import Account, AccountState
from hub.mqtt.accounts import AccountBook
from hub.mqtt.broker import Broker
from hub.mqtt.broker_config import MAIN
from hub.mqtt.certificates import Authority
from hub.mqtt.enrolment import Enroller, EnrolmentGate
from hub.mqtt.http_auth import Decisions, router
from hub.mqtt.mosquitto import Mosquitto
from hub.mqtt.passwords import hash_password
from hub.runtime.problems import Problems
from hub.settings import Enrolment
from tests.bench.report import note, report
from tests.support.broker import MemoryAccounts, open_folder, owner
from tests.support.mqtt311 import connect_packet, packet, publish_packet, subscribe_packet
from tests.support.ports import claimed_port

PASSWORD = "0123456789abcdef" * 2
ROUNDS = 15  # of each broker, in turn: what else the machine does hits both
SECONDS = 0.7
CLIENTS = 2


async def run() -> None:
    with open_folder() as folder:
        await _wakes(folder)
    await _decisions()


async def _wakes(folder: Path) -> None:
    note("wake cycles: connect, read a retained topic, publish, acknowledge, disconnect")
    book = AccountBook(MemoryAccounts())
    names = [f"dev{n:04}" for n in range(8)]
    _add(book, names)
    with_accounts = _broker(folder / "with", book)
    await with_accounts.start()
    without = _open_mosquitto(folder / "without")
    await without.start()
    brokers = {"with": with_accounts.main, "without": without}
    context = multiprocessing.get_context("spawn")
    try:
        with context.Pool(CLIENTS) as pool:
            measured = await _in_turn(pool, brokers, names)
            for name, runs in measured.items():
                rate = statistics.median(run.rate for run in runs)
                report(f"trust.wakes_{name}_accounts", rate, "1/s")
            pairs = list(zip(measured["with"], measured["without"], strict=True))
            ratio = statistics.median(a.rate / b.rate for a, b in pairs)
            report("trust.wakes_ratio", ratio, "ratio", ">= 0.85")
            # By the broker's own processor time: what it could serve on a core to itself.
            ratio = statistics.median(b.cost / a.cost for a, b in pairs)
            report("trust.wakes_ratio_by_cpu", ratio, "ratio", ">= 0.85")
            _add(book, [f"more{n:05}" for n in range(10_000)])
            started = time.perf_counter()
            await with_accounts.accounts.changed()
            report("trust.write_10000_accounts", (time.perf_counter() - started) * 1000, "ms")
            many = await _in_turn(pool, {"with": with_accounts.main}, names)
            rate = statistics.median(run.rate for run in many["with"])
            report("trust.wakes_with_10000_accounts", rate, "1/s")
    finally:
        await with_accounts.stop()
        await without.stop()


def _add(book: AccountBook, names: list[str]) -> None:
    """Accounts with one password; one hash is enough, the broker derives it each time anyway."""
    hashed = hash_password(PASSWORD)
    for name in names:
        book._accounts[name] = Account("home", name, hashed, AccountState.ACTIVE)


def _broker(folder: Path, book: AccountBook) -> Broker:
    return Broker(
        folder, book, host="127.0.0.1", port=0, enrol_port=0, tls_port=0,
        authority=Authority(folder.parent / "ca"), owner=owner(),
    )  # fmt: skip


def _open_mosquitto(folder: Path) -> Mosquitto:
    """The same configuration without accounts, ACL and TLS."""
    folder.mkdir()
    if (who := owner()) is not None:
        os.chown(folder, who.pw_uid, who.pw_gid)
    drop = ("password_file", "acl_file", "use_username", "allow_anonymous")
    config = MAIN.partition("listener {mqtts}")[0].replace("{folder}", str(folder))
    lines = [line for line in config.splitlines() if not line.startswith(drop)]
    config = "\n".join([*lines, "allow_anonymous true", ""])
    return Mosquitto("open", folder, config, host="127.0.0.1", ports={"mqtt": 0}, owner=owner())


class Run(NamedTuple):
    """Wake cycles a second, and the broker's processor time for one."""

    rate: float
    cost: float


async def _in_turn(
    pool: Pool, brokers: dict[str, Mosquitto], names: list[str]
) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {name: [] for name in brokers}
    for _ in range(ROUNDS):
        for name, broker in brokers.items():
            before = _cpu(broker.pid)
            work = [(broker.port, device) for device in names[:CLIENTS]]
            done = await asyncio.to_thread(pool.starmap, _cycles, work)
            spent = _cpu(broker.pid) - before
            count = sum(count for count, _ in done)
            runs[name].append(Run(sum(n / seconds for n, seconds in done), spent / count))
    return runs


def _cycles(port: int, name: str) -> tuple[int, float]:
    """How many, in how many seconds."""
    # As the firmware: CONNECT, SUBSCRIBE and PUBLISH in one write.
    payload = b'{"boot":"9f3a61c2","up":1,"lost":0,"after":0,"readings":[[1,0,"A/B",1]]}'
    request = (
        connect_packet(name, name, PASSWORD)
        + subscribe_packet(f"HomeKit/{name}/$ack", 1)
        + publish_packet(f"HomeKit/{name}/$batch", payload, 2)
    )
    with socket.create_connection(("127.0.0.1", port)) as sock:
        ack = publish_packet(f"HomeKit/{name}/$ack", b'{"boot":"x","seq":1}', 3, retain=True)
        sock.sendall(connect_packet(name, name, PASSWORD) + ack)
        _until(sock, packet(0x40, b"\0\3"))
    count, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < SECONDS:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(request)
            _until(sock, packet(0x40, b"\0\2"))
            sock.sendall(packet(0xE0, b""))
        count += 1
    return count, elapsed


def _until(sock: socket.socket, wanted: bytes) -> None:
    """Read until the PUBACK came (the retained message comes before it)."""
    got = b""
    while wanted not in got:
        data = sock.recv(4096)
        if not data:
            raise ConnectionError(f"the broker hung up after {got!r}")
        got += data


async def _decisions() -> None:
    note("decisions over HTTP, one server process, kept-alive connections")
    port = claimed_port()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=_serve, args=(port,))
    server.start()
    try:
        await asyncio.to_thread(_wait_for, port)
        for name, path, body in (
            ("auth", "/mqtt/auth", {"username": "dev0000", "password": PASSWORD}),
            ("acl", "/mqtt/acl",
             {"username": "dev0000", "topic": "HomeKit/dev0000/x", "action": "publish"}),
        ):  # fmt: skip
            with context.Pool(2) as pool:
                work = [(port, path, json.dumps(body))] * 2
                before = _cpu(server.pid)
                counts = await asyncio.to_thread(pool.starmap, _ask, work)
                spent = _cpu(server.pid) - before
            # A second of the server's own processor time, whatever else the machine does.
            report(f"trust.http_{name}", sum(counts) / spent, "decisions/s", ">= 2000")
    finally:
        server.terminate()
        server.join()


def _serve(port: int) -> None:
    book = AccountBook(MemoryAccounts())
    _add(book, [f"dev{n:04}" for n in range(1000)])
    problems = Problems()
    enroller = Enroller(book, EnrolmentGate(Enrolment.OPEN, "home"), problems)
    app = FastAPI(openapi_url=None)
    app.include_router(router(Decisions(book, enroller, problems), "secret"))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


def _wait_for(port: int) -> None:
    for _ in range(1000):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise TimeoutError


def _cpu(pid: int | None) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ask(port: int, path: str, body: str) -> int:
    """How many were answered in SECONDS, eight in flight on one connection."""
    request = (
        f"POST {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer secret\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    count, started = 0, time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as sock:
        while time.perf_counter() - started < SECONDS:
            sock.sendall(request * 8)
            got = b""
            while got.count(b'"allow"') < 8:
                got += sock.recv(65536)
            count += 8
    return count
