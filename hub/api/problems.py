"""One shape for whatever the API refuses: problem details (RFC 9457)."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from contracts.errors import ContractError
from hub.errors import HubError
from hub.runtime.retry import reason

__all__ = [
    "MEDIA_TYPE",
    "Fault",
    "ProblemDocument",
    "ProblemError",
    "handle_problems",
    "handle_refusals",
]

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class Fault(BaseModel):
    """One thing that is wrong with a request: where (`query.since`), and what."""

    where: str
    what: str


class ProblemDocument(BaseModel):
    """Why something was refused, as RFC 9457 has it. `detail` is one line: what, and what to do."""

    type: str = "about:blank"
    title: str = Field(description="the status in words")
    status: int
    detail: str
    faults: list[Fault] = Field(default=[], description="each of several faults of a request")


class ProblemError(Exception):
    """Answered with this status and line; `headers` go along."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        self.status, self.detail = status, detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(detail)


def handle_refusals(app: FastAPI) -> None:
    """Answer ProblemError with problem details, nothing else: for an application with others."""

    @app.exception_handler(ProblemError)
    async def refused(_: Request, error: ProblemError) -> JSONResponse:
        return _answer(error.status, error.detail, headers=error.headers)


def handle_problems(app: FastAPI) -> None:
    """Answer everything that goes wrong in an application with problem details."""
    handle_refusals(app)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return _answer(error.status_code, _line(request, error), headers=dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [_fault(detail) for detail in error.errors()]
        first = faults[0] if faults else Fault(where="request", what="is malformed")
        return _answer(422, f"{first.where}: {first.what}", faults)

    @app.exception_handler(ContractError)
    async def unfit(_: Request, error: ContractError) -> JSONResponse:
        return _answer(422, _of(error))

    @app.exception_handler(HubError)
    async def known(_: Request, error: HubError) -> JSONResponse:
        if error.http_status == 503:
            log.warning("the API waits for the database: %s", reason(error))
            return _answer(503, _of(error), headers={"Retry-After": "2"})
        return _answer(error.http_status, _of(error))

    app.add_exception_handler(Exception, _defect)


def _of(error: Exception) -> str:
    """The one line that an error says."""
    return (str(error).splitlines() or [type(error).__name__])[0]


async def _defect(_: Request, _error: Exception) -> JSONResponse:
    # Starlette raises it again afterwards, so that it is logged with its traceback.
    return _answer(500, "the hub could not do this; its log says why")


def _answer(
    status: int,
    detail: str,
    faults: list[Fault] | None = None,
    *,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    problem = ProblemDocument(
        title=HTTPStatus(status).phrase, status=status, detail=detail, faults=faults or []
    )
    return JSONResponse(problem.model_dump(), status, headers, media_type=MEDIA_TYPE)


def _line(request: Request, error: HTTPException) -> str:
    if error.status_code == 404 and error.detail == "Not Found":
        return f"there is nothing at {request.url.path}: /api/openapi.json says what there is"
    if error.status_code == 405:
        return f"{request.method} is not possible at {request.url.path}"
    if error.status_code == 400:
        return "the body cannot be read: it must be JSON in UTF-8"
    return str(error.detail)


def _fault(detail: dict[str, Any]) -> Fault:
    where = ".".join(str(part) for part in detail["loc"])
    return Fault(where=where, what=str(detail["msg"]).removeprefix("Value error, "))
