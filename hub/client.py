"""How the hub's commands talk to a running hub: by its API, on the private socket.

The socket's mode (0600) is the permission: who may read the data folder may steer the hub, in all
of its tenants.
"""

from __future__ import annotations

import socket
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts import hub_client
from contracts.local_hub import HUB_JSON, SOCKET, NoHubError, parse_facts
from hub.settings import Settings

__all__ = ["DataDir", "HubClient", "Json", "Tenant", "hub_facts", "local_instant"]

# Options that most of those commands have.
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", envvar="DORMOUSE_DATA_DIR", help="the running hub's folder"),
]
Tenant = Annotated[str | None, typer.Option("--tenant", help="instead of the hub's own tenant")]
Json = Annotated[bool, typer.Option("--json", help="as JSON, for programs")]


def hub_facts(data_dir: Path) -> dict[str, Any]:
    """What hub.json says of the running hub (ports, pairing code). Raises NoHubError."""
    try:
        return parse_facts((data_dir / HUB_JSON).read_text("utf-8"))
    except (OSError, ValueError):
        raise NoHubError(data_dir) from None


def local_instant(option: str, text: str) -> str:
    """What an option says of time, as ISO 8601; without an offset it is this machine's.

    Raises typer.BadParameter.
    """
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time: write 2026-03-01T12:00:05", param_hint=f"--{option}"
        ) from None


class HubClient(hub_client.ApiClient):
    """Calls to the hub that runs on `settings.data_dir`. Raises NoHubError."""

    def __init__(
        self, settings: Settings, program: str = "dormouse", *, tenant: str | None = None
    ) -> None:
        transport = hub_client.private_transport(_listening(settings.data_dir))
        super().__init__(transport, settings.data_dir, program, tenant=tenant)


def _listening(data_dir: Path) -> Path:
    """The private socket, on which somebody listens: it is to be known before any work."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(data_dir / SOCKET))
        except OSError:
            raise NoHubError(data_dir) from None
    return data_dir / SOCKET
