"""The command `dormouse`."""

from __future__ import annotations

import sys
from importlib.metadata import version

import typer

from host import firmware_cli, image_cli, keys_cli
from host.errors import HostError
from host.flash import cli as flash_cli
from host.newdriver import cli as newdriver_cli
from host.ota import cli as ota_cli
from host.provision import cli as provision_cli
from host.twin import cli as twin_cli

try:
    from hub.cli import mount as mount_hub
    from hub.errors import HubError
except ModuleNotFoundError:
    # A laptop that only flashes has no hub: its commands say so instead of being unknown.
    from host.nohub import HubError  # type: ignore[assignment]  # stands in for the absent one
    from host.nohub import mount as mount_hub

app = typer.Typer(
    name="dormouse",
    help="Sensors that sleep nearly all the time, and the hub that hears them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.add_typer(keys_cli.app, name="keys")
app.add_typer(image_cli.app, name="image")
app.add_typer(firmware_cli.app, name="firmware")
ota_cli.mount(app)
flash_cli.mount(app)
provision_cli.mount(app)
newdriver_cli.mount(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("dormouse"))
        raise typer.Exit


@app.callback()
def root(
    _version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True),
) -> None:
    """What every command shares."""


twin_cli.mount(app)
mount_hub(app)


def main() -> None:
    """Run the command line; an error of ours is one line and its own exit status."""
    try:
        app()
    except (HostError, HubError) as error:
        typer.echo(f"dormouse: {error}", err=True)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
