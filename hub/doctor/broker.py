"""The broker: what strangers, devices and guessers get from it."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from contracts import topics
from hub.doctor.finding import DoctorFinding, Verdict

__all__ = ["BrokerListener", "examine"]

# Guessed first by whoever guesses.
_GUESSES = [
    ("hub", "hub"), ("hub", ""), ("viewer", "viewer"), ("admin", "admin"), ("admin", "password"),
    ("mqtt", "mqtt"), ("root", "root"), ("guest", "guest"),
]  # fmt: skip
# Loopback or LAN: what has not come by then was not let through.
_WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class BrokerListener:
    """A listener of the broker."""

    host: str
    port: int


@dataclass(slots=True)
class _Client:
    """A connection that notes what it is told."""

    listener: BrokerListener
    user: str | None = None
    password: str | None = None
    client_id: str = ""
    code: int | None = None
    received: list[tuple[str, bytes]] = field(default_factory=list)
    _client: paho.Client | None = None

    def open(self) -> bool:
        """Whether the broker lets us in."""
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=self.client_id)
        client.username, client.password = self.user, self.password
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.connect_timeout = 5
        self._client = client
        with contextlib.suppress(OSError):
            client.connect(self.listener.host, self.listener.port, 30)
            self.run_loop(5, lambda: self.code is not None)
        return self.code == 0

    def close(self) -> None:
        """Leave."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop(0.1)

    def run_loop(self, seconds: float = _WAIT_S, enough: object = None) -> None:
        """Let things happen for a while, or until `enough()`."""
        until = time.monotonic() + seconds
        while self._client is not None and time.monotonic() < until:
            self._client.loop(0.05)
            if callable(enough) and enough():
                return

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Send (QoS 1) and let it arrive."""
        if self._client is not None:
            self._client.publish(topic, payload, 1, retain)
            self.run_loop()

    def subscribe(self, *filters: str) -> None:
        """Ask for messages."""
        if self._client is not None:
            self._client.subscribe([(topic, 1) for topic in filters])
            self.run_loop()

    def _on_connect(
        self, _client: object, _data: object, _flags: object, reason: object, _p: object
    ) -> None:
        self.code = 0 if str(reason) == "Success" else 5

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.received.append((message.topic, bytes(message.payload)))


@contextlib.contextmanager
def _connected(client: _Client) -> Iterator[_Client]:
    client.open()
    try:
        yield client
    finally:
        client.close()


def examine(
    devices: BrokerListener, enrolment: BrokerListener | None, accounts: Sequence[tuple[str, str]]
) -> Iterator[DoctorFinding]:
    """Try what must not work. `accounts` are two that exist for this alone, (name, password)."""
    yield from _of_devices(devices, accounts)
    if enrolment is not None:
        yield from _as_stranger(enrolment)


def _of_devices(
    devices: BrokerListener, accounts: Sequence[tuple[str, str]]
) -> Iterator[DoctorFinding]:
    (name, password), (other, other_password) = accounts
    with _connected(_Client(devices)) as nobody:
        if nobody.code is None:  # nothing would get in, whatever the broker allows
            yield _silent("the broker answers", devices)
            return
        yield DoctorFinding.of(
            "nobody connects to the broker without an account",
            nobody.code != 0,
            "it lets anybody in",
        )
    guessed = [u for u, p in _GUESSES if _lets_in(devices, u, p)]
    yield DoctorFinding.of(
        "passwords that are guessed first open nothing", not guessed, f"works for {guessed}"
    )
    yield DoctorFinding.of(
        "a known device does not connect with another password",
        not _lets_in(devices, name, secrets.token_hex(16)),
        "it lets it in",
    )
    with _connected(_Client(devices, other, other_password, client_id=other)) as victim:
        victim.subscribe(topics.all_of(other))
        with _connected(_Client(devices, name, password)) as device:
            if device.code != 0 or victim.code != 0:
                yield DoctorFinding(
                    "a device connects with its own password",
                    Verdict.BAD,
                    "an account does not work",
                )
                return
            yield from _as_device(device, victim, name, other)


def _silent(what: str, listener: BrokerListener) -> DoctorFinding:
    seen = f"nothing answers at {listener.host} port {listener.port}: `dormouse logs` says why"
    return DoctorFinding(what, Verdict.BAD, seen)


def _lets_in(listener: BrokerListener, user: str, password: str) -> bool:
    with _connected(_Client(listener, user, password)) as client:
        return client.code == 0


def _as_device(device: _Client, victim: _Client, name: str, other: str) -> Iterator[DoctorFinding]:
    mark = secrets.token_hex(8)
    # What is never delivered reaches nobody else either: that would prove nothing.
    victim.publish(f"{topics.ROOT}/{other}/Doctor/Heard", mark)
    victim.run_loop(5, lambda: victim.received)  # a busy broker has time
    if not victim.received:
        seen = "what it is told does not arrive: the ACL gives it nothing"
        yield DoctorFinding("a device hears what is said to it", Verdict.BAD, seen)
        return
    victim.received.clear()
    device.publish(f"{topics.ROOT}/{other}/Doctor/Foreign", mark)
    victim.run_loop()
    reached = any(mark.encode() == payload for _, payload in victim.received)
    yield DoctorFinding.of(
        "a device cannot publish to another's topic",
        not reached,
        "it is delivered: the ACL is missing",
    )
    device.subscribe("#", topics.DEVICES, topics.all_of(other), "$share/doctor/#", "$SYS/#")
    victim.publish(f"{topics.ROOT}/{other}/Doctor/Own", mark)
    device.run_loop()
    foreign = sorted(
        {topic for topic, _ in device.received if not topic.startswith(f"{topics.ROOT}/{name}/")}
    )
    yield DoctorFinding.of(
        "a device cannot read another's topics",
        not foreign,
        f"it reads {foreign[:3]}",
    )
    with _connected(_Client(device.listener, name, device.password, client_id=other)):
        victim.run_loop()
    before = len(victim.received)
    victim.publish(f"{topics.ROOT}/{other}/Doctor/Still", mark)
    yield DoctorFinding.of(
        "a device cannot end another's session by its client id",
        len(victim.received) > before,
        "it works: client ids must be bound to accounts",
    )


def _as_stranger(listener: BrokerListener) -> Iterator[DoctorFinding]:
    mark = secrets.token_hex(8)
    with (
        _connected(_Client(listener)) as listening,
        _connected(_Client(listener)) as stranger,
    ):
        if listening.code is None or stranger.code is None:
            yield _silent("the listener for enrolments answers", listener)
            return
        listening.subscribe("#", f"{topics.ENROL}/#", topics.DEVICES, "$share/doctor/enrol/#")
        # Its id is none, so that the hub refuses it.
        stranger.publish(topics.enrolment("doctor."), mark)
        listening.run_loop()
        yield DoctorFinding.of(
            "a stranger cannot read enrolments",
            not listening.received,
            "passwords of new devices leak",
        )
