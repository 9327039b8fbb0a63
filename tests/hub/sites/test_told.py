"""A tunnel that is down is said once, of its site, and not of each of its sensors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from contracts.show import Clock
from hub.devices.repository import DeviceRepository
from hub.explain.problems import Explainer
from hub.mqtt.enrolment import Enroller, EnrolmentGate
from hub.notifications.finding import Around
from hub.notifications.model import Rule, RuleKind, RuleOptions
from hub.notifications.sources.tunnels import TunnelSource
from hub.places.service import PlaceService
from hub.runtime.problems import Problems
from hub.settings import Enrolment
from hub.sites.model import NewSite
from hub.sites.service import SiteService, SiteSettings
from hub.sites.watch import SiteWatch
from hub.sites.wireguard import Peer
from hub.zones.service import ZoneService
from tests.hub.explain.test_problems import Outages

EVERY = 300  # s


class Interface:
    """What WireGuard would say of one peer."""

    def __init__(self) -> None:
        self.peers_now: list[Peer] = []
        self.moved: list[tuple[str, str, str]] = []

    async def peers(self) -> list[Peer]:
        return self.peers_now

    async def set_endpoint(self, interface: str, key: str, endpoint: str) -> None:
        self.moved.append((interface, key, endpoint))


async def test_its_sensors_are_silent_because_of_it(store, accounts):
    refused, wireguard = Problems(), Interface()
    now = datetime.now(UTC)
    watch = SiteWatch(store, clock=lambda: now, wireguard=wireguard)
    places = PlaceService(store)
    sites = SiteService(
        store,
        places,
        watch,
        SiteSettings("home.example.org"),
        own=list,
        accounts=accounts,
        mqtt_port=lambda: 1883,
    )
    explainer = Explainer(
        store,
        bridges=dict,
        accounts=accounts,
        enroller=Enroller(accounts, EnrolmentGate(Enrolment.CLOSED, "home"), refused),
        refused=refused,
        outages=Outages(),
        tunnels=watch,
    )
    new = NewSite(
        "beach", (ip_network("192.168.57.0/24"),), place=("Coast", "Beach house"),
        site_endpoint="localhost",
    )  # fmt: skip
    site = (await sites.add("home", new, "ann")).site
    # Silent for two wakes; the last of them was silent before the tunnel went down.
    heard = {"s1": 20, "s2": 21, "s3": 22, "elsewhere": 20, "before": 600}
    for device, minutes in heard.items():
        at = now - timedelta(minutes=minutes)
        await DeviceRepository(store.of("home")).report(device, {}, at, EVERY)
        if device != "elsewhere":
            path = ("Coast", "Beach house", "Hall")
            await places.put("home", device, path, "ann")

    def peer(ago, received=1):
        shaken = now - timedelta(minutes=ago)
        return Peer(site.interface, site.site_key, "[::1]:51820", shaken, received, 1, 25)

    # It is up, and has another address by its name than it has now; nothing else is asked.
    wireguard.peers_now = [peer(1)]
    await watch.look()
    assert {one.device for one in await explainer.problems("home", zone=UTC)} == set(heard)
    [(interface, key, endpoint)] = wireguard.moved or [(site.interface, site.site_key, "")]
    assert (interface, key) == (site.interface, site.site_key)
    assert endpoint in {"", "127.0.0.1:51820"}  # the machine's localhost may be of one family

    # Its last handshake is long ago: the interface was made anew.
    watch.saw([], now)
    wireguard.peers_now = [peer(19, 2)]
    await watch.look()
    found = await explainer.problems("home", zone=UTC)
    [told] = [one for one in found if one.kind == "tunnel"]
    since = Clock(now, UTC).at(now - timedelta(minutes=19))
    assert str(told) == (
        f"Beach house: tunnel down since {since}; 3 of its 4 sensors are silent because of it"
    )
    assert {one.device for one in found} == {None, "elsewhere", "before"}
    said = (await explainer.device("home", "s1", zone=UTC)).headline.text
    assert f"the tunnel of Beach house is down since {since}" in said
    said = (await explainer.device("home", "before", zone=UTC)).headline.text
    assert "tunnel" not in said

    around = Around("home", now, await ZoneService(store).of("home"), {}, {})
    rule = Rule(1, "", RuleKind.TUNNEL, RuleOptions())
    patient = Rule(2, "", RuleKind.TUNNEL, RuleOptions(lasting_s=1800))
    source = TunnelSource(explainer)
    first, second = await source.look(around, [rule, patient], {})
    [begun] = first.begun
    assert (begun.name, begun.since) == ("Beach house", now - timedelta(minutes=19))
    assert "3 of its 4 sensors are silent because of it" in begun.text
    assert not second.begun
    # Another tenant is told nothing of it.
    await store.ensure_tenant("school")
    assert await explainer.problems("school") == []
