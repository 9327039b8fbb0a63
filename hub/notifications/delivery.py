"""Sends messages by a process of its own, which may be slow, or end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Sequence
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

    async def send(self, messages: Sequence[OutgoingNotice]) -> list[Delivered]:
        """Try each once."""

    async def check(self, address: str) -> str:
        """What may be told of an address of Apprise's. Raises ChannelAddressError."""


class SendingProcess:
    """One process for all that is to be sent at a time.

    `networks` are those that channels may reach besides public addresses, separated by commas.
    """

    def __init__(self, networks: str = "") -> None:
        self._networks = networks
        # Each takes 50 MB while it works.
        self._few = asyncio.Semaphore(2)

    async def send(self, messages: Sequence[OutgoingNotice]) -> list[Delivered]:
        """Try each once; where the process fails its messages have not arrived, as far as known."""
        job = {
            "networks": self._networks,
            "messages": [{name: getattr(m, name) for name in m.__slots__} for m in messages],
        }
        async with self._few:
            lines = await _run(job, _START_S + _EACH_S * (1 + len(messages) // _TOGETHER))
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
