"""Whatever devices, links and people do: the plan keeps what it promises, and comes to its end.

The promises themselves are asserted in World after every step.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from hub.rollouts.model import OVER, RolloutOptions, RolloutPhase
from hub.rollouts.work import Answered, Reported, StreamEnded
from tests.hub.rollouts.fleet import SETTINGS, TARGET, World, sample

NAMES = tuple("abcdefg")
MANNERS = ["good", "good", "good", "dead", "liar", "back", "flat", "deaf", "slow", "nonsense"]


class Fleets(RuleBasedStateMachine):
    """Up to seven devices of all manners, a broker and a hub that can die at any step."""

    @initialize(
        count=st.integers(1, 7),
        manners=st.lists(st.sampled_from(MANNERS), min_size=7, max_size=7),
        canary=st.integers(0, 2),
        wave=st.sampled_from(["1", "2", "50%", "100%"]),
        halt_at=st.sampled_from(["1", "2", "50%"]),
        streams=st.integers(1, 3),
        limit=st.integers(1, 3),
        attempts=st.integers(1, 3),
        reports=st.integers(0, 2),
        backoff=st.sampled_from([0, 10, 300]),
        windows=st.sampled_from([(), (), ("12:30-13:30", "22:00-02:00")]),
        firmware=st.booleans(),
    )
    def begin(
        self, count, manners, canary, wave, halt_at, streams, limit, attempts, reports, backoff,
        windows, firmware,
    ):  # fmt: skip
        options = RolloutOptions(
            canary=canary, wave=wave, halt_at=halt_at, streams=streams, attempts=attempts,
            reports=reports, backoff_s=backoff, windows=windows, patience_s=900, verify_s=120,
        )  # fmt: skip
        names = NAMES[:count]
        self.world = World(
            options, names, limit, TARGET if firmware else SETTINGS,
            dict(zip(names, manners, strict=False)),
        )  # fmt: skip

    def name(self, n: int) -> str:
        return self.world.names[n % len(self.world.names)]

    @rule(n=st.integers(0, 6), heard=st.sampled_from([True, True, True, False]))
    def wake(self, n, heard):
        self.world.wake(self.name(n), heard=heard)

    @rule(until=st.integers(0, 7))
    def some_wake_at_once(self, until):
        for name in self.world.names[:until]:
            self.world.wake(name)

    @rule()
    def everybody_wakes(self):
        for name in self.world.names:
            self.world.wake(name)

    @rule(seconds=st.sampled_from([1, 20, 60, 60, 200, 600, 1800, 7200]))
    def time_passes(self, seconds):
        self.world.pass_time(seconds)

    @precondition(lambda self: self.world.streams)
    @rule(n=st.integers(0, 6), broken=st.integers(0, 3))
    def a_stream_ends(self, n, broken):
        streaming = sorted(self.world.streams)
        name = streaming[n % len(streaming)]
        self.world.end_stream(name, whole=broken < 3, lost=n % 2 == 0)

    @rule(n=st.integers(0, 6))
    def a_server_gives_up(self, n):
        self.world.give_up_server(self.name(n))

    @rule()
    def the_hub_dies_before_it_acts(self):
        self.world.crash_next = True

    @rule()
    def the_hub_is_restarted(self):
        self.world.restart()

    @rule()
    def the_broker_loses_what_it_kept(self):
        self.world.retained.clear()
        self.world.restart()

    @rule(what=st.sampled_from(["pause", "resume", "resume", "abort"]), seldom=st.integers(0, 5))
    def a_person_asks(self, what, seldom):
        if what == "resume" or seldom == (5 if what == "abort" else 4):
            self.world.ask(what)

    @rule(
        n=st.integers(0, 6),
        state=st.sampled_from(["accepted", "refused", "updating", "updated", "failed"]),
        command=st.sampled_from([0, 1, -1]),
        text=st.text(max_size=5),
        seldom=st.integers(0, 5),
    )
    def a_device_says_anything(self, n, state, command, text, seldom):
        if seldom < 5:
            return
        name = self.name(n)
        number = max(0, self.world.devices[name].command + command) if command else 0
        self.world.step(Answered(name, number, state, self.world.now, text, text, "192.0.2.1"))

    @rule(n=st.integers(0, 6), version=st.sampled_from(["1.0.0", "2.0.0", "", "x"]),
          redelivered=st.booleans(), seldom=st.integers(0, 5))  # fmt: skip
    def a_device_reports_anything(self, n, version, redelivered, seldom):
        if seldom < 5:
            return
        said = sample(self.world.now, firmware=version, seq=n)
        self.world.step(Reported(self.name(n), said, redelivered))

    @rule(n=st.integers(0, 6), command=st.integers(0, 5))
    def a_late_word_of_a_stream(self, n, command):
        self.world.step(StreamEnded(self.name(n), command))

    def teardown(self):
        if not hasattr(self, "world"):
            return
        world = self.world
        world.crash_next = False
        world.run(1500)
        assert world.rollout.phase in {RolloutPhase.DONE, RolloutPhase.ABORTED}
        assert {device.state for device in world.devices.values()} <= OVER
        world.restart()  # what is still pending_clear to the broker is told at a start
        assert world.retained == {}, "a command was left behind"


TestFleets = Fleets.TestCase
TestFleets.settings = settings(
    max_examples=80,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
