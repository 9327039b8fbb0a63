"""How the command line talks to a running hub: by its API, on a private socket in the data folder.

The socket's mode (0600) is the permission: who may read the data folder may steer the hub, in all
of its tenants.
"""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any, Self

import httpx

from hub.errors import HubError
from hub.settings import Settings

__all__ = ["HUB_JSON", "SOCKET", "HubClient", "NoHubError", "RefusedError", "hub_facts"]

SOCKET = "hub.sock"
HUB_JSON = "hub.json"


# Parts of a request, which a person at a terminal did not write.
_PART = re.compile(r"^(path|query|body)\.(options\.)?")


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


class HubClient:
    """Calls to the API of the hub that runs on `settings.data_dir`.

    `program` ("dormouse config") stands in the history of what it changes; `tenant` is meant
    instead of the hub's own, or of the device's own. Raises NoHubError when no hub runs.
    """

    def __init__(
        self, settings: Settings, program: str = "dormouse", *, tenant: str | None = None
    ) -> None:
        self._data_dir = settings.data_dir
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._data_dir / SOCKET))
            except OSError:
                raise NoHubError(self._data_dir) from None
        self._client = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self._data_dir / SOCKET)),
            base_url="http://hub/api",
            headers={"User-Agent": program},
            params={"tenant": tenant} if tenant else {},
            timeout=30,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def call(self, method: str, path: str, **request: Any) -> Any:
        """The JSON the hub answers; None where it has nothing to say.

        `path` is one below /api. Raises NoHubError, or RefusedError with the hub's reason.
        """
        try:
            answer = self._client.request(method, path, **request)
        except httpx.TransportError:
            raise NoHubError(self._data_dir) from None
        if answer.is_error:
            raise RefusedError(_reason(answer))
        return answer.json() if answer.content else None

    def get(self, path: str, **params: Any) -> Any:
        """GET, with query parameters."""
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Any = None) -> Any:
        """POST, with a JSON body."""
        return self.call("POST", path, json=body)

    def put(self, path: str, body: Any = None) -> Any:
        """PUT, with a JSON body."""
        return self.call("PUT", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH, with a JSON body."""
        return self.call("PATCH", path, json=body)

    def delete(self, path: str, **params: Any) -> Any:
        """DELETE, with query parameters."""
        return self.call("DELETE", path, params=params)


def _reason(answer: httpx.Response) -> str:
    """The one line of a problem document."""
    try:
        reason = str(answer.json()["detail"])
    except (ValueError, KeyError):
        return f"HTTP {answer.status_code}"
    return _PART.sub("", reason)
