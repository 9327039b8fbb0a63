"""nats-server with JetStream and MQTT on loopback, one or three, by the recipe of deploy/."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.mqtt.endpoint import Endpoint
from hub.nats.cluster import NatsCluster
from hub.nats.pulls import STREAM
from hub.runtime.child import spawn
from tests.support.hub import ROOT, until
from tests.support.ports import claimed_port

__all__ = ["PASSWORD", "NatsNode", "NatsNodes", "nats_nodes"]

PASSWORD = "throw-away"


@dataclass(eq=False)
class NatsNode:
    """A server: its folder, and its ports by `client`, `cluster` and `mqtt`."""

    name: str
    folder: Path
    ports: dict[str, int]
    process: asyncio.subprocess.Process | None = None


@dataclass
class NatsNodes:
    """The servers; `kill` and `start` of each."""

    folder: Path
    devices: Sequence[str]
    nodes: list[NatsNode] = field(default_factory=list)

    @property
    def url(self) -> str:
        return ",".join(
            f"nats://hub:{PASSWORD}@127.0.0.1:{one.ports['client']}" for one in self.nodes
        )

    @property
    def gateway(self) -> str:
        return ",".join(
            f"mqtt://hub:{PASSWORD}@127.0.0.1:{one.ports['mqtt']}" for one in self.nodes
        )

    @property
    def cluster(self) -> NatsCluster:
        return NatsCluster.of(self.url, self.gateway)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return self.cluster.gateways

    async def start(self, node: NatsNode) -> None:
        """As a machine that starts, with what it has stored."""
        recipe = ROOT / "deploy" / "cluster"
        written = (recipe / "nats.conf").read_text()
        if len(self.nodes) == 1:  # which waits for no others
            written = re.sub(r"^cluster \{.*?^\}\n", "", written, flags=re.MULTILINE | re.DOTALL)
            written = written.replace("stream_replicas: 3", "stream_replicas: 1")
        (node.folder / "nats.conf").write_text(written)
        self._write_users(node)
        routes = (
            f"nats://routes:{PASSWORD}@127.0.0.1:{one.ports['cluster']}" for one in self.nodes
        )
        settings = {
            "NATS_NAME": node.name,
            "NATS_LISTEN": f"127.0.0.1:{node.ports['client']}",
            "NATS_CLUSTER_LISTEN": f"127.0.0.1:{node.ports['cluster']}",
            "NATS_MQTT_LISTEN": f"127.0.0.1:{node.ports['mqtt']}",
            "NATS_STORE": str(node.folder / "store"),
            "NATS_ROUTES": f"[{','.join(routes)}]",
            "NATS_ROUTES_PASSWORD": PASSWORD,
            "NATS_HUB_PASSWORD": PASSWORD,
        }
        program = Path(sys.executable).with_name("nats-server")
        with (self.folder / f"{node.name}.log").open("ab") as log:
            node.process = await spawn(
                [program, "-c", node.folder / "nats.conf"],
                death_signal=signal.SIGKILL,
                cwd=node.folder,
                env=settings,
                output=log.fileno(),
            )

    def let_in(self, device: str) -> None:
        """A line for one more device, which running servers read: `systemctl reload`."""
        self.devices = [*self.devices, device]
        for node in self.nodes:
            self._write_users(node)
            if node.process is not None:
                node.process.send_signal(signal.SIGHUP)

    def _write_users(self, node: NatsNode) -> None:
        lines = []
        for line in (ROOT / "deploy" / "cluster" / "users.conf").read_text().splitlines():
            if "esp8266_1a2b3c4d" in line:
                with_password = line.replace("its-own", PASSWORD)
                lines += [with_password.replace("esp8266_1a2b3c4d", one) for one in self.devices]
            else:
                lines.append(line)
        (node.folder / "users.conf").write_text("\n".join(lines))

    async def kill(self, node: NatsNode) -> None:
        """SIGKILL."""
        if node.process is not None and node.process.returncode is None:
            node.process.kill()
            await node.process.wait()

    async def led(self, but: NatsNode) -> None:
        """Until another than that server leads each stream, and each consumer of the hub's."""
        import nats  # noqa: PLC0415  # an extra

        there = [f"nats://127.0.0.1:{one.ports['client']}" for one in self.nodes if one is not but]
        connection = await nats.connect(there, user="hub", password=PASSWORD)

        async def ask(what: str) -> dict[str, Any]:
            said = await connection.request(f"$JS.API.{what}", b"", timeout=1)
            answer: dict[str, Any] = json.loads(said.data)
            return answer

        async def is_led() -> bool:
            with contextlib.suppress(nats.errors.Error):
                wanted = [f"STREAM.INFO.{one}" for one in (await ask("STREAM.NAMES"))["streams"]]
                # Of MQTT's own some are a server's alone, and gone with it.
                names = (await ask(f"CONSUMER.NAMES.{STREAM}"))["consumers"]
                wanted += [f"CONSUMER.INFO.{STREAM}.{name}" for name in names]
                found = await asyncio.gather(*map(ask, wanted))
                leaders = {one.get("cluster", {}).get("leader", but.name) for one in found}
                return but.name not in leaders and len(wanted) > 1
            return False

        try:
            await until(is_led, limit_s=120, every_s=0.1)
        finally:
            await connection.close()

    async def ready(self) -> None:
        """Until the cluster says that JetStream works, by a hub's account."""
        import nats  # noqa: PLC0415  # an extra

        async def answers() -> bool:
            with contextlib.suppress(Exception):
                connection = await nats.connect(
                    list(self.cluster.servers),
                    user="hub",
                    password=PASSWORD,
                    allow_reconnect=False,
                    connect_timeout=2,
                )
                try:
                    said = await connection.request("$JS.API.INFO", b"", timeout=2)
                    return "error" not in json.loads(said.data)
                finally:
                    await connection.close()
            return False

        await until(answers, limit_s=120)


@asynccontextmanager
async def nats_nodes(
    folder: Path, number: int, devices: Sequence[str] = ()
) -> AsyncIterator[NatsNodes]:
    """All running, JetStream ready."""
    found = NatsNodes(folder, devices)
    for name in [f"nats{n}" for n in range(1, number + 1)]:
        (folder / name).mkdir(parents=True)
        ports = {what: claimed_port() for what in ("client", "cluster", "mqtt")}
        found.nodes.append(NatsNode(name, folder / name, ports))
    try:
        for one in found.nodes:
            await found.start(one)
        await found.ready()
        yield found
    finally:
        for one in found.nodes:
            await found.kill(one)
