"""Who gets another endpoint, and which; what files and names say. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.sites.endpoints import NamedPeer, moved
from hub.sites.errors import GatewayError
from hub.sites.refresh import refresh
from hub.sites.wg_quick import named_peers, peers_of_file
from hub.sites.wireguard import Peer

NOW = datetime(2026, 3, 1, 14, 5, tzinfo=UTC)
NAMED = NamedPeer("wg0", "KEY=", "home.example.org", 51820)
OLD, NEW, SIX, OTHER = "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"


def peer(endpoint=f"{OLD}:51820", ago=30):
    at = None if ago is None else NOW - timedelta(seconds=ago)
    return Peer("wg0", "KEY=", endpoint, at, 1, 1)


@pytest.mark.parametrize(
    ("used", "ago", "addresses", "endpoint"),
    [
        (f"{OLD}:51820", 30, [NEW], f"{NEW}:51820"),
        (f"{OLD}:51820", 30, [SIX], f"[{SIX}]:51820"),
        (f"[{SIX}]:51820", 30, [NEW], f"{NEW}:51820"),
        # Of new ones that of the family in use goes first, whatever the resolver's order.
        (f"{OLD}:51820", 30, [SIX, NEW], f"{NEW}:51820"),
        (f"[{SIX}]:51820", 30, [NEW, OTHER], f"[{OTHER}]:51820"),
        # The one in use stays while it is listed, however it is written.
        (f"{OLD}:51820", 30, [NEW, OLD], None),
        (f"[{SIX}]:51820", 30, ["2001:DB8:0::1", NEW], None),
        (f"{OLD}:51820", 30, [f"::ffff:{OLD}"], None),
        # Nobody answers there: the next, round and round; of one there is no next.
        (f"{OLD}:51820", 136, [OLD, NEW, SIX], f"{NEW}:51820"),
        (f"{NEW}:51820", 136, [SIX, NEW, OLD], f"[{SIX}]:51820"),
        (f"[{SIX}]:51820", 136, [NEW, SIX, OLD], f"{OLD}:51820"),
        (f"{OLD}:51820", 9999, [OLD], None),
        (f"{OLD}:4500", 30, [NEW, OLD], f"{OLD}:51820"),
        # Left alone: no endpoint, no handshake ever, no answer, no address for an endpoint.
        ("", 30, [NEW], None),
        (f"{OLD}:51820", None, [NEW], None),
        (f"{OLD}:51820", 9999, [], None),
        (f"{OLD}:51820", 30, ["0.0.0.0", "::", "fe80::1", "224.0.0.1", "x"], None),
    ],
)
def test_where_a_peer_is_looked_for(used, ago, addresses, endpoint):
    found = moved(NAMED, peer(used, ago), addresses, NOW)
    assert (found and found.endpoint) == endpoint


class Interfaces:
    """WireGuard's part: what it was told; interface `bad` cannot be changed."""

    def __init__(self):
        self.told = []

    async def peers(self):
        return []

    async def set_endpoint(self, interface, key, endpoint):
        if interface == "bad":
            raise GatewayError("`wg set`: Operation not permitted")
        self.told.append((interface, key, endpoint))


async def test_several_interfaces_and_peers_each_by_its_name():
    wireguard, at = Interfaces(), NOW - timedelta(seconds=9)
    peers = [
        Peer("wg0", "A=", f"{OLD}:1", at, 0, 0), Peer("wg0", "B=", f"{OLD}:1", None, 0, 0),
        Peer("wg1", "A=", f"{OLD}:1", at, 0, 0), Peer("bad", "A=", f"{OLD}:1", at, 0, 0),
        Peer("wg1", "C=", f"{OLD}:1", at, 0, 0),
    ]  # fmt: skip
    named = [
        NamedPeer("bad", "A=", "a.example", 1), NamedPeer("wg0", "A=", "a.example", 1),
        NamedPeer("wg0", "B=", "a.example", 1), NamedPeer("wg1", "A=", "b.example", 2),
        NamedPeer("wg1", "C=", "gone.example", 1), NamedPeer("wg9", "A=", "never.example", 1),
    ]  # fmt: skip
    asked = []

    async def lookup(host):
        asked.append(host)
        return {"a.example": [NEW], "b.example": [SIX]}.get(host, [])

    done = await refresh(wireguard, peers, named, NOW, lookup=lookup)
    assert wireguard.told == [("wg0", "A=", f"{NEW}:1"), ("wg1", "A=", f"[{SIX}]:2")]
    assert sorted(asked) == ["a.example", "b.example", "gone.example"]
    assert [one.host for one in done.moved] == ["a.example", "b.example"]
    lost, refused = done.problems
    assert lost.startswith("gone.example does not resolve to an address that can be reached")
    assert refused == "bad: `wg set`: Operation not permitted"


CONF = """[Interface]
PrivateKey = x
# [Peer] of old
[Peer]
PublicKey = A=
endpoint=home.example.org:51820 # the name
[peer]
Endpoint = 192.0.2.1:51820
PublicKey = B=
[Peer]
Endpoint = [2001:db8::1]:51820
PublicKey = C=
[Peer]
PublicKey = D=
[Peer]
Endpoint = x.example:0
PublicKey = E=
[Peer]
Endpoint = bad name:1
PublicKey = F=
"""


def test_names_are_those_of_wg_quicks_file(tmp_path):
    want = NamedPeer("wg0", "A=", "home.example.org", 51820)
    assert list(named_peers("wg0", CONF)) == [want]
    path = tmp_path / "wg0.conf"
    path.write_text(CONF)
    path.chmod(0o644)
    with pytest.raises(GatewayError, match=r"others can read it \(mode 0644\): chmod 600"):
        peers_of_file(path)
    path.chmod(0o600)
    assert peers_of_file(path) == [want]
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(GatewayError, match="it is not text"):
        peers_of_file(path)
    with pytest.raises(GatewayError, match="No such file"):
        peers_of_file(tmp_path / "none.conf")
