"""Adding a device, from its first power to its first reading."""

from __future__ import annotations

from nicegui import ui
from starlette.requests import Request

from hub.api.principal import Administrator
from hub.services import Services
from hub.web.adding.context import Adding
from hub.web.adding.forms import Forms
from hub.web.adding.script import WIZARD, script
from hub.web.frame import frame
from hub.web.wizard_page import WizardPage

__all__ = ["mount"]


def mount(services: Services) -> None:
    """Add /add."""

    @ui.page("/add")
    async def add(principal: Administrator, request: Request) -> None:
        adding = Adding(services, principal.tenant, principal.name)
        wizards = services.wizards.of(principal.tenant, principal.person)
        with frame(principal, "Add a device", await adding.zone()):
            forms = Forms(adding, request.url.hostname or "")
            await WizardPage(WIZARD, script, wizards, forms).show()
