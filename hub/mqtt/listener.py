"""From a message to its effects: HomeKit at once, the database, only then the acknowledgement."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from contracts import messages, topics
from contracts.homekit import values
from contracts.homekit.definitions import belongs
from contracts.reading import Identity, Reading, SeriesKey, SourceScale
from hub.database.errors import DatabaseAwayError
from hub.errors import HubError
from hub.ingest.receipt import Receipt
from hub.mqtt.clock import Clocks, DatedInstant
from hub.mqtt.delivery import Delivery, Source
from hub.mqtt.interfaces import BridgeLike, IngestLike, RemembersSeries, TranslatorLike, when_both
from hub.mqtt.last_reports import LastReports
from hub.mqtt.senders import device_of
from hub.mqtt.series_limit import SeriesLimit
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["BridgeLike", "IngestLike", "Listener"]

_NAMES = frozenset({"Name", "ConfiguredName"})
# A device's clock does not run in its OTA server, and nobody tells it how long it was there.
_CLOCK_STOOD = frozenset({"updating", "updated", "failed"})

M = TypeVar("M", bound=messages.Message)


class Listener:
    """Takes messages from a source and acknowledges each when its effect is safe.

    What is refused by name is counted in `problems` and acknowledged: sent again it would be
    refused again. `batching` names devices known to send `$batch`, whose plain topics are shown
    and not stored. Other parts get messages through `on`; `on_seen` gets the device of every live
    message that made sense, `on_committed` every batch whose readings are safe, `on_reading` every
    reading that is news and is stored, in the order of a message's times.
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
        last_reports: LastReports | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._source = source
        self._bridge = bridge
        self._ingest = ingest
        self._problems, self._series = problems, SeriesLimit(problems)
        self._clocks = clocks or Clocks()
        self._batching = set(batching)
        self._on_committed = on_committed
        self._on_seen = on_seen
        self._translator = translator
        self._on_reading = on_reading
        self._last_reports = last_reports or LastReports()
        self._others: dict[str, Callable[[Delivery], None]] = {}
        self._handlers: dict[type, list[Callable[[Any, Delivery], Awaitable[None] | None]]] = {}
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)

    def on(self, kind: type[M], handler: Callable[[M, Delivery], Awaitable[None] | None]) -> None:
        """Call `handler` for every message of a kind; it is acknowledged when that has returned.

        A `$report` is delivered with the instant it was made as its `at`; one that a `$batch`
        completes is one. For a `$batch` the handler comes after the readings were handed on. A
        handler that raises is logged and counted as `handler`, and the message acknowledged.
        """
        self._handlers.setdefault(kind, []).append(handler)

    def on_topic(self, first: str, handler: Callable[[Delivery], None]) -> None:
        """Call `handler` for every message under that first level, which no device says."""
        self._others[first] = handler

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
            if delivery.topic.startswith(topics.OF_HUBS):
                self._source.acknowledge(delivery)
                return
            if (other := self._others.get(delivery.topic.partition("/")[0])) is not None:
                other(delivery)
                self._source.acknowledge(delivery)
                return
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
        said = translator.translate(delivery.topic, delivery.payload)
        waiting = len(said)

        def done() -> None:
            nonlocal waiting
            waiting -= 1
            if waiting <= 0:
                self._source.acknowledge(delivery)

        for message in said:
            self._handle(message, delivery, done, translated=True)
        if not said:
            if delivery.payload and translator.knows(delivery.topic):
                self._problems.note("unmapped", None, f"nothing known in {delivery.topic!a}")
            done()

    def _handle(
        self,
        message: messages.Message | messages.Problem,
        delivery: Delivery,
        done: Callable[[], None] | None = None,
        *,
        translated: bool = False,
    ) -> None:
        done = done or partial(self._source.acknowledge, delivery)
        if not delivery.retained:
            self._notice(message)
        match message:
            case messages.Problem(kind, device, detail):
                self._problems.note(kind, device, detail)
                done()
            case messages.StateValue():
                self._state(message, delivery, done, translated=translated)
            case messages.Batch():
                self._batch(message, delivery, done)
            case messages.AccessoryRemoval(series):
                if not delivery.retained:
                    self._bridge.remove(series)
                self._dispatch(message, delivery, done)
            case messages.ServiceRemoval(device, service, index):
                self._bridge.remove_service(device, service, index)
                self._dispatch(message, delivery, done)
            case messages.Report():
                self._report(message, delivery, done)
            case _:
                self._dispatch(message, delivery, done)

    def _notice(self, message: messages.Message | messages.Problem) -> None:
        """What a live message says besides itself."""
        device = device_of(message)
        if self._on_seen is not None and device is not None:
            self._on_seen(device)
        if isinstance(message, messages.OtaState) and message.state in _CLOCK_STOOD:
            self._clocks.forget(message.device)

    def _state(
        self,
        message: messages.StateValue,
        delivery: Delivery,
        done: Callable[[], None],
        *,
        translated: bool,
    ) -> None:
        reading = self._reading(
            message.series,
            message.raw,
            DatedInstant(delivery.at, delivery.clock),
            None,
            delivery,
            source=message.source,
            translated=translated,
        )
        if reading is None:
            done()
            return
        self._bridge.update(reading, live=not delivery.retained)
        if message.series.device in self._batching:
            done()
            return
        told = () if delivery.retained else (reading,)
        self._ingest.put([reading], self._receipt(delivery, partial(self._stored, told, done)))

    def _report(
        self, report: messages.Report, delivery: Delivery, done: Callable[[], None]
    ) -> None:
        if not delivery.retained:
            self._last_reports.keep(report)
        self._take_report(report, delivery, self._instant_of(report, delivery), done)

    def _take_report(
        self,
        report: messages.Report,
        delivery: Delivery,
        made: DatedInstant,
        done: Callable[[], None],
    ) -> None:
        """A report that waited in the broker says that the device was there, not that it is."""
        waited = (delivery.at - made.at).total_seconds()
        self._bridge.report(report.device, report, live=not delivery.retained, waited=waited)
        self._dispatch(report, dataclasses.replace(delivery, at=made.at, clock=made.clock), done)

    def _brief(
        self,
        batch: messages.Batch,
        delivery: Delivery,
        made: DatedInstant,
        done: Callable[[], None],
    ) -> None:
        """A batch says what changes each wake of a report: that is one."""
        report = self._last_reports.complete(batch)
        if report is not None:
            self._take_report(report, delivery, made, done)
            return
        work = self._brief_of_stored(batch, delivery, made, done)
        self._tasks.spawn("the last report of a device", work)

    async def _brief_of_stored(
        self,
        batch: messages.Batch,
        delivery: Delivery,
        made: DatedInstant,
        done: Callable[[], None],
    ) -> None:
        try:
            await self._last_reports.load(batch.device)
        except DatabaseAwayError:
            done()  # nobody could keep it
            return
        report = self._last_reports.complete(batch)
        if report is not None:
            self._take_report(report, delivery, made, done)
            return
        self._problems.note("report", batch.device, "a brief one builds on one that never came")
        done()

    def _batch(self, batch: messages.Batch, delivery: Delivery, done: Callable[[], None]) -> None:
        for problem in batch.problems:
            self._problems.note(problem.kind, problem.device, problem.detail)
        if not delivery.retained:
            self._batching.add(batch.device)
        made = self._instant_of(batch, delivery)
        found = (
            self._reading(
                entry.series,
                entry.raw,
                made._replace(at=made.at - timedelta(seconds=entry.age)),
                Identity(batch.boot, entry.seq),
                delivery,
            )
            for entry in batch.entries
        )
        readings = [one for one in found if one is not None]
        ordered = sorted(readings, key=lambda r: r.at)
        self._show(batch, ordered, made, delivery)
        if batch.brief is not None:
            done = when_both(done)
            self._brief(batch, delivery, made, done)
        committed = partial(self._committed, batch, delivery, done)
        if readings:
            stored = partial(self._stored, () if delivery.retained else ordered, committed)
            self._ingest.put(readings, self._receipt(delivery, stored))
        else:
            committed()

    def _show(
        self,
        batch: messages.Batch,
        ordered: Iterable[Reading],
        made: DatedInstant,
        delivery: Delivery,
    ) -> None:
        """Show the newest of each series, and what is for now alone."""
        newest = {reading.series: reading for reading in ordered}
        for series, raw in batch.states:
            # No reading has the number 0: it is as old as the message, and nobody stores it.
            number = Identity(batch.boot, 0)
            if (reading := self._reading(series, raw, made, number, delivery)) is not None:
                newest[series] = reading
        for reading in newest.values():
            self._bridge.update(reading, live=not delivery.retained)

    def _receipt(self, delivery: Delivery, done: Callable[[], None]) -> Receipt:
        if delivery.tag is None:  # QoS 0: there is nothing to acknowledge
            return Receipt(done, None)
        return Receipt(done, partial(self._source.acknowledge, delivery))

    def _stored(self, news: Iterable[Reading], done: Callable[[], None]) -> None:
        """Onlookers hear of what is stored: before that, one who asks just now would miss it."""
        if self._on_reading is not None:
            for reading in news:
                self._on_reading(reading)
        done()

    def _committed(
        self, batch: messages.Batch, delivery: Delivery, done: Callable[[], None]
    ) -> None:
        if self._on_committed is not None:
            self._on_committed(batch)
        self._dispatch(batch, delivery, done)

    def _instant_of(
        self, message: messages.Batch | messages.Report, delivery: Delivery
    ) -> DatedInstant:
        """When a message was made, by the device's clock; when it came, if it names none."""
        # Nobody should retain these; how old a retained one is its clock does not say.
        if delivery.retained or message.boot is None or message.up is None:
            return DatedInstant(delivery.at, delivery.clock)
        return self._clocks.instant_of(
            message.device, message.boot, message.up, delivery.at, delivery.clock
        )

    def _reading(
        self,
        series: SeriesKey,
        raw: str | bool | float,
        made: DatedInstant,
        identity: Identity | None,
        delivery: Delivery,
        *,
        source: SourceScale | None = None,
        translated: bool = False,
    ) -> Reading | None:
        """The reading, or None for a value that HomeKit's definitions refuse (counted).

        A value beyond the limits is taken for the limit, and counted: to go on with the old one
        would be a lie. One that is far beyond, of something nobody has heard of, is refused.
        """
        try:
            kind = None
            if self._translator is not None:
                if not translated:
                    sent, raw = raw, self._translator.convert(series, raw)
                    source = self._translator.source(series, sent)
                if belongs(series.service, series.characteristic):
                    kind = self._translator.kind(series)
            value = values.parse(series.service, series.characteristic, raw, kind)
        except values.BadValue as bad:
            self._problems.note(bad.kind, series.device, str(bad))
            if bad.limit is None or (bad.far and not self._knows(series)):
                return None
            value = bad.limit
        except HubError as error:
            self._problems.note("mapping", series.device, str(error))
            return None
        if not self._series.admits(series):
            return None
        if series.characteristic in _NAMES and value != raw:
            self._problems.note("name", series.device, f"{raw!a} is shown as {value!a}")
        redelivered = delivery.redelivered or delivery.retained
        waited, clock = delivery.waited, made.clock
        return Reading(series, value, made.at, identity, redelivered, waited, clock, source)

    def _knows(self, series: SeriesKey) -> bool:
        """Whether somebody is shown the series, and would go on seeing an old value."""
        return isinstance(self._bridge, RemembersSeries) and self._bridge.knows(series)

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
