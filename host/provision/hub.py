"""The hub on this machine: where it is, the device's account, its first report."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from contracts.hub_client import ApiClient
from contracts.local_hub import NoHubError
from host.local_hub import data_folder, hub_client, hub_facts
from host.provision import plan
from host.provision.errors import EndpointRefusedError, NotHeardError

__all__ = ["LocalHub"]

_LOOK_EVERY_S = 0.5
# What it measured is stored apart from its report: a moment later where the hub is busy.
_VALUES_S = 3.0


class LocalHub:
    """The hub that runs on a data folder, spoken to by its API, over its private socket."""

    def __init__(self, client: ApiClient, facts: dict[str, Any]) -> None:
        self._client = client
        self._facts = facts
        self.addresses = [
            plan.HubEndpoint(host=host, port=facts["mqtt_port"], enrol_port=facts["enrol_port"])
            for host in facts["addresses"]
        ]

    @classmethod
    def find(cls, data_dir: Path | None) -> Self | None:
        """The running hub; None if there is none.

        Raises NoHubError for a data folder that was named and on which no hub runs.
        """
        try:
            facts = hub_facts(data_folder(data_dir))
            return cls(hub_client(data_dir, "dormouse provision"), facts)
        except NoHubError:
            if data_dir is None:
                return None
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def is_at(self, address: plan.HubEndpoint) -> bool:
        """Whether a device with that address reports to this hub."""
        host = address.host.lower()
        # Multicast names that this machine need not be able to look up itself.
        ours = {self._facts.get("name"), f"{socket.gethostname()}.local".lower()}
        numbers = [known.host for known in self.addresses] if host in ours else [host]
        with contextlib.suppress(OSError):
            if host not in ours:
                numbers.append(socket.gethostbyname(host))
        return any(
            address.model_copy(update={"host": number}) == known
            for known in self.addresses
            for number in numbers
        )

    def admit(self, device: str, password: str) -> str:
        """Make the device's account beforehand; the password to write on it.

        `password` is the device's own, "" if it has none yet. An account that exists gets a new
        one. Raises EndpointRefusedError for a device that was shut out, HubError.
        """
        accounts = {one["name"]: one for one in self._client.get("/accounts")["accounts"]}
        account = accounts.get(device)
        if account is None:
            body = {"password": password} if password else {}
            return str(self._client.post(f"/accounts/{device}", body)["password"])
        if account["state"] == "disabled":
            raise EndpointRefusedError(
                f"the hub has {device} disabled: enable it with `dormouse devices enable {device}`"
            )
        return str(self._client.post(f"/accounts/{device}/rotate")["password"])

    def put(self, device: str, place: str) -> None:
        """Say where the device is: "House / Kitchen". Raises HubError."""
        path = [name.strip() for name in place.split("/") if name.strip()]
        self._client.put(f"/devices/{device}/place", {"path": path})

    def seen(self, device: str) -> str | None:
        """When the hub last heard the device; None for never."""
        entry = self._entry(device)
        return entry["seen"] if entry else None

    def first_report(
        self, device: str, since: str | None, within: float, overheard: Callable[[], str]
    ) -> dict[str, Any]:
        """Wait for a report other than that of `since`; the device's entry in /status.

        `overheard` gives what the device has printed since the last look, which says why none
        comes. Raises NotHeardError.
        """
        until = time.monotonic() + within
        first_seen = None
        console_output = ""
        while True:
            console_output += overheard()
            entry = self._entry(device)
            if entry and entry["report"] and entry["seen"] != since:
                first_seen = first_seen or time.monotonic()
                if entry["values"] or time.monotonic() > first_seen + _VALUES_S:
                    return entry
            if time.monotonic() > until:
                raise NotHeardError(_unheard(device, within, console_output))
            time.sleep(_LOOK_EVERY_S)

    def _entry(self, device: str) -> dict[str, Any] | None:
        entries: list[dict[str, Any]] = self._client.get("/status")["devices"]
        return next((entry for entry in entries if entry["id"] == device), None)


def _unheard(device: str, within: float, console_output: str) -> str:
    lines = [line.strip() for line in console_output.splitlines()]
    complaints = [line for line in lines if line.startswith(("wifi:", "broker:"))]
    why = f"; it said {complaints[-1]!r}" if complaints else ""
    return (
        f"{device} has its settings, but nothing reached the hub within {within:g} s{why}: "
        "check with `dormouse status`, or run this again"
    )
