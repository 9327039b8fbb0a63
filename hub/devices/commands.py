"""Commands on what the database has of devices."""

from __future__ import annotations

import json

import typer

from hub.homekit.service import HomeKitService
from hub.settings import load

__all__ = ["devices", "gaps"]

_DATA_DIR = typer.Option(None, "--data-dir", help="where the hub's data lies")
_TENANT = typer.Option(None, "--tenant", help="whose; the setting TENANT otherwise")


def gaps(
    device: str | None = typer.Argument(None, help="of one device (name or id); of all otherwise"),
    tenant: str | None = _TENANT,
    data_dir: str | None = _DATA_DIR,
    *,
    as_json: bool = typer.Option(False, "--json", help="as JSON, for programs"),
) -> None:
    """Show readings that never came, by device and boot identity."""
    from hub.database.attach import run_query  # noqa: PLC0415  # starts faster
    from hub.database.database import Database  # noqa: PLC0415  # starts faster
    from hub.devices.repository import BootGaps, DeviceRepository  # noqa: PLC0415  # starts faster
    from hub.devices.service import DeviceService  # noqa: PLC0415  # starts faster

    settings = load(data_dir=data_dir, tenant=tenant)
    owner = settings.tenant

    async def query(store: Database) -> list[BootGaps]:
        repository = DeviceRepository(store.of(owner))
        if device is None:
            return await repository.gaps(None)
        devices = DeviceService(store, HomeKitService(dict))
        meant = await devices.named(device, [owner], lambda _: repository.names())
        return await repository.gaps(meant.id)

    found = run_query(settings, query)
    if as_json:
        members = ("device", "boot", "last", "held", "missing", "lost", "unexplained")
        rows = [{name: getattr(one, name) for name in members} for one in found]
        typer.echo(json.dumps(rows))
        return
    for one in found:
        missing = ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in one.missing) or "none"
        typer.echo(
            f"{one.device} {one.boot}: {one.held} of {one.last} held, missing {missing}, "
            f"{one.lost} thinned out by the device, {one.unexplained} unexplained"
        )


def devices(
    context: typer.Context,
    where: str | None = typer.Option(None, help="a jsonpath, as in '$.battery_mv < 2700'"),
    as_json: bool = typer.Option(False, "--json"),
    tenant: str | None = _TENANT,
    data_dir: str | None = _DATA_DIR,
    *,
    everywhere: bool = typer.Option(False, "--everywhere", help="of all tenants; asks the hub"),
) -> None:
    """Devices: who may connect; with --where those whose report or attributes match."""
    if context.invoked_subcommand is not None:
        return
    if everywhere:
        _everywhere(where, tenant, data_dir, as_json=as_json)
        return
    if where is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    from hub.database.attach import run_query  # noqa: PLC0415  # starts faster
    from hub.devices.documents import devices_where  # noqa: PLC0415  # starts faster

    settings = load(data_dir=data_dir, tenant=tenant)
    path = where
    found = run_query(settings, lambda store: devices_where(store.of(settings.tenant), path))
    for device in [json.dumps(found)] if as_json else found:
        typer.echo(device)


def _everywhere(
    where: str | None, tenant: str | None, data_dir: str | None, *, as_json: bool
) -> None:
    from hub.client import HubClient  # noqa: PLC0415  # starts faster

    with HubClient(load(data_dir=data_dir), "dormouse devices", tenant=tenant) as hub:
        found = hub.get("/everywhere/devices", **({} if where is None else {"where": where}))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        typer.echo("\t".join((one["tenant"], one["id"], one["name"] or "")))
