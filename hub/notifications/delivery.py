"""Sends messages by a process of its own, which may be slow, or end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hub.notifications.errors import ChannelAddressError

__all__ = ["AlertDelivery", "Delivered", "OutgoingNotice", "SendingProcess"]

log = logging.getLogger(__name__)

# s: a process of many messages, each of which may wait for an answer.
_START_S, _EACH_S = 30.0, 40.0
_TOGETHER = 8  # as many as hub.notifications.sender sends at once
# What a sending process has of the hub's environment: nothing that says how to reach a database.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, slots=True)
class OutgoingNotice:
    """A message with where it goes: a secret, so it is not shown."""

    id: int
    kind: str
    address: str
    signing: str
    anywhere: bool
    key: str
    title: str
    body: str
    payload: dict[str, Any]

    def __repr__(self) -> str:
        return f"OutgoingNotice({self.id}, {self.kind})"


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a message; `error` empty: it was taken. `gone`: nothing comes there ever."""

    id: int
    error: str = ""
    gone: bool = False


class AlertDelivery(Protocol):
    """What sends."""

    async def send(self, messages: Sequence[OutgoingNotice], tenant: str = "") -> list[Delivered]:
        """Try each of a tenant's messages once."""

    async def check(self, address: str) -> str:
        """What may be told of an address of Apprise's. Raises ChannelAddressError."""


class SendingProcess:
    """One process for all that is to be sent of a tenant at a time.

    Tenants whose channels were slow within `SLOW_FOR_S` wait for one another, and nobody else for
    them. `networks` are those that channels may reach besides public addresses, separated by
    commas.
    """

    # s: a receiver that answers does so within one or two, one that does not in 15
    # (hub.notifications.sender); a small machine starts a process in some.
    SLOW_S, SLOW_FOR_S = 10.0, 3600.0

    def __init__(self, networks: str = "", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._networks, self._clock = networks, clock
        # Each takes 50 MB while it works.
        self._few, self._slow = asyncio.Semaphore(2), asyncio.Semaphore(1)
        self._slow_until: dict[str, float] = {}

    async def send(self, messages: Sequence[OutgoingNotice], tenant: str = "") -> list[Delivered]:
        """Try each once; where the process fails its messages have not arrived, as far as known."""
        job = {
            "networks": self._networks,
            "messages": [{name: getattr(m, name) for name in m.__slots__} for m in messages],
        }
        slow = self._slow_until.get(tenant, 0.0) > self._clock()
        async with self._slow if slow else self._few:
            began = self._clock()
            lines = await _run(job, _START_S + _EACH_S * (1 + len(messages) // _TOGETHER))
        if (ended := self._clock()) - began >= self.SLOW_S:
            self._slow_until[tenant] = ended + self.SLOW_FOR_S
        answers = {one["id"]: Delivered(one["id"], one["error"], one["gone"]) for one in lines}
        nothing = "the sending process gave no answer"
        return [answers.get(m.id) or Delivered(m.id, nothing) for m in messages]

    async def check(self, address: str) -> str:
        """What may be told of an address of Apprise's. Raises ChannelAddressError."""
        async with self._few:
            lines = await _run({"check": address}, _START_S)
        if not lines or "error" in lines[0]:
            raise ChannelAddressError(lines[0]["error"] if lines else "it could not be checked")
        shown: str = lines[0]["shown"]
        return shown


async def _run(job: dict[str, Any], within_s: float) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "hub.notifications.sender",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    )  # fmt: skip
    lines: list[dict[str, Any]] = []

    async def talk() -> None:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  # pipes
        process.stdin.write(json.dumps(job).encode())
        await process.stdin.drain()
        process.stdin.close()
        async for line in process.stdout:
            # One by one: what was said before it ended counts.
            lines.append(json.loads(line))  # noqa: PERF401

    try:
        async with asyncio.timeout(within_s):
            await talk()
    except (TimeoutError, OSError, ValueError, RecursionError) as error:
        log.warning("the process that sends messages failed: %s", type(error).__name__)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()
    return lines
