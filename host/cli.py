"""All commands of `dormouse`."""

from __future__ import annotations

from host import firmware_cli, image_cli, keys_cli
from host.flash import cli as flash_cli
from host.newdriver import cli as newdriver_cli
from host.ota import cli as ota_cli
from host.provision import cli as provision_cli
from host.root import new_root
from host.twin import cli as twin_cli

try:
    from hub.cli import mount as mount_hub
    from hub.firmware.cli import mount as mount_images
    from hub.rollout.device_cli import mount as mount_ota
except ModuleNotFoundError:
    # A laptop that only flashes has no hub: its commands say so instead of being unknown.
    from host.nohub import mount as mount_hub
    from host.nohub import mount_images, mount_ota

__all__ = ["app"]

app = new_root()
app.add_typer(keys_cli.app, name="keys")
app.add_typer(image_cli.app, name="image")
app.add_typer(firmware_cli.app, name="firmware")
ota_cli.mount(app)
flash_cli.mount(app)
provision_cli.mount(app)
mount_images(firmware_cli.app)
mount_ota(ota_cli.group)
newdriver_cli.mount(app)
twin_cli.mount(app)
mount_hub(app)
