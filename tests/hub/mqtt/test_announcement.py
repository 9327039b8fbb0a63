"""What the hub announces of itself, and where it goes on when addresses change."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from hub.homekit.interfaces import Interface
from hub.homekit.network import Advertiser
from hub.mqtt.announcement import announced

LO = Interface(1, "lo", (ip_address("127.0.0.1"),), loopback=True)
ETH = Interface(2, "eth0", (ip_address("192.168.1.20"),))
PORTS = {"mqtt": 1883, "enrol": 1884, "http": 8080}


class Quiet:
    """A zeroconf that says nothing."""

    def __init__(self) -> None:
        self.said: dict[str, list[str]] = {}

    async def async_register_service(self, info, **_options) -> None:
        self.said[info.name] = info.parsed_addresses()

    async_update_service = async_register_service

    async def async_unregister_service(self, info) -> None:
        del self.said[info.name]


@pytest.mark.parametrize("machine", ["pi", "pi.home.arpa", "x" * 200])
def test_it_has_a_name_of_its_own_that_stays(machine):
    service = announced("AA:BB:CC:D1:E2:F3", machine, PORTS)
    assert service.server == "dormouse-hub-d1e2f3"
    assert len(service.instance) <= 63
    info = service.info(["192.168.1.20"])
    assert (info.type, info.server) == ("_dormouse._tcp.local.", "dormouse-hub-d1e2f3.local.")
    assert (info.port, info.decoded_properties) == (1883, {"enrol": "1884", "http": "8080"})


async def test_it_follows_the_machines_addresses_and_is_taken_back():
    here = [LO, ETH]
    quiet = Quiet()
    advertiser = Advertiser("0.0.0.0", quiet, read=lambda: here)
    await advertiser.open()
    service = announced("AA:BB:CC:D1:E2:F3", "pi", PORTS)
    await advertiser.announce(service)
    assert quiet.said == {service.name: ["192.168.1.20"]}
    quiet.async_update_interfaces = quiet.async_close = _nothing
    here[1] = replace(ETH, addresses=(ip_address("10.0.0.7"),))
    await advertiser.look(lambda: None)
    assert quiet.said == {service.name: ["10.0.0.7"]}
    await advertiser.withdraw(service)
    assert quiet.said == {}


async def _nothing(*_: object) -> None:
    """What is not looked at here."""
