"""`$report`: whole when something in it changed, briefly (in `$batch`) otherwise."""

import gc
import hashlib
import json

from dormouse import messages
from dormouse.version import BOARD, VERSION

WHOLE_S = 3600
"""How often it is said whole, changed or not."""


class Report:
    """What a device says of itself now.

    `state` is what the caller knows (reset, up, next_wake_s, battery_mv, rssi), `problems` are the
    sensors'.
    """

    def __init__(self, record, settings, state: dict, problems):
        self.record = record
        self.settings = settings
        self.state = state
        self.problems = problems + ["setting " + name for name in settings.invalid]
        if settings.wifi_problem:
            self.problems.append(settings.wifi_problem)
        parts = (VERSION, BOARD, settings.model, settings.config, state["next_wake_s"])
        text = "%s,%s,%s,%s,%s," % parts + ",".join(self.problems)
        digest = hashlib.sha256(text.encode()).digest()
        # 16 bits of what `brief` leaves out, never 0.
        self.digest = (digest[0] << 8 | digest[1]) or 1

    def due(self) -> bool:
        """Whether it is to be said whole: something changed, or it is an hour ago."""
        record = self.record
        passed = self.state["up"] - record.reported_at
        return self.digest != record.report_digest or passed >= WHOLE_S

    def publish(self, session) -> None:
        """Queue `$report`, the whole of it."""
        # Until it is delivered nothing may build on one before it.
        self.record.report_digest = 0
        session.publish("$report", self._whole(), True)

    def _whole(self) -> str:
        payload = {
            "firmware": VERSION,
            "board": BOARD,
            "model": self.settings.model,
            "boot": messages.boot_id(self.record),
            "seq": self.record.seq,
            "awake_ms": self.record.awake_ms,
            "heap_free": _heap_free(),
            "config": self.settings.config,
        }
        payload.update(self.state)
        if self.settings.place and (self.state["reset"] != "deepsleep" or self.record.failures):
            # Once it was heard the hub needs it no more.
            payload["place"] = self.settings.place
        if self.problems:
            payload["problems"] = self.problems
        return json.dumps(payload)

    def brief(self):
        """What changes each wake, for `$batch`: docs/topics.md has the order."""
        record, state = self.record, self.state
        heap_free = _heap_free()
        brief = [record.reported_at, record.awake_ms, state["rssi"], heap_free]
        return brief if state["battery_mv"] is None else brief + [state["battery_mv"]]

    def delivered(self) -> None:
        """The broker has it whole."""
        self.record.report_digest = self.digest
        self.record.reported_at = self.state["up"]


def _heap_free() -> int:
    """Bytes, when what is not used any more was given back."""
    gc.collect()
    return gc.mem_free()
