"""The hub that runs on this machine, as the laptop's commands reach it."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from contracts.hub_client import ApiClient, private_transport
from contracts.local_hub import HUB_JSON, SOCKET, NoHubError, default_data_dir, parse_facts

__all__ = ["data_folder", "hub_client", "hub_facts"]


def data_folder(named: Path | str | None) -> Path:
    """The folder of the hub that is meant: the one named, DORMOUSE_DATA_DIR, or the usual one."""
    return Path(named or os.environ.get("DORMOUSE_DATA_DIR") or default_data_dir())


def hub_facts(data_dir: Path) -> dict[str, Any]:
    """What hub.json says of the running hub (ports, pairing code). Raises NoHubError."""
    try:
        return parse_facts((data_dir / HUB_JSON).read_text("utf-8"))
    except (OSError, ValueError):
        raise NoHubError(data_dir) from None


def hub_client(
    data_dir: Path | None, program: str = "dormouse", *, tenant: str | None = None
) -> ApiClient:
    """Calls to the hub on a data folder, over its private socket. Raises NoHubError."""
    folder = data_folder(data_dir)
    private = folder / SOCKET
    if not hasattr(socket, "AF_UNIX"):
        raise NoHubError(folder)  # Windows, where no hub runs
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(private))  # that there is none is to be known before any work
        except OSError:
            raise NoHubError(folder) from None
    return ApiClient(private_transport(private), folder, program, tenant=tenant)
