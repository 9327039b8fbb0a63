"""Commands on what the database has of devices."""

from __future__ import annotations

import json

import typer

from hub.settings import load

__all__ = ["devices", "gaps"]

_DATA_DIR = typer.Option(None, "--data-dir", help="where the hub's data lies")
_TENANT = typer.Option(None, "--tenant", help="whose; the setting TENANT otherwise")


def gaps(
    device: str | None = typer.Argument(None, help="of one device; of all otherwise"),
    tenant: str | None = _TENANT,
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Show readings that never came, by device and boot identity."""
    from hub.database.attach import run_query  # noqa: PLC0415  # starts faster
    from hub.devices.repository import DeviceRepository  # noqa: PLC0415  # starts faster

    settings = load(data_dir=data_dir, tenant=tenant)
    owner = settings.tenant
    found = run_query(settings, lambda store: DeviceRepository(store.of(owner)).gaps(device))
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
) -> None:
    """Devices: who may connect; with --where those whose report or attributes match."""
    if context.invoked_subcommand is not None:
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
