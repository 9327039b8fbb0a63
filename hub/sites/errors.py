"""What sites refuse."""

from __future__ import annotations

from hub.errors import HubError

__all__ = [
    "GatewayError",
    "NetworkError",
    "NetworkOverlapError",
    "SiteNameTakenError",
    "SiteRefusedError",
    "SiteUnknownError",
    "TooManySitesError",
]


class SiteUnknownError(HubError):
    """There is no site of that name."""

    http_status = 404
    exit_status = 2

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no site {name[:100]!r}: `dormouse site list` names them")


class SiteNameTakenError(HubError):
    """A site of that name is there already."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"a site {name!r} is there already: remove it, or take another name")


class TooManySitesError(HubError):
    """This hub has 1000 sites already: remove those that are not used any more."""


class SiteRefusedError(HubError):
    """A site cannot be so; the message says why and what to do."""

    http_status = 422
    exit_status = 2


class NetworkError(SiteRefusedError):
    """A text is no network that a site can have."""

    def __init__(self, text: str, why: str) -> None:
        self.text = text
        super().__init__(f"network {text[:64]!r}: {why}")


class NetworkOverlapError(HubError):
    """Two networks have addresses in common; `free` is one that would not."""

    def __init__(self, network: str, other: str, whose: str, free: str) -> None:
        self.network, self.other, self.free = network, other, free
        super().__init__(
            f"{network} overlaps {other} of {whose}: only one of them would work; "
            f"give the site's router another network, such as {free}"
        )


class GatewayError(HubError):
    """What was to be done on this machine's network did not work; the message says why."""

    exit_status = 1
