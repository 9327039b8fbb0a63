"""What the command line may ask, over the control socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException

from hub.devices.known import DeviceUnknownError
from hub.explain.problems import Problem, explain_device, problems
from hub.explain.sentence import Explanation, Sentence

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["as_json", "router"]


def router(hub: Hub) -> APIRouter:
    """GET /explain and /explain/{device}."""
    routes = APIRouter(prefix="/explain")

    @routes.get("")
    async def every(tenant: str | None = None) -> list[dict[str, Any]]:
        owner = tenant or hub.settings.tenant
        if owner not in await hub.running.store.tenants():
            raise HTTPException(404, f"there is no tenant {owner!r}")
        return [_problem(problem) for problem in await problems(hub, owner)]

    @routes.get("/{device}")
    async def one(device: str) -> dict[str, Any]:
        try:
            return as_json(await explain_device(hub, hub.mqtt.tenant_of(device), device))
        except DeviceUnknownError as error:
            raise HTTPException(404, str(error)) from None

    return routes


def as_json(explanation: Explanation) -> dict[str, Any]:
    """An explanation as `--json` shows it; instants in UTC."""
    return {
        "device": explanation.device,
        "name": explanation.name,
        "headline": _sentence(explanation.headline),
        "chain": [_sentence(sentence) for sentence in explanation.chain],
    }


def _sentence(sentence: Sentence) -> dict[str, Any]:
    return {
        "at": sentence.at.isoformat(),
        "kind": sentence.kind,
        "text": sentence.text,
        "level": sentence.level.name.lower(),
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "device": problem.device,
        "name": problem.name,
        "text": problem.text,
        "kind": problem.kind,
        "level": problem.level.name.lower(),
        "at": problem.at.isoformat(),
    }
