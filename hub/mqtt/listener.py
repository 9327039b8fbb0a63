"""From a message to its effects: HomeKit at once, the database, only then the acknowledgement."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from contracts import messages, topics
from contracts.homekit import values
from contracts.reading import Identity, Reading, SeriesKey
from hub.errors import HubError
from hub.mqtt.clock import Clocks
from hub.mqtt.source import Delivery, Source
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["BridgeLike", "IngestLike", "Listener"]

# A device's clock does not run in its OTA server, and nobody tells it how long it was there.
_CLOCK_STOOD = frozenset({"updating", "updated", "failed"})

M = TypeVar("M", bound=messages.Message)


class BridgeLike(Protocol):
    """What the listener needs of the HomeKit bridge."""

    def update(self, reading: Reading, *, live: bool) -> None:
        """Show a value; `live` is False for what is replayed or late."""

    def remove(self, what: Any, /) -> object:
        """Take an accessory out of HomeKit."""

    def report(
        self, device: str, report: messages.Report, *, live: bool, waited: float = 0
    ) -> None:
        """Battery, firmware and the like of a device, made so many seconds ago."""


class IngestLike(Protocol):
    """What the listener needs of the store's intake."""

    def put(self, readings: Sequence[Reading], done: Callable[[], None]) -> None:
        """Keep readings; `done` is called on the loop once they are committed."""


class TranslatorLike(Protocol):
    """What the listener needs of the mapping of devices that speak otherwise."""

    def translate(
        self, topic: str, payload: bytes, /
    ) -> list[messages.StateValue | messages.Online | messages.Problem]:
        """What a message outside HomeKit/ says."""

    def convert(self, series: SeriesKey, raw: str | bool | float, /) -> str | bool | float:
        """A value on a HomeKit/ topic in HomeKit's terms. Raises HubError."""


class Listener:
    """Takes messages from a source and acknowledges each when its effect is safe.

    What is refused by name is counted in `problems` and acknowledged: sent again it would be
    refused again. `batching` names devices known to send `$batch`, whose plain topics are shown
    and not stored. Other parts get messages through `on`; `on_seen` gets the device of every live
    message that made sense, `on_committed` every batch whose readings are safe, `on_reading` every
    reading that is news, in the order of a message's times.
    """

    def __init__(
        self,
        source: Source,
        bridge: BridgeLike,
        ingest: IngestLike,
        problems: Problems,
        *,
        clocks: Clocks | None = None,
        batching: Iterable[str] = (),
        on_committed: Callable[[messages.Batch], None] | None = None,
        on_seen: Callable[[str], None] | None = None,
        translator: TranslatorLike | None = None,
        on_reading: Callable[[Reading], None] | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._source = source
        self._bridge = bridge
        self._ingest = ingest
        self._problems = problems
        self._clocks = clocks or Clocks()
        self._batching = set(batching)
        self._on_committed = on_committed
        self._on_seen = on_seen
        self._translator = translator
        self._on_reading = on_reading
        self._handlers: dict[type, list[Callable[[Any, Delivery], Awaitable[None] | None]]] = {}
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)

    def on(self, kind: type[M], handler: Callable[[M, Delivery], Awaitable[None] | None]) -> None:
        """Call `handler` for every message of a kind; it is acknowledged when that has returned.

        A `$report` is delivered with the instant it was made as its `at`.

        For a `$batch` the handler comes after the readings were handed on. A handler that raises
        is logged and counted as `handler`, and the message acknowledged.
        """
        self._handlers.setdefault(kind, []).append(handler)

    async def start(self) -> None:
        """Begin to take messages."""
        await self._source.start(self.deliver)

    async def stop(self) -> None:
        """Take no more; what is not acknowledged comes again at the next start."""
        await self._source.stop()
        await self._tasks.stop()

    def deliver(self, delivery: Delivery) -> None:
        """Handle one message. Never raises."""
        message: messages.Message | messages.Problem | None = None
        try:
            if self._translator is not None and not topics.is_ours(delivery.topic):
                self._foreign(self._translator, delivery)
                return
            message = messages.parse(delivery.topic, delivery.payload)
            self._handle(message, delivery)
        except Exception as error:  # noqa: BLE001  # noted: a defect must not stop every later acknowledgement
            self._tasks.defects.note("handling a message", error)
            self._problems.note("defect", getattr(message, "device", None), type(message).__name__)
            self._source.acknowledge(delivery)

    def _foreign(self, translator: TranslatorLike, delivery: Delivery) -> None:
        """A message of a mapped device: acknowledged when all it says is safe."""
        messages = translator.translate(delivery.topic, delivery.payload)
        waiting = len(messages)

        def done() -> None:
            nonlocal waiting
            waiting -= 1
            if waiting <= 0:
                self._source.acknowledge(delivery)

        for message in messages:
            self._handle(message, delivery, done)
        if not messages:
            done()

    def _handle(
        self,
        message: messages.Message | messages.Problem,
        delivery: Delivery,
        done: Callable[[], None] | None = None,
    ) -> None:
        done = done or partial(self._source.acknowledge, delivery)
        if not delivery.retained:
            self._notice(message)
        match message:
            case messages.Problem(kind, device, detail):
                self._problems.note(kind, device, detail)
                done()
            case messages.StateValue():
                self._state(message, delivery, done)
            case messages.Batch():
                self._batch(message, delivery, done)
            case messages.Removal(series):
                if not delivery.retained:
                    self._bridge.remove(series)
                self._dispatch(message, delivery, done)
            case messages.Report():
                self._report(message, delivery, done)
            case _:
                self._dispatch(message, delivery, done)

    def _notice(self, message: messages.Message | messages.Problem) -> None:
        """What a live message says besides itself."""
        device = _device(message)
        if self._on_seen is not None and device is not None:
            self._on_seen(device)
        if isinstance(message, messages.OtaState) and message.state in _CLOCK_STOOD:
            self._clocks.forget(message.device)

    def _state(
        self, message: messages.StateValue, delivery: Delivery, done: Callable[[], None]
    ) -> None:
        reading = self._reading(
            message.series,
            message.raw,
            delivery.at,
            None,
            delivery.redelivered or delivery.retained,
        )
        if reading is None:
            done()
            return
        self._bridge.update(reading, live=not delivery.retained)
        if message.series.device in self._batching:
            done()
            return
        if self._on_reading is not None and not delivery.retained:
            self._on_reading(reading)
        self._ingest.put([reading], done)

    def _report(
        self, report: messages.Report, delivery: Delivery, done: Callable[[], None]
    ) -> None:
        """A report that waited in the broker says that the device was there, not that it is."""
        made = self._instant_of(report, delivery)
        waited = (delivery.at - made).total_seconds()
        self._bridge.report(report.device, report, live=not delivery.retained, waited=waited)
        self._dispatch(report, dataclasses.replace(delivery, at=made), done)

    def _batch(self, batch: messages.Batch, delivery: Delivery, done: Callable[[], None]) -> None:
        for problem in batch.problems:
            self._problems.note(problem.kind, problem.device, problem.detail)
        if not delivery.retained:
            self._batching.add(batch.device)
        made = self._instant_of(batch, delivery)
        readings = [
            reading
            for entry in batch.entries
            if (
                reading := self._reading(
                    entry.series,
                    entry.raw,
                    made - timedelta(seconds=entry.age),
                    Identity(batch.boot, entry.seq),
                    delivery.redelivered,
                )
            )
            is not None
        ]
        ordered = sorted(readings, key=lambda r: r.at)
        newest = {reading.series: reading for reading in ordered}
        for reading in newest.values():
            self._bridge.update(reading, live=not delivery.retained)
        if self._on_reading is not None and not delivery.retained:
            for reading in ordered:
                self._on_reading(reading)
        if readings:
            self._ingest.put(readings, partial(self._committed, batch, delivery, done))
        else:
            self._committed(batch, delivery, done)

    def _committed(
        self, batch: messages.Batch, delivery: Delivery, done: Callable[[], None]
    ) -> None:
        if self._on_committed is not None:
            self._on_committed(batch)
        self._dispatch(batch, delivery, done)

    def _instant_of(
        self, message: messages.Batch | messages.Report, delivery: Delivery
    ) -> datetime:
        """When a message was made, by the device's clock; when it came, if it names none."""
        # Nobody should retain these; how old a retained one is its clock does not say.
        if delivery.retained or message.boot is None or message.up is None:
            return delivery.at
        return self._clocks.instant_of(message.device, message.boot, message.up, delivery.at)

    def _reading(
        self,
        series: SeriesKey,
        raw: str | bool | float,
        at: datetime,
        identity: Identity | None,
        redelivered: bool,
    ) -> Reading | None:
        """The reading, or None for a value that HomeKit's definitions refuse (counted)."""
        try:
            if self._translator is not None:
                raw = self._translator.convert(series, raw)
            value = values.parse(series.service, series.characteristic, raw)
        except values.BadValue as bad:
            self._problems.note(bad.kind, series.device, str(bad))
            return None
        except HubError as error:
            self._problems.note("mapping", series.device, str(error))
            return None
        return Reading(series, value, at, identity, redelivered)

    def _dispatch(
        self, message: messages.Message, delivery: Delivery, done: Callable[[], None]
    ) -> None:
        handlers = self._handlers.get(type(message))
        if not handlers:
            done()
            return
        work = self._run(handlers, message, delivery)
        task = self._tasks.spawn("handlers of a message", work)
        task.add_done_callback(lambda task: None if task.cancelled() else done())

    async def _run(
        self,
        handlers: list[Callable[[Any, Delivery], Awaitable[None] | None]],
        message: messages.Message,
        delivery: Delivery,
    ) -> None:
        for handler in handlers:
            try:
                result = handler(message, delivery)
                if inspect.isawaitable(result):
                    await result
            except Exception as error:  # noqa: BLE001  # noted; the message counts as handled
                self._tasks.defects.note(f"a handler of {type(message).__name__}", error)
                self._problems.note(
                    "handler", getattr(message, "device", None), type(message).__name__
                )


def _device(message: messages.Message | messages.Problem) -> str | None:
    """Whose message it is; None for an enrolment (not authenticated) and a problem."""
    match message:
        case messages.StateValue() | messages.Removal():
            return message.series.device
        case messages.Batch() | messages.Report() | messages.OtaState() | messages.Online():
            return message.device
    return None
