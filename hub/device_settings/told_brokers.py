"""Which further brokers devices are told of: the setting's, unless people say others."""

from __future__ import annotations

from hub.database.errors import DatabaseAwayError
from hub.device_settings.configs import DeviceSettings
from hub.devices.known import DeviceUnknownError

__all__ = ["ToldBrokers"]

_WHO, _WHY = "hub", "DORMOUSE_DEVICE_BROKERS"


class ToldBrokers:
    """Requests the setting `brokers` of each device once it was heard; `hosts` "" of none."""

    def __init__(self, hosts: str) -> None:
        self._hosts = hosts
        self._told: set[tuple[str, str]] = set()

    async def heard(self, tenant: str, device: str, settings: DeviceSettings) -> None:
        """A device of the tenant's reported: where it was not told yet, it is now."""
        if not self._hosts or (tenant, device) in self._told:
            return
        self._told.add((tenant, device))
        try:
            await self._tell(device, settings)
        except (DatabaseAwayError, DeviceUnknownError):
            self._told.discard((tenant, device))  # its next report is soon

    async def _tell(self, device: str, settings: DeviceSettings) -> None:
        history = await settings.history(device)
        ours = next((one for one in history if (one.who, one.why) == (_WHO, _WHY)), None)
        wanted = history[0].settings.get("brokers") if history else None
        said = ours.settings.get("brokers") if ours is not None else None
        if wanted != said:
            return  # somebody chose others since, or none
        await settings.request(device, {"brokers": self._hosts}, who=_WHO, why=_WHY)
