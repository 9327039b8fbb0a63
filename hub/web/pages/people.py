"""Who has access to a tenant: roles, invitations, log out everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from hub.api.principal import Administrator, Principal
from hub.api.scope import Role
from hub.errors import HubError
from hub.language.words import N_, _, ngettext
from hub.people.repository import Invitation, Member
from hub.services import Services
from hub.web.ask import confirm
from hub.web.frame import frame, heading
from hub.web.page import page
from hub.web.reloaded import Reloaded

__all__ = ["mount"]

_DAY_S, _HOUR_S, _MINUTE_S = 86400, 3600, 60
_ROLES = {Role.READER: N_("reader"), Role.ADMINISTRATOR: N_("administrator")}


def mount(services: Services) -> None:
    """Add /people."""

    @page("/people")
    async def people(principal: Administrator) -> None:
        with frame(principal, _("People of {tenant}", tenant=principal.tenant)):
            await _People(services, principal).show()


class _People:
    """The page's content, shown anew when it changes."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services, self._people = services, services.people
        self._principal = principal
        self._tenant = principal.tenant

    async def show(self) -> None:
        people = self._people
        self._members = Reloaded(partial(people.members, self._tenant), self._show_members)
        await self._members.refresh()
        heading(_("Invite somebody"))
        self._form()
        self._links = Reloaded(partial(people.invitations, self._tenant), self._show_links)
        await self._links.refresh()

    def _show_members(self, members: Sequence[Member]) -> None:
        with ui.element("ul").classes("dm-list"):
            for member in members:
                with ui.element("li").classes("dm-row"):
                    self._member(member)

    def _member(self, member: Member) -> None:
        is_caller = member.id == self._principal.person
        with ui.element("div").classes("dm-grow"):
            ui.label(member.name + (_(" (you)") if is_caller else "")).classes("dm-strong")
            ui.label(_("last active {ago}", ago=_ago(member.used_at))).classes("dm-soft")
        role = ui.select(
            {str(role): _(text) for role, text in _ROLES.items()},
            value=str(member.role),
            on_change=partial(self._set_role, member),
        ).props("dense outlined options-dense")
        role.props["aria-label"] = _("Role of {name}", name=member.name)
        ui.button(_("Log out everywhere"), on_click=partial(self._log_out, member)).props(
            "flat no-caps"
        )
        ui.button(_("Remove"), on_click=partial(self._remove, member)).props(
            "flat no-caps color=negative"
        )

    async def _set_role(self, member: Member, event: ValueChangeEventArguments[str]) -> None:
        try:
            await self._people.set_role(self._tenant, member.id, Role(event.value))
            ui.notify(
                _("{name} is {role} now.", name=member.name, role=_(_ROLES[Role(event.value)]))
            )
        except HubError as error:
            ui.notify(f"{error}.", type="negative")
        await self._members.refresh()

    async def _log_out(self, member: Member) -> None:
        await self._people.sessions.close_all(member.id)
        ui.notify(_("{name} is logged out everywhere.", name=member.name))

    async def _remove(self, member: Member) -> None:
        question = _(
            "{name} loses access to {tenant}. Open pages close at once.",
            name=member.name,
            tenant=self._tenant,
        )
        if not await confirm(
            _("Remove {name}?", name=member.name), details=[question], yes=_("Remove")
        ):
            return
        try:
            await self._people.leave(self._tenant, member.id)
            ui.notify(
                _(
                    "{name} has no access to {tenant} any more.",
                    name=member.name,
                    tenant=self._tenant,
                )
            )
        except HubError as error:
            ui.notify(f"{error}.", type="negative")
        await self._members.refresh()

    def _form(self) -> None:
        with ui.element("div").classes("dm-row"):
            note = ui.input(_("Note (who it is for)")).props("dense outlined maxlength=100")
            role = ui.select(
                {str(role): _(text) for role, text in _ROLES.items()},
                value=str(Role.READER),
            ).props(f'dense outlined options-dense aria-label="{_("Role")}"')

            async def make() -> None:
                path = await self._people.make_link(
                    self._tenant, Role(role.value), note=str(note.value or "")
                )
                await self._links.refresh()
                _show_link(self._services, path)

            ui.button(_("Create a link"), on_click=make).props("no-caps unelevated")

    def _show_links(self, invitations: Sequence[Invitation]) -> None:
        if not invitations:
            return
        heading(_("Links not used yet"), 3)
        with ui.element("ul").classes("dm-list"):
            for invitation in invitations:
                with ui.element("li").classes("dm-row"):
                    self._link(invitation)

    def _link(self, invitation: Invitation) -> None:
        hours = (invitation.expires_at - datetime.now(UTC)).total_seconds() / 3600
        with ui.element("div").classes("dm-grow"):
            ui.label(invitation.note or _("somebody")).classes("dm-strong")
            ui.label(
                _(
                    "{role}; expires in {hours} h",
                    role=_(_ROLES[invitation.role]),
                    hours=f"{hours:.0f}",
                )
            ).classes("dm-soft")

        async def withdraw() -> None:
            await self._people.withdraw(self._tenant, invitation.id or 0)
            await self._links.refresh()

        ui.button(_("Withdraw"), on_click=withdraw).props("flat no-caps")


def _show_link(services: Services, path: str) -> None:
    """The link, once: the hub keeps only its hash."""
    request = ui.context.client.request
    host = request.headers.get("host")
    here = f"{request.url.scheme}://{host}{path}"
    url = here if host else services.url(path)
    with ui.dialog(value=True) as dialog, ui.card().props('role="document"'):
        dialog.props["aria-label"] = _("A link for one person")
        heading(_("A link for one person"))
        ui.label(_("Send it to them. It works once, for three days; it is shown only now."))
        ui.input(_("Link"), value=url).props("readonly outlined").classes("w-full")
        with ui.element("div").classes("dm-row"):
            ui.button(_("Copy"), on_click=lambda: ui.clipboard.write(url)).props(
                "no-caps unelevated"
            )
            ui.button(_("Close"), on_click=dialog.close).props("no-caps flat")


def _ago(at: datetime | None) -> str:
    if at is None:
        return _("never")
    seconds = (datetime.now(UTC) - at).total_seconds()
    if seconds >= _DAY_S:
        return ngettext("{n} day ago", "{n} days ago", int(seconds // _DAY_S))
    if seconds >= _HOUR_S:
        return ngettext("{n} hour ago", "{n} hours ago", int(seconds // _HOUR_S))
    if seconds >= _MINUTE_S:
        return ngettext("{n} minute ago", "{n} minutes ago", int(seconds // _MINUTE_S))
    return _("just now")
