"""Where a bridge is announced: which interfaces lead to a home, and how they are followed."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_address
from types import SimpleNamespace

import pytest

from hub.homekit.bridge import Bridge
from hub.homekit.interfaces import Interface, reach
from hub.homekit.netlink import read_interfaces
from hub.homekit.network import Advertiser
from tests.hub.homekit.conftest import Home
from tests.hub.homekit.test_pairing import Line
from tests.support.netns import namespace

LO = Interface(1, "lo", (ip_address("127.0.0.1"), ip_address("::1")), loopback=True)


def interface(index, name, *addresses, **how):
    return Interface(index, name, tuple(map(ip_address, addresses)), **how)


ETH = interface(2, "eth0", "192.168.1.20", "fe80::2", "2001:db8::2")
WLAN = interface(3, "wlan0", "192.168.2.20")


def found(*interfaces, host="0.0.0.0", names=()):
    return reach([LO, *interfaces], host, names).addresses


def test_everything_that_leads_to_a_home():
    told = reach([WLAN, LO, ETH], "0.0.0.0")
    assert told.addresses == ("192.168.1.20", "192.168.2.20", "2001:db8::2", "fe80::2")
    assert told.multicast == ("192.168.1.20", 2, "192.168.2.20")


@pytest.mark.parametrize(
    "other",
    [
        interface(9, "docker0", "172.17.0.1", kind="bridge"),
        interface(9, "br-3f2a9c0d1e5b", "172.18.0.1", kind="bridge"),
        interface(9, "hassio", "172.30.32.1", kind="bridge"),
        interface(9, "virbr0", "192.168.122.1", kind="bridge"),
        interface(9, "lxcbr0", "10.0.3.1", kind="bridge"),
        interface(9, "lxdbr0", "10.0.4.1", kind="bridge"),
        interface(9, "cni-podman0", "10.88.0.1", kind="bridge"),
        interface(9, "containers", "10.89.0.1", kind="bridge"),
        interface(9, "veth12ab34c", "fe80::9", kind="veth", master=8),
        interface(9, "cali0123456789a", "169.254.1.1", kind="veth"),
        interface(9, "flannel.1", "10.42.0.0", kind="vxlan"),
        interface(9, "tun0", "10.8.0.2", kind="tun", point_to_point=True),
        interface(9, "tap0", "10.9.0.2", kind="tun"),
        interface(9, "wg0", "10.6.0.1", kind="wireguard", point_to_point=True),
        interface(9, "tailscale0", "100.101.102.103", kind="tun", point_to_point=True),
        interface(9, "zt7nnig26", "10.147.17.5", kind="tun"),
        interface(9, "vpn", "10.10.0.1", kind="wireguard"),
        interface(9, "utun3", "10.11.0.1", point_to_point=True),
        interface(9, "ppp0", "100.64.0.9", point_to_point=True),
        interface(9, "sit0", "2001:db8:9::1", kind="sit"),
        interface(9, "eth1", "192.168.9.9", running=False),
    ],
)
def test_containers_tunnels_and_dead_links_do_not_unless_asked(other):
    assert found(ETH, other) == found(ETH)
    assert found(other) == ("127.0.0.1",)
    if other.running:
        assert found(ETH, other, names=[other.name]) == tuple(map(str, other.addresses))


@pytest.mark.parametrize("member", ["eth0", "wlan0", "bond0"])
def test_a_bridge_that_joins_cable_and_wifi_is_the_homes(member):
    kind = "bond" if member == "bond0" else ""
    joined = [
        interface(2, member, kind=kind, master=4),
        interface(3, "veth9a", kind="veth", master=4),
        interface(4, "br0", "192.168.1.20", kind="bridge"),
    ]
    assert found(*joined) == ("192.168.1.20",)


def test_the_hub_within_a_container_has_its_own_end():
    assert found(interface(7, "eth0", "172.17.0.5", kind="veth")) == ("172.17.0.5",)


def test_vlans_and_stand_ins_lead_somewhere():
    for kind in ("vlan", "macvlan", "ipvlan", "dummy", "bond"):
        assert found(interface(7, "net7", "10.1.2.3", kind=kind)) == ("10.1.2.3",)


def test_an_address_it_gave_itself_counts_where_there_is_no_other():
    assert found(interface(2, "eth0", "169.254.7.7")) == ("169.254.7.7",)
    assert found(interface(2, "eth0", "169.254.7.7", "192.168.1.20")) == ("192.168.1.20",)


def test_names_may_be_patterns():
    assert found(ETH, WLAN, names=["wlan*"]) == ("192.168.2.20",)
    assert found(ETH, names=["wlan*"]) == ()


def test_an_address_of_its_own():
    docker = interface(9, "docker0", "172.17.0.1", kind="bridge")
    assert found(ETH, docker, host="172.17.0.1") == ("172.17.0.1",)
    assert found(ETH, host="192.168.1.99") == (), "it comes, or comes back"
    assert found(ETH, host="127.0.0.1") == ("127.0.0.1",)


def test_no_network_at_all():
    told = reach([replace(LO, running=False, addresses=())], "0.0.0.0")
    assert (told.addresses, told.multicast) == ((), ())


class Multicast:
    """In place of zeroconf: on which interfaces it speaks, and what was announced there."""

    def __init__(self, interfaces, ip_version):
        self.steps = [("open", tuple(interfaces))]
        self.services = {}

    async def async_update_interfaces(self, interfaces):
        self.steps.append(("on", tuple(interfaces)))

    async def async_register_service(self, info, **_):
        self.services[info.name] = info.addresses

    async_update_service = async_register_service

    async def async_close(self):
        self.steps.append(("close", ()))


@pytest.fixture
def multicast(monkeypatch):
    made = []

    def make(**options):
        made.append(Multicast(**options))
        return made[-1]

    monkeypatch.setattr("hub.homekit.network.AsyncZeroconf", make)
    return made


async def test_a_hub_that_starts_before_the_network(multicast):
    here = [LO]
    advertiser = Advertiser("0.0.0.0", read=lambda: here)
    told = []
    await advertiser.open()
    assert advertiser.addresses == ("127.0.0.1",)
    here.append(replace(ETH, running=False, addresses=()))
    await advertiser.look(lambda: told.append(advertiser.addresses))
    assert told == []
    here[-1] = ETH
    await advertiser.look(lambda: told.append(advertiser.addresses))
    assert told == [("192.168.1.20", "2001:db8::2", "fe80::2")]
    assert multicast[0].steps == [("open", ("127.0.0.1",)), ("on", ("192.168.1.20", 2))]
    await advertiser.look(lambda: told.append(advertiser.addresses))
    assert len(told) == 1
    await advertiser.close()
    assert multicast[0].steps[-1] == ("close", ())


async def test_another_address_and_a_link_that_went_and_came(multicast):
    here = [LO, ETH, WLAN]
    advertiser = Advertiser("0.0.0.0", read=lambda: here)
    told = []
    await advertiser.open()
    here[1] = replace(ETH, addresses=(ip_address("10.0.0.7"),))
    await advertiser.look(lambda: told.append(advertiser.addresses))
    assert told == [("10.0.0.7", "192.168.2.20")]
    assert multicast[0].steps[-1] == ("on", ("10.0.0.7", "192.168.2.20"))
    here[2] = replace(WLAN, flaps=2)
    await advertiser.look(lambda: told.append(advertiser.addresses))
    assert multicast[0].steps[-2:] == [("on", ("10.0.0.7",)), ("on", ("10.0.0.7", "192.168.2.20"))]
    here[2] = replace(WLAN, index=8)  # taken out and put in again
    await advertiser.look(lambda: told.append(advertiser.addresses))
    assert multicast[0].steps[-2:] == [("on", ("10.0.0.7",)), ("on", ("10.0.0.7", "192.168.2.20"))]
    assert len(told) == 1, "addresses are as they were"
    here[1:] = []
    await advertiser.look(lambda: told.append(advertiser.addresses))
    assert told[-1] == ("127.0.0.1",)


async def test_multicast_that_becomes_possible(monkeypatch):
    refused = []

    def make(**options):
        if not refused:
            refused.append(options)
            raise OSError(101, "Network is unreachable")
        return Multicast(**options)

    monkeypatch.setattr("hub.homekit.network.AsyncZeroconf", make)
    advertiser = Advertiser("0.0.0.0", read=lambda: [LO, ETH])
    await advertiser.open()
    info = SimpleNamespace(name="bridge", addresses=["192.168.1.20"])
    await advertiser.async_register_service(info)
    await advertiser.look(lambda: None)
    assert advertiser._zeroconf.services == {"bridge": ["192.168.1.20"]}


async def test_what_is_announced_answers(multicast):
    """On IPv6 as well where every address is listened on, and on nothing else otherwise."""
    home = Home()
    for host, reached in (("0.0.0.0", ("127.0.0.1", "::1")), ("127.0.0.1", ("127.0.0.1",))):
        bridge = Bridge(home.state, home._command, host=host, port=0, zeroconf=home.quiet)
        await bridge.start()
        port = bridge.pairings()[0].port
        for address in ("127.0.0.1", "::1"):
            if address in reached:
                line = await Line.to(home, address, port)
                assert await line.post("/identify") == (204, b"")
                line.close()
            else:
                with pytest.raises(ConnectionRefusedError):
                    await Line.to(home, address, port)
        [driver] = bridge.tree.drivers.values()
        driver.readdress(["192.168.1.20", "fe80::2"])
        told = [str(a) for a in driver.mdns_service_info.parsed_addresses()]
        assert told == (["192.168.1.20", "fe80::2"] if len(reached) == 2 else ["192.168.1.20"])
        await bridge.stop()
    assert multicast == [], "it is shared"


def test_the_systems_own_words():
    """What the kernel says, against what `ip` makes of it, in a namespace with one of each."""
    with namespace() as home:
        home.ip("link set lo up")
        home.ip("link add eth0 type veth peer name eth0far")
        home.ip("link add docker0 type bridge")
        home.ip("link add box type veth peer name boxfar")
        home.ip("link set box master docker0")
        home.ip("tuntap add tun0 mode tun")
        for name in ("eth0", "eth0far", "docker0", "box", "boxfar", "tun0"):
            home.ip(f"link set {name} up")
        home.ip("addr add 192.168.1.20/24 dev eth0")
        home.ip("addr add 172.17.0.1/16 dev docker0")
        home.ip("addr add 10.8.0.2/24 dev tun0")
        home.ip("-6 addr add 2001:db8::20/64 dev eth0 nodad")
        program = (
            "from hub.homekit.interfaces import reach\n"
            "from hub.homekit.netlink import read_interfaces\n"
            "for one in read_interfaces(): print(one.name, one.kind, one.master, one.running)\n"
            "print(*reach(read_interfaces(), '0.0.0.0').addresses)"
        )
        output = home.run(sys.executable, "-c", program)
    lines = output.splitlines()
    assert "docker0 bridge None True" in lines
    assert "tun0 tun None False" in lines, "nobody has it open"
    assert any(line.startswith("box veth ") and "None" not in line for line in lines)
    addresses = lines[-1].split()
    assert addresses[:2] == ["192.168.1.20", "2001:db8::20"]
    assert all(ip_address(address).is_link_local for address in addresses[2:])


def test_here_and_now():
    assert shutil.which("ip")
    listed = subprocess.run(["ip", "-o", "link"], check=True, capture_output=True, text=True).stdout
    names = {line.split(": ")[1].split("@")[0] for line in listed.splitlines()}
    assert {one.name for one in read_interfaces()} == names
    assert asyncio.iscoroutinefunction(Advertiser.follow)
