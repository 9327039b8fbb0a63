"""How the command line talks to a running hub: HTTP on a private socket in the data folder.

The socket's mode (0600) is the permission: who may read the data folder may steer the hub.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import httpx

from hub.errors import HubError
from hub.settings import Settings

__all__ = ["HUB_JSON", "SOCKET", "Control", "NoHubError", "RefusedError", "hub_facts"]

SOCKET = "hub.sock"
HUB_JSON = "hub.json"


class NoHubError(HubError):
    """No hub is running."""

    exit_status = 3

    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"no hub is running on {data_dir}: start one with `dormouse hub`, "
            "or name its folder with --data-dir"
        )


class RefusedError(HubError):
    """The hub refused."""


def hub_facts(data_dir: Path) -> dict[str, Any]:
    """What hub.json says of the running hub (ports, pairing code). Raises NoHubError."""
    try:
        facts: dict[str, Any] = json.loads((data_dir / HUB_JSON).read_text("utf-8"))
    except (OSError, ValueError):
        raise NoHubError(data_dir) from None
    return facts


class Control:
    """Calls to the hub that runs on `settings.data_dir`. Raises NoHubError when none does."""

    def __init__(self, settings: Settings) -> None:
        self._data_dir = settings.data_dir
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._data_dir / SOCKET))
            except OSError:
                raise NoHubError(self._data_dir) from None
        transport = httpx.HTTPTransport(uds=str(self._data_dir / SOCKET))
        self._client = httpx.Client(transport=transport, base_url="http://hub", timeout=30)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def call(self, method: str, path: str, **request: Any) -> Any:
        """The JSON the hub answers. Raises NoHubError, or RefusedError with the hub's reason."""
        try:
            answer = self._client.request(method, path, **request)
        except httpx.TransportError:
            raise NoHubError(self._data_dir) from None
        if answer.is_error:
            try:
                reason = str(answer.json()["detail"])
            except (ValueError, KeyError):
                reason = f"HTTP {answer.status_code}"
            raise RefusedError(reason)
        return answer.json()

    def get(self, path: str, **params: Any) -> Any:
        """GET, with query parameters."""
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Any = None) -> Any:
        """POST, with a JSON body."""
        return self.call("POST", path, json=body)
