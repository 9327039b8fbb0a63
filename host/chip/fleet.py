"""One emulated chip among virtual devices."""

from __future__ import annotations

import secrets
from pathlib import Path

from host import keys
from host.chip import build as builds
from host.chip.twin import ChipTwin
from host.twin.fleet import Fleet
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind, equip

__all__ = ["add_chip"]

_ONE_WIRE = {"driver": "ds18b20", "pin": 14}
_CHIP_ID_BITS = 24  # the last three bytes of its hardware address


def add_chip(
    fleet: Fleet, build: Path, work: Path, *, hub: HubAddress, interval: int, key: Path | None
) -> ChipTwin:
    """Add an emulated chip to a fleet that was not started yet; it runs what `build` is.

    With a key (PEM) its bootloader takes updates signed with it, else nobody's. It is another
    device each time, with sensors on I2C and 1-Wire. Raises what host.chip.build does.
    """
    own = work / "chip.pem"
    signer = keys.load(key) if key else keys.new(own)
    parts = builds.make(builds.find(build), work / "chip-parts", signer)
    chip_id = secrets.randbits(_CHIP_ID_BITS)
    settings, world = equip(TwinKind.BME280, hub, interval=interval, seed=chip_id)
    settings["model"] = "chip"
    settings["sensors"] = [*settings["sensors"], _ONE_WIRE]
    chip = ChipTwin(
        work / "chip",
        parts,
        fleet.twins[0].firmware,
        chip_id=chip_id,
        settings=settings,
        world=world,
    )
    fleet.twins.append(chip)
    return chip
