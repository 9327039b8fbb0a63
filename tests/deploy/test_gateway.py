"""What runs on a gateway, with real WireGuard, nftables, dnsmasq and packets: endpoints that
follow names, named hosts through the tunnel, the sensors' own network.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys

import pytest

from hub.sites.named_routes import dnsmasq_lines
from tests.support.tunnel import HOST, HUB, SENSOR, tunnel_world

SCRIPT = "hub/sites/files/dormouse-refresh"
MEDIA = ("203.0.113.9", "2001:db8:9::9")
# A server of many ports, at all addresses of its namespace.
SERVE = """
import asyncio, sys
async def main():
    for port in map(int, sys.argv[1:]):
        for host in ("0.0.0.0", "::"):
            await asyncio.start_server(lambda r, w: w.close(), host, port, backlog=5)
    print("ready", flush=True)
    await asyncio.sleep(600)  # until it is ended
asyncio.run(main())
"""
# Which of many are reached within 2 s, all tried at once.
TRY = """
import asyncio, json, sys
async def one(host, port):
    try:
        await asyncio.wait_for(asyncio.open_connection(host, port), 2)
        return True
    except (OSError, TimeoutError):
        return False
async def main():
    pairs = json.loads(sys.argv[1])
    print(json.dumps(await asyncio.gather(*(one(*pair) for pair in pairs))))
asyncio.run(main())
"""


def said(where, *command):
    """What a command says, and its exit status."""
    done = subprocess.run(
        [*where.within, *command], check=False, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def dormouse(where, *arguments):
    return said(where, sys.executable, "-m", "host", *arguments)


@contextlib.asynccontextmanager
async def serving(where, *ports):
    process = await asyncio.create_subprocess_exec(
        *where.within, sys.executable, "-c", SERVE, *map(str, ports), stdout=subprocess.PIPE
    )
    try:
        assert await process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.kill()
        await process.wait()


def reached(where, *pairs):
    return json.loads(where.run(sys.executable, "-c", TRY, json.dumps(pairs)))


def endpoints(world):
    """By interface and peer where each is."""
    return {
        (interface, key): endpoint
        for interface in ("dm-beach", "dm-other")
        for line in world.gateway.run("wg", "show", interface, "endpoints").splitlines()
        for key, endpoint in [line.split("\t")]
    }


@pytest.fixture(params=["python", "busybox"])
def refresh(request, tmp_path):
    """Both versions of the refresh: the command, and the script as OpenWrt's shell runs it."""

    def run(world, folder=None):
        folder = str(folder or world.configs(world.gateway))
        if request.param == "python":
            state = str(tmp_path / "peers.json")
            return dormouse(world.gateway, "site", "refresh", "--folder", folder, "--state", state)
        return said(world.gateway, "busybox", "ash", SCRIPT, folder)

    return run


async def test_an_endpoint_follows_its_name_and_others_are_left_alone(tmp_path, refresh):
    with tunnel_world(tmp_path) as world:
        site = world.tunnel()
        # A second interface, whose peer never answers; and a peer without an endpoint.
        stranger, silent = ("A" * 42 + "E=", "B" * 42 + "E=")
        key = world.gateway.run("wg", "genkey").strip()
        world.up(
            world.gateway,
            "dm-other.conf",
            f"[Interface]\nPrivateKey = {key}\n[Peer]\nPublicKey = {stranger}\n"
            f"Endpoint = {HOST}:9\nPersistentKeepalive = 25\n[Peer]\nPublicKey = {silent}\n",
        )
        await world.reached(world.sensors, HUB)
        before = endpoints(world)
        assert refresh(world) == (0, "")
        assert endpoints(world) == before
        world.home_moves("198.51.100.77")
        status, text = refresh(world)
        assert (status, "is at 198.51.100.77:51821 now, was at" in text) == (0, True), text
        await world.reached(world.sensors, HUB)
        assert endpoints(world) == {
            **before, ("dm-beach", site.hub_key): "198.51.100.77:51821"
        }  # fmt: skip
        world.home_moves("2001:db8::77")
        assert refresh(world)[0] == 0
        await world.reached(world.sensors, HUB)
        moved = {**before, ("dm-beach", site.hub_key): "[2001:db8::77]:51821"}
        assert endpoints(world) == moved
        # The one in use stays while the name has it, whatever the others are.
        world.named("198.51.100.5", "2001:db8::5", "2001:db8::77", "198.51.100.6")
        assert refresh(world) == (0, "")
        # A resolver that is away, a name that is gone, a file that others can read: a line each.
        world.named()
        status, text = refresh(world)
        assert (status, text.count("\n"), f"{HOST} does not resolve" in text) == (1, 1, True), text
        world.resolver_away()
        status, text = refresh(world)
        assert (status, text.count("\n"), f"{HOST} does not resolve" in text) == (1, 1, True), text
        world.resolver_back()
        for path in world.configs(world.gateway).iterdir():
            path.chmod(0o644 if path.name == "dm-beach.conf" else 0o600)
        _, text = refresh(world)
        assert text.count("\n") == 1
        assert "holds a private key, and others can read it" in text
        assert endpoints(world) == moved


async def test_named_hosts_are_reached_through_the_tunnel(tmp_path):
    name = "media.example.org"
    state = str(tmp_path / "routes.json")
    with tunnel_world(tmp_path, dnsmasq_lines([name])) as world:
        world.tunnel()
        for one, length in zip(MEDIA, (32, 128), strict=True):
            world.home.ip(f"addr add {one}/{length} dev lo")
        world.named("198.51.100.10", media=" ".join([*MEDIA, MEDIA[0]]))
        await world.reached(world.sensors, HUB)
        for one in MEDIA:
            assert said(world.sensors, "ping", "-c1", "-W1", one)[0] != 0
        status, text = dormouse(world.gateway, "site", "check", "dm-beach", "--host", name)
        assert status == 1
        assert "no table inet dormouse_routes" in text
        command = ("site", "routes", "dm-beach", "--host", name, "--state", state)
        status, text = dormouse(world.gateway, *command)
        assert status == 0, text
        for one in MEDIA:
            await world.reached(world.sensors, one)
        assert dormouse(world.gateway, "site", "check", "dm-beach", "--host", name) == (
            0, "nothing is missing\n",
        )  # fmt: skip

        def held(kind):
            listed = json.loads(
                world.gateway.run("nft", "-j", "list", "set", "inet", "dormouse_routes", kind)
            )
            [found] = [one["set"] for one in listed["nftables"] if "set" in one]
            # Each ends by itself.
            assert all(one["elem"]["expires"] > 0 for one in found.get("elem", []))
            return sorted(one["elem"]["val"] for one in found.get("elem", []))

        assert (held("hosts4"), held("hosts6")) == ([MEDIA[0]], [MEDIA[1]])
        # dnsmasq fills its own, both families of them, when the name is asked for.
        assert (held("seen4"), held("seen6")) == ([], [])
        world.gateway.run("getent", "ahosts", name)
        assert (held("seen4"), held("seen6")) == ([MEDIA[0]], [MEDIA[1]])
        # Another round replaces ours as a whole; a name that is gone keeps what it had.
        world.named("198.51.100.10", media="203.0.113.10")
        assert dormouse(world.gateway, *command)[0] == 0
        assert held("hosts4") == ["203.0.113.10", MEDIA[0]]
        world.named("198.51.100.10")
        status, text = dormouse(world.gateway, *command)
        assert (status, "keeps what it had" in text) == (1, True), text
        assert held("hosts4") == ["203.0.113.10", MEDIA[0]]
        assert held("hosts6") == [MEDIA[1]]
        # What a router's update takes away is named.
        world.gateway.run("nft", "delete", "table", "inet", "dormouse_routes")
        world.gateway.ip("-6 rule del fwmark 0x646d")
        status, text = dormouse(world.gateway, "site", "check", "dm-beach", "--host", name)
        assert (status, len(text.splitlines())) == (1, 2), text
        assert "no rule leads marked packets to table 25709 (ip -6)" in text


async def test_sensors_reach_the_hubs_two_ports_and_nothing_else(tmp_path):
    hub = ("198.51.100.10", "2001:db8::10")
    other = ("198.51.100.11", "2001:db8::11")
    with tunnel_world(tmp_path) as world:
        for addresses in (hub, other):
            for one, length in zip(addresses, (24, 64), strict=True):
                world.home.run(
                    "ip", "addr", "replace", f"{one}/{length}", "dev", "wan",
                    *(["nodad"] if length == 64 else []),
                )  # fmt: skip
        world.home.ip("route add 192.168.57.0/24 via 198.51.100.200")
        world.home.ip("-6 route add fd57:1::/64 via 2001:db8::200")
        rules = (
            "site", "firewall", "--sensors", "lan", "--home", "wan", "--hub", hub[0],
            "--hub", hub[1], "--router", "dhcp",
        )  # fmt: skip
        ports = (1883, 1884, 80, 22)
        async with serving(world.home, *ports), serving(world.sensors, 8266), serving(
            world.gateway, 80, 5353
        ):  # fmt: skip
            await world.reached(world.sensors, hub[0])
            await world.reached(world.sensors, hub[1])
            beyond = [(one, port) for one in (*hub, *other) for port in ports]
            own = [("192.168.57.1", 80), ("fd57:1::1", 80), ("198.51.100.200", 5353)]
            assert all(reached(world.sensors, *beyond, *own))
            status, text = dormouse(world.gateway, *rules, "--load")
            assert status == 0, text
            allowed = [one in hub and port in {1883, 1884} for one, port in beyond]
            assert reached(world.sensors, *beyond, *own) == [*allowed, False, False, False]
            # The home reaches them, and is not answered by a port that nobody opened.
            assert reached(world.home, *((one, 8266) for one in SENSOR)) == [True, True]
            for one in SENSOR:
                assert said(world.home, "ping", "-c1", "-W2", one)[0] == 0
            for one in (*hub, *other):
                assert said(world.sensors, "ping", "-c1", "-W1", one)[0] != 0
            # Loaded again, and with a mistake in it: as a whole, or not at all.
            assert dormouse(world.gateway, *rules, "--load")[0] == 0
            listed = world.gateway.run("nft", "list", "ruleset")
            broken = tmp_path / "broken.nft"
            printed = dormouse(world.gateway, *rules)[1]
            broken.write_text(printed.replace("counter drop", "counter dropp", 1))
            assert said(world.gateway, "nft", "-f", str(broken))[0] != 0
            assert world.gateway.run("nft", "list", "ruleset").count("drop") == listed.count("drop")

            # The doctor, from both sides.
            status, text = dormouse(world.home, "hub", "doctor", "network", "--sensor", SENSOR[0])
            assert (status, text.count("good")) == (0, 2), text
            ask = (
                "hub", "doctor", "network", "--hub", hub[0], "--hub", hub[1], "--home", other[0],
                "--outside", other[1],
            )  # fmt: skip
            status, text = dormouse(world.sensors, *ask)
            assert (status, "BAD" in text) == (0, False), text
            # Who knocks without end is slowed down, by its address: by its other it gets in.
            knocks = reached(world.sensors, *[(hub[0], 1883)] * 100)
            assert 0 < sum(knocks) < 50
            assert reached(world.sensors, (hub[1], 1883)) == [True]
            world.gateway.run("nft", "delete", "table", "inet", "dormouse_sensors")
            status, text = dormouse(world.sensors, *ask)
            assert (status, f"sensors do not reach {other[0]} at home: BAD" in text) == (57, True)
