"""What may be allowed: scopes of tokens, roles of people, and what only an operator may."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["OPERATOR", "ROLE_SCOPES", "Role", "Scope"]


class Scope(StrEnum):
    """What a token may do; none includes another, but `admin` all."""

    READ = "read"
    WRITE = "write"
    COMMAND = "command"
    UPDATE = "update"
    METRICS = "metrics"
    ADMIN = "admin"


OPERATOR: Final = "operator"
"""What it takes to look after the hub itself, and all of its tenants.

No Scope, so that no token and no person can be given it: who may open the private socket has it.
"""


class Role(StrEnum):
    """What a person may do in a tenant: look, or change things and invite others."""

    READER = "reader"
    ADMINISTRATOR = "administrator"


ROLE_SCOPES: Final = {
    Role.READER: frozenset({"read"}),
    Role.ADMINISTRATOR: frozenset({"read", "write", "admin"}),
}
"""What a person's session may do, by role."""
