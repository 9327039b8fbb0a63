"""A phone in the chip's own network, which fills in the portal's form."""

from __future__ import annotations

import socket
from urllib.parse import urlencode

from host.chip.errors import ChipFailedError
from host.chip.network import PORTAL, EmulatedNetwork

__all__ = ["fill_in", "request"]

_ANSWER_S = 60.0
_LAST = "Done"
_PAGES = 40  # the page loads itself again every 3 s, for half a minute at most


def request(network: EmulatedNetwork, method: str, path: str, body: str = "") -> str:
    """One request, as a browser sends it; the answer, head and all. Raises ChipFailedError."""
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(_ANSWER_S)
        network.call_portal(theirs)
        head = f"{method} {path} HTTP/1.1\r\nHost: {PORTAL}\r\nConnection: close\r\n"
        if body:
            head += "Content-Type: application/x-www-form-urlencoded\r\n"
            head += f"Content-Length: {len(body)}\r\n"
        got = b""
        try:
            ours.sendall(f"{head}\r\n{body}".encode())
            while part := ours.recv(4096):
                got += part
        except OSError as error:
            raise ChipFailedError(f"the portal: {error}") from None
    return got.decode(errors="replace")


def fill_in(network: EmulatedNetwork, **fields: str) -> list[str]:
    """Fill in the form and look at the pages until the device is set up; the pages' titles.

    Raises ChipFailedError with what the portal says of a problem.
    """
    titles = [_title(request(network, "GET", "/"))]
    answer = request(network, "POST", "/", urlencode(fields))
    for _ in range(_PAGES):
        _, problem, text = answer.partition('id="problem">')
        if problem:
            raise ChipFailedError(f"the portal: {text.partition('<')[0]}")
        title = _title(answer)
        if title and title != titles[-1]:
            titles.append(title)
        if title == _LAST:
            return titles
        answer = request(network, "GET", "/")
    raise ChipFailedError(f"the portal: never done, last: {answer[-200:]}")


def _title(answer: str) -> str:
    return answer.partition("<title>")[2].partition("</title>")[0]
