"""What there is to do while no device was heard yet: three steps, and how the hub is."""

from __future__ import annotations

from nicegui import ui

from hub.api.principal import Principal
from hub.backups.service import BackupService
from hub.errors import HubError
from hub.language.words import N_, _
from hub.services import Services
from hub.web.cards import card, columns, mark, what
from hub.web.frame import heading

__all__ = ["first_run"]


def first_run(services: Services, principal: Principal, zone: str) -> None:
    """The checklist for who administers; readers are told that there is nothing yet."""
    if not principal.administers:
        ui.label(_("No device was heard yet.")).classes("dm-soft")
        return
    ui.label(
        _("Welcome, {name}. Your hub is running; three things make it yours.", name=principal.name)
    )
    with columns("wide"):
        with (
            ui.element("ol").classes("dm-panel dm-items").props(f'aria-label="{_("First steps")}"')
        ):
            _hear(services, principal)
            _step(2, _("Show it in Apple Home"), _(_HOMEKIT), _("Show code"), "/homekit",
                  done=_is_paired(services, principal.tenant))  # fmt: skip
            _step(3, _("Keep a copy elsewhere"), _copies(services.backups), _("Choose"), "/system",
                  done=_has_copies_elsewhere(services.backups))  # fmt: skip
        _about(services, zone)
    heading(_("Your sensors will be here")).classes("dm-soft")
    with ui.element("div").classes("dm-ghosts").props('aria-hidden="true"'):
        for _one in range(3):
            with ui.element("div").classes("dm-ghost"):
                for width, height in ((46, 12), (34, 28), (100, 36)):
                    ui.element("div").style(f"width: {width}%; height: {height}px")


_HOMEKIT = N_(
    "Scan one code with the Home app, once your first sensor was heard; those you add later appear "
    "there by themselves."
)


def _hear(services: Services, principal: Principal) -> None:
    """The first step: a sensor of one's own, or virtual ones to try it with."""
    virtual = services.virtual
    with ui.element("li").classes("top"):
        _number(1, now=True)
        with ui.element("div").classes("dm-what dm-stack"):
            heading(_("Hear from your first sensor"))
            ui.label(
                _(
                    "Give it power and scan the code on its label with your phone. It takes "
                    "about two minutes."
                )
            ).classes("dm-soft")
            with ui.row().classes("items-center"):
                ui.link(_("Add device"), "/add").classes("dm-button dm-main")
                if virtual.available and principal.tenant == services.settings.tenant:
                    attempt = ui.button(_("Try three virtual sensors"), icon="play_arrow")
                    attempt.props("no-caps outline")
            with ui.element("div").classes("dm-row-plain").props('role="status"'):
                ui.spinner(size="sm").props('aria-hidden="true"')
                status = ui.label(_("Listening. A sensor that asks appears here by itself."))
                status.classes("dm-note")
            if virtual.available and principal.tenant == services.settings.tenant:
                _trial(services, principal, attempt, status)


def _trial(services: Services, principal: Principal, attempt: ui.button, status: ui.label) -> None:
    virtual = services.virtual

    def tell() -> None:
        attempt.set_enabled(not virtual.running)
        if virtual.running:
            status.text = _(
                "Three virtual sensors were begun: their first values come within a minute."
            )

    async def begin() -> None:
        attempt.set_enabled(False)
        try:
            await virtual.begin(principal.tenant)
        except HubError as error:
            status.text = f"{str(error).rstrip('.')}."
        tell()

    attempt.on_click(begin)
    tell()


def _step(number: int, title: str, text: str, action: str, path: str, *, done: bool) -> None:
    with ui.element("li"):
        _number(number)
        with ui.element("div").classes("dm-what"):
            heading(title, 3)
            ui.label(text).classes("dm-note")
        if done:
            ui.label(_("Done")).classes("dm-pill ok")
        ui.link(action, path).classes("dm-button")


def _number(number: int, *, now: bool = False) -> None:
    ui.label(str(number)).classes(f"dm-number-mark {'now' if now else ''}").props(
        'aria-hidden="true"'
    )


def _is_paired(services: Services, tenant: str) -> bool:
    return any(one.controllers for one in services.homekit.pairings(tenant))


def _copies(backups: BackupService) -> str:
    if not backups.by_itself:
        return _("The hub makes no backups by itself; System says what there is.")
    if _has_copies_elsewhere(backups):
        return _("Backups are made each day, and taken to {where}.", where=backups.where)
    return _("Backups are made each day on this machine; a second place is for when it dies.")


def _has_copies_elsewhere(backups: BackupService) -> bool:
    return backups.by_itself and backups.elsewhere


def _about(services: Services, zone: str) -> None:
    with card(_("This hub")), ui.element("ul").classes("dm-items"):

        def line(icon: str, state: str, title: str, text: str) -> None:
            with ui.element("li"):
                mark(icon, state)
                what(title, text)

        there = services.mqtt.source.connected.is_set()
        if there:
            line("check", "ok", _("Database and broker run"), _("Readings are taken and kept."))
        else:
            line(
                "error_outline",
                "bad",
                _("The broker is away"),
                _("No device can be heard just now."),
            )
        line(
            "check", "ok", _("New devices may ask to join"), _("While somebody is on “Add device”.")
        )
        line("schedule", "", _("Time zone {zone}", zone=zone), _("System changes it."))
        line("wifi", "", services.url("/"), _("How phones in this network reach it."))
