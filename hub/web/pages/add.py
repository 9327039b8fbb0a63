"""Adding a device, from its first power to its first reading; several at once, a draft each."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from nicegui import ui
from starlette.requests import Request

from hub.api.principal import Administrator
from hub.language.words import _
from hub.services import Services
from hub.web.adding.context import Adding
from hub.web.adding.forms import Forms
from hub.web.adding.script import WIZARD, script
from hub.web.cards import SETTINGS_STYLE
from hub.web.drafts import DraftList
from hub.web.frame import frame
from hub.web.page import page
from hub.web.wizard_page import WizardPage

__all__ = ["mount"]

_PATH = "/add"
Draft = Annotated[str, Query(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]


def mount(services: Services) -> None:
    """Add /add."""

    @page(_PATH)
    async def add(principal: Administrator, request: Request, draft: Draft = "") -> None:
        adding = Adding(services, principal)
        wizards = services.wizards.of(principal.tenant, principal.person)
        name = draft.strip()
        others = [one.name for one in await wizards.drafts(WIZARD) if one.name != name]
        ui.add_head_html(SETTINGS_STYLE)
        with frame(principal, _("Add a device"), await adding.zone()):
            # Which of several that wait a device is meant for, a person says.
            forms = Forms(adding, request.url.hostname or "", alone=not others)
            await WizardPage(WIZARD, script, wizards, forms, draft=name).show()
            await DraftList(wizards, WIZARD, _PATH, name).build()
