"""Every device's values, and what controllers are shown of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from contracts.homekit.definitions import INFORMATION, belongs
from contracts.reading import SeriesKey, Value
from hub.homekit.accessory import PRESS
from hub.homekit.connection import Address
from hub.homekit.courses import Courses
from hub.homekit.identity import part
from hub.homekit.keeper import Keeper
from hub.homekit.model import DeviceModel
from hub.homekit.presence import Presence
from hub.homekit.targets import POSITION_STATE, current_of, pair_of, target_of
from hub.homekit.tree import Tree
from hub.homekit.writes import SUCCESS, CommandStyle, Writes

__all__ = ["TRAVEL", "Display", "GrowthLike"]

TRAVEL = 12
"""How many times longer than a confirmation a movement may take without a word: 60 s where a device
has 5 s to confirm. Blinds and garage doors take 10 to 40 s from end to end."""

_STANDS = 2  # of PositionState


class GrowthLike(Protocol):
    """What is needed of Growth."""

    def grow(self, device: str) -> None:
        """Something of a device is new."""

    def name_of(self, device: str) -> str | None:
        """What it is called."""


class Display:
    """Takes values and shows them.

    `presence` and `command_style` are a device's; `told` is called with every value that
    controllers are told of.
    """

    def __init__(
        self,
        tree: Tree,
        keeper: Keeper,
        writes: Writes,
        growth: Callable[[], GrowthLike],
        *,
        presence: Callable[[str], Presence],
        command_style: Callable[[str], CommandStyle],
        told: Callable[[SeriesKey, Value], None],
    ) -> None:
        self._tree, self._keeper, self._writes, self._growth = tree, keeper, writes, growth
        self._presence, self._command_style, self._told = presence, command_style, told
        self._courses = Courses(
            lambda seconds, call: asyncio.get_running_loop().call_later(seconds, call),
            self._settle,
        )
        # Targets that their devices report: those confirm a command at once.
        self._reported: set[SeriesKey] = set()

    # --- what devices say ---------------------------------------------------------------------

    def take(self, key: SeriesKey, value: Value, *, live: bool, at: datetime | None = None) -> None:
        """Take a device's word, measured at `at` (None: now).

        `live` is False for one that is replayed or late.
        """
        if not belongs(key.service, key.characteristic) or (live and self._is_named(key)):
            return
        if self._is_gone(key, live=live):
            return
        if current_of(key) is not None:
            value = self._target_said(key, value, live=live)
        self._put(key, value, live=live, at=at)
        if target_of(key) is not None:
            self._follow(key, self._model(key.device).values[key])
        elif live and key.characteristic == POSITION_STATE:
            self._moves(key, value != _STANDS)

    def press(self, key: SeriesKey, value: Value) -> None:
        """A button was pressed just now."""
        if key in self._tree.shown:
            self.show(key, value)

    def recalibrate(self, key: SeriesKey) -> None:
        """A series is calibrated otherwise: what follows is shown at once."""
        model = self._tree.models.get(key.device)
        if model is None or not model.recalibrate(key):
            return
        if self._tree.limits.beyond(key, model.values[key]):
            self._growth().grow(key.device)
        self._show_touched(key)
        if target_of(key) is not None:
            self._follow(key, model.values[key])

    def restored(self) -> None:
        """The values are those that were kept: what was moving then has a while to arrive."""
        for model in self._tree.models.values():
            for key, value in list(model.values.items()):
                state, pair = current_of(key), pair_of(key.characteristic)
                if state in model.values and pair is not None and pair.moves:
                    self._courses.begin(key, value, model.values[state], self._travel(key.device))

    def forget(self, device: str | None = None) -> None:
        """A device left, or everything ends."""
        self._courses.clear(device)
        self._reported = {key for key in self._reported if device not in (None, key.device)}

    # --- what controllers say -----------------------------------------------------------------

    def write(self, key: SeriesKey, value: Value, client: Address) -> int:
        """What a controller wrote, checked already; the HAP status it is answered with."""
        identities = self._tree.identities
        if key.characteristic == "ConfiguredName":
            # A name is HomeKit's own business; from now on the device's word does not change it.
            identities.name_service(key.device, part(key.service, key.index))
            self._put(key, value, live=False)
            return SUCCESS
        patience = self._command_style(key.device).confirm
        state = current_of(key)
        if state is not None and key not in self._reported:
            patience = self._travel(key.device)  # its state alone can tell
        presence = self._presence(key.device)
        status = self._writes.write(key, value, client, presence, identities, patience=patience)
        if state is not None and key in self._writes.pending:
            self._pursue(key, value, state)
        return status

    def applied(self, key: SeriesKey, value: Value) -> None:
        """A device that says nothing was told: it is taken to have obeyed."""
        self._put(key, value, live=False)

    def show_again(self, key: SeriesKey, but: Address | None) -> None:
        """Tell everyone what is shown now, whether they knew or not, all but one address."""
        if but is None and key not in self._writes.pending:
            self._courses.end(key)
        shown = self._tree.shown.get(key)
        if shown is not None:
            shown.show(self.current(key))
            shown.broker.publish(shown.value, shown, but, shown.kind.immediate)
            self._told(key, self.current(key))

    # --- what is shown ------------------------------------------------------------------------

    def show(self, key: SeriesKey, value: Value) -> None:
        """Hold a value and tell those who subscribed."""
        shown = self._tree.shown[key]
        if shown.show(value):
            shown_value = value if key.characteristic == PRESS else shown.value
            shown.broker.publish(shown_value, shown, None, shown.kind.immediate)
        self._told(key, value)

    def current(self, key: SeriesKey) -> Value:
        """What a controller that asks is told."""
        pending = self._writes.pending.get(key)
        if pending is not None:
            return pending
        if key.service == INFORMATION and key.characteristic == "Name":
            return self._growth().name_of(key.device) or self._model(key.device).value(key)
        if key.service == INFORMATION and key.characteristic == "SerialNumber":
            # Not the device's word: two with one serial number would cost the home its bridge.
            return self._tree.identities.accessories[key.device].serial
        return self._model(key.device).value(key)

    def _put(self, key: SeriesKey, value: Value, *, live: bool, at: datetime | None = None) -> None:
        model = self._model(key.device)
        before = model.values.get(key)
        model.put(key, value, at)
        self._keeper.value(key, *model.heard[key])
        value = model.values[key]
        # A name may clash with another device's, so it is settled with the whole tree in view.
        renamed = key.characteristic == "Name" and value != before
        if before is None or renamed or self._tree.declares_otherwise(key, value):
            self._growth().grow(key.device)
        if live:
            self._writes.received(key, value, self._tree.identities)
        self._show_touched(key)

    def _show_touched(self, key: SeriesKey) -> None:
        """Show a series' value, and what follows from it."""
        model, shown = self._model(key.device), self._tree.shown
        if key not in shown:
            return
        accessory = self._tree.accessory(key.device)
        for touched in model.touched(key, accessory.shown if accessory else ()):
            if touched in shown and touched not in self._writes.pending:
                self.show(touched, self.current(touched))

    # --- targets ------------------------------------------------------------------------------

    def _target_said(self, key: SeriesKey, value: Value, *, live: bool) -> Value:
        """A device says what its target is; the target that holds."""
        pair, state = pair_of(key.characteristic), current_of(key)
        known = None if state is None else self._model(key.device).values.get(state)
        if live:
            self._reported.add(key)
            if self._writes.pending.get(key) in {None, value}:
                self._courses.begin(key, value, known, self._travel(key.device))
            return value
        if pair is None or known is None or key in self._courses:
            return value
        # Replayed: it may be of long ago, and what the device did since then tells its state.
        settled = pair.settled(known, value)
        return value if settled is None else settled

    def _follow(self, state: SeriesKey, value: Value) -> None:
        """A device says what its state is: its target is that, unless it is on its way."""
        target, pair = target_of(state), pair_of(state.characteristic)
        if target is None or pair is None or not belongs(target.service, target.characteristic):
            return
        model = self._model(target.device)
        if target in self._courses:
            wanted = self._writes.pending.get(target)
            goes = self._courses.progress(target, value)
            if goes and wanted is not None and self._obeys(target):
                self._confirm(target, wanted)
            if goes:
                return
            self._writes.pending.settle(target)
        settled = pair.settled(value, model.values.get(target))
        if settled is not None and settled != model.values.get(target):
            self._put(target, settled, live=False)

    def _obeys(self, target: SeriesKey) -> bool:
        """Whether what is pursued has begun to move, or is there."""
        return target not in self._courses or self._courses.moved(target)

    def _pursue(self, target: SeriesKey, wanted: Value, state: SeriesKey) -> None:
        """A command was sent."""
        known, pair = self._model(target.device).values.get(state), pair_of(target.characteristic)
        self._courses.begin(target, wanted, known, self._travel(target.device))
        if pair is None or known is None or pair.free is not None:
            return
        if target not in self._courses:
            # It is there already: nothing will change that could confirm it.
            self._confirm(target, wanted)

    def _moves(self, position_state: SeriesKey, moving: bool) -> None:
        """It says whether it moves: where it stops is its target."""
        device, service, index = position_state.device, position_state.service, position_state.index
        target = SeriesKey(device, service, index, "TargetPosition")
        if target not in self._courses:
            return
        if moving:
            self._courses.moves(target)
            wanted = self._writes.pending.get(target)
            if wanted is not None:
                self._confirm(target, wanted)
        elif self._courses.moved(target):
            self._courses.end(target)
            self._settle(target)

    def _confirm(self, target: SeriesKey, wanted: Value) -> None:
        """What the device does confirms the command: the target stays where it is going."""
        self._writes.pending.settle(target)
        self._put(target, wanted, live=False)

    def _settle(self, target: SeriesKey) -> None:
        """Nothing is pursued any more: the target is what the state says."""
        self._writes.pending.settle(target)
        state, pair = current_of(target), pair_of(target.characteristic)
        model = self._model(target.device)
        known = None if state is None else model.values.get(state)
        if pair is None or known is None:
            return
        settled = pair.settled(known, model.values.get(target))
        if settled is not None:
            self._put(target, settled, live=False)

    def _travel(self, device: str) -> float:
        return TRAVEL * self._command_style(device).confirm

    # --- devices ------------------------------------------------------------------------------

    def _is_gone(self, key: SeriesKey, *, live: bool) -> bool:
        """Whether it was removed: what is replayed brings nothing back, a live message does."""
        identities, service = self._tree.identities, part(key.service, key.index)
        if live:
            identities.set_gone(key.device, service, gone=False)
            return False
        return identities.is_gone(key.device, service)

    def _is_named(self, key: SeriesKey) -> bool:
        """Whether it is a name that HomeKit wrote."""
        if key.characteristic != "ConfiguredName":
            return False
        record = self._tree.identities.accessories.get(key.device)
        return record is not None and part(key.service, key.index) in record.named

    def _model(self, device: str) -> DeviceModel:
        return self._tree.model(device)
