"""Where people are in wizards, as pages ask for it."""

from __future__ import annotations

from hub.database.database import Database
from hub.wizards.repository import WizardRepository

__all__ = ["WizardService"]


class WizardService:
    """The wizards of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, tenant: str, person: int) -> WizardRepository:
        """Those of one person of a tenant."""
        return WizardRepository(self._database.of(tenant), f"person {person}")
