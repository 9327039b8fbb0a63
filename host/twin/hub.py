"""Where the hub is that virtual devices report to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from contracts.local_hub import NoHubError
from host.local_hub import hub_facts
from host.twin.errors import HubNotReachedError

__all__ = ["HubAddress", "facts"]


def facts(data_dir: Path) -> dict[str, Any]:
    """What hub.json says of the hub that runs on `data_dir`. Raises HubNotReachedError."""
    try:
        reported: dict[str, Any] = hub_facts(data_dir)
    except NoHubError:
        raise HubNotReachedError(
            f"no hub is running on {data_dir}: start one with `dormouse hub`, or name another "
            "with --hub"
        ) from None
    return reported


@dataclass(frozen=True, slots=True)
class HubAddress:
    """A hub's two MQTT listeners."""

    host: str
    port: int = 1883
    enrol_port: int = 1884

    @classmethod
    def of(cls, reported: dict[str, Any]) -> Self:
        """The address in a hub.json, as this machine reaches it."""
        host = reported["host"]
        if host in {"0.0.0.0", "::", ""}:
            host = "127.0.0.1"
        return cls(host, int(reported["mqtt_port"]), int(reported["enrol_port"]))
