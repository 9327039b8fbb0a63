"""How often a password may be tried: the bookkeeping by itself, with a clock handed in."""

from __future__ import annotations

import asyncio

import pytest

from hub.people.limits import BURST, PER_MINUTE, PER_MINUTE_ACCOUNT, Attempts, network_of
from hub.people.passwords import Passwords, TooBusyError, complaint
from hub.web.gate import host_is_ours, limit_of


class Clock:
    """Stands until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Guesser:
    """Tries at times that are handed in."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.attempts = Attempts(self.clock)

    def acquire(self, address: str, login: str, known: str | None, now: float) -> float:
        self.clock.now = now
        return self.attempts.acquire(address, login, known)

    def made_in(self, seconds: int, *, address=None, known=None) -> int:
        """Guesses at one account that get through when one comes every second."""
        return sum(
            self.acquire(address or f"10.0.{n // 250}.{n % 250}", "ann", known, float(n)) == 0
            for n in range(seconds)
        )


def test_one_address_is_held_to_ten_a_minute():
    made = Guesser().made_in(3600, address="10.0.0.1")
    # Its account is the narrower of the two.
    assert abs(made - BURST - 60 * PER_MINUTE_ACCOUNT) <= 1
    guesser = Guesser()
    made = sum(guesser.acquire("10.0.0.1", f"name {n}", None, float(n)) == 0 for n in range(3600))
    assert abs(made - BURST - 60 * PER_MINUTE) <= 1


def test_a_thousand_addresses_are_no_quicker_at_one_account():
    assert abs(Guesser().made_in(3600) - BURST - 60 * PER_MINUTE_ACCOUNT) <= 1


def test_a_known_browser_does_not_wait_for_strangers():
    guesser = Guesser()
    guesser.made_in(3600)
    assert guesser.acquire("10.9.9.9", "ann", None, 3599.5) > 0
    assert guesser.acquire("10.9.9.9", "ann", "mark", 3599.5) == 0
    # But it is held, too: a mark is no way around.
    made = sum(guesser.acquire("10.9.9.9", "ann", "mark", 3599.5) == 0 for _ in range(100))
    assert made == BURST - 1


def test_a_known_browser_does_not_wait_for_strangers_behind_its_proxy():
    guesser = Guesser()
    # From the one address that a proxy has, at this account and at others.
    for n in range(3600):
        guesser.acquire("127.0.0.1", "ann" if n % 2 else f"name {n}", None, float(n))
    assert guesser.acquire("127.0.0.1", "ann", None, 3599.5) > 0
    assert guesser.acquire("127.0.0.1", "ann", "mark", 3599.5) == 0
    # Nor do its own mistakes shut out others there for longer.
    before = guesser.acquire("127.0.0.1", "ben", None, 3599.5)
    for _ in range(100):
        guesser.acquire("127.0.0.1", "ann", "mark", 3599.5)
    assert guesser.acquire("127.0.0.1", "ben", None, 3599.5) == before


def test_a_wait_is_true_and_the_right_password_forgives():
    guesser = Guesser()
    while not (wait := guesser.acquire("10.0.0.1", "ann", None, 0.0)):
        pass
    assert guesser.acquire("10.0.0.1", "ann", None, wait - 0.01) > 0
    assert guesser.acquire("10.0.0.1", "ann", None, wait) == 0
    guesser.attempts.forgive("10.0.0.1", "ann", None)
    for _ in range(BURST):
        assert guesser.acquire("10.0.0.1", "ann", None, wait) == 0


def test_what_is_remembered_is_bounded():
    guesser = Guesser()
    for n in range(30_000):
        guesser.acquire(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", f"name {n}", None, 0.0)
    assert len(guesser.attempts._addresses) <= 10_000
    assert len(guesser.attempts._accounts) <= 10_000
    guesser.acquire("10.0.0.1", "ann", None, 3600.0)
    assert len(guesser.attempts._addresses) == 1


def test_one_machine_has_one_network():
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1") == "10.0.0.1"
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("") == ""


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "[fe80::1]", "hub", "hub.local", "HUB.LOCAL:80",
     "pi.fritz.box", "hub.home.arpa", "localhost:1", "hub.example.org", "hub.local."],
)  # fmt: skip
def test_names_of_ours(host):
    assert host_is_ours(host, ["hub.example.org"])


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "local.evil.example", "hub.local.evil.example", "hub.example.org.evil.com",
     "127.0.0.1.nip.io", "hub.local/x", "hub.local?x", "x@hub.local", "hub.local#", "hub local",
     "hub.local:port", "[hub.local]", "hub.local\r\nX: y", "*", "ws://hub.local"],
)  # fmt: skip
def test_names_of_strangers(host):
    assert not host_is_ours(host, ["hub.example.org"])


def test_only_firmware_may_be_big():
    assert limit_of("/api/firmware") == limit_of("/_nicegui/client/x/upload/5") == 4 << 20
    assert limit_of("/login") == limit_of("/api/devices/x") == 256 << 10


async def test_passwords_match_and_wait_in_a_bounded_line():
    passwords = Passwords()
    hashed = await passwords.hash("seven sleepers")
    assert hashed.startswith("$argon2id$")
    assert await passwords.matches(hashed, "seven sleepers")
    assert not await passwords.matches(hashed, "seven sleeper")
    assert not await passwords.matches(None, "seven sleepers")
    assert not await passwords.matches("no hash at all", "seven sleepers")
    assert not passwords.is_old(hashed)
    assert passwords.is_old("$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo")
    answers = await asyncio.gather(
        *(passwords.matches(hashed, "x") for _ in range(40)), return_exceptions=True
    )
    refused = [one for one in answers if isinstance(one, TooBusyError)]
    assert len(refused) == 40 - 16
    assert await passwords.matches(hashed, "seven sleepers")


def test_complaints():
    assert complaint("x" * 9)
    assert complaint("abab" * 80)
    assert complaint("aaaaaaaaaaaa")
    assert complaint("Ann Margret", "ann margret")
    assert complaint("correct horse", "ann") is None
