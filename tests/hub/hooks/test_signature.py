"""Each host's signature: right, wrong, missing; expected values from the hosts' documents."""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import quote

import pytest

from hub.hooks.errors import (
    MalformedDeliveryError,
    SignatureMissingError,
    SignatureWrongError,
    StaleDeliveryError,
)
from hub.hooks.push import NothingToDo, Push, read_push
from hub.hooks.signature import HookDelivery, delivery_key, verify
from hub.hooks.sources import HookSource

EVERYBODY = "It's a Secret to Everybody"
# docs.github.com, "Validating webhook deliveries", "Testing the webhook payload validation".
OF_GITHUB = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
# support.atlassian.com, "Manage webhooks", "Examples".
OF_BITBUCKET = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
# standardwebhooks.com, the reference libraries' tests.
STANDARD = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_BODY = b'{"test": 2432232314}'
HELLO = b"Hello, World!"
FORM = b"payload=" + quote("Hello, World!").encode()
FORM_TYPE = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
OF_FORM = hmac.new(EVERYBODY.encode(), FORM, hashlib.sha256).hexdigest()

RIGHT = {
    "github": ("github", {"x-hub-signature-256": f"sha256={OF_GITHUB}"}, HELLO),
    "github, a form": (
        "github", {"x-hub-signature-256": f"sha256={OF_FORM}", **FORM_TYPE}, FORM,
    ),
    "gitea": ("gitea", {"x-gitea-signature": OF_GITHUB}, HELLO),
    "gitea by GitHub's header": ("gitea", {"x-hub-signature-256": f"sha256={OF_GITHUB}"}, HELLO),
    "gitea, of the JSON in a form": ("gitea", {"x-gitea-signature": OF_GITHUB, **FORM_TYPE}, FORM),
    "forgejo": ("forgejo", {"x-forgejo-signature": OF_GITHUB}, HELLO),
    "forgejo by Gitea's header": ("forgejo", {"x-gitea-signature": OF_GITHUB}, HELLO),
    "gitlab": ("gitlab", {"x-gitlab-token": EVERYBODY}, HELLO),
    "bitbucket": ("bitbucket", {"x-hub-signature": f"sha256={OF_BITBUCKET}"}, b"Hello World!"),
    "data center": (
        "bitbucket-dc", {"x-hub-signature": f"sha256={OF_BITBUCKET}"}, b"Hello World!",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "headers", "body"), RIGHT.values(), ids=RIGHT)
def test_a_right_signature_and_all_that_are_not(source, headers, body):
    source = HookSource(source)
    verify(source, EVERYBODY, HookDelivery(headers, body), 0)
    wrong = [
        (EVERYBODY + "!", headers, body),
        *(
            (EVERYBODY, {**headers, name: changed}, body)
            for name, value in headers.items() if name != "content-type"
            for changed in (value[:-1], value + "0", value.upper(), "sha256=", "\xe9" * 64)
        ),
    ]  # fmt: skip
    if source is not HookSource.GITLAB:  # whose token signs no body
        wrong.append((EVERYBODY, headers, body.replace(b"W", b"w")))
    for secret, sent, text in wrong:
        with pytest.raises(SignatureWrongError):
            verify(source, secret, HookDelivery(sent, text), 0)
    for blank in ({}, dict.fromkeys(headers, ""), dict.fromkeys(headers, "  ")):
        with pytest.raises(SignatureMissingError):
            verify(source, EVERYBODY, HookDelivery(blank, body), 0)
    # Another source's header is no proof, whatever it holds: SHA-1 least of all.
    sha1 = hmac.new(EVERYBODY.encode(), body, "sha1").hexdigest()
    with pytest.raises(SignatureWrongError):
        verify(source, EVERYBODY, HookDelivery({"x-hub-signature": f"sha1={sha1}"}, body), 0)


def test_a_standard_webhook_has_a_time_and_may_have_several_signatures():
    signed, secret = HookSource.GITLAB_SIGNED, STANDARD_SECRET
    for now in (1614265330, 1614265330 + 300, 1614265330 - 300):
        verify(signed, secret, HookDelivery(STANDARD, STANDARD_BODY), now)
    for now in (1614265330 + 301, 1614265330 - 301, 0):
        with pytest.raises(StaleDeliveryError):
            verify(signed, secret, HookDelivery(STANDARD, STANDARD_BODY), now)
    several = {**STANDARD, "webhook-signature": f"v1,AAAA v1a,x {STANDARD['webhook-signature']}"}
    verify(signed, secret, HookDelivery(several, STANDARD_BODY), 1614265330)
    for change in (
        {"webhook-id": "msg_other"}, {"webhook-timestamp": "1614265331"}, {"webhook-id": ""},
        {"webhook-signature": STANDARD["webhook-signature"].replace("v1,", "v2,")},
        {"webhook-signature": "v1,"}, {"webhook-signature": STANDARD["webhook-signature"][3:]},
    ):  # fmt: skip
        with pytest.raises(SignatureWrongError):
            verify(signed, secret, HookDelivery({**STANDARD, **change}, STANDARD_BODY), 1614265330)
    with pytest.raises(SignatureWrongError):
        verify(signed, secret, HookDelivery({"x-gitlab-token": secret}, STANDARD_BODY), 1614265330)


A, B, NONE = "a" * 40, "b" * 40, "0" * 40


def branch(commit):
    """As Bitbucket Cloud has one."""
    return {"type": "branch", "name": "main", "target": {"hash": commit}}


JSON = {"content-type": "application/json"}
PUSHES = {
    "github": (
        "github", {"x-github-event": "push"},
        f'{{"ref": "refs/heads/main", "before": "{A}", "after": "{B}", "forced": true}}',
        Push("main", B, A, True),
    ),
    "github, a new branch": (
        "github", {"x-github-event": "push"},
        f'{{"ref": "refs/heads/main", "before": "{NONE}", "after": "{B}", "deleted": false}}',
        Push("main", B),
    ),
    "github, deleted": (
        "github", {"x-github-event": "push"},
        f'{{"ref": "refs/heads/main", "before": "{A}", "after": "{NONE}", "deleted": true}}',
        "branch main was deleted",
    ),
    "a tag of the same name": (
        "gitea", {"x-gitea-event": "push"},
        f'{{"ref": "refs/tags/main", "before": "{NONE}", "after": "{B}"}}', "refs/tags/main",
    ),
    "another branch": (
        "forgejo", {"x-forgejo-event": "push"},
        f'{{"ref": "refs/heads/main2", "before": "{A}", "after": "{B}"}}', "refs/heads/main2",
    ),
    "gitlab": (
        "gitlab", {"x-gitlab-event": "Push Hook"},
        f'{{"ref": "refs/heads/main", "before": "{A}", "after": "{B}", "checkout_sha": "{B}"}}',
        Push("main", B, A),
    ),
    "gitlab, a tag": (
        "gitlab", {"x-gitlab-event": "Tag Push Hook"},
        f'{{"ref": "refs/tags/main", "before": "{NONE}", "after": "{B}"}}', "starts nothing",
    ),
    "github, a ping": ("github", {"x-github-event": "ping"}, '{"zen": "Keep it"}', "a ping"),
    "github, an issue": ("github", {"x-github-event": "issues"}, "{}", "issues starts nothing"),
    "bitbucket, the last of two": (
        "bitbucket", {"x-event-key": "repo:push"},
        json.dumps({"push": {"changes": [
            {"new": branch(A), "old": None},
            {"forced": True, "new": branch(B), "old": branch(A)},
        ]}}), Push("main", B, A, True),
    ),
    "bitbucket, deleted": (
        "bitbucket", {"x-event-key": "repo:push"},
        json.dumps({"push": {"changes": [{"new": None, "old": branch(A)}]}}), "was deleted",
    ),
    "data center": (
        "bitbucket-dc", {"x-event-key": "repo:refs_changed"},
        json.dumps({"changes": [{
            "ref": {"id": "refs/heads/main", "type": "BRANCH"}, "fromHash": A, "toHash": B,
            "type": "UPDATE",
        }]}), Push("main", B, A),
    ),
    "data center, its test": (
        "bitbucket-dc", {"x-event-key": "diagnostics:ping"}, '{"test": true}', "a ping",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "headers", "text", "expected"), PUSHES.values(), ids=PUSHES)
def test_what_a_delivery_says(source, headers, text, expected):
    source = HookSource(source)
    found = read_push(source, HookDelivery({**headers, **JSON}, text.encode()), "main")
    form = HookDelivery({**headers, **FORM_TYPE}, b"payload=" + quote(text).encode())
    assert read_push(source, form, "main") == found
    if isinstance(expected, str):
        assert isinstance(found, NothingToDo)
        assert expected in found.why
    else:
        assert found == expected


MALFORMED = [
    b"x", b"[]", b"1", b"\xff\xfe", b'{"ref": 1}', b"{" * 100_000, b"[" * 200_000, b'{"a":' * 9999,
    b'{"ref": "refs/heads/main"}', b'{"ref": "refs/heads/main", "after": "../../x"}',
    b'{"ref": "refs/heads/main", "after": null}', b'{"ref": "refs/heads/main", "after": "abc"}',
    b'{"ref": "refs/heads/main", "after": "%s\\n"}' % (b"a" * 40), b'{"n": %s}' % (b"9" * 5000),
    b'{"push": {"changes": {}}}', b'{"push": {"changes": [1]}}', b'{"push": []}',
    b'{"changes": []}',
    b'{"push": {"changes": [{"new": null, "old": null}]}}', b'{"changes": [{"type": "UPDATE"}]}',
    b'{"push": {"changes": [{"new": {"name": 1}, "old": null}]}}', b"\xef\xbb\xbf{}", b"null",
]  # fmt: skip
EVENTS = {
    "github": {"x-github-event": "push"}, "gitlab": {"x-gitlab-event": "Push Hook"},
    "bitbucket": {"x-event-key": "repo:push"}, "bitbucket-dc": {"x-event-key": "repo:refs_changed"},
}  # fmt: skip


@pytest.mark.parametrize("source", EVENTS)
def test_malformed_bodies_are_told_in_one_line(source):
    for body in MALFORMED:
        for headers in (JSON, FORM_TYPE):
            with pytest.raises(MalformedDeliveryError) as caught:
                read_push(
                    HookSource(source), HookDelivery({**EVENTS[source], **headers}, body), "main"
                )
            assert "\n" not in str(caught.value)


def test_deliveries_are_called_as_their_host_calls_them():
    headers = {
        "x-github-delivery": "1", "x-gitea-delivery": "2", "x-forgejo-delivery": "3",
        "idempotency-key": "4", "x-gitlab-event-uuid": "5", "webhook-id": "6",
        "x-request-uuid": "7", "x-request-id": "8", "x-gitlab-webhook-uuid": "the hook's own",
    }  # fmt: skip
    found = [delivery_key(source, HookDelivery(headers, b"")) for source in HookSource]
    assert found == ["1", "2", "3", "4", "6", "7", "8"]
