"""`dormouse hub doctor network`: the sensors' own network, tried from one side at a time."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from hub.client import Json
from hub.doctor.finding import DoctorFinding, DoctorKind, exit_status, of_kind
from hub.doctor.report import report
from hub.errors import SettingsError

__all__ = ["network"]


def network(
    *,
    hub: Annotated[
        list[str] | None,
        typer.Option(help="from the sensors' network: the hub's address; several times"),
    ] = None,
    port: Annotated[
        list[int] | None, typer.Option(help="a port that sensors reach; else 1883 and 1884")
    ] = None,
    home: Annotated[
        list[str] | None,
        typer.Option(help="from the sensors' network: an address at home that is not reached"),
    ] = None,
    sensor: Annotated[
        list[str] | None,
        typer.Option(help="from the hub's machine: an address in the sensors' network"),
    ] = None,
    outside: Annotated[
        list[str] | None,
        typer.Option(help="an address of the Internet that sensors do not reach"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try the sensors' own network: there with --hub, on the hub's machine with --sensor."""
    if bool(hub) == bool(sensor):
        raise SettingsError(
            "say which side this machine is on: --hub ADDRESS in the sensors' network, "
            "--sensor ADDRESS on the hub's machine"
        )
    from hub.doctor.network import OUTSIDE, from_home, from_sensors  # noqa: PLC0415  # only here
    from hub.sites.sensor_network import address  # noqa: PLC0415  # only here

    for text in (*(hub or ()), *(sensor or ()), *(home or ()), *(outside or ())):
        address(text)

    async def tried() -> list[DoctorFinding]:
        if sensor:
            return [finding async for finding in from_home(sensor)]
        sides = from_sensors(hub or (), port or (1883, 1884), home or (), outside or OUTSIDE)
        return [finding async for finding in sides]

    findings = list(of_kind(DoctorKind.NETWORK, asyncio.run(tried())))
    report(findings, as_json=as_json)
    raise typer.Exit(exit_status(findings))
