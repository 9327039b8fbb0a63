"""`python -m hub.notifications.sender`: the process that sends, apart from the hub.

It reads one job (JSON) from its standard input and writes one line (JSON) for each message as
soon as it knows. Addresses and secrets come by no other way: arguments and environment are
anybody's to read. Apprise, which takes 20 MB, is loaded here and nowhere else.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

import httpx

from hub.notifications.reach import ChannelReach, guard, networks
from hub.notifications.webhook import headers

__all__ = ["checked", "main", "scrubbed", "send"]

_TIMEOUT_S = 15.0
_USER_AGENT = "dormouse"
_WORDS = re.compile(r"[^\s/:@?&=#,]+")
_SECRET_LENGTH = 5
_TOGETHER = 8


def main(job_of: TextIO = sys.stdin, answers: TextIO = sys.stdout) -> None:
    """Do one job: `networks`, and `messages` as `send` takes them, or `check`, an address."""
    job = json.load(job_of)
    reach = ChannelReach(networks(job.get("networks", "")))
    apprise: Any = None
    if "check" in job or any(one["kind"] == "apprise" for one in job["messages"]):
        apprise = _loaded()
    guard(reach)
    if "check" in job:
        print(json.dumps(checked(apprise, job["check"])), file=answers, flush=True)
        return
    with ThreadPoolExecutor(_TOGETHER) as threads:
        for answer in threads.map(lambda one: _answer(one, apprise, reach), job["messages"]):
            print(json.dumps(answer), file=answers, flush=True)


def _answer(one: dict[str, Any], apprise: Any, reach: ChannelReach) -> dict[str, Any]:
    reach.anywhere, reach.refused = one["anywhere"], ""
    try:
        error = send(one, apprise)
    except Exception as failure:  # noqa: BLE001  # of others' code; it is told, the next goes on
        error = f"{type(failure).__name__}: {failure}"
    said = scrubbed(reach.refused or error, one["address"]) if error else ""
    return {"id": one["id"], "error": said, "gone": error == _GONE}


_GONE = "the receiver says that it is gone (410)"


def send(message: dict[str, Any], apprise: Any = None) -> str:
    """Send one: `kind`, `address`, `signing`, `key`, `title`, `body`, `payload`. What failed."""
    if message["kind"] == "webhook":
        return _post(message)
    said = _Said()
    log = logging.getLogger("apprise")
    log.addHandler(said)
    try:
        service = apprise.Apprise.instantiate(message["address"], suppress_exceptions=True)
        if service is None:
            return "its address is none that can be used"
        if service.notify(title=message["title"], body=message["body"]):
            return ""
    finally:
        log.removeHandler(said)
    return said.last or "the service did not take it"


def checked(apprise: Any, address: str) -> dict[str, str]:
    """What may be told of an address (`shown`), or what is wrong with it (`error`)."""
    service = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if service is None:
        return {"error": "no address that Apprise knows: see https://appriseit.com/services"}
    name = service.service_name if isinstance(service.service_name, str) else ""
    name = name or urlsplit(address).scheme
    host = getattr(service, "smtp_host", None) or getattr(service, "host", None)
    known = isinstance(host, str) and re.fullmatch(r"[\w.-]*\.[\w.-]+|localhost", host)
    return {"shown": f"{name} ({host})" if known else name}


def scrubbed(error: str, address: str) -> str:
    """A failure for people: without what stands in the address but its host, 300 characters."""
    scheme, _, rest = address.partition("://")
    host = urlsplit(address).hostname or ""
    # Where there is no dot it may be a token: many services write theirs there.
    known = f"{scheme} {host if '.' in host else ''}".lower()
    # The longest first: one may contain another.
    words = sorted({*_WORDS.findall(rest), *_WORDS.findall(unquote(rest))}, key=len)
    for word in reversed(words):
        if len(word) >= _SECRET_LENGTH and word.lower() not in known:
            error = error.replace(word, "…")
    return " ".join(error.split())[:300]


def _post(message: dict[str, Any]) -> str:
    body = json.dumps(message["payload"], ensure_ascii=False, separators=(",", ":")).encode()
    signed = headers(message["signing"], message["key"], int(time.time()), body)
    signed["user-agent"] = _USER_AGENT
    try:
        # What it says beside its status is nobody's concern, however long it is.
        with (
            httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", message["address"], content=body, headers=signed) as answer,
        ):
            status = answer.status_code
    except httpx.TimeoutException:
        return f"no answer within {_TIMEOUT_S:.0f} s"
    except httpx.HTTPError as error:
        return f"no answer: {error}"
    if status == httpx.codes.GONE:
        return _GONE
    return "" if 200 <= status < 300 else f"the receiver answered {status}"


class _Said(logging.Handler):
    """The last complaint of a log in this thread: others send meanwhile."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last, self._thread = "", threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.last = record.getMessage()


def _loaded() -> Any:
    """Apprise with all of its services, which it looks for in files."""
    import apprise  # noqa: PLC0415  # here alone, see above

    # Nothing goes to standard error, where the hub's log would have it.
    log = logging.getLogger("apprise")
    log.propagate = False
    log.addHandler(logging.NullHandler())
    apprise.Apprise.instantiate("json://localhost")
    return apprise


if __name__ == "__main__":
    main()
