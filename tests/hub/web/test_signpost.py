"""A worker without pages sends on to them, and only there."""

from __future__ import annotations

import pytest

from hub.web.signpost import answer

THERE = "http://192.0.2.7:8080"


@pytest.mark.parametrize("path", ["/", "/devices?place=3", "//elsewhere.example/", "/@elsewhere"])
def test_a_path_leads_to_the_worker_with_the_pages(path: str):
    said = answer(f"GET {path} HTTP/1.1\r\n".encode(), THERE)
    assert said.startswith(b"HTTP/1.1 307 ")
    assert f"\r\nLocation: {THERE}{path}\r\n".encode() in said


@pytest.mark.parametrize(
    ("request_line", "there", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\n", THERE, b"503"),
        (b"GET /healthz?a HTTP/1.1\r\n", THERE, b"503"),
        (b"GET / HTTP/1.1\r\n", None, b"503"),
        (b"GET http://elsewhere.example/ HTTP/1.1\r\n", THERE, b"400"),
        (b"GET /a\rSet-Cookie: b HTTP/1.1\r\n", THERE, b"400"),
        (b"GET /\xff HTTP/1.1\r\n", THERE, b"400"),
        (b"", THERE, b"400"),
    ],
)
def test_nothing_else_leads_anywhere(request_line: bytes, there: str | None, status: bytes):
    said = answer(request_line, there)
    assert said.split()[1] == status
    assert b"Location" not in said
