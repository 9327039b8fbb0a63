"""Hooks and their runs: seen by readers, begun and signed by who may update, made by operators."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from hub.api.access import Operator, Read, Update
from hub.api.parameters import Number
from hub.firmware.check import MAX_UPLOAD
from hub.firmware.errors import ImageTooLargeError
from hub.hooks.model import (
    Hook,
    HookChange,
    HookRun,
    NewHook,
    RunState,
    RunStep,
    StepKind,
    StepState,
)
from hub.hooks.service import HookService
from hub.hooks.sources import HookSource

__all__ = ["routes"]

HookName = Annotated[
    str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="the hook's name, or its number")
]


class HookOut(BaseModel):
    """A hook; `path` is where its repository's host posts to."""

    id: int
    name: str
    path: str
    source: HookSource
    repository: str
    branch: str
    chain: dict[str, Any]
    tells: bool = Field(description="whether commit statuses are told to the source")
    made_by: str
    created: datetime


class HookMade(HookOut):
    """A new hook; `secret` is shown this once."""

    secret: str


class HookChanged(HookOut):
    """A hook as it is now; `secret` is there where a new one was asked for, this once."""

    secret: str | None = None


class HookStepOut(BaseModel):
    """A step of a run; `tail` has its last lines, `attempts` beyond 1: it was begun anew."""

    position: int
    kind: StepKind
    state: StepState
    attempts: int
    text: str
    tail: str
    began: datetime | None
    ended: datetime | None


class HookRunOut(BaseModel):
    """A run of a hook's chain; `commit` empty: not known yet."""

    id: int
    hook: str
    who: str
    branch: str
    commit: str
    forced: bool
    state: RunState
    reason: str
    created: datetime
    began: datetime | None
    ended: datetime | None
    steps: list[HookStepOut]


class ImageToSign(BaseModel):
    """An image in base64, with what its trailer is to say (empty: the signer's choice)."""

    image: str
    version: str
    board: str


class Signed(BaseModel):
    """What a signed image says."""

    text: str


def routes(hooks: HookService) -> APIRouter:
    """The routes under /hooks."""
    router = APIRouter(prefix="/hooks", tags=["hooks"])
    handlers = _Handlers(hooks)
    router.get("")(handlers.all)
    router.post("", status_code=201)(handlers.add)
    router.get("/runs")(handlers.runs)
    router.get("/runs/{number}")(handlers.one)
    router.get("/runs/{number}/image")(handlers.image)
    router.post(
        "/runs/{number}/signed",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string"}}},
            }
        },
    )(handlers.sign)
    router.post("/{hook}/runs", status_code=202)(handlers.run)
    router.patch("/{hook}")(handlers.change)
    router.delete("/{hook}", status_code=204)(handlers.remove)
    return router


class _Handlers:
    """What the routes do."""

    def __init__(self, hooks: HookService) -> None:
        self._hooks = hooks

    async def all(self, caller: Read) -> list[HookOut]:
        """All hooks, by name."""
        return [HookOut(**_hook(hook)) for hook in await self._hooks.of(caller.tenant).all()]

    async def add(self, caller: Operator, body: NewHook) -> HookMade:
        """Add a hook. It runs programs on the hub's machine, so its command line alone may."""
        hook, secret = await self._hooks.add(caller.tenant, body, caller.name)
        return HookMade(**_hook(hook), secret=secret)

    async def runs(
        self,
        caller: Read,
        hook: Annotated[str | None, Query(max_length=64)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[HookRunOut]:
        """The last runs, of one hook or of all, the newest first."""
        repository = self._hooks.of(caller.tenant)
        which = None if hook is None else (await repository.named(hook)).id
        return [_run(run) for run in await repository.runs(which, limit)]

    async def one(self, caller: Read, number: Annotated[Number, Path()]) -> HookRunOut:
        """One run with its steps."""
        return _run(await self._hooks.of(caller.tenant).run(number))

    async def image(self, caller: Update, number: Annotated[Number, Path()]) -> ImageToSign:
        """The image that a run waits for to be signed, in base64."""
        data, version, board = await self._hooks.image(caller.tenant, number)
        encoded = base64.b64encode(data).decode()
        return ImageToSign(image=encoded, version=version, board=board)

    async def sign(
        self, request: Request, caller: Update, number: Annotated[Number, Path()]
    ) -> Signed:
        """Go on with a run: the body is its image, signed (`dormouse sign`)."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_UPLOAD:
                raise ImageTooLargeError(MAX_UPLOAD)
        return Signed(text=await self._hooks.sign(caller.tenant, number, bytes(body)))

    async def run(self, caller: Update, hook: HookName) -> HookRunOut:
        """Begin a run of the branch's head, as a push would; one of the hub itself: operators."""
        operator = caller.operator
        return _run(await self._hooks.run(caller.tenant, hook, caller.name, operator=operator))

    async def change(self, caller: Operator, hook: HookName, body: HookChange) -> HookChanged:
        """Change a hook; what is left out stays. An empty `secret` asks for a new one."""
        changed, secret = await self._hooks.change(
            caller.tenant, hook, body, caller.name, operator=caller.operator
        )
        return HookChanged(**_hook(changed), secret=secret or None)

    async def remove(self, caller: Operator, hook: HookName) -> None:
        """Remove a hook with its runs; one that is going on ends."""
        operator = caller.operator
        await self._hooks.remove(caller.tenant, hook, caller.name, operator=operator)


def _hook(hook: Hook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "name": hook.name,
        "path": f"/hook/{hook.name}",
        "source": hook.source,
        "repository": hook.repository,
        "branch": hook.branch,
        "chain": hook.chain.model_dump(mode="json"),
        "tells": hook.tells,
        "made_by": hook.made_by,
        "created": hook.created_at,
    }


def _run(run: HookRun) -> HookRunOut:
    return HookRunOut(
        id=run.id,
        hook=run.name,
        who=run.who,
        branch=run.branch,
        commit=run.commit,
        forced=run.forced,
        state=run.state,
        reason=run.reason,
        created=run.created_at,
        began=run.began_at,
        ended=run.ended_at,
        steps=[_step(step) for step in run.steps],
    )


def _step(step: RunStep) -> HookStepOut:
    return HookStepOut(
        position=step.position,
        kind=step.kind,
        state=step.state,
        attempts=step.attempts,
        text=step.text,
        tail=step.tail,
        began=step.began_at,
        ended=step.ended_at,
    )
