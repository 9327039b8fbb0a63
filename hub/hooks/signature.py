"""Whether a delivery is from who knows the hook's secret, by its raw body. Pure.

The schemes are those of the hosts' documents: "Validating webhook deliveries" of GitHub,
"Webhooks" of Gitea, Forgejo, GitLab and Bitbucket, and standardwebhooks.com.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from hub.hooks.errors import SignatureMissingError, SignatureWrongError, StaleDeliveryError
from hub.hooks.sources import HookSource

__all__ = ["PREFIX", "WINDOW_S", "HookDelivery", "delivery_key", "signing_key", "verify"]

PREFIX = "whsec_"
"""How the secret of a Standard Webhook begins; the rest is base64."""

WINDOW_S = 300.0
"""s: how far a signed time may be from now, in either direction, as the standard's libraries have
it."""

_FORM = "application/x-www-form-urlencoded"
_LONGEST_KEY = 200

# Any of these counts as an attempt to sign: what is said of a missing one is said to everybody.
_SIGNATURES = (
    "x-hub-signature-256", "x-hub-signature", "x-gitea-signature", "x-forgejo-signature",
    "x-gitlab-token", "webhook-signature",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """A POST as it came: its headers by lower-case name, its raw body."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def signed(self) -> bool:
        """Whether it claims to be signed, in whichever way. An empty header is none."""
        return any(self.headers.get(name, "").strip() for name in _SIGNATURES)

    @property
    def is_form(self) -> bool:
        """Whether its JSON is a form's `payload`."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM

    @property
    def digest(self) -> bytes:
        """What tells the same JSON from another, whatever headers say, and however it is wrapped.

        Gitea signs the JSON within a form: another form around it would be signed as well.
        """
        return hashlib.sha256(self.json_text()).digest()

    def json_text(self) -> bytes:
        """The JSON, out of a form too; empty for a form without."""
        if not self.is_form:
            return self.body
        try:
            fields = parse_qs(self.body.decode("ascii"), strict_parsing=True, max_num_fields=10)
        except ValueError:
            return b""
        values = fields.get("payload", [])
        return values[0].encode() if len(values) == 1 else b""


def delivery_key(source: HookSource, delivery: HookDelivery) -> str:
    """What the host calls this delivery, the same when it tries again; empty where it says none."""
    for name in _KEYS[source]:
        key = delivery.headers.get(name, "").strip()
        if key:
            return key[:_LONGEST_KEY]
    return ""


def signing_key(secret: str) -> bytes:
    """The bytes of a Standard Webhook's secret. Raises ValueError."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("it is not base64") from None


def verify(source: HookSource, secret: str, delivery: HookDelivery, now: float) -> None:
    """Return for a delivery that is signed with `secret`; `now` in seconds since 1970.

    Raises SignatureMissingError, SignatureWrongError, StaleDeliveryError. How long it takes says
    nothing of the secret, nor of the source.
    """
    if not delivery.signed:
        raise SignatureMissingError
    # Always once over the body, so that a source that signs none takes as long.
    expected = hmac.new(secret.encode(), delivery.body, hashlib.sha256).hexdigest()
    if not _CHECKS[source](secret, delivery, expected):
        raise SignatureWrongError
    if source is HookSource.GITLAB_SIGNED:
        _check_time(delivery.headers.get("webhook-timestamp", ""), now)


def _same(presented: str, expected: str) -> bool:
    return hmac.compare_digest(presented.encode(), expected.encode())


def _prefixed(header: str) -> Callable[[str, HookDelivery, str], bool]:
    """`sha256=<hex>` of the raw body."""
    return lambda _, delivery, expected: _same(
        delivery.headers.get(header, ""), f"sha256={expected}"
    )


def _of_gitea(secret: str, delivery: HookDelivery, expected: str) -> bool:
    """Of the JSON, also where it is posted as a form; GitHub's header has the same."""
    if delivery.is_form:
        text = delivery.json_text()
        expected = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return _either(delivery, "x-gitea-signature", expected)


def _of_forgejo(_: str, delivery: HookDelivery, expected: str) -> bool:
    header = "x-forgejo-signature"
    if not delivery.headers.get(header, "").strip():
        header = "x-gitea-signature"
    return _either(delivery, header, expected)


def _either(delivery: HookDelivery, header: str, expected: str) -> bool:
    own = delivery.headers.get(header, "")
    if own.strip():
        return _same(own, expected)
    return _same(delivery.headers.get("x-hub-signature-256", ""), f"sha256={expected}")


def _by_token(secret: str, delivery: HookDelivery, _: str) -> bool:
    return _same(delivery.headers.get("x-gitlab-token", ""), secret)


def _by_standard(secret: str, delivery: HookDelivery, _: str) -> bool:
    """Any of several signatures, while a key is changed."""
    try:
        key = signing_key(secret)
    except ValueError:
        return False
    headers = delivery.headers
    signed = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}.".encode()
    digest = hmac.new(key, signed + delivery.body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    given = headers.get("webhook-signature", "").split()[:10]
    found = [_same(one, expected) for one in given]
    return any(found) and bool(headers.get("webhook-id"))


def _check_time(text: str, now: float) -> None:
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise StaleDeliveryError
    if abs(now - int(text)) > WINDOW_S:
        raise StaleDeliveryError


_CHECKS: dict[HookSource, Callable[[str, HookDelivery, str], bool]] = {
    HookSource.GITHUB: _prefixed("x-hub-signature-256"),
    HookSource.GITEA: _of_gitea,
    HookSource.FORGEJO: _of_forgejo,
    HookSource.GITLAB: _by_token,
    HookSource.GITLAB_SIGNED: _by_standard,
    # GitHub's header of that name is SHA-1; Bitbucket's says sha256.
    HookSource.BITBUCKET: _prefixed("x-hub-signature"),
    HookSource.BITBUCKET_DC: _prefixed("x-hub-signature"),
}
_KEYS: dict[HookSource, tuple[str, ...]] = {
    HookSource.GITHUB: ("x-github-delivery",),
    HookSource.GITEA: ("x-gitea-delivery", "x-github-delivery"),
    HookSource.FORGEJO: ("x-forgejo-delivery", "x-gitea-delivery"),
    # The first is the same at each try; the event's is shared by hooks that hooks set off.
    HookSource.GITLAB: ("idempotency-key", "x-gitlab-event-uuid"),
    HookSource.GITLAB_SIGNED: ("webhook-id",),
    HookSource.BITBUCKET: ("x-request-uuid",),
    HookSource.BITBUCKET_DC: ("x-request-id",),
}
