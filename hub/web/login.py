"""Log-in, log-out and one-time links: plain forms, so that nobody unknown gets any further."""

from __future__ import annotations

import asyncio
import hmac
import html
import logging
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from hub.api.principal import COOKIE, Principal, authenticate
from hub.database.errors import DatabaseAwayError
from hub.language.words import _, ngettext
from hub.people.passwords import MIN, TooBusyError, complaint
from hub.people.repository import Invitation, Login, login_name
from hub.people.service import PeopleService
from hub.people.sessions import LASTING
from hub.runtime.log_events import EVENTS
from hub.runtime.token_bucket import TokenBucket
from hub.web.plain import document

__all__ = ["KNOWN", "router"]

log = logging.getLogger(__name__)

KNOWN = "dormouse_known"
"""The cookie of a browser that has logged in before: which account, and proof of it."""

_DATABASE_S = 3.0  # less than a page's patience (frame.js)

_FIELD = 500  # characters of any field of a form; more is refused before it is looked at


def router(people: PeopleService, *, key: bytes, warm: Callable[[], None]) -> APIRouter:
    """The routes that need no session.

    `key` proves the cookie KNOWN; `warm` is called when somebody is about to log in.
    """
    routes = APIRouter(include_in_schema=False)
    forms = _Forms(people, key, warm)
    routes.get("/login")(forms.login_page)
    routes.post("/login")(forms.login)
    routes.post("/logout")(forms.logout)
    routes.get("/session")(forms.session)
    routes.get("/join/{token}")(forms.join_page)
    routes.post("/join/{token}")(forms.join)
    return routes


class _Refused(NamedTuple):
    """Why somebody may not log in, and the status of the answer."""

    text: str
    status: int


class _Forms:
    """What the routes do."""

    def __init__(self, people: PeopleService, key: bytes, warm: Callable[[], None]) -> None:
        self._people, self._key, self._warm = people, key, warm
        # Lines of the log that strangers can have written: so many at once and a minute.
        self._told = TokenBucket(20, 2)

    async def session(self, request: Request) -> Response:
        """Whether the session is still good: for a page that lost its connection."""
        try:
            async with asyncio.timeout(_DATABASE_S):
                good = await authenticate(request) is not None
            status = 200 if good else 401
        except (TimeoutError, DatabaseAwayError):
            good, status = False, 503
        except Exception:
            log.exception("a session could not be looked up")
            good, status = False, 503
        return JSONResponse({"session": good}, status, {"Cache-Control": "no-store"})

    async def login_page(self, request: Request, next: str = "/") -> Response:  # noqa: A002  # the parameter's name
        """The form; who is logged in already goes on."""
        if await authenticate(request) is not None:
            return RedirectResponse(_local(next), 303)
        self._warm()
        return _login_form(request, next)

    async def login(
        self,
        request: Request,
        name: str = Form("", max_length=_FIELD),
        password: str = Form("", max_length=_FIELD),
        next: str = Form("/", max_length=2000),  # noqa: A002  # as above
    ) -> Response:
        """A name and a password for a new session."""
        login = await self._check(request, name, password)
        if isinstance(login, _Refused):
            if self._told.take():
                EVENTS.login_refused.log()
            return _login_form(request, next, name, login.text, login.status)
        return await self._enter(request, login.id, login.name, None, next)

    async def logout(self, request: Request) -> Response:
        """End the session; its open pages close at once."""
        principal = await authenticate(request)
        if principal is not None:
            await self._people.sessions.close(principal)
            EVENTS.person_logged_out.log(person=principal.person)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return answer

    async def join_page(self, request: Request, token: str) -> Response:
        """What a link offers."""
        invitation = await self._invitation(token)
        return _join_form(request, token, invitation, await authenticate(request))

    async def join(
        self,
        request: Request,
        token: str,
        name: str = Form("", max_length=_FIELD),
        password: str = Form("", max_length=_FIELD),
        again: str = Form("", max_length=_FIELD),
    ) -> Response:
        """Use a link up: for who is logged in, else for somebody new."""
        invitation = await self._invitation(token)
        principal = await authenticate(request)
        if principal is not None:
            if not await self._people.join(token, principal.person):
                raise _used()
            await self._people.sessions.look_at(principal, invitation.tenant)
            EVENTS.person_joined.log(person=principal.person, tenant=invitation.tenant)
            return RedirectResponse("/", 303)
        name = name.strip()
        wrong = _name_complaint(name) or complaint(password, name)
        if not wrong and password != again:
            wrong = _("The two passwords differ.")
        if wrong:
            return _join_form(request, token, invitation, None, name=name, wrong=wrong)
        try:
            made = await self._people.join_as_new(token, name, password)
        except TooBusyError:
            raise _busy() from None
        if made is None:
            raise _used()
        if made == 0:
            wrong = _(
                "There is somebody called {name} already; if that is you, log in first.", name=name
            )
            return _join_form(request, token, invitation, None, name=name, wrong=wrong)
        EVENTS.person_joined.log(person=made, tenant=invitation.tenant)
        return await self._enter(request, made, name, invitation.tenant, "/")

    async def _check(self, request: Request, name: str, password: str) -> Login | _Refused:
        """The person, or what to say. The same is said of a wrong name and a wrong password."""
        people, login = self._people, login_name(name)
        address = request.client.host if request.client else ""
        known = _known(self._key, request.cookies.get(KNOWN, ""), login)
        wait = people.attempts.acquire(address, login, known)
        if wait:
            return _Refused(
                ngettext(
                    "Too many attempts. Try again in {n} second.",
                    "Too many attempts. Try again in {n} seconds.",
                    round(wait) + 1,
                ),
                429,
            )
        try:
            person = await people.verified(name, password)
        except TooBusyError:
            return _Refused(_("Too many people log in just now. Try again in 5 seconds."), 429)
        if person is None:
            return _Refused(_("Name or password is wrong."), 403)
        people.attempts.forgive(address, login, known)
        try:
            await people.renew_hash(person, password)
        except TooBusyError:
            raise _busy() from None
        return person

    async def _enter(
        self, request: Request, person: int, name: str, tenant: str | None, path: str
    ) -> Response:
        """A session of its own for each log-in, whatever the browser brought: no fixation."""
        sessions = self._people.sessions
        old = await authenticate(request)
        if old is not None and old.session:
            await sessions.close(old)
        token = await sessions.open(person, tenant, request.headers.get("user-agent", ""))
        EVENTS.person_logged_in.log(person=person)
        answer = RedirectResponse(_local(path), 303)
        secure = request.url.scheme == "https"
        age = int(LASTING.total_seconds())
        answer.set_cookie(COOKIE, token, age, httponly=True, samesite="lax", secure=secure)
        mark = _mark(self._key, login_name(name))
        answer.set_cookie(
            KNOWN, mark, 4 * age, httponly=True, samesite="strict", secure=secure, path="/login"
        )
        return answer

    async def _invitation(self, token: str) -> Invitation:
        invitation = await self._people.invitation(token)
        if invitation is None:
            raise _used()
        return invitation


def _busy() -> HTTPException:
    return HTTPException(503, _("The hub is busy with log-ins; try again shortly."))


def _used() -> HTTPException:
    return HTTPException(
        404, _("This link was used already, has expired, or was never one; ask for another.")
    )


def _local(path: str) -> str:
    """A path of ours to go on to; anything that could lead elsewhere is the home page."""
    if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable():
        return quote(path, safe="/?&=%#:,+-._~")
    return "/"


def _name_complaint(name: str) -> str | None:
    if not 1 <= len(name) <= 60 or not name.isprintable():
        return _("A name has 1 to 60 letters.")
    return None


def _mark(key: bytes, login: str) -> str:
    """The value of KNOWN: a browser's own random part, bound to the account."""
    from secrets import token_urlsafe  # noqa: PLC0415  # when asked for

    nonce = token_urlsafe(12)
    return f"{nonce}.{_proof(key, nonce, login)}"


def _proof(key: bytes, nonce: str, login: str) -> str:
    return hmac.new(key, f"known\0{nonce}\0{login}".encode(), "sha256").hexdigest()


def _known(key: bytes, mark: str, login: str) -> str | None:
    """The browser's mark, if it is one of this account."""
    nonce, _, proof = mark.partition(".")
    good = hmac.compare_digest(proof.encode(), _proof(key, nonce, login).encode())
    return nonce if good else None


def _login_form(
    request: Request, path: str, name: str = "", wrong: str = "", status: int = 200
) -> Response:
    body = f"""{_wrong(wrong)}
<form method="post" action="/login">
<input type="hidden" name="next" value="{html.escape(_local(path))}">
<label>{_("Name")} <input name="name" value="{html.escape(name)}" autocomplete="username" required
 autocapitalize="none" autofocus></label>
<label>{_("Password")} <input name="password" type="password" autocomplete="current-password"
 required></label>
<button>{_("Log in")}</button>
</form>
<p class="hint">{_("Forgotten? Who runs the hub can give you another password:")}
<code>dormouse people password</code>.</p>"""
    return document(request.scope, _("Log in"), body, status)


def _join_form(
    request: Request,
    token: str,
    invitation: Invitation,
    principal: Principal | None,
    *,
    name: str = "",
    wrong: str = "",
) -> Response:
    place = html.escape(invitation.tenant)
    if invitation.role == "administrator":
        joins = _("You join {place} as an administrator.", place=f"<strong>{place}</strong>")
    else:
        joins = _("You join {place} as a reader.", place=f"<strong>{place}</strong>")
    action = f"/join/{html.escape(quote(token))}"
    if principal is not None:
        body = f"""<p>{_("You are {name}.", name=html.escape(principal.name))} {joins}</p>
<form method="post" action="{action}"><button>{_("Join {place}", place=place)}</button></form>"""
        return document(request.scope, _("An invitation"), body)
    title = _("Welcome to Dormouse") if invitation.first else _("An invitation")
    body = f"""<p>{_("Choose a name and a password.")} {joins}</p>{_wrong(wrong)}
<form method="post" action="{action}">
<label>{_("Name")} <input name="name" value="{html.escape(name)}" autocomplete="username" required
 maxlength="60" autocapitalize="none" autofocus></label>
<label>{_("Password, {n} characters or more", n=MIN)} <input name="password" type="password"
 autocomplete="new-password" minlength="{MIN}" required></label>
<label>{_("The password again")} <input name="again" type="password" autocomplete="new-password"
 minlength="{MIN}" required></label>
<button>{_("Create account")}</button>
</form>
<p class="hint"><a href="/login?next={action}">{_("I have an account here")}</a></p>"""
    return document(request.scope, title, body, 422 if wrong else 200)


def _wrong(text: str) -> str:
    return f'<p class="wrong" role="alert">{html.escape(text)}</p>' if text else ""
