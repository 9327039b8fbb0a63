"""Where the hub of this machine is found: its data folder and what lies in it, its usual ports."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from contracts.errors import ContractError

__all__ = ["HUB_JSON", "SOCKET", "USUAL_PORTS", "NoHubError", "default_data_dir", "parse_facts"]

SOCKET: Final = "hub.sock"
"""The private socket in the data folder: /api for an operator, whom its mode (0600) lets in."""

HUB_JSON: Final = "hub.json"
"""What a running hub says of itself, in the data folder: ports, pairing code, addresses."""

USUAL_PORTS: Final = {
    "http_port": 8080,
    "mqtt_port": 1883,
    "enrol_port": 1884,
    "mqtts_port": 8883,
    "hap_port": 51826,
}
"""The settings' defaults; 1883 and 8883 are MQTT's registered ports."""


class NoHubError(ContractError):
    """No hub is running."""

    exit_status = 3

    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"no hub is running on {data_dir}: start one with `dormouse hub`, "
            "or name its folder with --data-dir"
        )


def default_data_dir() -> Path:
    """The user's data folder; for root /var/lib/dormouse, since children run as another user."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/dormouse")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "dormouse"


def parse_facts(text: str) -> dict[str, Any]:
    """What a hub.json says. Raises ValueError for what is none."""
    try:
        facts = json.loads(text)
    except RecursionError:
        raise ValueError("hub.json is too deep") from None
    if not isinstance(facts, dict):
        raise ValueError("hub.json holds no object")  # noqa: TRY004  # as other texts that are none
    return facts
