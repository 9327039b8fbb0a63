"""What is done with several devices at once, from the table of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlencode

from nicegui import ui

from hub.api.principal import Principal
from hub.errors import HubError
from hub.language.times import span
from hub.language.words import _, ngettext
from hub.live import LiveChange
from hub.services import Services
from hub.web.adding.context import paths
from hub.web.ask import ask_choice
from hub.web.snackbar import Snackbar

__all__ = ["BulkActions"]

# s: what people choose from, as on a device's own page.
_INTERVALS = (60, 120, 300, 600, 900, 1800, 3600)
_DAYS = {1: "For a day", 7: "For a week", 0: "For good"}


class BulkActions:
    """Asks how, does it, says what was done, and takes it back; `done` redraws the table."""

    def __init__(
        self,
        services: Services,
        principal: Principal,
        snackbar: Snackbar,
        done: Callable[[], Awaitable[None]],
    ) -> None:
        self._services, self._principal = services, principal
        self._tenant, self._who = principal.tenant, principal.name
        self._snackbar, self._done = snackbar, done

    async def act(self, what: str, devices: Sequence[str], place: int) -> None:
        """`move`, `interval`, `update`, `mute` or `put` (into `place`, 0: none)."""
        if not self._principal.administers or not devices:
            return
        try:
            match what:
                case "move":
                    await self._move(devices)
                case "put":
                    await self._put(devices, place)
                case "interval":
                    await self._interval(devices)
                case "mute":
                    await self._mute(devices)
                case "update":
                    chosen = urlencode({"devices": ",".join(devices)})
                    ui.navigate.to(f"/updates/new?{chosen}")
        except HubError as error:
            self._snackbar.tell(f"{str(error).rstrip('.')}.")
            await self._done()

    async def _move(self, devices: Sequence[str]) -> None:
        places = paths(await self._services.places.tree(self._tenant))
        options = {0: _("In no place")} | {one.id: one.path for one in places}
        value = places[0].id if places else 0
        asked = _("Move {devices}", devices=ngettext("{n} device", "{n} devices", len(devices)))
        to = await ask_choice(asked, _("Place"), options, value=value, yes=_("Move"))
        if to is not None:
            await self._put(devices, int(to))

    async def _put(self, devices: Sequence[str], place: int) -> None:
        glance = await self._services.devices.glance(self._tenant)
        before = {one.device: one.place for one in glance.devices if one.device in devices}
        names = {one.place: one.name for one in glance.places}
        await self._place(dict.fromkeys(devices, place or None))
        where = _("to {place}", place=names[place]) if place in names else _("out of their place")
        self._snackbar.offer(
            _(
                "{devices} moved {where}.",
                devices=ngettext("{n} device", "{n} devices", len(devices)),
                where=where,
            ),
            partial(self._place, before),
        )

    async def _place(self, places: dict[str, int | None]) -> None:
        for device, place in places.items():
            await self._services.devices.put(self._tenant, device, place, self._who)
        self._services.live.publish(self._tenant, LiveChange("place", ""))
        await self._done()

    async def _interval(self, devices: Sequence[str]) -> None:
        chosen = await ask_choice(
            _(
                "How often do {devices} measure?",
                devices=ngettext("{n} device", "{n} devices", len(devices)),
            ),
            _("Interval"),
            {seconds: _("every {span}", span=span(seconds)) for seconds in _INTERVALS},
            value=300,
            yes=_("Change"),
        )
        if chosen is None:
            return
        settings = self._services.device_settings.of(self._tenant)
        before = {one: (await settings.state(one)).desired.get("interval") for one in devices}
        await self._ask_interval(dict.fromkeys(devices, int(chosen)))
        self._snackbar.offer(
            _(
                "{devices} asked to measure every {span}: each takes it up when it wakes next.",
                devices=ngettext("{n} device", "{n} devices", len(devices)),
                span=span(int(chosen)),
            ),
            partial(self._ask_interval, before),
        )

    async def _ask_interval(self, intervals: dict[str, object]) -> None:
        for device, seconds in intervals.items():
            await self._services.device_settings.change(
                self._tenant,
                device,
                {"interval": seconds},
                who=self._who,
                why="interval changed with others",
            )
        await self._done()

    async def _mute(self, devices: Sequence[str]) -> None:
        anomalies = self._services.anomalies
        odd = [one for one in await anomalies.all(self._tenant) if one.series.device in devices]
        odd = [one for one in odd if not one.muted]
        if not odd:
            self._snackbar.tell(_("Nothing is unusual there now: there is nothing to mute."))
            return
        asked = _(
            "Mute what is unusual of {devices}",
            devices=ngettext("{n} device", "{n} devices", len({o.series.device for o in odd})),
        )
        days = await ask_choice(asked, _("How long"), _DAYS, value=1, yes=_("Mute"))
        if days is None:
            return
        until = datetime.now(UTC) + timedelta(days=int(days)) if days else None
        for one in odd:
            await anomalies.mute(self._tenant, one, until, self._who)

        async def undo() -> None:
            for one in odd:
                await anomalies.unmute(self._tenant, one)
            await self._done()

        await self._done()
        self._snackbar.offer(
            _(
                "{values} muted.",
                values=ngettext("{n} unusual value", "{n} unusual values", len(odd)),
            ),
            undo,
        )
