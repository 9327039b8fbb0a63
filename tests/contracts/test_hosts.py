"""What a device may be given as its hub's address."""

from __future__ import annotations

import pytest

from contracts.hosts import host_problem, is_local


@pytest.mark.parametrize(
    "host",
    [
        "192.168.1.7", "10.0.0.1", "223.255.255.254", "hub", "hub.local", "HUB.Local",
        "a-b.c_d.lan", "x" * 63, "1.2.3.4.in-addr.arpa",
    ],
)  # fmt: skip
def test_an_address_or_a_name(host):
    assert host_problem(host) == ""


@pytest.mark.parametrize(
    "host",
    [
        # No IPv4 address, or none of one machine.
        "256.1.1.1", "1.2.3", "01.2.3.4", "1.2.3.4.5", "2130706433", "0.0.0.0", "0.1.2.3",
        "224.0.0.251", "255.255.255.255",
        # A device speaks IPv4 alone, and has its ports in settings of their own.
        "::1", "[::1]", "fe80::1%eth0", "hub:1883", "http://hub", "hub/",
        # No name.
        "", " ", " hub", "hub ", "hub..local", ".hub", "hub.", "-a", "a-", "m\u00fcller.local",
        "\uff11\uff12.1.1.1", "a\0b", "x" * 64, "a." * 40 + "b", "\ud83d",
    ],
)  # fmt: skip
def test_what_is_none_is_refused_with_what_it_is_like(host):
    problem = host_problem(host)
    assert "it is like 192.168.1.7" in problem or "is no machine's address" in problem


def test_names_that_are_asked_for_by_multicast():
    assert is_local("hub.local")
    assert is_local("HUB.LOCAL")
    assert not is_local("hub.local.lan")
