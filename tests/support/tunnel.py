"""A home and a beach house in network namespaces of their own, joined by WireGuard.

    home (the hub) -- 198.51.100.0/24, 2001:db8::/64 -- gateway -- 192.168.57.0/24 -- sensors

wireguard-go and wg-quick are the real ones, and so is the dnsmasq that the gateway asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from hub.sites.configuration import files
from hub.sites.keys import KeyPair, shared_key
from hub.sites.model import Site
from tests.support.netns import Namespace, namespace

__all__ = ["HOST", "HUB", "SENSOR", "SITE", "TunnelWorld", "tunnel_world"]

HOST = "home.example.org"
HUB, SITE = "10.86.0.5", "10.86.0.6"
NETWORKS = (ip_network("192.168.57.0/24"), ip_network("fd57:1::/64"))
SENSOR = ("192.168.57.20", "fd57:1::20")
_FIRST = {4: "198.51.100.10", 6: "2001:db8::10"}
_GATEWAY = {4: "198.51.100.200", 6: "2001:db8::200"}
_LENGTH = {4: 24, 6: 64}
# `ip netns exec` gives each command a mount namespace, in which these have sockets of their own.
_APART = 'mkdir -p "$0" /run/wireguard && mount --bind "$0" /run/wireguard && exec "$@"'
NEEDED = ("wg", "wg-quick", "wireguard-go", "dnsmasq", "nft")


class Router(Namespace):
    """A namespace with WireGuard's sockets apart from others'."""

    @property
    def within(self) -> tuple[str, ...]:
        sockets = f"/run/{self.name}-wireguard"
        return ("ip", "netns", "exec", self.name, "sh", "-c", _APART, sockets)


class TunnelWorld:
    """What the three are, and how the home's address changes."""

    def __init__(
        self, folder: Path, home: Namespace, gateway: Namespace, sensors: Namespace
    ) -> None:
        self.folder = folder
        self.home, self.gateway = Router(home.name), Router(gateway.name)
        self.sensors = sensors
        self.addresses = {_FIRST[4]}
        self._hosts = folder / "hosts"
        self._dns: subprocess.Popen[bytes] | None = None
        self._servers: list[subprocess.Popen[bytes]] = []
        self.interfaces: list[tuple[Namespace, Path]] = []

    def cable(self) -> None:
        """The links, and addresses before any tunnel."""
        for one in (self.home, self.gateway, self.sensors):
            one.ip("link set lo up")
        self.home.ip(f"link add wan type veth peer name wan netns {self.gateway.name}")
        self.gateway.ip(f"link add lan type veth peer name lan netns {self.sensors.name}")
        for one, link in (
            (self.home, "wan"), (self.gateway, "wan"), (self.gateway, "lan"), (self.sensors, "lan")
        ):  # fmt: skip
            one.ip(f"link set {link} up")
        self.home.ip(f"addr add {_FIRST[4]}/24 dev wan")
        for version, address in _GATEWAY.items():
            self.gateway.ip(f"addr add {address}/{_LENGTH[version]} dev wan {_nodad(version)}")
        for one, host in ((self.gateway, 1), (self.sensors, 20)):
            one.ip(f"addr add 192.168.57.{host}/24 dev lan")
            one.ip(f"addr add fd57:1::{host}/64 dev lan nodad")
        self.sensors.ip("route add default via 192.168.57.1")
        self.sensors.ip("-6 route add default via fd57:1::1")
        forward = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.gateway.run("sysctl", "-qw", *forward)

    def name_server(self, lines: str = "") -> None:
        """The gateway's, which knows the home by its name.

        With `lines` of its configuration it asks another, as a router does: what dnsmasq knows
        itself fills no sets.
        """
        self._hosts.write_text("".join(f"{one} {HOST}\n" for one in sorted(self.addresses)))
        known = f"addn-hosts={self._hosts}\nlocal-ttl=0\n"
        if lines:
            self._dnsmasq("front", "127.0.0.1", f"server=127.0.0.2\ncache-size=0\n{lines}")
        self._dns = self._dnsmasq("dnsmasq", "127.0.0.2" if lines else "127.0.0.1", known)

    def _dnsmasq(self, name: str, address: str, lines: str) -> subprocess.Popen[bytes]:
        conf = self.folder / f"{name}.conf"
        conf.write_text(lines)
        process = subprocess.Popen(
            [*self.gateway.within, "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts",
             f"--listen-address={address}", "--bind-interfaces", "--user=root",
             f"--pid-file={self.folder / name}.pid", f"--conf-file={conf}"],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._servers.append(process)
        return process

    def resolver_away(self) -> None:
        """No answer any more."""
        assert self._dns is not None
        self._dns.send_signal(signal.SIGSTOP)

    def resolver_back(self) -> None:
        assert self._dns is not None
        self._dns.send_signal(signal.SIGCONT)

    def named(self, *addresses: str, **others: str) -> None:
        """What the home's name stands for from now on, and `name="address address"` of others."""
        assert self._dns is not None
        every = [(one, HOST) for one in addresses]
        every += [
            (one, f"{name}.example.org") for name, ones in others.items() for one in ones.split()
        ]
        self._hosts.write_text("".join(f"{one} {name}\n" for one, name in every))
        pid = int((self.folder / "dnsmasq.pid").read_text())
        subprocess.run(["kill", "-HUP", str(pid)], check=True)

    def home_moves(self, address: str) -> None:
        """The home has another address, and its name says so; the old one is nobody's."""
        version = ip_address(address).version
        for old in self.addresses:
            self.home.ip(f"addr del {old}/{_LENGTH[ip_address(old).version]} dev wan")
        self.home.ip(f"addr add {address}/{_LENGTH[version]} dev wan {_nodad(version)}")
        self.addresses = {address}
        self.named(address)

    def tunnel(self, site: Site | None = None) -> Site:
        """Both ends by the files that `dormouse site add` makes, brought up by wg-quick."""
        hub, gateway = KeyPair.make(), KeyPair.make()
        site = site or Site(
            1, "beach", 1, None, "Beach house", NETWORKS, (),
            f"{HOST}:51821", "", ip_address(HUB), ip_address(SITE), hub.public, gateway.public,
            "ann", datetime(2026, 3, 1, tzinfo=UTC),
        )  # fmt: skip
        made = replace(site, hub_key=hub.public, site_key=gateway.public)
        ours, theirs, _ = files(made, hub, gateway, shared_key())
        self.up(self.home, ours.name, ours.text)
        self.up(self.gateway, theirs.name, theirs.text)
        return made

    def up(self, where: Namespace, name: str, text: str) -> Path:
        """An interface by wg-quick's file; where the file is."""
        folder = self.folder / where.name
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(text)
        path.chmod(0o600)
        where.run(
            "env", "WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go", "wg-quick", "up", str(path)
        )
        self.interfaces.append((where, path))
        return path

    def configs(self, where: Namespace) -> Path:
        """The folder of its configuration files."""
        return self.folder / where.name

    def end(self) -> None:
        """Take everything down again."""
        for where, path in self.interfaces:
            with contextlib.suppress(AssertionError):
                where.run("wg-quick", "down", str(path))
        for server in self._servers:
            server.kill()
            server.wait()
        for where in (self.home, self.gateway):
            shutil.rmtree(f"/run/{where.name}-wireguard", ignore_errors=True)
            shutil.rmtree(f"/etc/netns/{where.name}", ignore_errors=True)

    async def reached(self, where: Namespace, address: str, limit_s: float = 60) -> None:
        """Wait until an address answers."""
        async with asyncio.timeout(limit_s):
            while True:
                ping = await asyncio.create_subprocess_exec(
                    *where.within, "ping", "-c1", "-W1", address, stdout=subprocess.DEVNULL
                )
                if await ping.wait() == 0:
                    return


def _nodad(version: int) -> str:
    return "nodad" if version == 6 else ""


@contextlib.contextmanager
def tunnel_world(folder: Path, dnsmasq: str = "") -> Iterator[TunnelWorld]:
    """The three, cabled; no tunnel yet. `dnsmasq`: lines for the gateway's name server."""
    missing = [one for one in NEEDED if shutil.which(one, path="/usr/bin:/usr/sbin:/sbin") is None]
    if missing or not Path("/dev/net/tun").exists():
        pytest.skip(f"needs {', '.join(missing) or '/dev/net/tun'}: sh .ci/packages deploy")
    with namespace() as home, namespace() as gateway, namespace() as sensors:
        world = TunnelWorld(folder, home, gateway, sensors)
        etc = Path(f"/etc/netns/{gateway.name}")
        try:
            etc.mkdir(parents=True)
            (etc / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
            world.cable()
            world.name_server(dnsmasq)
            yield world
        finally:
            world.end()
