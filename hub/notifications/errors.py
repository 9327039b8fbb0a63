"""What notifications refuse."""

from __future__ import annotations

from hub.errors import HubError

__all__ = [
    "AlertUnknownError",
    "ChannelAddressError",
    "ChannelUnknownError",
    "NameTakenError",
    "NotOnesOwnError",
    "NotificationsError",
    "RuleRefusedError",
    "RuleUnknownError",
    "TooManyError",
    "TooManyTestsError",
]


class NotificationsError(HubError):
    """This cannot be done about notifications."""


class _UnknownError(NotificationsError):
    http_status = 404
    exit_status = 2
    noun, listed = "thing", "notify"

    def __init__(self, which: object) -> None:
        self.which = which
        super().__init__(
            f"no {self.noun} {str(which)[:100]!r}: `dormouse {self.listed}` lists them"
        )


class RuleUnknownError(_UnknownError):
    """There is no such rule, or it is another person's."""

    noun, listed = "rule", "notify rules"


class ChannelUnknownError(_UnknownError):
    """There is no such channel, or it is another person's."""

    noun, listed = "channel", "notify channels"


class AlertUnknownError(_UnknownError):
    """There is no such entry of the inbox, or it is another person's."""

    noun, listed = "notification", "notify inbox"


class NameTakenError(NotificationsError):
    """A rule or channel of that name is there already."""

    def __init__(self, noun: str, name: str) -> None:
        self.noun, self.name = noun, name
        super().__init__(f"a {noun} {name!r} is there already: remove it, or take another name")


class TooManyError(NotificationsError):
    """There are as many rules or channels as there may be: remove those that are not used."""


class TooManyTestsError(NotificationsError):
    """A channel was sent as many messages to try it as it may be: wait a minute."""

    http_status = 429


class NotOnesOwnError(NotificationsError):
    """What is everybody's is changed by who may change things; one's own takes a person."""

    http_status = 403


class RuleRefusedError(NotificationsError):
    """A rule that cannot hold, with the reason."""

    http_status = 422
    exit_status = 2


class ChannelAddressError(NotificationsError):
    """An address that no message can be sent to, with the reason."""

    http_status = 422
    exit_status = 2
