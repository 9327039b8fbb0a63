"""What a person or a program is told when something is gone, forbidden or broken."""

from __future__ import annotations

import logging

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.errors import HubError
from hub.language.words import N_, _
from hub.runtime.retry import reason
from hub.web.plain import problem

__all__ = ["install"]

log = logging.getLogger(__name__)

_GONE = N_("It may have been removed or renamed since the link was made; look for it in the menu.")


def install(app: FastAPI) -> None:
    """Have `app` answer every error in our words: a page for people, JSON for programs."""
    app.exception_handler(404)(_missing)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(RequestValidationError)(_unfit)
    app.exception_handler(HubError)(_failed)
    app.exception_handler(Exception)(_broken)


async def _missing(request: Request, error: Exception) -> Response:
    detail = error.detail if isinstance(error, HTTPException) else ""
    nothing = detail in {"", "Not Found"}
    reason = (
        _("There is nothing at {path}.", path=request.url.path[:200]) if nothing else str(detail)
    )
    return problem(request.scope, 404, reason, _(_GONE))


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _broken(request, error)
    headers = dict(error.headers or {})
    if 300 <= error.status_code < 400 and "Location" in headers:
        return RedirectResponse(headers["Location"], error.status_code)
    if error.status_code == 404:
        return await _missing(request, error)
    return problem(request.scope, error.status_code, str(error.detail), headers=headers)


async def _unfit(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return await _broken(request, error)
    wrong = "; ".join(
        f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()[:5]
    )
    return problem(request.scope, 422, wrong)


async def _failed(request: Request, error: Exception) -> Response:
    """What a command would say in one line is said here too."""
    if not isinstance(error, HubError):
        return await _broken(request, error)
    if error.http_status == 404:
        return problem(request.scope, 404, f"{error}.", _(_GONE))
    if error.http_status == 503:
        log.warning("%s waits for the database: %s", request.url.path, reason(error))
        return problem(request.scope, 503, _("The database is away."), _("Try again in a moment."))
    if error.http_status == 504:
        log.warning("%s: %s", request.url.path, error)
    return problem(request.scope, error.http_status, str(error))


async def _broken(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(
        request.scope,
        500,
        _("The hub failed at this; its log says why."),
        _("Try again in a moment."),
    )
