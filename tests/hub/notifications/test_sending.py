"""The process that sends: by mail, to ntfy and webhooks, nowhere else; it tells no secrets."""

from __future__ import annotations

import asyncio
import threading

import pytest
from aiosmtpd.smtp import SMTP

from hub.notifications.delivery import Delivered, OutgoingNotice, SendingProcess
from hub.notifications.reach import ChannelReach, networks
from hub.notifications.sender import scrubbed
from hub.notifications.webhook import headers, new_secret
from tests.support.broker import until


class Inbox:
    """What a mail server took."""

    def __init__(self) -> None:
        self.mails = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  # aiosmtpd's name
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@pytest.fixture
async def mail():
    inbox = Inbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(inbox), "127.0.0.1", 0)
    inbox.port = server.sockets[0].getsockname()[1]
    yield inbox
    server.close()
    await server.wait_closed()


def message(number, kind, address, *, anywhere=True, signing=""):
    return OutgoingNotice(
        number, kind, address, signing, anywhere, f"msg_{number}", "Cellar", "1.9 °C, below 3 °C",
        {"type": "dormouse.notification", "data": {"title": "Cellar"}},
    )  # fmt: skip


async def test_one_process_sends_all_that_is_due(mail, receiver):
    secret = new_secret()
    port = receiver.host.rpartition(":")[2]
    ntfy = f"ntfy://{receiver.host}/secrettopic"
    sent = await SendingProcess().send([
        message(1, "apprise", ntfy),
        message(2, "apprise",
                f"mailto://127.0.0.1:{mail.port}?from=hub@example.org&to=ann@example.org"
                "&mode=insecure"),
        message(3, "webhook", f"http://{receiver.host}/hook?token=abcdefgh", signing=secret),
        # A name that leads to this machine, one that sends on to it, files, sockets, other schemes.
        message(4, "webhook", f"http://localhost:{port}/hook", anywhere=False, signing=secret),
        message(5, "apprise", ntfy, anywhere=False),
        message(6, "apprise", "fcm://project@apikey/device/?keyfile=/etc/passwd&mode=oauth2"),
        message(7, "apprise", "nonsense://abc"),
        message(8, "webhook", f"http://[::ffff:127.0.0.1]:{port}/", anywhere=False, signing=secret),
    ])  # fmt: skip
    answers = {one.id: one.error for one in sent}
    assert [number for number, error in answers.items() if not error] == [1, 2, 3]
    assert "localhost" not in answers[4]
    assert all("no public address" in answers[number] for number in (4, 5, 8)), answers
    assert "a file that is not for messages" in answers[6]
    assert "none that can be used" in answers[7]
    assert not any("secrettopic" in error for error in answers.values())
    by_path = {one.path: one for one in receiver.got}
    assert set(by_path) == {"/", "/hook?token=abcdefgh"}
    assert by_path["/"].said["topic"] == "secrettopic"
    assert by_path["/"].said["message"] == "1.9 °C, below 3 °C"
    hook = by_path["/hook?token=abcdefgh"]
    assert hook.is_signed_by(secret)
    assert (hook.headers["webhook-id"], hook.said["data"]) == ("msg_3", {"title": "Cellar"})
    [(sender, receivers, content)] = mail.mails
    assert (sender, receivers, "Cellar" in content) == (
        "hub@example.org",
        ["ann@example.org"],
        True,
    )


async def test_refusals_of_a_receiver(receiver):
    secret = new_secret()
    receiver.answers += [302]
    process = SendingProcess("127.0.0.0/8")
    one = message(1, "webhook", f"http://{receiver.host}/a", anywhere=False, signing=secret)
    # It is let through by the setting, and nobody is sent on.
    assert await process.send([one]) == [Delivered(1, "the receiver answered 302")]
    receiver.answers += [410]
    assert await process.send([one]) == [
        Delivered(1, "the receiver says that it is gone (410)", gone=True)
    ]
    assert [one.path for one in receiver.got] == ["/a", "/a"]
    assert receiver.got[0].headers["webhook-id"] == receiver.got[1].headers["webhook-id"]


async def test_tenants_whose_channels_are_slow_wait_for_one_another_alone(receiver):
    """Two of them took both places of those that send, again and again."""
    secret, process = new_secret(), SendingProcess()
    process.SLOW_S = 0.0  # both are known to be slow
    for tenant in ("home", "beach"):
        to = f"http://{receiver.host}/once"
        await process.send([message(1, "webhook", to, signing=secret)], tenant)
    process.SLOW_S = 1e9
    receiver.slow["/slow"] = threading.Event()
    slow = [message(2, "webhook", f"http://{receiver.host}/slow", signing=secret)]
    sending = [asyncio.create_task(process.send(slow, tenant)) for tenant in ("home", "beach")]
    await until(lambda: receiver.waiting)
    quick = [message(3, "webhook", f"http://{receiver.host}/quick", signing=secret)]
    # Two at once, as many as there were places in all.
    told = await asyncio.gather(process.send(quick, "school"), process.send(quick, "office"))
    assert told == [[Delivered(3)], [Delivered(3)]]
    assert not any(one.done() for one in sending)
    receiver.slow["/slow"].set()
    await asyncio.gather(*sending)


def test_signature_of_the_standard():
    """The example of github.com/standard-webhooks/standard-webhooks, spec, "Signature scheme"."""
    signed = headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
        b'{"test": 2432232314}',
    )  # fmt: skip
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.16.9.9", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.251", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("localhost", False),
        ("192.168.7.5", True),
        ("::ffff:192.168.7.5", True),
        ("192.168.8.5", False),
    ],
)
def test_which_addresses_may_be_reached(address, may):
    assert ChannelReach(networks("192.168.7.0/24, fd12::/64")).may(address) == may


def test_a_failure_tells_no_secret():
    error = "Max retries exceeded with url: /bot123456:AbCdEf/sendMessage?to=ann%40example.org"
    said = scrubbed(error, "tgram://123456:AbCdEf/ann%40example.org")
    assert "AbCdEf" not in said
    assert "123456" not in said
    assert "example" not in said
