"""The way to the hub, once a network was joined: found by multicast DNS, or by the name given."""

import socket

from dormouse import mdns
from dormouse.portal import form
from dormouse.tcp import is_address
from dormouse.watchdog import feed


def find(ssid: str):
    """([(host, port, enrolment's port)] of the hubs in the network, what is wrong or "")."""
    try:
        hubs = [hub for hub in mdns.hubs() if form.valid_host(hub[0]) and hub[1]]
    except OSError as error:
        print("hub:", error)
        hubs = []
    if hubs:
        return hubs, "" if len(hubs) == 1 else "Several hubs answer in %s: choose yours." % ssid
    return hubs, (
        "%s was joined, but no hub answers there. Is it running, in the same network? "
        "If it is, type its address." % ssid
    )


def unresolved(host: str, ssid: str) -> str:
    """Why nothing can be sent to `host` from the network that was joined, "" if it can be."""
    if is_address(host):
        return ""
    feed()
    try:
        if host.lower().endswith(".local"):
            if mdns.address(host):
                return ""
            return "%s was joined, but nobody there says to be %s." % (ssid, host)
        socket.getaddrinfo(host, 0)
        return ""
    except OSError as error:
        print("hub:", error)
    return "%s was joined, but its name server does not know %s." % (ssid, host)
