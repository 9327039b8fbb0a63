"""The dashboard and the API, tried by somebody who has no session and no token."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import httpx

from hub.api.public import PUBLIC
from hub.doctor.finding import DoctorFinding, Verdict

__all__ = ["examine"]

_STRANGE = "dashboard-of-somebody.example"


def examine(url: str, routes: Sequence[tuple[str, str]], people: int) -> Iterator[DoctorFinding]:
    """Try every route as nobody, and what other sites would try. `people`: how many there are."""
    with httpx.Client(base_url=url, timeout=10) as client:
        tried = [("GET", "/"), ("GET", "/people"), *routes]
        opened = [f"{method} {path}" for method, path in tried if _opens(client, method, path)]
        yield DoctorFinding.of(
            f"none of {len(tried)} pages and API routes opens without logging in",
            not opened,
            f"{', '.join(opened[:5])} answered; that is a fault of this version: report it",
        )
        answer = client.get("/login", headers={"Host": _STRANGE})
        yield DoctorFinding.of(
            "the dashboard does not answer to a name that anybody can register",
            answer.status_code == 421,
            f"{_STRANGE} was answered",
        )
        answer = client.post(
            "/logout", headers={"Origin": f"http://{_STRANGE}", "Cookie": "dormouse_session=x"}
        )
        yield DoctorFinding.of(
            "another site cannot press the dashboard's buttons",
            answer.status_code == 403,
            f"answered with {answer.status_code}",
        )
        yield DoctorFinding.of(
            "a page's websocket does not open without logging in",
            _no_websocket(client),
            "it opened",
        )
    if not people:
        yield DoctorFinding(
            "the dashboard has an administrator",
            Verdict.NOTE,
            "there is none yet: `dormouse people invite` makes a link",
        )


def _opens(client: httpx.Client, method: str, path: str) -> bool:
    if path in PUBLIC:
        return False
    answer = client.request(method, re.sub(r"{\w+(:\w+)?}", "1", path))
    to_login = answer.headers.get("location", "").startswith("/login")
    return answer.status_code != 401 and not to_login


def _no_websocket(client: httpx.Client) -> bool:
    answer = client.get(
        "/_nicegui_ws/socket.io/?EIO=4&transport=websocket&client_id=1",
        headers={
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "ZG9jdG9yZG9jdG9yZG9jdA==",
            "Origin": str(client.base_url).rstrip("/"),
        },
    )
    return answer.status_code == 403
