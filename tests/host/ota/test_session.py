"""Updates in virtual time: the real session over a modelled link to a modelled stock device."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from contracts.ota import protocol
from contracts.ota.errors import LostError, NoAnswerError, NonsenseError, RefusedError
from contracts.ota.pacing import MAX_WINDOW, Pacing
from contracts.ota.protocol import DATA_SIZE, SignedStream
from contracts.ota.session import Ending, Session, SessionOptions, SessionPhase
from tests.contracts.known import known_key
from tests.support.link import Weather
from tests.support.stock_server import Device, StockServer
from tests.support.virtual import run

KEY = known_key()
IMAGE = random.Random(5).randbytes(60_000)
STREAM = protocol.build(IMAGE, KEY)
CALM = Weather(delay=0.005)


def server(**settings) -> StockServer:
    return StockServer(KEY.modulus, **settings)


def update(
    stream: SignedStream, device: Device, weather: Weather, seed: object = 0, **options
) -> tuple[Session, float]:
    session = Session(stream, SessionOptions(**options), 0.0)
    return session, run(session, device, weather, seed)


def small_streams() -> list[SignedStream]:
    sizes = (1, 255, 256, 257, 4095, 4096, 4097, 9000, 16384)
    return [protocol.build(random.Random(size).randbytes(size), KEY) for size in sizes]


def test_1000_bad_links_and_every_image_exact() -> None:
    streams = small_streams()
    for seed in range(1000):
        chance = random.Random(seed)
        weather = Weather(
            delay=chance.uniform(0, 0.05),
            jitter=chance.choice((0, 0.02)),
            loss=chance.uniform(0, 0.3),
            duplicate=chance.uniform(0, 0.2),
            reorder=chance.uniform(0, 0.3),
            late=chance.uniform(0, 0.05),
        )
        stream = chance.choice(streams)
        stock = server()
        device = Device(
            stock,
            buffers=chance.randint(1, 8),
            check=chance.choice((0, 0.002, 0.02)),
            erase=chance.choice((0, 0.06)),
        )
        told = f"seed {seed}: {stream.size} bytes, {weather}"
        session, _ = update(stream, device, weather, seed, window=chance.choice((1, 2, 8, 32)))
        assert session.progress(0).done == stream.size, told
        assert stock.sessions_lost == 0, told
        assert stock.flash[: stream.size] == stream.payload(), told
        assert stock.finished, told


@pytest.mark.parametrize("seed", range(3))
def test_a_window_is_four_times_as_fast_at_10_ms_and_1_percent(seed: int) -> None:
    weather = Weather(delay=0.005, loss=0.01)
    plain, plain_time = update(STREAM, Device(server()), weather, seed, window=1)
    session, time = update(STREAM, Device(server()), weather, seed)
    assert plain.finished
    assert session.finished
    assert plain_time - 3 >= 4 * (time - 3)


@pytest.mark.parametrize("buffers", [2, 3, 4, 8])
def test_few_buffers_and_slow_flash_are_never_slower_than_the_plain_way(buffers: int) -> None:
    def device() -> Device:
        return Device(server(), buffers=buffers, check=0.016, erase=0.06)

    weather = Weather(delay=0.002, jitter=0.002, loss=0.005)
    _, plain = update(STREAM, device(), weather, window=1)
    session, time = update(STREAM, device(), weather)
    assert session.finished
    assert time <= plain


def test_without_loss_nothing_is_sent_twice() -> None:
    session, _ = update(STREAM, Device(server(), check=0.01, erase=0.06), CALM, confirm=0.0)
    # One round: the first erase comes unexpected.
    assert session.resent <= 3 * MAX_WINDOW
    assert update(STREAM, Device(server()), CALM, confirm=0.0)[0].resent == 0


def test_never_more_in_flight_than_the_window() -> None:
    for window in (1, 3, MAX_WINDOW):
        session = Session(STREAM, SessionOptions(window=window), 0.0)
        assert len(session.due(0.0)) == 1
        session.receive(answer_to(STREAM, 0), 0.01)
        most = 0
        for step in range(1, 60):
            sent = session.due(0.01 * step)
            most = max(most, len(sent))
            for raw in sent:
                session.receive(raw[:12] + bytes(8), 0.01 * step + 0.01)
        assert most == window


def answer_to(stream: SignedStream, index: int, seq: int | None = None) -> bytes:
    raw = stream.data[index].raw
    return protocol.renumbered(raw[:12], index + 1 if seq is None else seq) + bytes(8)


class Cut(Device):
    """A device that hears nothing from one time to another, and may have begun anew then."""

    def __init__(self, stock: StockServer, start: float, end: float, *, anew: bool = False) -> None:
        super().__init__(stock)
        self._start, self._end, self._anew = start, end, anew

    def receive(self, raw: bytes, now: float) -> tuple[float, bytes] | None:
        if self._start <= now < self._end:
            return None
        if now >= self._end and self._anew:
            self._anew = False
            self.server = StockServer(self.server.modulus, flash=self.server.flash)
        return super().receive(raw, now)


def test_an_outage_within_the_servers_window_goes_on_where_it_was() -> None:
    stock = server()
    session, time = update(STREAM, Cut(stock, 0.1, 8.0), CALM)
    assert (session.restarts, stock.sessions_lost) == (0, 0)
    assert stock.flash[: len(IMAGE)] == IMAGE
    assert 8 < time < 13


def test_a_device_that_lost_power_is_sent_everything_again() -> None:
    device = Cut(server(), 0.1, 6.0, anew=True)
    session, time = update(STREAM, device, CALM)
    assert session.restarts == 1
    assert device.server.flash[: len(IMAGE)] == IMAGE
    assert time < 11


def test_an_outage_longer_than_the_servers_window_starts_over() -> None:
    stock = server()
    session, _ = update(STREAM, Cut(stock, 0.1, 14.0), CALM)
    assert (session.restarts, stock.sessions_lost) == (1, 1)
    assert stock.finished


def test_a_device_that_does_not_come_back_is_lost() -> None:
    with pytest.raises(LostError, match=r"silent after \d+ of 60000 bytes .* within 20 s"):
        update(STREAM, Cut(server(), 0.1, 1e9), CALM, patience=20)


def test_nobody_there() -> None:
    with pytest.raises(NoAnswerError, match="within 5 s: the device is not in OTA mode, or its"):
        update(STREAM, Cut(server(), 0, 1e9), CALM, wait=5)
    session = Session(STREAM, SessionOptions(wait=1), 0.0)
    session.due(0.0)
    session.refused(0.1)
    with pytest.raises(NoAnswerError, match="is there, but not in OTA mode"):
        session.due(1.0)


def test_a_server_with_another_key_looks_like_nobody() -> None:
    stranger = StockServer(bytes([0x90]) + bytes(62) + b"\1")
    with pytest.raises(NoAnswerError, match="carries another key"):
        update(STREAM, Device(stranger), CALM, wait=3)
    assert bytes(stranger.flash) == b"\xff" * len(stranger.flash)


@pytest.mark.parametrize(
    "nonsense",
    [
        lambda _: b"hello",
        lambda raw: raw,
        lambda raw: raw[:4] + b"\1" + raw[5:12] + bytes(8),
        lambda _: b"\xff" * 20,
        lambda raw: raw[:8] + b"\0\1\0\0" + bytes(8),
        lambda _: b"",
    ],
)
def test_one_that_answers_nonsense(nonsense: Callable[[bytes], bytes]) -> None:
    class Odd(Device):
        def receive(self, raw: bytes, now: float) -> tuple[float, bytes] | None:
            return now, nonsense(raw)

    with pytest.raises(NonsenseError):
        update(STREAM, Odd(server()), CALM)


def test_a_little_nonsense_does_no_harm() -> None:
    class Noisy(Device):
        def __init__(self, stock: StockServer) -> None:
            super().__init__(stock)
            self.count = 0

        def receive(self, raw: bytes, now: float) -> tuple[float, bytes] | None:
            self.count += 1
            return (now, b"noise") if self.count % 7 == 0 else super().receive(raw, now)

    stock = server()
    update(STREAM, Noisy(stock), CALM)
    assert stock.flash[: len(IMAGE)] == IMAGE


def test_an_image_that_is_not_started_is_said() -> None:
    class Rejecting(Device):
        """Restarts into its OTA server, since the image does not please its bootloader."""

        def receive(self, raw: bytes, now: float) -> tuple[float, bytes] | None:
            result = super().receive(raw, now)
            if self.server.finished:
                self.server = server()
            return result

    with pytest.raises(RefusedError, match="did not start the image"):
        update(STREAM, Rejecting(server()), CALM, confirm=3.0)


def test_a_lost_end_is_sent_again() -> None:
    class Deaf(Device):
        """Misses the first three ends."""

        ends = 0

        def receive(self, raw: bytes, now: float) -> tuple[float, bytes] | None:
            datagram = protocol.parse_datagram(raw)
            if datagram and datagram.length == 0:
                self.ends += 1
                if self.ends <= 3:
                    return None
            return super().receive(raw, now)

    stock = server()
    session, _ = update(STREAM, Deaf(stock), CALM, confirm=2.0)
    assert stock.finished
    assert session.ending is Ending.SILENT


def test_a_closed_port_after_the_end_is_good_news() -> None:
    session = Session(protocol.build(b"tiny", KEY), SessionOptions(), 0.0)
    session.due(0.0)
    session.receive(answer_to(session.stream, 0), 0.01)
    assert session.phase is SessionPhase.CONFIRMING
    assert len(session.due(0.01)) == 1
    session.refused(0.02)
    assert session.finished
    assert session.ending is Ending.LEFT


def test_progress_never_claims_what_is_not_confirmed() -> None:
    stock = server()
    session = Session(STREAM, SessionOptions(confirm=0.5), 0.0)
    seen: list[int] = []

    class Watching(Device):
        def receive(self, raw: bytes, now: float) -> tuple[float, bytes] | None:
            progress = session.progress(now)
            seen.append(progress.done)
            assert progress.done <= max(stock._offset, 0)
            return super().receive(raw, now)

    run(session, Watching(stock), Weather(0.005, loss=0.1), "progress")
    assert seen == sorted(seen)
    done = session.progress(100.0)
    assert (done.phase, done.done, done.total) == (SessionPhase.DONE, len(IMAGE), len(IMAGE))
    assert done.rate > 0
    assert done.seconds_left == 0


def test_pacing_stays_within_its_bounds() -> None:
    for most in (1, 2, 8):
        chance = random.Random(most)
        pacing = Pacing(most)
        for _ in range(3000):
            if chance.random() < 0.2:
                pacing.lost()
            else:
                pacing.answered(chance.randint(1, 8), chance.expovariate(50))
            assert min(2, most) <= pacing.window <= most
            assert 0 < pacing.timeout <= 1.0


def test_the_last_datagram_may_be_short() -> None:
    for stream in small_streams():
        stock = server()
        update(stream, Device(stock), CALM)
        assert stock.flash[: stream.size] == stream.payload()
        assert stream.data[-1].length == (stream.size - 1) % DATA_SIZE + 1
