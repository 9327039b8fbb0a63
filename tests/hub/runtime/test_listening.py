"""Listening at addresses that this machine has, or does not have yet."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hub.mqtt.ports import free_port, is_taken
from hub.runtime.listening import away, bound, is_here, steady_port
from tests.support.ports import claimed_port

# Of TEST-NET-3 and the documentation's prefix (RFC 5737, RFC 3849): nobody has them.
NOWHERE = ("203.0.113.7", "2001:db8::7")


@pytest.mark.parametrize("host", NOWHERE)
def test_an_address_that_is_not_there_yet(host):
    assert not is_here(host)
    assert host in away(host)
    with bound(host, 0) as listening:
        listening.listen()
        port = listening.getsockname()[1]
        assert is_taken(host, port)
        with pytest.raises(OSError, match="in use"):
            bound(host, port)
    assert free_port(host) > 0
    assert not is_taken(host, claimed_port())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::"])
def test_a_steady_port_is_not_one_that_the_system_gives(host):
    given = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    low, high = map(int, given)
    for _ in range(50):
        port = steady_port(host)
        assert low <= 1024 or not low <= port <= high
        bound(host, port).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::", ""])
def test_addresses_that_are_there(host):
    assert is_here(host)


def test_all_of_ipv6_with_and_without_ipv4():
    with bound("::", 0) as both:
        both.listen()
        port = both.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 5).close()
    # A port that is free for both, held by neither: another program may have one of IPv4 alone.
    port = claimed_port()
    with bound("::", port, only_ipv6=True) as six:
        six.listen()
        socket.create_connection(("::1", port), 5).close()
        bound("0.0.0.0", port).close()
