"""The files of wg-quick: which peers have a host's name for an endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hub.sites.endpoints import NamedPeer
from hub.sites.errors import GatewayError
from hub.sites.names import is_address, is_host

__all__ = ["FOLDER", "named_peers", "peers_of_file"]

FOLDER = Path("/etc/wireguard")

# Its files have a few hundred bytes for each peer.
_LARGEST = 1_000_000


def peers_of_file(path: Path) -> list[NamedPeer]:
    """The peers of `NAME.conf` that are found by a name. Raises GatewayError.

    A file that others can read is refused: its private key may be anybody's.
    """
    try:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise GatewayError(
                f"{path} holds a private key, and others can read it (mode {mode:04o}): "
                f"chmod 600 {path}"
            )
        if path.stat().st_size > _LARGEST:
            raise GatewayError(f"{path} is no file of wg-quick: it is larger than 1 MB")
        text = path.read_text("utf-8")
    except OSError as error:
        raise GatewayError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise GatewayError(f"{path} is no file of wg-quick: it is not text") from None
    return list(named_peers(path.stem, text))


def named_peers(interface: str, text: str) -> Iterator[NamedPeer]:
    """Those with a name; an address as an endpoint is where it says."""
    for section in _sections(text):
        host, _, port = section.get("endpoint", "").rpartition(":")
        key = section.get("publickey", "")
        is_port = port.isascii() and port.isdigit() and 0 < int(port) <= 65535
        if key and is_port and is_host(host) and not is_address(host):
            yield NamedPeer(interface, key, host, int(port))


def _sections(text: str) -> Iterator[dict[str, str]]:
    """The [Peer] sections: keys in small letters, as wg reads them."""
    section: dict[str, str] | None = None
    for line in text.splitlines():
        bare = line.partition("#")[0].strip()
        if bare.startswith("["):
            if section is not None:
                yield section
            section = {} if bare.lower() == "[peer]" else None
        elif section is not None and "=" in bare:
            name, _, value = bare.partition("=")
            section[name.strip().lower()] = value.strip()
    if section is not None:
        yield section
