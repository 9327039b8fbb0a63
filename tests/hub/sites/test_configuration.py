"""Networks, names, keys and files of sites: pure."""

from __future__ import annotations

import base64
import subprocess
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest
from typer.testing import CliRunner

from hub.sites import names
from hub.sites.commands import app
from hub.sites.configuration import files
from hub.sites.errors import GatewayError, NetworkError, NetworkOverlapError, SiteRefusedError
from hub.sites.keys import KeyPair, shared_key
from hub.sites.machine import own_networks
from hub.sites.model import Site
from hub.sites.networks import checked, networks


def made(name="beach", **more):
    return Site(**{
        "id": 7, "name": name, "number": 3, "place": None, "title": name,
        "networks": (ip_network("192.168.57.0/24"), ip_network("fd12:3456:789a::/64")),
        "home": (), "endpoint": "home.example.org:51823", "site_endpoint": "",
        "hub_address": ip_address("10.86.0.13"), "site_address": ip_address("10.86.0.14"),
        "hub_key": "h" * 43 + "=", "site_key": "s" * 43 + "=", "made_by": "ann",
        "created_at": datetime(2026, 3, 1, tzinfo=UTC), **more,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("192.168.57.1/24", "write 192.168.57.0/24"),
        ("192.168.57.0", "with its length"),
        ("beach/24", "is none"),
        ("192.168.57.0/33", "is none"),
        ("8.8.8.0/24", "not a private one"),
        ("0.0.0.0/0", "not a private one"),
        ("127.0.0.0/8", "not a private one"),
        ("2001:db8::/32", "not a private one"),
        ("10.0.0.0/8", "too wide"),
        ("192.168.57.0/24\nPostUp = reboot", "is none"),
        ("", "with its length"),
    ],
)
def test_what_is_no_network_of_a_site(text, why):
    with pytest.raises(NetworkError, match=why) as refused:
        networks([text])
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("192.168.57.0/24", "192.168.57.128/25", True),
        ("192.168.0.0/16", "192.168.57.0/24", True),
        ("fd00:1::/48", "fd00:1::/64", True),
        ("192.168.57.0/24", "192.168.58.0/24", False),
        ("192.168.57.0/24", "fd00:1::/64", False),
    ],
)
def test_of_overlapping_networks_only_one_would_work(one, other, clash):
    said = f"{one} overlaps {other} of site beach: only one of them would work"
    theirs = networks([other])
    if not clash:
        checked(networks([one]), [("site beach", theirs)])
        return
    with pytest.raises(NetworkOverlapError, match=said) as refused:
        checked(networks([one]), [("site beach", theirs)])
    # What it proposes instead is of the same family, and can be had.
    free = networks([str(refused.value).rpartition("such as ")[2]])
    assert free[0].version == theirs[0].version
    checked(free, [("site beach", theirs)])


def test_the_machines_own_networks_are_known():
    said = subprocess.run(
        ["ip", "-o", "-4", "addr", "show", "scope", "global"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    want = {str(ip_network(line.split()[3], strict=False)) for line in said.splitlines()}
    found = [str(one) for _, theirs in own_networks() for one in theirs]
    assert want <= set(found)
    assert not any(one.startswith(("127.", "fe80:", "::1")) for one in found)


@pytest.mark.parametrize(
    "text", ["", "Beach", "a" * 31, "-a", "a-", "a b", "a/b", "../a", "a\nb", "ä"]
)
def test_what_cannot_be_a_sites_name(text):
    with pytest.raises(SiteRefusedError, match="cannot be a site's name"):
        names.site_name(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("home.example.org", "home.example.org:51821"),
        ("home.example.org:4500", "home.example.org:4500"),
        ("192.0.2.7", "192.0.2.7:51821"),
        ("2001:db8::7", "[2001:db8::7]:51821"),
        ("[2001:db8::7]:4500", "[2001:db8::7]:4500"),
    ],
)
def test_where_an_end_is_found(text, found):
    assert names.endpoint(text, 51821, "the home") == found


@pytest.mark.parametrize(
    "text",
    [
        "", "a b", "a:0", "a:65536", "a:x", "a:1:2", "[::1", "[::1]x", "192.0.2.256",
        "fe80::1%eth0", "a\nPostUp = reboot", "a'b", "-a", "a..b", "x" * 254,
    ],
)  # fmt: skip
def test_what_cannot_be_an_endpoint(text):
    with pytest.raises(SiteRefusedError, match="cannot be where the home is found") as refused:
        names.endpoint(text, 51821, "the home")
    assert len(str(refused.value).splitlines()) == 1


def test_keys_are_x25519():
    pair = KeyPair.make()
    assert len(base64.b64decode(pair.private)) == 32
    said = subprocess.run(
        ["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"], check=True,
        # RFC 8410: PrivateKeyInfo of X25519.
        input=bytes.fromhex("302e020100300506032b656e04220420") + base64.b64decode(pair.private),
        capture_output=True,
    ).stdout  # fmt: skip
    assert said[-32:] == base64.b64decode(pair.public)
    assert pair.private not in repr(pair)
    assert KeyPair.make().private != pair.private
    assert len(base64.b64decode(shared_key())) == 32


def test_both_ends_fit_together():
    hub, gateway = KeyPair.make(), KeyPair.make()
    site = made(hub_key=hub.public, site_key=gateway.public, home=(ip_network("192.168.1.0/24"),))
    ours, theirs, uci = files(site, hub, gateway, "shared=")
    assert ours.name == "dm3-beach.conf"
    mine, other = ours.text, theirs.text
    for text, private, public in ((mine, hub, gateway), (other, gateway, hub)):
        assert f"PrivateKey = {private.private}\n" in text
        assert f"PublicKey = {public.public}\n" in text
        assert public.private not in text
    assert "Address = 10.86.0.13/32\nListenPort = 51823\n" in mine
    assert "AllowedIPs = 10.86.0.14/32, 192.168.57.0/24, fd12:3456:789a::/64\n" in mine
    assert "AllowedIPs = 10.86.0.13/32, 192.168.1.0/24\n" in other
    assert "Endpoint = home.example.org:51823\n" in other
    assert "Endpoint" not in mine
    assert mine.count("PresharedKey = shared=\n") == other.count("PresharedKey = shared=\n") == 1
    assert "PersistentKeepalive = 25\n" in other
    lines = uci.text.splitlines()
    assert "set network.dm_beach_hub.endpoint_host='home.example.org'" in lines
    assert "add_list network.dm_beach_hub.allowed_ips='192.168.1.0/24'" in lines
    assert f"set network.dm_beach.private_key='{gateway.private}'" in lines
    assert hub.private not in uci.text
    assert hub.private not in repr(ours)


def test_an_interfaces_name_has_15_characters_at_most():
    assert made("a-very-long-name-of-a-beach").interface == "dm3-a-very-long"
    assert made("a-very-lon-g", number=1000).interface == "dm1000-a-very-l"


def test_a_forwarders_files_in_use_are_left_alone_and_no_hub_is_asked(tmp_path):
    # Asked, it would make another password, and those files would be of no use any more.
    (tmp_path / "acl").write_text("in use")
    words = ["forwarder", "beach", "--out", str(tmp_path), "--data-dir", str(tmp_path / "none")]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, GatewayError)
    assert f"{tmp_path}/acl is there already: take it away" in str(result.exception)
    assert [one.read_text() for one in tmp_path.iterdir()] == ["in use"]
