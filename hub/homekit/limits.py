"""The limits that each series has in HomeKit: HAP's, a rule's, or wider where a value was."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from contracts.homekit.definitions import Characteristic
from contracts.reading import SeriesKey, Value
from hub.homekit.identity import Identities, part

__all__ = ["SeriesLimits"]


class SeriesLimits:
    """What is declared of each series. `given` is the characteristic with a rule's limits."""

    def __init__(
        self, identities: Identities, given: Callable[[SeriesKey], Characteristic]
    ) -> None:
        self._identities, self._given = identities, given

    def kind(self, key: SeriesKey) -> Characteristic:
        """The characteristic as this series declares it; nothing else may be written."""
        kind = self._given(key)
        low, high = self._declared(key, kind)
        return dataclasses.replace(kind, minimum=low, maximum=high, least=low, most=high)

    def writable(self, key: SeriesKey) -> bool:
        """Whether controllers may write the series."""
        return self._given(key).writable

    def _declared(self, key: SeriesKey, kind: Characteristic) -> tuple[float | None, float | None]:
        """The lowest and the highest value that are declared."""
        record = self._identities.accessories.get(key.device)
        wide = record and record.widened.get(part(key.service, key.index, key.characteristic))
        low, high = kind.minimum, kind.maximum
        if wide:
            # A rule that came later may have narrowed what HomeKit allows.
            return _within(kind, wide[0], low), _within(kind, wide[1], high)
        return low, high

    def beyond(self, key: SeriesKey, value: Value) -> bool:
        """Whether a value lies beyond what is declared, and HomeKit would allow more."""
        kind = self._given(key)
        if kind.valid or isinstance(value, bool | str) or _clamped(kind, value) != value:
            return False
        low, high = self._declared(key, kind)
        return (low is not None and value < low) or (high is not None and value > high)

    def widen(self, key: SeriesKey, value: Value) -> None:
        """Declare as much as this value needs, from now on and for good."""
        declared = self.kind(key)
        low, high = declared.minimum, declared.maximum
        if low is None or high is None or isinstance(value, str) or not self.beyond(key, value):
            return
        name = part(key.service, key.index, key.characteristic)
        self._identities.widen(key.device, name, (min(low, value), max(high, value)))


def _clamped(kind: Characteristic, value: float) -> float:
    value = value if kind.least is None else max(value, kind.least)
    return value if kind.most is None else min(value, kind.most)


def _within(kind: Characteristic, wide: float, narrow: float | None) -> float | None:
    return wide if _clamped(kind, wide) == wide else narrow
