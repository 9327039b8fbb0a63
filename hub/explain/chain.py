"""The facts about a device, each in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from contracts.show import count, span, volts
from hub.explain import trends
from hub.explain.battery import BatteryForecast
from hub.explain.case import Case
from hub.explain.facts import RolloutStanding
from hub.explain.headline import NOT_ENROLLED, REFUSED, offline, quiet, refused, shut_out
from hub.explain.outages import Away
from hub.explain.sentence import Level, Sentence
from hub.mqtt.account_repository import AccountState

__all__ = ["SENTENCE_MAKERS"]

# How long a requested setting may take beyond the first wake that could have taken it up.
_SOON = timedelta(minutes=2)
# An empty battery that is nearer than this wants a new one bought.
_SOON_DAYS = 14
# Something refused longer ago than that has not come again.
_NEWS = timedelta(days=1)
# How many lost readings, and which share of all, are nothing to worry about.
_FEW_LOST, _SHARE_LOST = 3, 0.01


def _of_account(case: Case) -> Iterator[Sentence]:
    facts = case.facts
    for sentence in (shut_out(case), refused(case)):
        if sentence is not None:
            yield sentence
    if facts.account is AccountState.PENDING and facts.account_at is not None:
        yield Sentence(
            facts.account_at, "account", "enrolled; its account is confirmed when it is heard"
        )
    elif facts.account is not None and facts.account_at is not None:
        yield Sentence(facts.account_at, "account", "got its account")
    if facts.account is None and facts.created_at is not None:
        yield Sentence(facts.created_at, "account", "known to the hub; it has no account")


def _of_silence(case: Case) -> Iterator[Sentence]:
    silence, clock = case.silence, case.clock
    if silence is not None and silence.expected is not None:
        text = f"missed {count(silence.missed, 'wake')}, the first due {clock.at(silence.expected)}"
        level = Level.BAD if silence.missed > 1 else Level.WARNING
        yield Sentence(case.now, "silent", text, level)
    if silence is not None and silence.excused:
        text = f"{count(silence.excused, 'wake')} could not be heard: the hub was away"
        yield Sentence(case.now, "hub", text)
    for find in (offline, quiet):
        sentence = find(case)
        if sentence is not None:
            yield sentence


def _of_presence(case: Case) -> Iterator[Sentence]:
    facts = case.facts
    if facts.seen_at is None:
        return
    parts = [f"last heard ({case.clock.ago(facts.seen_at)} ago)"]
    if facts.report_at is not None:
        parts += [f"battery {case.battery()}"] if case.battery() else []
        rssi, awake = facts.report.get("rssi"), facts.report.get("awake_ms")
        parts += [f"WiFi {rssi} dBm"] if isinstance(rssi, int) else []
        parts += [f"awake {awake} ms"] if isinstance(awake, int) else []
    if case.interval is not None:
        parts.append(f"wakes every {span(case.interval)}")
    yield Sentence(facts.seen_at, "heard", ", ".join(parts))
    firmware = facts.report.get("firmware")
    if firmware and facts.report_at is not None:
        board = facts.report.get("board")
        text = f"runs firmware {firmware!s:.64}" + (f" on a {board!s:.64}" if board else "")
        yield Sentence(facts.report_at, "firmware", text)
    problems = facts.report.get("problems")
    # What a device says besides what is defined may be anything.
    for problem in problems if isinstance(problems, list) else ():
        text = f"it says: {str(problem)[:200]}"
        yield Sentence(facts.report_at or case.now, "device", text, Level.WARNING)


def _of_battery(case: Case) -> Iterator[Sentence]:
    facts, trend = case.facts, case.battery_fall
    at = facts.report_at or (facts.last_reading.at if facts.last_reading else None)
    if at is None:
        return
    if case.low:
        yield Sentence(at, "battery", f"battery low: {case.battery()}", Level.WARNING)
    if trend is not None:
        show = volts if trend.unit == "mV" else "{:.0f} %".format
        over = f"in {trend.days} days" if trend.days > 1 else "within a day or two"
        text = f"battery falling: from {show(trend.before)} to {show(trend.after)} {over}"
        if trend.days_left is not None and trend.days_left < 60:
            text += f", at this rate empty in {count(round(trend.days_left), 'day')}"
        soon = trend.days < 7 or (trend.days_left is not None and trend.days_left < 14)
        yield Sentence(at, "battery", text, Level.WARNING if soon else Level.FINE)
    if case.battery_forecast is not None:
        yield _battery_forecast(case, case.battery_forecast, at)


def _battery_forecast(case: Case, battery: BatteryForecast, at: datetime) -> Sentence:
    left = battery.days_left(case.now.date())
    when = f"in {count(left, 'day')}" if left > 0 else "so it should be by now"
    rate = f"{battery.per_day:.2g} {battery.unit} a day since {battery.since}"
    text = f"battery empty about {battery.empty_on}, {when} ({rate})"
    return Sentence(at, "forecast", text, Level.WARNING if left < _SOON_DAYS else Level.FINE)


def _of_health(case: Case) -> Iterator[Sentence]:
    days = case.facts.days
    if case.weak_signal is not None and case.facts.report_at is not None:
        text = f"WiFi weak: {case.weak_signal:.0f} dBm (below {trends.WEAK_DBM} wakes get long)"
        yield Sentence(case.facts.report_at, "wifi", text, Level.WARNING)
    grown = trends.awake_grown(days)
    if grown is not None and case.facts.report_at is not None:
        text = f"wakes take {grown[1]:.0f} ms, before it was {grown[0]:.0f} ms"
        yield Sentence(case.facts.report_at, "awake", text, Level.WARNING)
    crashed = [day for day in days[-7:] if day.watchdog_at is not None]
    if crashed and crashed[-1].watchdog_at is not None:
        number = trends.crashes(days)
        often = f", {count(number, 'time')} within a week" if number > 1 else ""
        yield Sentence(
            crashed[-1].watchdog_at, "crash", f"crashed; the watchdog restarted it{often}",
            Level.WARNING if number > 1 else Level.FINE,
        )  # fmt: skip
    lost_power = [day for day in days[-7:] if day.power_at is not None]
    if lost_power and lost_power[-1].power_at is not None:
        number = trends.power_losses(days)
        often = f", {count(number, 'time')} within a week" if number > 1 else ""
        # Once is somebody changing the battery; often is a contact or an empty one.
        yield Sentence(
            lost_power[-1].power_at, "power", f"started after its power was gone{often}",
            Level.WARNING if number > 3 else Level.FINE,
        )  # fmt: skip


def _of_readings(case: Case) -> Iterator[Sentence]:
    facts, lost = case.facts, case.facts.lost
    if lost is not None and lost.missing:
        text = f"{count(lost.missing, 'reading')} never arrived since {case.clock.at(lost.since)}"
        # When they were lost nobody knows: a few in a long time are no reason to do something.
        many = lost.missing > max(_FEW_LOST, lost.stored * _SHARE_LOST)
        yield Sentence(lost.at, "lost", text, Level.WARNING if many else Level.FINE)
    if lost is not None and lost.thinned:
        text = f"{count(lost.thinned, 'reading')} thinned out on the device, its memory was full"
        yield Sentence(lost.at, "lost", text)
    for kind, seen in facts.problems.items():
        if kind in REFUSED or (kind in NOT_ENROLLED and facts.account is not None):
            continue  # told with its account; let in since
        times = f" ({count(seen.count, 'time')})" if seen.count > 1 else ""
        text = f"refused from it, {kind}{times}: {seen.detail}"
        new = case.now - seen.at < _NEWS
        yield Sentence(seen.at, "refused", text, Level.WARNING if new else Level.FINE)


def _of_waiting(case: Case) -> Iterator[Sentence]:
    """What waits for the device's next wake."""
    facts, config = case.facts, case.facts.config
    if config is not None and config.version != config.runs:
        # A report of the same wake may have been on its way already.
        taken = facts.report_at is not None and facts.report_at > config.at + _SOON
        again = taken and case.interval is not None and facts.report_at is not None and (
            facts.report_at > config.at + _SOON + timedelta(seconds=case.interval)
        )  # fmt: skip
        text = f"settings version {config.version} requested"
        text += f", but it runs version {config.runs or 0}" if taken else "; it has not woken since"
        yield Sentence(config.at, "config", text, Level.WARNING if again else Level.FINE)
    elif config is not None and config.reported_at is not None:
        complaint = f", but said: {config.problem}" if config.problem else ""
        text = f"took up settings version {config.version}{complaint}"
        level = Level.WARNING if config.problem else Level.FINE
        yield Sentence(config.reported_at, "config", text, level)
    for part, text in facts.desired.items():
        yield Sentence(
            case.now, "command", f"HomeKit wrote {part} = {text}; it waits for the next wake"
        )


def _of_rollout(case: Case) -> Iterator[Sentence]:
    """How far an update is, or why it did not happen."""
    rollout = case.facts.rollout
    if rollout is None:
        return
    what = f"update to {rollout.version}" if rollout.version else "rollout of settings"
    where = f"rollout {rollout.rollout}"
    if rollout.state == "updated":
        done = f"updated to {rollout.version}" if rollout.version else "took up rolled out settings"
        bad = rollout.health == "bad"
        text = f"{done} ({where})" + (f", but is worse: {rollout.health_reason}" if bad else "")
        yield Sentence(rollout.since, "rollout", text, Level.WARNING if bad else Level.FINE)
    elif rollout.state == "failed":
        text = f"{what} failed ({where}): {rollout.reason}"
        # It may have been brought there since, by a cable or by hand.
        there = rollout.version and case.facts.report.get("firmware") == rollout.version
        yield Sentence(rollout.since, "rollout", text, Level.FINE if there else Level.WARNING)
    elif rollout.state == "skipped":
        yield Sentence(rollout.since, "rollout", f"left out of {where} ({what}): {rollout.reason}")
    else:
        halted = rollout.phase == "halted"
        text = f"{what} ({where}): {_standing(rollout, case)}"
        yield Sentence(rollout.since, "rollout", text, Level.WARNING if halted else Level.FINE)


_STANDING = {
    "commanded": "its command waits for the next wake",
    "accepted": "the device agreed and waits for a free stream",
    "updating": "the image is being sent",
    "verifying": "everything was sent; it has to come back",
}


def _standing(rollout: RolloutStanding, case: Case) -> str:
    """Why an update that is not over has not happened yet."""
    tries = f", {count(rollout.attempts, 'attempt')} failed" if rollout.attempts else ""
    if rollout.state != "pending":
        return _STANDING.get(rollout.state, rollout.state) + tries
    if rollout.phase != "running":
        why = f" ({rollout.rollout_reason})" if rollout.rollout_reason else ""
        return f"waits, the rollout is {rollout.phase}{why}"
    if rollout.wave > rollout.rollout_wave:
        return (
            f"waits for its turn in wave {rollout.wave + 1}, now is wave {rollout.rollout_wave + 1}"
        )
    if rollout.not_before is not None and rollout.not_before > case.now:
        why = f" ({rollout.reason})" if rollout.reason else ""
        return f"tried again at {case.clock.at(rollout.not_before)}{tries}{why}"
    return f"its command comes soon{tries}" + (f": {rollout.reason}" if rollout.reason else "")


def _of_homekit(case: Case) -> Iterator[Sentence]:
    at = case.facts.seen_at or case.facts.created_at or case.now
    for reason in case.facts.hidden_parts:
        yield Sentence(at, "homekit", f"not shown in HomeKit: {reason}", Level.WARNING)


def _of_replacement(case: Case) -> Iterator[Sentence]:
    if case.facts.replaced_by is not None:
        new, at = case.facts.replaced_by
        yield Sentence(at, "replaced", f"{new} took its place")
    facts = case.facts.attributes.get("replacements")
    for fact in facts if isinstance(facts, list) else ():
        try:
            at = datetime.fromisoformat(fact["at"]).astimezone(UTC)
            yield Sentence(at, "replaced", f"took the place of {fact['old']}")
        except (KeyError, OverflowError, TypeError, ValueError):
            continue  # attributes are anybody's to write


_AWAY = {
    Away.HUB: "the hub was not running", Away.BROKER: "the broker was away",
    Away.TUNNEL: "the tunnel of its site was down",
}  # fmt: skip


def _of_hub(case: Case) -> Iterator[Sentence]:
    since = case.facts.seen_at or case.now - timedelta(days=1)
    for outage in case.facts.outages:
        if outage.end is not None and outage.end < since:
            continue
        what = _AWAY[outage.what]
        until = f"until {case.clock.at(outage.end)}" if outage.end else "and still is"
        yield Sentence(outage.start, "hub", f"{what} from {case.clock.at(outage.start)} {until}")


SENTENCE_MAKERS: tuple[Callable[[Case], Iterator[Sentence]], ...] = (
    _of_silence,
    _of_waiting,
    _of_rollout,
    _of_presence,
    _of_battery,
    _of_health,
    _of_readings,
    _of_homekit,
    _of_account,
    _of_replacement,
    _of_hub,
)
