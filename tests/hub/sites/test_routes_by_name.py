"""Sets of named hosts, and the rules of the sensors' own network, as texts. Pure.

That nftables takes them and packets obey is tests/deploy/test_gateway.py.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.sites.errors import SiteRefusedError
from hub.sites.named_routes import KnownAddress, dnsmasq_lines, elements, hosts, learnt, transaction
from hub.sites.openwrt_routes import script
from hub.sites.sensor_network import SensorNetwork, nftables, openwrt

NOW = datetime(2026, 3, 1, 14, 5, tzinfo=UTC)
AGO = NOW - timedelta(minutes=10)


def test_a_name_keeps_what_it_had_for_half_an_hour():
    before = {
        "a": [
            KnownAddress("192.0.2.1", AGO),
            KnownAddress("192.0.2.9", NOW - timedelta(minutes=31)),
        ],
        "b": [KnownAddress("192.0.2.2", AGO)],
        "dropped": [KnownAddress("192.0.2.3", AGO)],
    }
    known = learnt(before, {"a": ["192.0.2.7", "2001:db8::7"], "b": []}, NOW)
    found = elements(known, NOW)
    assert found == {
        4: {"192.0.2.1": 1200, "192.0.2.7": 1800, "192.0.2.2": 1200},
        6: {"2001:db8::7": 1800},
    }


def test_each_address_once_in_its_familys_set_and_no_tunnels_end():
    known = {
        "a": [
            KnownAddress("192.0.2.1", AGO),
            KnownAddress("::ffff:192.0.2.1", NOW),
            KnownAddress("2001:DB8::1", NOW),
        ],
        "b": [
            KnownAddress("192.0.2.1", AGO),
            KnownAddress("2001:db8:0::1", AGO),
            KnownAddress("198.51.100.1", NOW),
        ],
        "c": [
            KnownAddress("127.0.0.1", NOW),
            KnownAddress("fe80::1", NOW),
            KnownAddress("::", NOW),
            KnownAddress("x", NOW),
        ],
    }
    found = elements(known, NOW, ["198.51.100.1"])
    assert found == {4: {"192.0.2.1": 1800}, 6: {"2001:db8::1": 1800}}
    text = transaction(found)
    assert "add element inet dormouse_routes hosts4 { 192.0.2.1 timeout 1800s }" in text
    assert "add element inet dormouse_routes hosts6 { 2001:db8::1 timeout 1800s }" in text
    assert "flush set inet dormouse_routes seen" not in text
    empty = transaction({4: {}, 6: {}})
    assert "add element" not in empty
    assert empty.count("flush set") == 2


def test_dnsmasq_fills_both_families_sets():
    # dnsmasq's manual, --nftset: /domain/[(6|4)#[family#]table#set[,...]
    assert dnsmasq_lines(["a.example"]).splitlines()[1] == (
        "nftset=/a.example/4#inet#dormouse_routes#seen4,6#inet#dormouse_routes#seen6"
    )


def test_names_are_checked():
    assert hosts([" Media.Example.org. ", "media.example.org"]) == ["media.example.org"]
    for text in ("", "192.0.2.1", "a b", "a/b", "a'b", "x\ny", "-x", "$(reboot)"):
        with pytest.raises(SiteRefusedError, match="is no host's name"):
            hosts([text])


def test_the_script_for_openwrt_has_no_placeholder_left():
    text = script("dm-beach", ["a.example", "b.example"])
    assert "add_list dhcp.dm_hosts.domain='b.example'" in text
    assert "ip6 daddr @dm_hosts6 meta mark set 0x646d" in text
    assert "set network.dm_way6.interface='dm_beach'" in text
    assert not any(word in text for word in ("@TUNNEL@", "@MARK", "@TABLE@", "@DOM", "@INTER"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sensors": 'a" accept'}, "is no interface's name"),
        ({"sensors": "br-lan"}, "they need a network each"),
        ({"hub": []}, "say where the hub is"),
        ({"hub": ["192.168.1.10/24"]}, "is no IP address"),
        ({"hub": ["fe80::1"]}, "of one link alone"),
        ({"ports": (0, 1)}, "is no port"),
        ({"router": frozenset({"ssh"})}, "dhcp, dns, ntp"),
    ],
)
def test_settings_that_no_rules_can_be_made_of(change, why):
    given = {"sensors": "eth0.20", "home": "br-lan", "hub": ["192.168.1.10"], **change}
    with pytest.raises(SiteRefusedError, match=why) as refused:
        SensorNetwork(**given)
    assert len(str(refused.value).splitlines()) == 1


def test_both_forms_say_the_same():
    network = SensorNetwork(
        "eth0.20", "br-lan", ["192.168.1.10", "fd00::10"], router=frozenset({"dhcp", "ntp"}),
        dns=["9.9.9.9"],
    )  # fmt: skip
    text, uci = nftables(network), openwrt(network).splitlines()
    for address, family in (("192.168.1.10", "ip"), ("fd00::10", "ip6")):
        assert f"{family} daddr {address} tcp dport {{ 1883, 1884 }} accept" in text
        assert any(line.endswith(f".dest_ip='{address}'") for line in uci)
    assert "ip daddr 9.9.9.9 meta l4proto { tcp, udp } th dport 53 accept" in text
    # The router answers no names here.
    to_router = text.partition("chain to_router")[2]
    assert "dport 53" not in to_router
    assert "udp dport 123 accept" in to_router
    assert "set firewall.dm_ntp='rule'" in uci
    assert "set firewall.dm_dns='rule'" not in uci
    assert uci.count("set firewall.dm_sensors.forward='REJECT'") == 1
