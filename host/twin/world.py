"""What surrounds a virtual device: radio, network, sensors, pins. The shims read it as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["World"]

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class World:
    """Sections of settings; host/twin/shims/world.py says which, their units and defaults."""

    sections: Json = field(default_factory=dict)

    def changed(self, **sections: object) -> World:
        """A world with the given sections merged in: a mapping changes only what it names."""
        merged = dict(self.sections)
        for name, value in sections.items():
            merged[name] = _merged(merged.get(name), value)
        return World(merged)

    def json(self) -> str:
        """The file that the shims read."""
        # As it is: MicroPython's json takes \ud83d\ude00 for two characters.
        return json.dumps(self.sections, ensure_ascii=False)


def _merged(old: object, new: object) -> object:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    merged = dict(old)
    for name, value in new.items():
        merged[name] = _merged(merged.get(name), value)
    return merged
