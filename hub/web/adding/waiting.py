"""Waiting for a device: who asks, who came, who was refused; changes appear by themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import astuple, replace

from nicegui import context, ui

from hub.errors import HubError
from hub.language.words import _, ngettext
from hub.mqtt.account_repository import Account, AccountState
from hub.mqtt.enrolment import Candidate
from hub.settings import Enrolment
from hub.web.adding.context import Adding
from hub.web.adding.enrolment import EnrolmentView, Refusal, Remedy
from hub.web.wizard_page import WizardPage

__all__ = ["waiting_list"]

_MINUTES = 15


async def waiting_list(page: WizardPage, adding: Adding, *, alone: bool) -> None:
    """The list of devices that ask, kept up to date; choosing one answers the step.

    `alone`: a device that joins while the page is open is the one that is meant.
    """
    network = await _network_field(adding)

    async def choose(device: str, effect: Callable[[], Awaitable[object]] | None = None) -> None:
        await page.answer({"device": device}, effect)

    async def look() -> EnrolmentView:
        return _in_minutes(await adding.enrolment(network.value or "" if network else ""))

    before = await look()
    listing, known = _Listing(page, adding, before, choose), {*before.known}

    @ui.refreshable
    def listed() -> None:
        listing.show()

    async def again() -> None:
        now = await look()
        meant = _meant(page, now, known) if alone else None
        if meant is not None:
            _go_on(page, choose, meant)
            return
        if not listing.update(now):
            listed.refresh()

    listed()
    if network is not None:
        network.on_value_change(again)

    async def watch() -> None:
        async with adding.services.mqtt.gate.changed.subscribe() as changes:
            await again()  # what changed since it was looked for
            while await changes.changed():
                await again()

    ui.timer(0, watch, once=True)
    # A window that runs out is told by nobody, and its remaining minutes change without one.
    ui.timer(20, again)


async def _network_field(adding: Adding) -> ui.input | None:
    """With several tenants: who reads a label may see whose it is."""
    if len(await adding.services.people.tenants()) < 2:
        return None
    network = ui.input(_("Name of its network, as on its label (dormouse-…)"))
    return network.props('maxlength=64 outlined autocapitalize="off"').classes("w-full")


def _meant(page: WizardPage, now: EnrolmentView, known: set[str]) -> str | None:
    """The one device that joined since the page was opened, while it waits for it."""
    joined = [one.device for one in now.arrived if one.device not in known]
    return joined[0] if len(joined) == 1 and page.view.step.key == "device" else None


def _go_on(page: WizardPage, choose: Callable[[str], Awaitable[None]], device: str) -> None:
    """Choose it from the page's own ground: a step that is built anew ends its own timers."""

    async def go() -> None:
        if page.view.step.key == "device":
            await choose(device)

    with context.client.content:
        ui.timer(0, go, once=True)


def _in_minutes(view: EnrolmentView) -> EnrolmentView:
    """With its window's seconds in whole minutes, since no more is shown."""
    if view.seconds is None:
        return view
    return replace(view, seconds=60 * max(1, round(view.seconds / 60)))


class _Listing:
    """One state of enrolment, as elements."""

    def __init__(
        self,
        page: WizardPage,
        adding: Adding,
        now: EnrolmentView,
        choose: Callable[..., Awaitable[None]],
    ) -> None:
        self._page = page
        self._adding = adding
        self._now = now
        self._choose = choose
        self._details: dict[str, ui.label] = {}
        self._minutes: ui.label | None = None

    def update(self, now: EnrolmentView) -> bool:
        """Take a new state; whether the elements show it already, with other texts at most.

        An element that is made anew under somebody's finger takes the click with it.
        """
        before, self._now = self._now, now
        if _without_details(before) != _without_details(now):
            return False
        for account in now.arrived:
            self._details[account.device].set_text(_detail(account))
        if self._minutes is not None and now.seconds is not None:
            self._minutes.set_text(_until_shut(now.seconds))
        return True

    def show(self) -> None:
        self._details.clear()
        self._minutes = None
        with ui.column().classes("w-full gap-3").props('aria-live="polite"'):
            self._state()
            self._asking(self._now.asking)
            self._arrived(self._now.arrived)
            if not self._now.asking and not self._now.arrived:
                with ui.row().classes("items-center gap-3"):
                    ui.spinner(size="sm").props('aria-hidden="true"')
                    ui.label(
                        _("Waiting for a device. A new one asks within a minute of being powered.")
                    )
            self._refused(self._now.refused)
        self._known()

    def _state(self) -> None:
        now = self._now
        if now.seconds is not None:
            self._minutes = ui.label(_until_shut(now.seconds))
        elif now.elsewhere:
            ui.label(
                _("New devices go to another tenant for the next minutes; try again afterwards.")
            )
        elif now.open:
            ui.label(_("New devices are approved automatically."))
        else:
            why = (
                _("Enrolment is closed: a device that asks waits here until you approve it.")
                if now.mode is Enrolment.CLOSED
                else _("New devices need approval: one that asks waits here until you approve it.")
            )
            ui.label(why)
            ui.button(
                _("Approve new devices for {minutes} minutes", minutes=_MINUTES),
                on_click=lambda: self._adding.open_window(_MINUTES),
            ).props("outline no-caps")

    def _asking(self, candidates: Sequence[Candidate]) -> None:
        for one in reversed(candidates):
            with self._card():
                ui.label(_("{device} asks to be added", device=one.device)).classes("font-medium")
                ui.label(_kind(one.model, one.firmware)).classes("text-sm")
                ui.button(
                    _("Approve"),
                    on_click=lambda _, d=one.device: self._choose(
                        d, lambda: self._adding.approve(d)
                    ),
                ).props("no-caps")

    def _arrived(self, accounts: Sequence[Account]) -> None:
        for account in accounts:
            with self._card():
                ui.label(_("{device} was approved", device=account.device)).classes("font-medium")
                self._details[account.device] = ui.label(_detail(account)).classes("text-sm")
                ui.button(
                    _("Use this device"), on_click=lambda _, d=account.device: self._choose(d)
                ).props("no-caps")

    def _refused(self, refusals: Sequence[Refusal]) -> None:
        for refusal in refusals:
            with self._card():
                ui.label(
                    _(
                        "{device} was refused: {reason}.",
                        device=refusal.device,
                        reason=refusal.reason,
                    )
                )
                if refusal.remedy is not None:
                    ui.button(
                        _("It is mine: allow it to enrol again")
                        if refusal.remedy == Remedy.RENEW
                        else _("Enable it again"),
                        on_click=lambda _, r=refusal: self._help(r),
                    ).props("outline no-caps")

    def _known(self) -> None:
        known = [d for d in self._now.known if d not in {a.device for a in self._now.arrived}]
        if not known:
            return
        with ui.expansion(_("Choose a device that is known already")).classes("w-full"):
            device = ui.select(known, label=_("Device")).props("outlined").classes("w-full")

            async def use() -> None:
                if device.value is None:
                    self._page.complain(_("Choose which device it is."))
                else:
                    await self._choose(device.value)

            ui.button(_("Use this device"), on_click=use).props("no-caps")

    async def _help(self, refusal: Refusal) -> None:
        try:
            await self._adding.help(refusal.device, refusal.remedy or "")
        except HubError as error:
            self._page.complain(str(error))

    def _card(self) -> ui.card:
        return ui.card().classes("w-full gap-2").props("flat bordered")


def _until_shut(seconds: int) -> str:
    minutes = ngettext("{n} more minute", "{n} more minutes", seconds // 60)
    return _("New devices are approved automatically for {more_minutes}.", more_minutes=minutes)


def _kind(model: str, firmware: str) -> str:
    return _(
        "{value}, firmware {firmware}",
        value=model or "unknown model",
        firmware=firmware or "unknown",
    )


def _detail(account: Account) -> str:
    """What stands below an approved device's name."""
    silent = _(", nothing heard from it yet") if account.state is AccountState.PENDING else ""
    return _kind(account.model, account.firmware) + silent


def _without_details(now: EnrolmentView) -> tuple[object, ...]:
    """What decides which elements there are."""
    state = replace(now, arrived=(), seconds=None if now.seconds is None else 0)
    return (*astuple(state), *(account.device for account in now.arrived))
