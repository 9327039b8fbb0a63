"""A tunnel that is down is said once, of its site, and not of each of its sensors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from zoneinfo import ZoneInfo

from contracts.show import Clock
from hub.devices.repository import DeviceRepository
from hub.explain.problems import Explainer
from hub.homekit.service import HomeKitService
from hub.mqtt.enrolment import Enroller, EnrolmentGate
from hub.notifications.finding import Around
from hub.notifications.model import Alert, Rule, RuleKind, RuleOptions
from hub.notifications.sources.silent import SilentSource
from hub.notifications.sources.tunnels import TunnelSource
from hub.places.service import PlaceService
from hub.runtime.problems import Problems
from hub.settings import Enrolment
from hub.sites.errors import GatewayError
from hub.sites.model import NewSite, Site
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


class World:
    """A hub with sites and devices whose clock and WireGuard are the test's."""

    def __init__(self, store, accounts) -> None:
        self.now = datetime.now(UTC)
        self.store, self.accounts, self.refused = store, accounts, Problems()
        self.wireguard, self.places = Interface(), PlaceService(store)
        self.begin()

    def begin(self) -> None:
        """The hub's process begins, and has not looked at anything yet."""
        self.watch = SiteWatch(self.store, clock=lambda: self.now, wireguard=self.wireguard)
        self.sites = SiteService(
            self.store, self.places, self.watch, SiteSettings("home.example.org"), own=list,
            accounts=self.accounts, mqtt_port=lambda: 1883,
        )  # fmt: skip
        gate = EnrolmentGate(Enrolment.CLOSED, "home")
        self.explainer = Explainer(
            self.store, homekit=HomeKitService(dict), accounts=self.accounts,
            enroller=Enroller(self.accounts, gate, self.refused), refused=self.refused,
            outages=Outages(), tunnels=self.watch,
        )  # fmt: skip
        self.tunnels = TunnelSource(self.explainer)
        self.silent = SilentSource(self.store, self.explainer)

    async def site(self, name: str, network: str, *place: str, **more: str) -> Site:
        new = NewSite(name, (ip_network(network),), place=place, **more)
        return (await self.sites.add("home", new, "ann")).site

    async def heard(self, device: str, minutes: float, *place: str, every: float | None = EVERY):
        at = self.now - timedelta(minutes=minutes)
        await DeviceRepository(self.store.of("home")).report(device, {"a": 1}, at, every)
        if place:
            await self.places.put("home", device, place, "ann")

    def peer(self, site: Site, minutes: float | None, received: int = 1) -> Peer:
        """As WireGuard has it when the last handshake was so long ago."""
        shaken = None if minutes is None else self.now - timedelta(minutes=minutes)
        return Peer(site.interface, site.site_key, "[::1]:51820", shaken, received, 1, 25)

    async def sees(self, *peers: Peer) -> None:
        self.wireguard.peers_now = list(peers)
        await self.watch.look()

    async def around(self) -> Around:
        zones = await ZoneService(self.store).of("home")
        return Around("home", self.now, zones, {}, {}, tells_tunnels=True)

    async def problems(self) -> dict[str, str]:
        found = await self.explainer.problems("home", now=self.now, zone=UTC)
        return {one.device or one.name: one.text for one in found}

    def clock(self, minutes: float) -> str:
        return Clock(self.now, UTC).at(self.now - timedelta(minutes=minutes))


async def test_its_sensors_are_silent_because_of_it(store, accounts):
    world = World(store, accounts)
    now, watch, wireguard = world.now, world.watch, world.wireguard
    explainer, sites, places = world.explainer, world.sites, world.places
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


def alerts_of(findings, rule: Rule) -> dict[int, dict[str, Alert]]:
    """What was begun, as open alerts."""
    return {
        rule.id: {
            one.subject: Alert(
                1,
                rule.id,
                rule.kind,
                one.subject,
                None,
                one.place,
                one.name,
                one.text,
                urgent=False,
                since=one.since,
                opened_at=one.since,
            )
            for one in findings.begun
        }
    }


async def test_two_sites_and_one_that_comes_back(store, accounts):
    """Each has its own; who was cut off gets its time to be heard, and no message meanwhile."""
    world = World(store, accounts)
    beach = await world.site("beach", "192.168.57.0/24", "Beach house")
    school = await world.site("school", "192.168.58.0/24", "School")
    await world.heard("b1", 61, "Beach house", "Hall")
    await world.heard("b2", 62, "Beach house")
    await world.heard("s1", 31, "School")
    await world.heard("s2", 1, "School")
    await world.heard("alone", 61)
    # One that stays awake, and was missed before the tunnel went down.
    await world.heard("awake", 60 + 3 * 60, "Beach house", every=None)
    down, up = world.peer(beach, 60), world.peer(school, 1)
    await world.sees(down, up)
    found = await world.problems()
    since = world.clock(60)
    assert found["Beach house"] == (
        f"tunnel down since {since}; 2 of its 3 sensors are silent because of it"
    )
    assert set(found) == {"Beach house", "s1", "alone", "awake"}
    assert "tunnel" not in found["awake"] + found["s1"] + found["alone"]

    tunnel = Rule(1, "", RuleKind.TUNNEL, RuleOptions())
    silent = Rule(2, "", RuleKind.SILENT, RuleOptions())
    [told] = await world.tunnels.look(await world.around(), [tunnel], {})
    assert [(one.subject, one.text) for one in told.begun] == [("site beach", found["Beach house"])]
    open_alerts = alerts_of(told, tunnel)
    [late] = await world.silent.look(await world.around(), [silent], {})
    assert {one.subject for one in late.begun} == {"s1", "alone", "awake"}

    # WireGuard does not answer; the hub begins anew and has not looked: that is no "up again".
    async def refuses():
        raise GatewayError("`wg show`: it failed")

    answers, world.wireguard.peers = world.wireguard.peers, refuses
    await world.watch.look()
    [told] = await world.tunnels.look(await world.around(), [tunnel], open_alerts)
    assert (told.begun, told.ended) == ([], {})
    world.wireguard.peers = answers
    world.begin()
    [told] = await world.tunnels.look(await world.around(), [tunnel], open_alerts)
    assert (told.begun, told.ended) == ([], {})
    await world.sees(world.peer(beach, None), up)  # the machine did
    [told] = await world.tunnels.look(await world.around(), [tunnel], open_alerts)
    assert (told.begun, told.ended) == ([], {})

    # It is back, and its devices sleep until their next wake.
    await world.sees(down, up)
    world.now += timedelta(seconds=10)
    await world.sees(world.peer(beach, 0, 2), world.peer(school, 0, 2))
    found = await world.problems()
    assert set(found) == {"s1", "alone", "awake"}
    said = (await world.explainer.device("home", "b1", now=world.now, zone=UTC)).headline.text
    assert "because the tunnel of its site was down when it was due" in said
    [told] = await world.tunnels.look(await world.around(), [tunnel], open_alerts)
    assert told.ended["site beach"].text == (
        f"its tunnel is up again, after being down since {since}"
    )
    [late] = await world.silent.look(await world.around(), [silent], {})
    assert {one.subject for one in late.begun} == {"s1", "alone", "awake"}

    # Still nothing when it was due again: that is its own.
    for minute in range(12):
        world.now += timedelta(minutes=1)
        await world.sees(world.peer(beach, 0, 3 + minute), world.peer(school, 0, 3 + minute))
    assert {"b1", "b2"} <= set(await world.problems())
    [late] = await world.silent.look(await world.around(), [silent], {})
    assert {"b1", "b2"} <= {one.subject for one in late.begun}

    # A site that is gone is not "up again".
    await world.sites.remove("home", "beach")
    await world.watch.look()
    [told] = await world.tunnels.look(await world.around(), [tunnel], open_alerts)
    assert told.ended["site beach"].text == "no longer watched: the site was removed"
    assert told.ended["site beach"].unwatched


async def test_a_tunnel_that_never_was_excuses_nobody_and_times_are_the_persons(store, accounts):
    world = World(store, accounts)
    beach = await world.site("beach", "192.168.57.0/24", "Beach house")
    await world.heard("b1", 61, "Beach house")
    await world.sees(world.peer(beach, None))
    assert set(await world.problems()) == {"b1"}
    rule = Rule(1, "", RuleKind.TUNNEL, RuleOptions())
    [told] = await world.tunnels.look(await world.around(), [rule], {})
    assert not told.begun
    await world.sees(world.peer(beach, 60))
    zone = ZoneInfo("Asia/Kathmandu")
    await ZoneService(store).set_tenant("home", zone.key)
    [told] = await world.tunnels.look(await world.around(), [rule], {})
    since = Clock(world.now, zone).at(world.now - timedelta(minutes=60))
    [begun] = told.begun
    assert begun.text == f"tunnel down since {since}; its sensor is silent because of it"
    assert since != world.clock(60)
    [alone] = [
        one for one in await world.explainer.problems("home", now=world.now) if one.kind == "tunnel"
    ]
    assert alone.text == begun.text


async def test_a_machine_that_starts_anew_knows_that_a_tunnel_was_up_before(store, accounts):
    """Its WireGuard has no handshake then, which is not "never up"."""
    world = World(store, accounts)
    beach = await world.site("beach", "192.168.57.0/24", "Beach house")
    await world.heard("b1", 20, "Beach house")
    await world.sees(world.peer(beach, 1))
    for _ in range(7):  # it is written down now and then, and is when it falls silent
        world.now += timedelta(minutes=1)
        await world.sees(world.peer(beach, 1))
    await world.heard("b1", 1)
    last = world.now - timedelta(minutes=1)
    world.now += timedelta(minutes=3)
    await world.sees(world.peer(beach, 4))
    assert world.watch.state(beach.site_key).down_since == last

    world.begin()
    world.now += timedelta(minutes=30)
    await world.sees(world.peer(beach, None))
    assert world.watch.state(beach.site_key).said == "not known"  # it may shake hands at any moment
    rule = Rule(1, "", RuleKind.TUNNEL, RuleOptions())
    [told] = await world.tunnels.look(await world.around(), [rule], {})
    assert not told.begun
    world.now += timedelta(seconds=91)
    await world.sees(world.peer(beach, None))
    state = world.watch.state(beach.site_key)
    assert (state.said, state.down_since) == ("down", last)
    [told] = await world.tunnels.look(await world.around(), [rule], {})
    since = Clock(world.now, UTC).at(last)
    assert [one.text for one in told.begun] == [
        f"tunnel down since {since}; its sensor is silent because of it"
    ]
    world.now += timedelta(seconds=10)
    await world.sees(world.peer(beach, 0))
    assert world.watch.state(beach.site_key).said == "up"
    assert world.watch.cuts("home")["beach"] == [(last, world.now)]

    # The hub runs on, and the interface is made anew; the clock was ahead when it was heard.
    await world.sees()
    world.now -= timedelta(hours=1)
    world.watch.look_soon()
    await world.sees(world.peer(beach, None))
    began = world.now
    world.now += timedelta(seconds=91)
    await world.sees(world.peer(beach, None))
    assert world.watch.state(beach.site_key).down_since == began
