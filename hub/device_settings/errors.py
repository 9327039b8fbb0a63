"""What can go wrong when settings of a device are requested."""

from __future__ import annotations

from hub.errors import HubError

__all__ = ["ConfigError"]


class ConfigError(HubError):
    """A setting that cannot be requested; `setting` names it. Never says a secret's value."""

    http_status = 422
    exit_status = 2

    def __init__(self, setting: str, reason: str) -> None:
        self.setting, self.reason = setting, reason
        super().__init__(f"{setting}: {reason}")
