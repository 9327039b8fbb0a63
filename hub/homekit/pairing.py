"""What a person needs to pair with a bridge."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PairingInfo"]


@dataclass(frozen=True, slots=True)
class PairingInfo:
    """What a person needs to pair one bridge of the set; `uri` is for the QR code."""

    number: int
    name: str
    port: int
    pin: str
    uri: str
    controllers: tuple[str, ...]
