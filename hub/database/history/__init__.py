"""History for any model: what its tracked columns were, by ticks of each entity's own clock.

    class Friend(Base, Temporal):
        __tablename__ = "friend"
        track = ("name", "location")
        ...

    with clock_tick(friend):
        friend.location = "San Francisco"
    friend.location_history[0] == "New York"

docs/store.md has the whole of it.
"""

from hub.database.history.temporal import Temporal
from hub.database.history.tick import async_clock_tick, clock_tick
from hub.database.history.triggers import history_statements

__all__ = ["Temporal", "async_clock_tick", "clock_tick", "history_statements"]
