"""Which roles a process has: all of a hub, or a worker's part of several."""

from __future__ import annotations

from hub.errors import SettingsError
from hub.runtime.supervisor import PartRole

__all__ = ["BEHIND_PAGES", "FRONT", "roles_of"]

FRONT = frozenset({PartRole.BRIDGE, PartRole.DUTIES, PartRole.WEB})
"""What one process has together: pages and rollouts ask HomeKit's bridges in its memory."""
BEHIND_PAGES = frozenset({PartRole.BRIDGE, PartRole.DUTIES})
"""What has pages of its own; `web` without them passes on what it is asked."""


def roles_of(text: str) -> frozenset[PartRole]:
    """From names separated by commas. Raises SettingsError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    try:
        roles = frozenset(PartRole(name) for name in names)
    except ValueError:
        allowed = ", ".join(PartRole)
        raise SettingsError(f"DORMOUSE_ROLES={text!r}: must be some of {allowed}") from None
    if not roles:
        raise SettingsError(f"DORMOUSE_ROLES={text!r}: name at least one role")
    if roles & BEHIND_PAGES and not roles >= FRONT:
        raise SettingsError(
            f"DORMOUSE_ROLES={text!r}: bridge, duties and web are one process's: name all three; "
            "intake and web may be apart"
        )
    return roles
