"""Addresses of virtual devices: each its own, free for the OTA server, given back."""

from __future__ import annotations

import socket

import pytest

from contracts.ota.protocol import PORT
from host.twin import loopback
from host.twin.errors import NoAddressError


def test_each_has_its_own_and_its_ota_port_is_free():
    held = [loopback.claim() for _ in range(50)]
    try:
        assert len({one.text for one in held}) == 50
        for one in held:
            assert one.text == f"{one.subnet}.{one.host}"
            assert one.text.startswith("127.")
            assert not one.text.startswith("127.0.")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
                server.bind((one.text, PORT))
    finally:
        for one in held:
            one.release()


def test_a_held_address_is_drawn_by_nobody_else(monkeypatch):
    first = loopback.claim()
    numbers = [int(part) for part in first.text.split(".")[1:]]
    # The lot falls on the same one again, then on another.
    draws = iter([numbers[0] - 1, numbers[1], numbers[2] - 2, 7, 7, 7])
    monkeypatch.setattr(loopback.secrets, "randbelow", lambda _: next(draws))
    second = loopback.claim()
    assert second.text == "127.8.7.9"
    second.release()
    first.release()
    draws = iter([numbers[0] - 1, numbers[1], numbers[2] - 2])
    again = loopback.claim()
    assert again.text == first.text
    again.release()


def test_a_system_with_one_loopback_address_is_told_in_one_line(monkeypatch):
    class Refusing(socket.socket):
        def bind(self, address):
            raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr(loopback.socket, "socket", Refusing)
    with pytest.raises(NoAddressError, match=r"127\.0\.0\.1 only") as caught:
        loopback.claim()
    assert "\n" not in str(caught.value)
