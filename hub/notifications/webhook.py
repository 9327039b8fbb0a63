"""Messages to programs, signed as Standard Webhooks are (standardwebhooks.com). Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from hub.notifications.errors import ChannelAddressError

__all__ = ["PREFIX", "headers", "host_of", "new_secret", "shown_webhook"]

PREFIX = "whsec_"


def new_secret() -> str:
    """24 random bytes as the standard writes them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def headers(secret: str, key: str, timestamp: int, body: bytes) -> dict[str, str]:
    """What a message is sent with: its `key`, the same at every try, and who signed it when."""
    signed = f"{key}.{timestamp}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix(PREFIX)), signed, hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest.digest()).decode()}",
    }


def host_of(address: str) -> str:
    """The host of an address; empty where it has none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def shown_webhook(address: str) -> str:
    """What may be told of a webhook's address. Raises ChannelAddressError."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise ChannelAddressError("this is no address: https://host/path") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ChannelAddressError("a webhook's address begins with https:// or http://")
    return f"webhook at {parts.hostname}{f':{port}' if port else ''}"
