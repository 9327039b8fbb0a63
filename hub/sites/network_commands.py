"""`dormouse site routes|check|firewall|files`: what a gateway is given."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from hub.client import Json
from hub.sites import gateway, named_routes, openwrt_routes, route_work
from hub.sites.errors import GatewayError
from hub.sites.names import interface_name
from hub.sites.sensor_network import SensorNetwork, nftables, openwrt

__all__ = ["mount"]

Interface = Annotated[str, typer.Argument(help="the tunnel's interface, such as dm-beach")]
Host = Annotated[list[str] | None, typer.Option("--host", help="a host's name; several times")]
Names = Annotated[
    Path | None, typer.Option("--names", help="a file with a name a line (# begins a remark)")
]


def mount(group: typer.Typer) -> None:
    """Add the commands of a gateway's network to `dormouse site`."""
    for command in (routes, check, firewall, files):
        group.command()(command)


def routes(
    interface: Interface,
    host: Host = None,
    names: Names = None,
    *,
    dnsmasq: Annotated[
        bool, typer.Option("--dnsmasq", help="print lines for dnsmasq instead")
    ] = False,
    openwrt_files: Annotated[
        bool, typer.Option("--openwrt", help="print a script for OpenWrt instead")
    ] = False,
    state: Annotated[Path, typer.Option(help="what the names had before")] = route_work.FILE,
    as_json: Json = False,
) -> None:
    """Lead packets to named hosts into a tunnel; run it again every ten minutes."""
    wanted = _names(host, names)
    interface_name(interface)
    if dnsmasq:
        typer.echo(named_routes.dnsmasq_lines(wanted), nl=False)
        return
    if openwrt_files:
        typer.echo(openwrt_routes.script(interface, wanted), nl=False)
        return
    found = asyncio.run(route_work.apply(interface, wanted, state))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        for name, addresses in found.items():
            typer.echo(
                f"{name}: {', '.join(addresses) or 'does not resolve: it keeps what it had'}"
            )
    raise typer.Exit(0 if all(found.values()) else 1)


def check(
    interface: Interface, host: Host = None, names: Names = None, *, as_json: Json = False
) -> None:
    """Say what of a tunnel's routes is missing, as after an update; status 1 if anything is."""
    wanted = _names(host, names) if host or names else []
    found = list(route_work.missing(interface_name(interface), wanted))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        for line in found or ["nothing is missing"]:
            typer.echo(line)
    raise typer.Exit(1 if found else 0)


def firewall(
    *,
    sensors: Annotated[str, typer.Option(help="the router's interface to the sensors: eth0.20")],
    home: Annotated[str, typer.Option(help="the router's interface to the home: br-lan")],
    hub: Annotated[list[str], typer.Option(help="the hub's address; several times")],
    port: Annotated[
        list[int] | None, typer.Option(help="the hub's two ports; else 1883 and 1884")
    ] = None,
    router: Annotated[
        str, typer.Option(help="what the router answers sensors: dhcp, dns, ntp; or none")
    ] = "dhcp,dns",
    dns: Annotated[list[str] | None, typer.Option(help="a name server beyond the router")] = None,
    ntp: Annotated[list[str] | None, typer.Option(help="a time server beyond the router")] = None,
    here: Annotated[bool, typer.Option("--here", help="the router is the hub's machine")] = False,
    openwrt_: Annotated[bool, typer.Option("--openwrt", help="for `uci batch` instead")] = False,
    load: Annotated[
        bool, typer.Option("--load", help="load it now (nft), instead of printing it")
    ] = False,
) -> None:
    """Print the rules of the sensors' own network: they reach the hub's two ports, nothing else."""
    answers = {part.strip() for part in router.split(",")} - {"", "none"}
    given = tuple(port or (1883, 1884))
    network = SensorNetwork(
        sensors, home, hub, given, frozenset(answers), dns or (), ntp or (), hub_is_here=here
    )
    if not load:
        typer.echo(openwrt(network) if openwrt_ else nftables(network), nl=False)
        return
    if openwrt_:
        raise typer.BadParameter("--load is for nftables; on OpenWrt: uci batch < FILE")
    gateway.nft(nftables(network))
    typer.echo(f"loaded; after a restart of {network.sensors} load it again (docs/sites.md)")


def files(
    out: Annotated[Path, typer.Argument(help="a folder, which is made if it is missing")],
) -> None:
    """Write what keeps endpoints fresh: systemd's timer, and a script for OpenWrt."""
    program = shutil.which("dormouse") or str(Path(sys.argv[0]).resolve())
    try:
        out.mkdir(parents=True, exist_ok=True)
        for one in resources.files("hub.sites").joinpath("files").iterdir():
            text = one.read_text("utf-8").replace("@DORMOUSE@", program)
            path = out / one.name
            path.write_text(text, "utf-8")
            path.chmod(0o755 if text.startswith("#!") else 0o644)
            typer.echo(path)
    except OSError as error:
        raise GatewayError(f"{out}: {error.strerror}") from None


def _names(host: list[str] | None, names: Path | None) -> list[str]:
    every = list(host or ())
    if names is not None:
        try:
            lines = names.read_text("utf-8").splitlines()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is no text"
            raise GatewayError(f"{names}: {reason}") from None
        every += [bare for line in lines if (bare := line.partition("#")[0].strip())]
    if not every:
        raise typer.BadParameter("name a host: --host media.example.org, or --names FILE")
    return named_routes.hosts(every)
