"""Accounts at the broker and enrolment, of all tenants: what an operator may do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from hub.api.access import OPERATOR_ONLY, Operator
from hub.mqtt.access import is_viewer
from hub.mqtt.account_repository import Account, AccountState
from hub.mqtt.service import Mqtt

__all__ = ["routes"]

AccountName = Annotated[
    str, Path(max_length=128, description="a device's id, `viewer` or `viewer.<who>`")
]
_WEEK = 7 * 24 * 60  # minutes


class OpenWindow(BaseModel):
    """New devices may enrol into a tenant, for so many more seconds."""

    tenant: str
    seconds: int


class WindowIn(BaseModel, extra="forbid"):
    """Let new devices enrol for some minutes; 0 closes the window."""

    minutes: float = Field(ge=0, le=_WEEK)


class WindowOut(BaseModel):
    """For how long new devices may enrol, and into which tenant."""

    tenant: str
    minutes: float


class AccountOut(BaseModel):
    """An account; `problems`: messages of its that were refused since the hub started, by kind."""

    name: str
    role: str = Field(description="device or viewer")
    commands: bool = Field(description="a viewer that may also command devices")
    tenant: str
    state: AccountState
    model: str
    firmware: str
    created: datetime | None
    problems: dict[str, int]


class CandidateOut(BaseModel):
    """A device without an account that asked for one."""

    name: str
    model: str
    firmware: str


class AccountsOut(BaseModel):
    """All accounts, who asks for one, and enrolments that were refused since the hub started."""

    enrolment: str = Field(description="the setting ENROLMENT: open, window or closed")
    window: OpenWindow | None
    accounts: list[AccountOut]
    asking: list[CandidateOut]
    refused: dict[str, int]


class AccountIn(BaseModel, extra="forbid"):
    """An account to make; without a password one is made."""

    password: str | None = Field(None, min_length=16, max_length=128, pattern=r"^[!-~]+$")
    commands: bool = Field(False, description="a viewer that may also command devices")


class PasswordOut(BaseModel):
    """An account's password, which is shown this once."""

    password: str


class RenewalIn(BaseModel, extra="forbid"):
    """Let a device enrol once more with a new password, for some minutes."""

    minutes: float = Field(60, gt=0, le=_WEEK)


def routes(mqtt: Mqtt) -> APIRouter:
    """The routes under /accounts and /enrolment."""
    router = APIRouter(tags=["operator"], dependencies=[OPERATOR_ONLY])
    handlers = _Handlers(mqtt)
    router.get("/accounts")(handlers.accounts)
    router.post("/accounts/{device}", status_code=201)(handlers.add)
    router.post("/accounts/{device}/approve", status_code=204)(handlers.approve)
    router.post("/accounts/{device}/disable", status_code=204)(handlers.disable)
    router.post("/accounts/{device}/enable", status_code=204)(handlers.enable)
    router.post("/accounts/{device}/renew", status_code=204)(handlers.renew)
    router.post("/accounts/{device}/rotate")(handlers.rotate)
    router.delete("/accounts/{device}", status_code=204)(handlers.remove)
    router.post("/enrolment/window")(handlers.window)
    return router


class _Handlers:
    """What the routes do."""

    def __init__(self, mqtt: Mqtt) -> None:
        self._mqtt = mqtt

    async def accounts(self) -> AccountsOut:
        """Accounts of all tenants, devices that ask for one, and refused enrolments."""
        mqtt = self._mqtt
        window = mqtt.gate.window
        refused = mqtt.problems.total.items()
        return AccountsOut(
            enrolment=mqtt.gate.mode,
            window=OpenWindow(tenant=window[0], seconds=round(window[1])) if window else None,
            accounts=[self._account(account) for account in mqtt.book.all()],
            asking=[
                CandidateOut(name=one.device, model=one.model, firmware=one.firmware)
                for one in mqtt.enroller.candidates()
            ],
            refused={kind: count for kind, count in refused if kind.startswith("enrol-")},
        )

    async def window(self, caller: Operator, body: WindowIn) -> WindowOut:
        """Let new devices enrol for some minutes."""
        if body.minutes:
            self._mqtt.gate.open_window(caller.tenant, body.minutes)
        else:
            self._mqtt.gate.close_window()
        return WindowOut(tenant=caller.tenant, minutes=body.minutes)

    async def add(self, caller: Operator, device: AccountName, body: AccountIn) -> PasswordOut:
        """Make an account beforehand, for a device or a viewer."""
        password = await self._mqtt.book.provision(
            device, caller.tenant, body.password, commands=body.commands
        )
        return PasswordOut(password=password)

    async def approve(self, caller: Operator, device: AccountName) -> None:
        """Make the account of a device that asked while enrolment was closed."""
        await self._mqtt.enroller.approve(device, caller.tenant)

    async def disable(self, device: AccountName) -> None:
        """Shut a device out, at once; its readings stay."""
        await self._mqtt.book.set_state(device, AccountState.DISABLED)

    async def enable(self, device: AccountName) -> None:
        """Let a device connect again."""
        await self._mqtt.book.set_state(device, AccountState.ACTIVE)

    async def renew(self, device: AccountName, body: RenewalIn) -> None:
        """Let a device whose flash was erased enrol once with its new password."""
        self._mqtt.enroller.allow_renewal(device, body.minutes)

    async def rotate(self, device: AccountName) -> PasswordOut:
        """Give an account a new password; the old one ends now."""
        password = await self._mqtt.book.rotate(device)
        # Who writes it on the device holds the device at its prompt meanwhile.
        self._mqtt.forget_clock(device)
        return PasswordOut(password=password)

    async def remove(self, device: AccountName) -> None:
        """Remove an account; its readings stay."""
        await self._mqtt.book.remove(device)
        self._mqtt.problems.forget(device)

    def _account(self, account: Account) -> AccountOut:
        problems = self._mqtt.problems.of(account.device)
        return AccountOut(
            name=account.device,
            role="viewer" if is_viewer(account.device) else "device",
            commands=account.commands,
            tenant=account.tenant,
            state=account.state,
            model=account.model,
            firmware=account.firmware,
            created=account.created_at,
            problems={kind: seen.count for kind, seen in problems.items()},
        )
