"""Each loop and each server of a running hub dies once: begun again, counted, and told meanwhile.

The hub runs in this process, so that its loops can be reached: what a loop waits for is cancelled
under it, as when a library gives up.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import asynccontextmanager

import httpx

from hub.app import Hub
from hub.runtime.supervisor import Supervisor
from hub.settings import load
from tests.support.broker import until
from tests.support.hub import PLAIN

PORTS = ("http_port", "mqtt_port", "mqtts_port", "enrol_port", "hap_port")


@asynccontextmanager
async def running(data_dir):
    settings = load(data_dir=data_dir, host="127.0.0.1", **dict.fromkeys(PORTS, "0"))
    async with Hub(settings) as hub:
        yield hub


async def health(hub: Hub) -> dict:
    url = f"http://127.0.0.1:{hub.facts['http_port']}/healthz"
    async with httpx.AsyncClient(timeout=30, verify=PLAIN) as client:
        return (await client.get(url)).json()


async def is_well(hub: Hub) -> bool:
    return (await health(hub))["status"] == "ok"


def pull(task: asyncio.Task) -> bool:
    """Cancel what a task waits for; False where it waits for nothing that is still to come."""
    return task._fut_waiter is not None and task._fut_waiter.cancel()


async def test_each_is_begun_again_and_told_meanwhile(short_tmp, empty_hub, monkeypatch):
    # s: long enough to ask the hub's health meanwhile.
    monkeypatch.setattr(Supervisor, "BACKOFF", (3.0, 60.0, 300.0))
    await asyncio.to_thread(subprocess.run, ["cp", "-a", empty_hub, short_tmp / "data"], check=True)
    async with running(short_tmp / "data") as hub:
        supervisor = hub.parts.supervisor
        await until(lambda: is_well(hub))
        before = {id(loop): loop.restarts for loop in supervisor.loops}
        names = sorted({loop.name for loop in supervisor.loops})
        assert len(names) >= 20
        for name in names:
            loops = [loop for loop in supervisor.loops if loop.name == name]
            tasks = [task for task in asyncio.all_tasks() if task.get_name() == name]
            assert tasks, name
            for task in tasks:
                await until(lambda task=task: pull(task))
            await until(lambda loops=loops: not any(loop.running for loop in loops))
            assert {loop.role for loop in loops} <= supervisor.failed()
            assert all(loop.error.startswith("CancelledError") for loop in loops)
        said = await health(hub)
        assert said["status"] == "degraded"
        assert loops[0].role in said["stopped"]
        await until(lambda: is_well(hub))
        again = {id(loop): loop.restarts for loop in supervisor.loops if id(loop) in before}
        assert again == {loop: restarts + 1 for loop, restarts in before.items()}
        noted = {defect.place for defect in supervisor.defects.all()}
        assert set(names) <= noted

        broker, postgres = hub.parts.mqtt.broker, hub.parts.running.postgres
        for child in (broker.main.child, broker.enrolment.child, postgres.child):
            pid = child.pid
            os.kill(pid, signal.SIGKILL)
            await until(lambda child=child: child.restarts == 1 and child.pid is not None)
            assert child.pid != pid
            await until(lambda: is_well(hub))
