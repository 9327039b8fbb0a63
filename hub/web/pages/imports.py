"""History of other programs: a file is tried, then imported once."""

from __future__ import annotations

from hub.api.principal import Administrator
from hub.language.words import _
from hub.services import Services
from hub.web.frame import frame
from hub.web.imports.form import ImportForm
from hub.web.page import page

__all__ = ["mount"]


def mount(services: Services) -> None:
    """Add /imports."""

    @page("/imports")
    async def imports(principal: Administrator) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, _("Import history"), zone):
            await ImportForm(services.imports, principal.tenant, zone).show()
