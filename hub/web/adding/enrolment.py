"""Devices that ask to be added, that were approved, that were refused, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts.portal_network import tells
from hub.language.words import _
from hub.mqtt.access import is_viewer
from hub.mqtt.account_repository import Account, AccountState
from hub.mqtt.enrolment import Candidate
from hub.mqtt.service import Mqtt
from hub.settings import Enrolment

__all__ = ["EnrolmentView", "Refusal", "Remedy", "enrolment_view"]

# An account made longer ago belongs to a device that is no news.
_NEW = timedelta(days=1)
# Of what was refused longer ago nobody wants to hear while adding a device.
_RECENT = timedelta(minutes=30)


class Remedy:
    """What a button beside a refusal does."""

    RENEW = "renew"
    """Allow to enrol again with another password."""
    ENABLE = "enable"
    """Enable an account that was disabled."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A device that was refused, why, and what helps (a Remedy, or nothing)."""

    device: str
    reason: str
    remedy: str | None


@dataclass(frozen=True, slots=True)
class EnrolmentView:
    """What somebody of a tenant may see of enrolment.

    `open`: a new device is approved automatically now; `seconds`: how long a window for this tenant
    lasts, None where there is none; `elsewhere`: one is open for another tenant. `asking` knocked
    while it was closed; `arrived` have an account since not long, newest first; `known` are all
    devices of the tenant.
    """

    open: bool
    mode: Enrolment
    seconds: int | None
    elsewhere: bool
    asking: Sequence[Candidate]
    arrived: Sequence[Account]
    known: Sequence[str]
    refused: Sequence[Refusal]


def enrolment_view(mqtt: Mqtt, tenant: str, *, network: str | None = None) -> EnrolmentView:
    """What somebody of a tenant may see.

    Who asks belongs to no tenant yet: where there are several, only the device is told of whose
    network is called `network`, as whoever has it reads on its label.
    """
    gate = mqtt.gate
    window = gate.window
    seconds = round(window[1]) if window and window[0] == tenant else None
    accounts = [a for a in mqtt.book.all() if a.tenant == tenant and not is_viewer(a.device)]
    return EnrolmentView(
        open=gate.tenant() == tenant,
        mode=gate.mode,
        seconds=seconds,
        elsewhere=window is not None and seconds is None,
        asking=[c for c in mqtt.enroller.candidates() if _may_see(c.device, network)],
        arrived=sorted(
            (a for a in accounts if _is_new(a)), key=lambda a: _made(a).timestamp(), reverse=True
        ),
        known=[a.device for a in accounts],
        refused=[*_shut_out(accounts), *_refused(mqtt, {a.device for a in accounts}, network)],
    )


def _may_see(device: str, network: str | None) -> bool:
    return network is None or tells(network, device)


def _made(account: Account) -> datetime:
    # One that was made since the hub started has no time of its own yet.
    return account.created_at or datetime.now(UTC)


def _is_new(account: Account) -> bool:
    if account.state is AccountState.DISABLED:
        return False
    pending = account.state is AccountState.PENDING
    return pending or datetime.now(UTC) - _made(account) < _NEW


def _shut_out(accounts: Sequence[Account]) -> list[Refusal]:
    return [
        Refusal(account.device, _("its account is disabled"), Remedy.ENABLE)
        for account in accounts
        if account.state is AccountState.DISABLED
    ]


def _refused(mqtt: Mqtt, ours: set[str], network: str | None) -> list[Refusal]:
    since = datetime.now(UTC) - _RECENT
    refusals = []
    for device, kind, seen in mqtt.problems.latest(200):
        if device is None or seen.at < since:
            continue
        if kind == "enrol-take-over" and device in ours:
            reason = _(
                "it is known with another password: either its memory was erased, or "
                "something else calls itself so"
            )
            refusals.append(Refusal(device, reason, Remedy.RENEW))
        elif kind == "enrol-too-many" and _may_see(device, network):
            reason = _("too many new devices at once: it asks again by itself in some minutes")
            refusals.append(Refusal(device, reason, None))
    return refusals
