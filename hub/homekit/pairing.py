"""What a person needs to pair with a bridge, and who did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.homekit.driver import Driver

__all__ = ["PairingInfo", "pairing_infos"]


@dataclass(frozen=True, slots=True)
class PairingInfo:
    """What a person needs to pair one bridge of the set; `uri` is for the QR code.

    `locked`: too many wrong codes were tried, and no more are taken until it is unlocked.
    """

    number: int
    name: str
    port: int
    pin: str
    uri: str
    controllers: tuple[str, ...]
    locked: bool = False


def pairing_infos(drivers: Mapping[int, Driver]) -> list[PairingInfo]:
    """Those of the bridges that listen, in order."""
    return [
        PairingInfo(
            number=number,
            name=driver.accessory.display_name,
            port=driver.state.port,
            pin=driver.state.pincode.decode(),
            uri=driver.accessory.xhm_uri(),
            controllers=tuple(str(client) for client in driver.state.paired_clients),
            locked=driver.pair_setup.locked,
        )
        for number, driver in sorted(drivers.items())
        if driver.started
    ]
