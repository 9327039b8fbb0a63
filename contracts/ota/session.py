"""One update from the first datagram to the last, without socket or clock.

A server takes only the next offset in order, repeats its answer for the one before, and drops
everything else without a word. So an answer stands for everything before it as well, and after a
silence all that was sent since is sent again (go-back-N).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contracts.ota.errors import LostError, NoAnswerError, NonsenseError, RefusedError
from contracts.ota.pacing import MAX_WINDOW, Pacing
from contracts.ota.protocol import Answer, SignedStream, parse_answer, renumbered

__all__ = ["Ending", "Session", "SessionOptions", "SessionPhase", "SessionProgress"]

_FIRST_EVERY = 0.3  # seconds between first datagrams, as upstream
_END_EVERY = 0.1
_PROBE_EVERY = 0.5
_RESTARTED_AFTER = 2.0  # seconds of silence after which the device may have begun anew
_NONSENSE_MOST = 8  # more than stray datagrams explain


class SessionPhase(StrEnum):
    """Where an update is."""

    WAITING = "waiting for the device"
    SENDING = "sending"
    CONFIRMING = "restarting the device"
    DONE = "done"


class Ending(StrEnum):
    """How far success is known; the end datagram itself is not answered."""

    LEFT = "every byte confirmed, and the device has left its OTA server"
    SILENT = "every byte confirmed, and the device no longer answers as an OTA server"


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Times in seconds, all counted on the client's side.

    `wait`: for a first answer. `patience`: silence in the middle until the device counts as lost;
    longer than the 10 s after which a server starts over at offset 0. `confirm`: how long to watch
    after the end whether the device comes back unhappy. `window`: datagrams in flight at most; 1
    is the plain way.
    """

    wait: float = 60.0
    patience: float = 60.0
    confirm: float = 3.0
    window: int = MAX_WINDOW


@dataclass(frozen=True, slots=True)
class SessionProgress:
    """How far an update is: bytes confirmed and in all, seconds between first and last answer."""

    phase: SessionPhase
    done: int
    total: int
    seconds: float
    window: int
    rtt: float | None
    resent: int
    restarts: int

    @property
    def rate(self) -> float:
        """Bytes a second since the first answer."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """An estimate, None before there is a rate."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None


class Session:
    """The state of one update; `now` is a clock in seconds that never goes back.

    Call `due` at `wake_at` and after every `receive`, and send what it returns.
    """

    def __init__(self, stream: SignedStream, options: SessionOptions, now: float) -> None:
        self.stream = stream
        self.options = options
        self.phase = SessionPhase.WAITING
        self.ending: Ending | None = None
        self.resent = 0
        self.restarts = 0
        self.pacing = Pacing(options.window)
        self.wake_at = now
        self._count = len(stream.data)
        self._base = 0  # the first datagram that is not known to have arrived
        self._next = 0  # the one to send next
        self._high = 0  # the first that was never sent
        self._walker = 0
        self._sent_at = [0.0] * self._count  # the last time
        self._seq = 0
        self._sent: dict[int, tuple[int, float]] = {}  # by sequence number: which datagram, when
        self._began = self._last_answer_at = now
        self._first_answer = self._complete_at = float("inf")
        self._refused = False
        self._nonsense = 0
        self._ends_left = 0
        self._probe_at = self._ended_at = now

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase is SessionPhase.DONE

    def progress(self, now: float) -> SessionProgress:
        """How far it is."""
        done = self.stream.data[self._base].offset if self._base < self._count else self.stream.size
        return SessionProgress(
            self.phase,
            done,
            self.stream.size,
            max(min(now, self._complete_at) - self._first_answer, 0.0),
            self.pacing.window,
            self.pacing.rtt,
            self.resent,
            self.restarts,
        )

    def due(self, now: float) -> list[bytes]:
        """The datagrams to send now; sets `wake_at`.

        Raises NoAnswerError, LostError when the time for that has come.
        """
        if self.phase is SessionPhase.WAITING:
            return self._due_waiting(now)
        if self.phase is SessionPhase.SENDING:
            return self._due_sending(now)
        if self.phase is SessionPhase.CONFIRMING:
            return self._due_confirming(now)
        return []

    def receive(self, raw: bytes, now: float) -> None:
        """Take what came from the device.

        Raises NonsenseError when it keeps answering what no OTA server does, RefusedError when it
        asks for the image again after the end.
        """
        answer = parse_answer(raw)
        sent = self._question(answer) if answer else None
        if sent is None:
            self._nonsense += 1
            if self._nonsense > _NONSENSE_MOST:
                raise NonsenseError("what answers there is no OTA server, or a broken one")
            return
        self._last_answer_at = now
        self._refused = False
        index, sent_at = sent
        if self.phase is SessionPhase.WAITING:
            self.phase = SessionPhase.SENDING
            self._first_answer = now
        if self.phase is SessionPhase.SENDING:
            self._take(index, sent_at, now)
        elif self.phase is SessionPhase.CONFIRMING:
            self._unhappy(index, sent_at)

    def refused(self, now: float) -> None:
        """The device's network stack said that nobody listens on the port."""
        self._refused = True
        if self.phase is SessionPhase.CONFIRMING:
            self._finish(Ending.LEFT, now)

    def _question(self, answer: Answer) -> tuple[int, float] | None:
        """Which datagram an answer is for, and when that was sent; None if it was not asked for."""
        sent = self._sent.get(answer.seq)
        if sent is None:
            return None
        datagram = self.stream.data[sent[0]]
        return sent if (answer.offset, answer.length) == datagram[1:3] else None

    # Waiting for the first answer.

    def _due_waiting(self, now: float) -> list[bytes]:
        if now - self._began >= self.options.wait:
            raise self._no_answer()
        if now < self.wake_at:
            return []
        self.wake_at = min(now + _FIRST_EVERY, self._began + self.options.wait)
        return [self._send(0, now)]

    def _no_answer(self) -> NoAnswerError | NonsenseError:
        waited = f"within {self.options.wait:g} s"
        if self._nonsense:
            return NonsenseError(f"no OTA server {waited}, though something answers there")
        if self._refused:
            return NoAnswerError(f"no answer {waited}: the device is there, but not in OTA mode")
        return NoAnswerError(
            f"no answer {waited}: the device is not in OTA mode, or its bootloader carries another "
            "key (check with `dormouse keys check BOOTLOADER`)"
        )

    # Sending.

    def _due_sending(self, now: float) -> list[bytes]:
        if now - self._last_answer_at >= self.options.patience:
            done = self.progress(now).done
            raise LostError(
                f"the device went silent after {done} of {self.stream.size} bytes and did not come "
                f"back within {self.options.patience:g} s; it has no application now: once it is "
                "in OTA mode again, repeat the update"
            )
        lost = self._base < self._next and now >= self._lost_at()
        if lost:
            self._go_back()
        end = min(self._base + self.pacing.window, self._count)
        out = [self._send(n, now) for n in range(self._next, end)]
        self._next = max(self._next, end)
        if lost:
            out = self._with_walker(out, end, now)
        if now - self._last_answer_at >= _RESTARTED_AFTER and now >= self._probe_at:
            # A device that restarted, or a server that gave up the session (after 10 s), waits for
            # offset 0; one that goes on drops it.
            self._probe_at = now + _PROBE_EVERY
            out.append(self._send(0, now))
        self.wake_at = min(self._lost_at(), self._last_answer_at + self.options.patience)
        return out

    def _lost_at(self) -> float:
        return self._sent_at[self._base] + self.pacing.timeout

    def _go_back(self) -> None:
        self.pacing.lost()
        self._next = self._base
        self._walker = (
            self._walker + 1 if self._base <= self._walker < self._high - 1 else self._base
        )

    def _with_walker(self, out: list[bytes], end: int, now: float) -> list[bytes]:
        """What is sent after a silence: `out` (datagrams before `end`), and one more.

        The server is most likely where the last answer came from. But it may be anywhere up to the
        last datagram sent, when all answers were lost, and answers only there. So one datagram a
        round walks through all of them: after the window, and every other round before it, for a
        device that has room for no more than the first.
        """
        if self.pacing.silences % 2 == 0:
            return [self._send(self._walker, now), *out]
        return [*out, self._send(self._walker, now)] if self._walker >= end else out

    def _take(self, index: int, sent_at: float, now: float) -> None:
        if index == 0 and self._base > 1 and sent_at > self._first_answer:
            self._start_over(now)
        elif self._base <= index < self._high:
            self.pacing.answered(index + 1 - self._base, now - sent_at)
            self._nonsense = 0
            self._base = index + 1
            self._next = max(self._next, self._base)
            if self._base == self._count:
                self._end(now)

    def _start_over(self, now: float) -> None:
        self.restarts += 1
        self.pacing.restarted()
        self._base = self._next = self._high = 1
        self._first_answer = now

    def _send(self, index: int, now: float) -> bytes:
        # The sequence number is not signed and the server only sends it back: a new one every
        # time tells which sending an answer is for.
        self._seq += 1
        self._sent[self._seq] = (index, now)
        self._sent_at[index] = now
        self.resent += index < self._high
        self._high = max(self._high, index + 1)
        return renumbered(self.stream.data[index].raw, self._seq)

    # The end, and what can be learnt after it.

    def _end(self, now: float) -> None:
        self.phase = SessionPhase.CONFIRMING
        self._complete_at = min(self._complete_at, now)
        self._ends_left = len(self.stream.end)
        self._probe_at = self._ended_at = now

    def _due_confirming(self, now: float) -> list[bytes]:
        if now < self._probe_at:
            self.wake_at = self._probe_at
            return []
        if self._ends_left:
            self._ends_left -= 1
            self._probe_at = self.wake_at = now + _END_EVERY
            return [self.stream.end[-1 - self._ends_left].raw]
        if now - self._last_answer_at >= self.options.confirm:
            self._finish(Ending.SILENT, now)
            return []
        # A server that heard no end repeats its answer to the last datagram; one that started
        # again, because the image was not accepted, takes the first.
        self._probe_at = self.wake_at = now + max(self.pacing.timeout, _END_EVERY)
        return [self._send(self._count - 1, now), self._send(0, now)]

    def _unhappy(self, index: int, sent_at: float) -> None:
        if sent_at < self._ended_at:
            return  # a late answer from before the end
        if index == self._count - 1:
            self._end(self._last_answer_at)
        elif index == 0:
            raise RefusedError(
                "the device took every byte but did not start the image: it is back in OTA mode "
                "(is the image signed with the key that its bootloader carries?)"
            )

    def _finish(self, ending: Ending, now: float) -> None:
        self.phase = SessionPhase.DONE
        self.ending = ending
        self.wake_at = now
