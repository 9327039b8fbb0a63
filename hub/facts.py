"""hub.json: what other programs on this machine must know of a running hub."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from contracts.local_hub import HUB_JSON, SOCKET
from hub.folder import write_private
from hub.homekit.network import addresses
from hub.homekit.pairing import PairingInfo
from hub.mqtt.service import Mqtt
from hub.settings import Settings

__all__ = ["facts", "write_facts"]


def facts(
    settings: Settings, mqtt: Mqtt, http_port: int, first: PairingInfo, name: str | None
) -> dict[str, Any]:
    """Of a hub that has started; `first` is the bridge to pair with, `name` its own .local one."""
    return {
        "pid": os.getpid(),
        "host": settings.host,
        # Where others find it, when it listens on all of the machine's.
        "addresses": addresses(settings.host),
        "name": name,
        "http_port": http_port,
        "mqtt_port": mqtt.ports.get("mqtt"),
        "mqtts_port": mqtt.ports.get("mqtts"),
        "enrol_port": mqtt.ports.get("enrol"),
        "hap_port": first.port,
        "pairing_code": first.pin,
        "setup_uri": first.uri,
        "data_dir": str(settings.data_dir),
        "control": str(settings.data_dir / SOCKET),
        "tenant": settings.tenant,
    }


def write_facts(folder: Path, facts: dict[str, Any]) -> Path:
    """Write them, readable for the hub's user alone; where."""
    path = folder / HUB_JSON
    write_private(path, json.dumps(facts, indent=2) + "\n")
    return path
