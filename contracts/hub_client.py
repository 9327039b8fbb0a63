"""How commands talk to a running hub: by its API."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Self

import httpx

from contracts.errors import ContractError
from contracts.local_hub import NoHubError

__all__ = ["ApiClient", "HubRefusedError"]

# Parts of a request, which a person at a terminal did not write.
_PART = re.compile(r"^(path|query|body)\.(options\.)?")


class HubRefusedError(ContractError):
    """The hub refused."""


class ApiClient:
    """Calls to the API of the hub that runs on a data folder.

    No socket is opened here: `transport` reaches the hub's private one. `program` ("dormouse
    config") stands in the history of what it changes; `tenant` is meant instead of the hub's own,
    or of the device's own. Calls raise NoHubError when no hub answers.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport,
        data_dir: Path,
        program: str = "dormouse",
        *,
        tenant: str | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._client = httpx.Client(
            transport=transport,
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

        `path` is one below /api. Raises NoHubError, or HubRefusedError with the hub's reason.
        """
        try:
            answer = self._client.request(method, path, **request)
        except httpx.TransportError:
            raise NoHubError(self._data_dir) from None
        if answer.is_error:
            raise HubRefusedError(_reason(answer))
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
