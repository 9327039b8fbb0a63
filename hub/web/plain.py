"""Pages that need no dashboard: log-in, links, what went wrong. Plain HTML, no script needed."""

from __future__ import annotations

import html
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Scope

from hub.api.principal import is_api
from hub.language.words import ENGLISH, LANGUAGES, N_, _, language

__all__ = ["THEME", "asset", "document", "problem", "theme", "words_script"]

THEME = "dormouse_theme"
"""The cookie with a person's choice of colours: light, dark; anything else follows the system."""

_MEDIA = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}


_WORDS = {f"words.{one}.js": one for one in LANGUAGES if one != ENGLISH}


def asset(name: str) -> Response | None:
    """A file of hub/web/static, or what scripts say in a language: `words.de.js`."""
    if "/" in name or name.rpartition(".")[2] not in _MEDIA:
        return None
    if name in _WORDS:
        from hub.language.catalogues import script  # noqa: PLC0415  # not for English

        return _asset(script(_WORDS[name]).encode(), "text/javascript")
    file = files("hub.web").joinpath("static", name)
    if not file.is_file():
        return None
    return _asset(file.read_bytes(), _MEDIA[name.rpartition(".")[2]])


def words_script() -> str:
    """The address of what this page's scripts say; "": English, which they have themselves."""
    return "" if language() == ENGLISH else f"/static/words.{language()}.js"


def _asset(content: bytes, media_type: str) -> Response:
    return Response(
        content,
        media_type=media_type,
        # Asked again after an upgrade; so small that a day's cache is enough.
        headers={"Cache-Control": "public, max-age=3600"},
    )


def theme(connection: HTTPConnection) -> str:
    """The colours a person chose: light, dark or auto."""
    chosen = connection.cookies.get(THEME)
    return chosen if chosen in {"light", "dark"} else "auto"


def document(scope: Scope, title: str, body: str, status: int = 200) -> Response:
    """A page of ours around `body`, which is HTML already."""
    page = f"""<!doctype html>
<html lang="{language()}" data-theme="{theme(HTTPConnection(scope))}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)} · Dormouse</title>
<link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/dormouse.css">
</head>
<body class="plain">
<main>
<p class="brand"><img src="/static/icon.svg" alt="" width="32" height="32"> Dormouse</p>
<h1>{html.escape(title)}</h1>
{body}
</main>
</body>
</html>
"""
    return HTMLResponse(page, status, headers={"Cache-Control": "no-store"})


_TITLES = {
    400: N_("Bad request"),
    401: N_("Log in first"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("Not possible here"),
    413: N_("Too large"),
    421: N_("Unknown host name"),
    422: N_("Invalid input"),
    429: N_("Too many attempts"),
    500: N_("Something went wrong"),
    503: N_("Temporarily unavailable"),
    504: N_("Not ready yet"),
}


def _title(status: int) -> str:
    title = _TITLES.get(status)
    return _(title) if title else _("Error {status}", status=status)


# s: what will be well by itself is asked for again, by a browser that nobody looks after too (a
# tablet on a wall, whose page was loaded anew while the hub was starting).
_AGAIN = {503: "5", 504: "10"}


def problem(
    scope: Scope,
    status: int,
    reason: str,
    advice: str = "",
    headers: dict[str, str] | None = None,
) -> Response:
    """What happened and what to do: JSON for programs, a page for people."""
    if is_api(scope["path"]) or not _wants_html(scope):
        # As in hub/api/problems.py (RFC 9457).
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": f"{reason} {advice}".strip(),
            "faults": [],
        }
        return JSONResponse(body, status, headers, "application/problem+json")
    body_html = f"<p>{html.escape(reason)}</p>"
    if advice:
        body_html += f"<p>{html.escape(advice)}</p>"
    if status == 401:
        here = quote(scope["path"], safe="/")
        body_html += f'<p><a class="button" href="/login?next={here}">{_("Log in")}</a></p>'
    elif status != 421:
        body_html += f'<p><a class="button" href="/">{_("To the home page")}</a></p>'
    answer = document(scope, _title(status), body_html, status)
    answer.headers.update(headers or {})
    if status in _AGAIN and scope.get("method") == "GET":
        answer.headers["Refresh"] = _AGAIN[status]
    return answer


def _wants_html(scope: Scope) -> bool:
    accepts = Request(scope).headers.get("accept", "*/*") if scope["type"] == "http" else ""
    return "text/html" in accepts or accepts == "*/*"
