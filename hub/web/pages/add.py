"""Adding a device, from its first power to its first reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui
from starlette.requests import Request

from hub.api.principal import Administrator
from hub.web.adding.context import Adding
from hub.web.adding.forms import Forms
from hub.web.adding.script import WIZARD, script
from hub.web.frame import frame
from hub.web.pages import Link
from hub.web.wizard.repository import WizardRepository
from hub.web.wizard.show import WizardPage

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["LINK", "mount"]

LINK = Link("Add a device", "/add", "add_circle_outline", 20, administrators_only=True)


def mount(site: Site) -> None:
    """Add /add."""

    @ui.page("/add")
    async def add(principal: Administrator, request: Request) -> None:
        adding = Adding(site.services, principal.tenant, principal.name)
        wizards = WizardRepository(
            site.services.store.of(principal.tenant), f"person {principal.person}"
        )
        with frame(principal, "Add a device"):
            forms = Forms(adding, request.url.hostname or "")
            await WizardPage(WIZARD, script, wizards, forms).show()
