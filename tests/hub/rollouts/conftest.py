"""A hub as a process with virtual devices that it can update."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from contracts.ota import canned, protocol
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from tests.support.hub import HubProcess, until


class Fleet:
    """A hub, its rollouts, and what it takes to start devices that belong to it."""

    def __init__(self, hub: HubProcess, make_twin, updatable, folder: Path) -> None:
        self.hub = hub
        self._make_twin = make_twin
        self._updatable = updatable
        self._folder = folder
        self._environment = {k: v for k, v in os.environ.items() if k[:9] != "DORMOUSE_"}
        self._environment["DORMOUSE_DATA_DIR"] = str(hub.data_dir)

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run `dormouse`."""
        return await self.hub.command(*arguments, env=self._environment)

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        """Call the API on the private socket."""
        return await self.hub.ask(method, path, **request)

    async def add_image(self, version: str, *, says: str | None = None) -> int:
        image = self._updatable.image(version, says=says)
        data = canned.dump(protocol.build(image, self._updatable.key))
        return (await self.ask("POST", "/firmware", content=data))["id"]

    async def twin(self, kind: TwinKind = TwinKind.DS18B20, *, interval: float = 2, **options: Any):
        """A device that runs 1.0.0 and has reported."""
        rom = self._updatable.options("1.0.0", idle_restart_ms=8000)
        twin = self._make_twin(
            kind, HubAddress.of(self.hub.facts), interval=interval, **rom, **options
        )
        await twin.start()

        async def reported() -> bool:
            devices = (await self.hub.status())["devices"]
            return any(one["id"] == twin.id and one["report"] for one in devices)

        await until(reported, 30)
        return twin

    async def start(self, *arguments: str) -> int:
        """`dormouse rollout start`; its number."""
        status, said = await self.command("rollout", "start", *arguments)
        assert status == 0, said
        return int(said.split()[1].rstrip(":"))

    async def rollout(self, number: int) -> dict[str, Any]:
        return await self.ask("GET", f"/rollouts/{number}")

    async def until_phase(self, number: int, *phases: str, limit_s: float = 90) -> dict[str, Any]:
        async def reached() -> dict[str, Any] | None:
            found = await self.rollout(number)
            return found if found["phase"] in phases else None

        try:
            return await until(reached, limit_s, 0.2)
        except TimeoutError:
            history = await self.history(number)
            raise AssertionError(f"{await self.rollout(number)}\n{history}") from None

    async def history(self, number: int) -> str:
        return (await self.command("rollout", "history", str(number)))[1]


@pytest.fixture
async def fleet(hub, make_twin, updatable, tmp_path) -> Fleet:
    return Fleet(hub, make_twin, updatable, tmp_path)
