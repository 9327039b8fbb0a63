"""What is wrong with a NATS cluster."""

from __future__ import annotations

from hub.errors import HubError, SettingsError

__all__ = ["NatsMissingError", "NatsRefusedError"]


class NatsMissingError(SettingsError):
    """The client library is not installed."""

    def __init__(self) -> None:
        super().__init__("DORMOUSE_NATS_URL takes nats-py: pip install 'dormouse-home[nats]'")


class NatsRefusedError(HubError):
    """The servers do not do what is needed; `why` is what they say."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"NATS: {why}")
