"""The same decisions over HTTP, for brokers that ask at each connect.

`POST /mqtt/auth` and `POST /mqtt/acl`, JSON or form, as EMQX's HTTP authentication and
authorization send them (https://docs.emqx.com): `username`, `password`; `username`, `topic`,
`action` (publish or subscribe). EMQX 4's `access` (1 subscribe, 2 publish) and mosquitto plugins'
`acc` (1 read, 2 write, 4 subscribe) are understood as well. The answer is EMQX's,
`{"result": "allow"}`, with status 200 either way: EMQX takes other statuses for "ask the next".
`?answer=status` says it by 200 or 403 (mosquitto plugins, HiveMQ), `?answer=text` by the word
(RabbitMQ, whose `name`/`routing_key` and `permission` are understood).
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import ValidationError

from contracts.messages import Enrol
from contracts.topics import is_device_id
from hub.mqtt.access import (
    HUB,
    Foreign,
    command_filters,
    is_viewer,
    may_publish,
    may_subscribe,
    may_use,
    mirror_filters,
)
from hub.mqtt.account_repository import Account
from hub.mqtt.accounts import AccountBook
from hub.mqtt.enrolment import Enroller, EnrolmentOutcome
from hub.mqtt.passwords import matches
from hub.runtime.problems import Problems
from hub.runtime.token_bucket import TokenBuckets

__all__ = ["Decisions", "router"]

Answer = Literal["json", "status", "text"]

_ACTIONS = {
    "publish": "publish", "subscribe": "subscribe", "write": "publish", "read": "subscribe",
    "1": "subscribe", "2": "publish",
}  # fmt: skip
_ACC = {"1": "subscribe", "2": "publish", "4": "subscribe"}
MAX_BODY = 8192


class Decisions:
    """Who may connect, who may touch what: the rule of the broker files, asked one by one.

    An unknown device gets an account with the password it came with if enrolment is open; a known
    one must match. Wrong passwords are counted; one name's are limited to `BURST` and then
    `PER_MINUTE` of them looked at, the latest `NAMES` names being remembered. A device that was
    let in before is not held up by others who try its name. `foreign` are the topics of mapped
    devices.
    """

    BURST, PER_MINUTE = 20, 20
    NAMES = 10_000

    def __init__(
        self,
        book: AccountBook,
        enroller: Enroller,
        problems: Problems,
        hub_password: str = "",
        foreign: Callable[[], Foreign] = Foreign,
    ) -> None:
        self._book = book
        self._enroller = enroller
        self._problems = problems
        self._hub_password = hub_password
        self._foreign = foreign
        self._refusals = TokenBuckets[str](self.BURST, self.PER_MINUTE, limit=self.NAMES)
        # Digest of the password and hash it matched: a changed password is not let in by it.
        self._let_in: OrderedDict[str, bytes] = OrderedDict()

    async def authenticate(self, user: str, password: str) -> bool:
        """Whether to let a client in."""
        if user == HUB:
            return bool(self._hub_password) and hmac.compare_digest(
                password.encode(), self._hub_password.encode()
            )
        account = self._book.get(user)
        if account is None:
            return await self._enrol(user, password)
        return self._book.may_connect(account) and self._matches(account, password)

    def _matches(self, account: Account, password: str) -> bool:
        user = account.device
        digest = hashlib.sha256(f"{account.password}\0{password}".encode()).digest()
        if hmac.compare_digest(self._let_in.get(user, b""), digest):
            return True
        if self._refusals.wait(user) > 0:
            return False
        if matches(password, account.password):
            _keep(self._let_in, user, digest, self.NAMES)
            return True
        self._refuse(user)
        return False

    def may(self, user: str, action: str, topic: str) -> bool:
        """Whether an account may publish or subscribe to a topic."""
        foreign = self._foreign()
        if user == HUB:
            may = may_publish if action == "publish" else may_subscribe
            return may(user, topic) or may_use(foreign.hub, user, action, topic)
        account = self._book.get(user)
        if account is None or not self._book.may_connect(account):
            return False
        if is_viewer(user):
            return self._viewer_may(account, action, topic, foreign.discovery)
        if action == "publish":
            return may_publish(user, topic) or may_use(foreign.writable(user), user, action, topic)
        if may_subscribe(user, topic, self._book.readable(account)):
            return True
        return may_use(foreign.readable(user), user, action, topic)

    def _viewer_may(self, account: Account, action: str, topic: str, discovery: str) -> bool:
        readable = self._book.readable(account)
        if action == "publish":
            wishes = command_filters(account.tenant, readable, discovery)
            return account.commands and may_use(wishes, "viewer", action, topic)
        if may_subscribe(account.device, topic, readable):
            return True
        # With one tenant the whole of the discovery is its own.
        whole = [f"{discovery}/#"] if readable is None else []
        filters = [*mirror_filters(account.tenant, discovery), *whole] if discovery else []
        return may_use(filters, "viewer", action, topic)

    async def _enrol(self, user: str, password: str) -> bool:
        try:
            request = Enrol(id=user, password=password)
        except ValidationError:
            request = None
        if request is None or not is_device_id(user):
            self._problems.note("auth-malformed", None, "user name or password cannot be one")
            return False
        return await self._enroller.enrol(request) in {
            EnrolmentOutcome.ENROLLED,
            EnrolmentOutcome.KNOWN,
        }

    def _refuse(self, user: str) -> None:
        self._problems.note("auth-refused", user, "wrong password")
        self._refusals.take(user)


def _keep(cache: OrderedDict[str, Any], key: str, value: object, limit: int) -> None:
    cache[key] = value
    cache.move_to_end(key)
    if len(cache) > limit:
        cache.popitem(last=False)


def router(decisions: Decisions, secret: str) -> APIRouter:
    """The routes; a request must bring `Authorization: Bearer <secret>`."""
    routes = APIRouter(prefix="/mqtt")

    @routes.post("/auth")
    async def auth(request: Request, answer: Answer = "json") -> Response:
        body = await _body(request, secret)
        user, password = _text(body, "username"), _text(body, "password")
        return _say(answer, await decisions.authenticate(user, password), is_superuser=False)

    @routes.post("/acl")
    async def acl(request: Request, answer: Answer = "json") -> Response:
        body = await _body(request, secret)
        topic = _text(body, "topic") or _text(body, "routing_key").replace(".", "/")
        action = _action(body)
        allowed = action is not None and decisions.may(_text(body, "username"), action, topic)
        return _say(answer, allowed)

    return routes


async def _body(request: Request, secret: str) -> Mapping[str, Any]:
    """The members of a request's body. Raises 401 for a wrong secret, 400 for a wrong body."""
    presented = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(presented.encode(), secret.encode()):
        raise HTTPException(401, "wrong secret")
    if int(request.headers.get("content-length") or MAX_BODY + 1) > MAX_BODY:
        raise HTTPException(400, f"more than {MAX_BODY} bytes")
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return _form(await request.body())
    try:
        body = await request.json()
    except ValueError:
        raise HTTPException(400, "neither JSON nor a form") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "not a JSON object")
    return body


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        raise HTTPException(400, "the form is not UTF-8") from None


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) and "\0" not in value and value.isprintable() else ""


def _action(body: Mapping[str, Any]) -> str | None:
    if "acc" in body:
        return _ACC.get(str(body["acc"]))
    for name in ("action", "access", "permission"):
        if name in body:
            return _ACTIONS.get(str(body[name]))
    return None


def _say(answer: Answer, allowed: bool, **more: bool) -> Response:
    word = "allow" if allowed else "deny"
    if answer == "text":
        return PlainTextResponse(word)
    status = 200 if allowed or answer == "json" else 403
    return JSONResponse({"result": word, **more}, status)
