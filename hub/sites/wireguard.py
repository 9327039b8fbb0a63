"""WireGuard as this machine has it: asked and changed by `wg`, what it says read."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hub.sites.errors import GatewayError

__all__ = ["Peer", "WireGuard", "peers_of"]

# s: `wg` answers in milliseconds; a userspace WireGuard that hangs is not to hold up a duty.
_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer of an interface; no endpoint is empty, no handshake ever None.

    `endpoint` is `address:port`, of IPv6 `[address]:port`. `keepalive` in s, 0: none.
    """

    interface: str
    key: str
    endpoint: str
    handshake_at: datetime | None
    received: int
    sent: int
    keepalive: int = 0


def peers_of(dump: str) -> list[Peer]:
    """The peers in what `wg show all dump` says; lines that it does not say are left out."""
    found = []
    for line in dump.splitlines():
        parts = line.split("\t")
        # An interface's own line has five, with its private key.
        if len(parts) != 9:
            continue
        interface, key, _, endpoint, _, handshake, received, sent, keepalive = parts
        if not (handshake.isdigit() and received.isdigit() and sent.isdigit()):
            continue
        found.append(
            Peer(
                interface,
                key,
                "" if endpoint == "(none)" else endpoint,
                datetime.fromtimestamp(int(handshake), UTC) if int(handshake) else None,
                int(received),
                int(sent),
                int(keepalive) if keepalive.isdigit() else 0,
            )
        )
    return found


class WireGuard:
    """`wg` of this machine. Raises GatewayError where there is none, or it may not."""

    def __init__(self, program: str = "wg") -> None:
        self._program = program

    async def peers(self) -> list[Peer]:
        """Of all interfaces."""
        return peers_of(await self._run(["show", "all", "dump"]))

    async def set_endpoint(self, interface: str, key: str, endpoint: str) -> None:
        """Where a peer is from now on: `address:port`, `[address]:port`."""
        await self._run(["set", interface, "peer", key, "endpoint", endpoint])

    async def _run(self, arguments: Sequence[str]) -> str:
        program = shutil.which(self._program, path=None)
        if program is None:
            raise GatewayError("there is no `wg` on this machine: install wireguard-tools")
        process = await asyncio.create_subprocess_exec(
            program, *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_LIMIT_S):
                said, errors = await process.communicate()
        except TimeoutError:
            raise GatewayError(f"`wg {arguments[0]}` did not answer in {_LIMIT_S:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        text = said.decode("utf-8", "replace")
        # Of interfaces that it may not ask it says so and goes on.
        if process.returncode or (not text and errors):
            last = errors.decode("utf-8", "replace").strip().splitlines() or ["it failed"]
            raise GatewayError(f"`wg {arguments[0]}`: {last[-1][:200]}")
        return text
