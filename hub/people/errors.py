"""What people are refused."""

from __future__ import annotations

from hub.errors import HubError

__all__ = ["NotAMemberError", "PasswordError", "UnknownPersonError"]


class PasswordError(HubError):
    """The password does not do."""


class UnknownPersonError(HubError):
    """There is nobody of that name."""

    http_status = 404

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is nobody called {name!r}")


class NotAMemberError(HubError):
    """A person does not see a tenant."""

    http_status = 404

    def __init__(self, name: str, tenant: str, advice: str = "") -> None:
        self.name, self.tenant = name, tenant
        super().__init__(f"{name} has no access to {tenant}{advice}")
