"""What stands on a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from contracts import qr

__all__ = ["Label", "shown", "wifi_text"]

# What has a meaning in the text of a WiFi code is written with a backslash before it.
_ESCAPED = str.maketrans({one: f"\\{one}" for one in '\\;,:"'})


def wifi_text(network: str, password: str) -> str:
    """What a phone's camera takes for a WiFi network (`WIFI:T:WPA;S:...;P:...;;`).

    The form is ZXing's, which iOS and Android follow; an empty password is an open network.
    """
    name = network.translate(_ESCAPED)
    if not password:
        return f"WIFI:T:nopass;S:{name};;"
    return f"WIFI:T:WPA;S:{name};P:{password.translate(_ESCAPED)};;"


@dataclass(frozen=True, slots=True)
class Label:
    """A device, and name and password of the network that its portal opens."""

    device: str
    network: str
    password: str

    @property
    def text(self) -> str:
        """What its QR code says."""
        return wifi_text(self.network, self.password)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """What stands beside the code: captions ("" without one) and what they are of."""
        return ("", self.device), ("WiFi", self.network), ("password", self.password)


def shown(label: Label, stream: TextIO) -> str:
    """The label for a terminal: the code, what it says, and what a person can type instead."""
    code = qr.shown(label.text, stream.encoding)
    typed = (f"{caption} {value}".strip() for caption, value in label.fields)
    return "\n".join((code, label.text, *typed))
