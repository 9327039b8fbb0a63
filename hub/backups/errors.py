"""What can go wrong with backups that the hub makes by itself."""

from __future__ import annotations

from typing import ClassVar

from hub.errors import HubError

__all__ = ["BackupBusyError", "BackupsElsewhereError", "NoSuchBackupError", "TargetError"]


class TargetError(HubError):
    """Where backups are taken cannot be reached, or refuses; the message says why."""

    http_status: ClassVar[int] = 409


class BackupBusyError(HubError):
    """A backup is being made or tried: wait for it."""


class BackupsElsewhereError(HubError):
    """DORMOUSE_DATABASE_URL names another server, whose backups are that server's own."""

    def __init__(self) -> None:
        super().__init__(
            "DORMOUSE_DATABASE_URL names another server, whose backups are that server's own: "
            "`pg_dump --format=custom` by a superuser there (docs/hub.md has the lines)"
        )


class NoSuchBackupError(HubError):
    """There is no such backup."""

    http_status = 404

    def __init__(self, name: str, where: str) -> None:
        super().__init__(f"{where} has no backup {name!r}: `dormouse hub backups` lists them")
