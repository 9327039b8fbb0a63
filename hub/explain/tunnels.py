"""Sites whose tunnel is down, and the devices that are silent because of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from hub.explain.case import Case
from hub.explain.facts import SiteDown
from hub.explain.outages import Away, Outage
from hub.language.times import SpokenClock
from hub.language.words import _, ngettext
from hub.sites.model import Site, TunnelState

__all__ = ["TunnelsLike", "by_device", "cut_off", "is_silent_through", "said", "sites_down"]

# A wake's packet may have been lost before the last keepalive was.
_SLACK = timedelta(minutes=2)


class TunnelsLike(Protocol):
    """hub.sites.watch.SiteWatch."""

    def sites(self, tenant: str) -> list[tuple[Site, TunnelState]]:
        """A tenant's sites, and how their tunnels are."""
        ...

    def standing(self, tenant: str) -> dict[str, str] | None:
        """By site how its tunnel is, in a word; None before the first look."""
        ...

    def cuts(self, tenant: str) -> dict[str, list[tuple[datetime, datetime]]]:
        """By site when its tunnel was down in the last day, and is up again."""
        ...

    async def of_devices(self, tenant: str) -> dict[str, str]:
        """By device in a site's place, that site's name."""
        ...


async def sites_down(tunnels: TunnelsLike | None, tenant: str) -> list[SiteDown]:
    """The sites whose tunnel is down, by name; the database is asked only when there are any."""
    if tunnels is None:
        return []
    found = [(site, state.down_since) for site, state in tunnels.sites(tenant) if state.down_since]
    if not found:
        return []
    of_devices = await tunnels.of_devices(tenant)
    return [
        SiteDown(
            site.name, site.title, since, site.place,
            sorted(device for device, name in of_devices.items() if name == site.name),
        )
        for site, since in found
        if since is not None
    ]  # fmt: skip


async def cut_off(tunnels: TunnelsLike | None, tenant: str) -> Mapping[str, Sequence[Outage]]:
    """By device when its site's tunnel was down, of those that are up again."""
    cuts = {} if tunnels is None else tunnels.cuts(tenant)
    if tunnels is None or not cuts:
        return {}
    outages = {
        name: [Outage(Away.TUNNEL, start, end) for start, end in spans]
        for name, spans in cuts.items()
    }
    of_devices = await tunnels.of_devices(tenant)
    return {device: outages[name] for device, name in of_devices.items() if name in outages}


def is_silent_through(case: Case) -> bool:
    """Whether a device that is silent was heard as long as its site's tunnel was up."""
    down, seen_at = case.facts.tunnel, case.facts.seen_at
    if down is None or seen_at is None:
        return False
    first = seen_at
    if case.silence is not None and case.silence.expected is not None:
        first = case.silence.expected
    elif case.interval is None:
        # It promised nothing: it was not missed before.
        first = seen_at + case.patience
    return first >= down.since - _SLACK


def said(down: SiteDown, silent: int, clock: SpokenClock) -> str:
    """`tunnel down since 14:05; its 6 sensors are silent because of it`."""
    text, every = _("tunnel down since {at}", at=clock.at(down.since)), len(down.devices)
    if not every:
        return text
    if not silent:
        theirs = _("its sensor") if every == 1 else _("its {every} sensors", every=every)
        return _("{text}; {theirs} cannot be heard meanwhile", text=text, theirs=theirs)
    if every == 1:
        return _("{text}; its sensor is silent because of it", text=text)
    which = (
        _("its {every} sensors", every=every)
        if silent == every
        else _("{silent} of its {every} sensors", silent=silent, every=every)
    )
    return ngettext(
        "{text}; {which} is silent because of it",
        "{text}; {which} are silent because of it",
        silent,
        text=text,
        which=which,
    )


def by_device(down: Sequence[SiteDown]) -> Mapping[str, SiteDown]:
    """The site of each device that is in one which is down."""
    return {device: one for one in down for device in one.devices}
