"""How a command ends that could not be done: one line, or one JSON object, and an exit status."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Final

from contracts.errors import DormouseError
from contracts.hub_client import HubRefusedError
from contracts.local_hub import NoHubError

__all__ = ["DECLINED", "INTERRUPTED", "UNREAD", "USAGE", "document", "usage_line"]

DECLINED: Final = 1
"""A question was answered with no, or could not be asked."""
USAGE: Final = 2
"""The command line was not understood."""
INTERRUPTED: Final = 130
"""Ctrl-C: 128 and the number of SIGINT, as shells have it."""
UNREAD: Final = 141
"""Nobody reads the output any more (`| head`): 128 and the number of SIGPIPE."""


def usage_line(error: Any) -> str:
    """A mistake in a command line, as one line: what, what was meant perhaps, where help is.

    `error` is typer's.
    """
    message = " ".join(str(getattr(error, "message", "") or error.format_message()).split())
    if not getattr(error, "possibilities", None):
        message = " ".join(str(error.format_message()).split())
    else:
        message += f". Did you mean {', '.join(sorted(error.possibilities))}?"
    command = error.ctx.command_path if getattr(error, "ctx", None) is not None else "dormouse"
    message = message[:1].lower() + message[1:]
    end = "" if message.endswith(("?", ".")) else "."
    return f"{command}: {message}{end} `{command} --help` shows what there is"


def document(line: str, status: int, error: BaseException | None = None) -> str:
    """A failure as JSON: the API's problem document (RFC 9457), and the exit status."""
    problem: dict[str, Any] = {}
    if isinstance(error, HubRefusedError):
        problem = error.problem
    code = _http_status(error, status)
    return json.dumps(
        {
            "type": "about:blank",
            "title": HTTPStatus(code).phrase,
            "status": code,
            "detail": line,
            "faults": [],
            **problem,
            "exit_status": status,
        },
        ensure_ascii=False,
    )


def _http_status(error: BaseException | None, status: int) -> int:
    """The status by which the API would refuse the same."""
    if isinstance(error, NoHubError):
        return HTTPStatus.SERVICE_UNAVAILABLE
    known = getattr(error, "http_status", None)
    if isinstance(known, int):
        return known
    if status == USAGE:
        return HTTPStatus.BAD_REQUEST
    if isinstance(error, DormouseError):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.CONFLICT
