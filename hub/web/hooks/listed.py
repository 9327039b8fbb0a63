"""The card Hooks: each with what it does, and what may be done with it here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nicegui import ui

from hub.api.principal import Principal
from hub.errors import HubError
from hub.hooks.model import Hook, HookChange
from hub.language.words import _
from hub.services import Services
from hub.web.adding.context import paths
from hub.web.ask import confirm, tell_secret
from hub.web.cards import card, empty, small_button, what
from hub.web.hooks.wished import ask_change, ask_new
from hub.web.hooks.words import STATE_WORDS, STEP_WORDS
from hub.web.reloaded import Reloaded

__all__ = ["HooksCard"]


class HooksCard:
    """The hooks of the principal's tenant."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services, self._principal = services, principal
        # Commands are typed without it in the hub's own.
        own = principal.tenant == services.settings.tenant
        self._named = "" if own else principal.tenant

    async def show(self) -> None:
        """Build it."""
        with card(_("Hooks")) as head:
            load = self._services.hooks.of(self._principal.tenant).all
            self._list = Reloaded(load, self._show_list, only_changed=True)
        with head:
            small_button(_("Add a hook"), _("Add a hook"), self._new, icon="add")
        await self._list.refresh()

    async def again(self) -> None:
        """Show what is now, if it is anything else."""
        await self._list.refresh()

    def _show_list(self, found: Sequence[Hook]) -> None:
        if not found:
            empty(
                "webhook", _("No hooks yet"),
                _("A hook tests, builds and rolls out what is pushed to a repository."),
            )  # fmt: skip
            return
        with ui.element("ul").classes("dm-items"):
            for hook in found:
                with ui.element("li"):
                    self._row(hook)

    def _row(self, hook: Hook) -> None:
        kinds = ", ".join(_(STEP_WORDS[step.kind]) for step in hook.chain.steps) or _("fetch alone")
        mine = hook.chain.updates_hub
        what(
            hook.name,
            f"{hook.repository}, {hook.branch}",
            _(
                "{source} posts to /hook/{name}; {kinds}",
                source=hook.source.value,
                name=hook.name,
                kinds=kinds,
            ),
            # Who may have the hub replaced is on its machine.
            _("Run, changed and removed on the hub's machine.") if mine else "",
        )
        if mine:
            return
        small_button(_("Run now"), _("Run {name} now", name=hook.name), partial(self._run, hook))
        small_button(
            _("Change"), _("Change {name}", name=hook.name), partial(ask_change, hook, self._named)
        )
        small_button(
            _("New secret"), _("New secret for {name}", name=hook.name), partial(self._renew, hook)
        )
        small_button(
            _("Remove"), _("Remove {name}", name=hook.name), partial(self._remove, hook), bad=True
        )

    async def _new(self) -> None:
        tree = await self._services.places.tree(self._principal.tenant)
        places = [one.path.replace(" / ", "/") for one in paths(tree)]
        whom = {"": _("Nobody"), "all": _("All devices"), **{one: one for one in places}}
        await ask_new(whom, self._named)

    async def _run(self, hook: Hook) -> None:
        tenant, who = self._principal.tenant, self._principal.name
        try:
            run = await self._services.hooks.run(tenant, hook.name, who)
            ui.notify(_("Run {id} is {state}.", id=run.id, state=_(STATE_WORDS[run.state])))
        except HubError as error:
            ui.notify(f"{error}.", type="negative")

    async def _renew(self, hook: Hook) -> None:
        lost = _("What its repository's host signs with the old one is refused at once.")
        if not await confirm(
            _("New secret for {name}?", name=hook.name), details=[lost], yes=_("Make it")
        ):
            return
        tenant, by = self._principal.tenant, self._principal.name
        try:
            change = HookChange(secret="")
            changed = await self._services.hooks.change(tenant, hook.name, change, by)
        except HubError as error:
            ui.notify(f"{error}.", type="negative")
            return
        await tell_secret(
            _("The secret of {name}", name=hook.name),
            changed[1],
            _("the hub keeps it to prove deliveries by"),
        )

    async def _remove(self, hook: Hook) -> None:
        lost = _("Its runs and their logs go with it; one that is going on ends.")
        if not await confirm(_("Remove {name}?", name=hook.name), details=[lost], yes=_("Remove")):
            return
        tenant, who = self._principal.tenant, self._principal.name
        try:
            await self._services.hooks.remove(tenant, hook.name, who)
            ui.notify(_("{name} is removed.", name=hook.name))
        except HubError as error:
            ui.notify(f"{error}.", type="negative")
        await self._list.refresh()
