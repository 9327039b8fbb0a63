"""Letting a new device take a broken one's place: history, HomeKit, settings, account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from hub.calibration.known import Calibrations
from hub.database.database import Database
from hub.devices.replacement import replace_device
from hub.errors import HubError
from hub.homekit.service import HomeKitService
from hub.mqtt.account_repository import AccountState
from hub.mqtt.accounts import AccountBook

__all__ = ["Replaced", "Replacement", "ReplacementListener", "UnfitReplacementError"]

ReplacementListener = Callable[[str, str, str], Awaitable[object]]
"""Called with the tenant, the device that was replaced and the one in its place."""


class UnfitReplacementError(HubError):
    """A device cannot take another's place."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """`new` has taken the place of `old`.

    `apart` names what is kept of what the successor measured before (None: nothing), `homekit`
    says whether Apple Home showed `old`, `shut_out` whether `old` had an account, which is now
    disabled. `ended` lists the series whose calibration ended with the old chip.
    """

    old: str
    new: str
    apart: str | None
    homekit: bool
    shut_out: bool
    ended: list[str]


class Replacement:
    """Replaces devices; `on_replaced` are called once the database has it."""

    def __init__(
        self,
        store: Database,
        *,
        tenant_of: Callable[[str], str],
        accounts: AccountBook,
        homekit: HomeKitService,
        on_replaced: Sequence[ReplacementListener],
        calibrations: Calibrations,
    ) -> None:
        self._store, self._calibrations = store, calibrations
        self._tenant_of, self._accounts, self._homekit = tenant_of, accounts, homekit
        self._on_replaced = on_replaced

    async def replace(
        self, old: str, new: str, who: str, *, keep_calibration: bool = False
    ) -> Replaced:
        """Let `new` take the place of `old`: history, settings, accessory; `old` is shut out.

        What the old chip was calibrated by ends with it, unless `keep_calibration`.
        Raises UnfitReplacementError, NoSuchDeviceError.
        """
        tenant = self._tenant_of(old)
        if old == new:
            raise UnfitReplacementError(f"{old} cannot replace itself")
        if self._tenant_of(new) != tenant:
            raise UnfitReplacementError(f"{new} is another tenant's")
        done = await replace_device(
            self._store.of(tenant), old, new, who=who, keep_calibration=keep_calibration
        )
        # Told once the accessory is the new device's: its value is calibrated as of its own time.
        recalibrated = await self._calibrations.load(tenant)
        for notify in self._on_replaced:
            await notify(tenant, old, new)
        account = self._accounts.get(old)
        if account is not None:
            # Should it come back to life it must not write a second history unasked.
            await self._accounts.set_state(old, AccountState.DISABLED)
        in_homekit = await self._homekit.replace(tenant, old, new)
        self._calibrations.tell(tenant, recalibrated)
        return Replaced(old, new, done.apart, in_homekit, account is not None, done.ended)
