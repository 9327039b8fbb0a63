"""`dormouse site refresh`: what a gateway does by itself, without a hub."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hub.client import Json
from hub.sites import peer_file, wg_quick
from hub.sites.endpoints import NamedPeer
from hub.sites.errors import GatewayError
from hub.sites.refresh import Refreshed, refresh
from hub.sites.wireguard import WireGuard

__all__ = ["mount"]

# s: with a look-up's own limit this is within 30 s of a change.
_SHORTEST_S, _LONGEST_S = 1.0, 3600.0


def mount(group: typer.Typer) -> None:
    """Add the commands of a gateway to `dormouse site`."""
    group.command("refresh")(refresh_)
    group.command()(forward)


def refresh_(
    interface: Annotated[
        list[str] | None, typer.Argument(help="of these interfaces alone; else of all")
    ] = None,
    *,
    folder: Annotated[
        Path, typer.Option(help="where wg-quick's files are, which have the names")
    ] = wg_quick.FOLDER,
    every: Annotated[
        float | None, typer.Option(help="go on, in so many seconds; else once")
    ] = None,
    state: Annotated[
        Path, typer.Option(help="where a hub without rights reads how the tunnels are")
    ] = peer_file.FILE,
    as_json: Json = False,
) -> None:
    """Look the names of tunnels' ends up again; who is found elsewhere gets the new address.

    Peers without an endpoint, and those that never shook hands, are left alone.
    """
    if every is not None and not _SHORTEST_S <= every <= _LONGEST_S:
        raise typer.BadParameter(
            f"{every:g}: {_SHORTEST_S:g} to {_LONGEST_S:g}", param_hint="--every"
        )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_refresh(interface or [], folder, every, state, as_json=as_json))


def forward(
    config: Annotated[Path, typer.Argument(help="forward.json of `dormouse site forwarder`")],
    *,
    queue: Annotated[
        Path | None, typer.Option(help="the file in which messages wait; else beside the other")
    ] = None,
) -> None:
    """Keep what a site's devices say on disk, and bring it to the hub with honest times."""
    from hub.sites.forward import Forward, ForwardSettings  # noqa: PLC0415  # no other needs them
    from hub.sites.waiting import WaitingMessages  # noqa: PLC0415  # no other needs them

    settings = ForwardSettings.of(config)

    async def run(waiting: WaitingMessages) -> None:
        await Forward(settings, waiting).run()

    with (
        contextlib.suppress(KeyboardInterrupt),
        WaitingMessages(queue or config.with_suffix(".waiting")) as waiting,
    ):
        asyncio.run(run(waiting))


async def _refresh(
    interfaces: list[str], folder: Path, every: float | None, state: Path, *, as_json: bool
) -> None:
    before: list[str] = []
    while True:
        try:
            done = await _once(interfaces, folder, state)
        except GatewayError as error:
            # A service goes on: the interface may come later.
            if every is None:
                raise
            done = Refreshed(problems=[str(error)])
        if every is None:
            _say(done, as_json=as_json)
            raise typer.Exit(1 if done.problems else 0)
        # What is wrong for days is said once.
        _say(
            Refreshed(done.moved, [one for one in done.problems if one not in before]),
            as_json=as_json,
        )
        before = done.problems
        await asyncio.sleep(every)


async def _once(interfaces: list[str], folder: Path, state: Path) -> Refreshed:
    wireguard = WireGuard()
    peers = await wireguard.peers()
    named, problems = _named(interfaces, folder, {peer.interface for peer in peers})
    now = datetime.now(UTC)
    done = await refresh(wireguard, peers, named, now)
    done.problems[:0] = problems
    try:
        peer_file.write(peers, now, state)
    except OSError as error:
        done.problems.append(f"{state}: {error.strerror}")
    return done


def _named(interfaces: list[str], folder: Path, up: set[str]) -> tuple[list[NamedPeer], list[str]]:
    """The peers with a name of the interfaces that are up, and the files that cannot be used."""
    missing = sorted(set(interfaces) - up)
    if missing:
        raise GatewayError(f"there is no WireGuard interface {missing[0]}: `wg show interfaces`")
    named: list[NamedPeer] = []
    problems: list[str] = []
    for one in sorted(interfaces or up):
        try:
            if interfaces or (folder / f"{one}.conf").exists():
                named += wg_quick.peers_of_file(folder / f"{one}.conf")
        except (GatewayError, OSError) as error:
            problems.append(str(error))
    return named, problems


def _say(done: Refreshed, *, as_json: bool) -> None:
    if as_json:
        moved = [
            {"interface": one.interface, "host": one.host, "before": one.before,
             "endpoint": one.endpoint}
            for one in done.moved
        ]  # fmt: skip
        typer.echo(json.dumps({"moved": moved, "problems": done.problems}, ensure_ascii=False))
        return
    for one in done.moved:
        typer.echo(f"{one.interface}: {one.host} is at {one.endpoint} now, was at {one.before}")
    for problem in done.problems:
        typer.echo(problem, err=True)
