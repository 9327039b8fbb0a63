"""The hub of a rehearsal: a child of ours, asked by its own API."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import httpx

from host.chip.errors import ChipFailedError
from host.twin.hubchild import HubChild

__all__ = ["RehearsalHub"]


class RehearsalHub:
    """A hub with its data in `data_dir`, as long as the context lasts."""

    def __init__(self, data_dir: Path) -> None:
        self._child = HubChild(data_dir)
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        await self._child.__aenter__()
        transport = httpx.AsyncHTTPTransport(uds=self.facts["control"])
        self._client = httpx.AsyncClient(transport=transport, base_url="http://hub/api", timeout=30)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.aclose()
        await self._child.__aexit__()

    @property
    def facts(self) -> dict[str, Any]:
        """What its hub.json says."""
        return self._child.facts

    @property
    def ports(self) -> tuple[int, int]:
        """Its broker's and its enrolment's."""
        return int(self.facts["mqtt_port"]), int(self.facts["enrol_port"])

    async def device(self, name: str) -> dict[str, Any] | None:
        """What it knows of a device; None for an unknown one."""
        devices = (await self._child.status())["devices"]
        return next((device for device in devices if device["id"] == name), None)

    async def update(self, name: str, image: bytes) -> int:
        """Put a canned image in its store and begin to update a device; the rollout's number."""
        stored = await self._ask("POST", "/firmware", content=image, params={"notes": ""})
        request = {
            "select": {"devices": [name]},
            "options": {"canary": 0, "reports": 0},
            "image": stored["id"],
        }
        number: int = (await self._ask("POST", "/rollouts", json=request))["id"]
        return number

    async def outcome(self, number: int) -> dict[str, Any]:
        """How a rollout's only device is."""
        (device,) = (await self._ask("GET", f"/rollouts/{number}"))["devices"]
        return dict(device)

    async def _ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        assert self._client is not None  # noqa: S101  # within the context
        answer = await self._client.request(method, path, **given)
        if answer.is_error:
            raise ChipFailedError(f"the hub: {answer.status_code} {answer.text[:300]}")
        said: dict[str, Any] = answer.json()
        return said
