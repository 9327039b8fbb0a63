"""The facts about a device, each in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from contracts.show import volts
from hub.explain import trends
from hub.explain.battery import BatteryForecast
from hub.explain.case import Case
from hub.explain.facts import RolloutStanding
from hub.explain.headline import NOT_ENROLLED, REFUSED, offline, quiet, refused, shut_out
from hub.explain.outages import Away
from hub.explain.sentence import Level, Sentence
from hub.language.times import span
from hub.language.words import N_, _, ngettext
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
            facts.account_at, "account", _("enrolled; its account is confirmed when it is heard")
        )
    elif facts.account is not None and facts.account_at is not None:
        yield Sentence(facts.account_at, "account", _("got its account"))
    if facts.account is None and facts.created_at is not None:
        yield Sentence(facts.created_at, "account", _("known to the hub; it has no account"))


def _of_silence(case: Case) -> Iterator[Sentence]:
    silence, clock = case.silence, case.clock
    if silence is not None and silence.expected is not None:
        text = _(
            "missed {wakes}, the first due {at}",
            wakes=ngettext("{n} wake", "{n} wakes", silence.missed),
            at=clock.at(silence.expected),
        )
        level = Level.BAD if silence.missed > 1 else Level.WARNING
        yield Sentence(case.now, "silent", text, level)
    if silence is not None and silence.excused:
        text = _(
            "{wakes} could not be heard: the hub was away",
            wakes=ngettext("{n} wake", "{n} wakes", silence.excused),
        )
        yield Sentence(case.now, "hub", text)
    for find in (offline, quiet):
        sentence = find(case)
        if sentence is not None:
            yield sentence


def _of_presence(case: Case) -> Iterator[Sentence]:
    facts = case.facts
    if facts.seen_at is None:
        return
    parts = [_("last heard ({ago} ago)", ago=case.clock.ago(facts.seen_at))]
    if facts.report_at is not None:
        parts += [_("battery {battery}", battery=case.battery())] if case.battery() else []
        rssi, awake = facts.report.get("rssi"), facts.report.get("awake_ms")
        parts += [_("WiFi {rssi} dBm", rssi=rssi)] if isinstance(rssi, int) else []
        parts += [_("awake {awake} ms", awake=awake)] if isinstance(awake, int) else []
    if case.interval is not None:
        parts.append(_("wakes every {span}", span=span(case.interval)))
    yield Sentence(facts.seen_at, "heard", ", ".join(parts))
    firmware = facts.report.get("firmware")
    if firmware and facts.report_at is not None:
        board = facts.report.get("board")
        text = _("runs firmware {firmware}", firmware=f"{firmware!s:.64}") + (
            _(" on a {board}", board=f"{board!s:.64}") if board else ""
        )
        yield Sentence(facts.report_at, "firmware", text)
    problems = facts.report.get("problems")
    # What a device says besides what is defined may be anything.
    for problem in problems if isinstance(problems, list) else ():
        text = _("it says: {problem}", problem=str(problem)[:200])
        yield Sentence(facts.report_at or case.now, "device", text, Level.WARNING)


def _of_battery(case: Case) -> Iterator[Sentence]:
    facts, trend = case.facts, case.battery_fall
    at = facts.report_at or (facts.last_reading.at if facts.last_reading else None)
    if at is None:
        return
    if case.low:
        yield Sentence(
            at, "battery", _("battery low: {battery}", battery=case.battery()), Level.WARNING
        )
    if trend is not None:
        show = volts if trend.unit == "mV" else "{:.0f} %".format
        over = _("in {days} days", days=trend.days) if trend.days > 1 else _("within a day or two")
        text = _(
            "battery falling: from {before} to {after} {over}",
            before=show(trend.before),
            after=show(trend.after),
            over=over,
        )
        if trend.days_left is not None and trend.days_left < 60:
            text += _(
                ", at this rate empty in {days}",
                days=ngettext("{n} day", "{n} days", round(trend.days_left)),
            )
        soon = trend.days < 7 or (trend.days_left is not None and trend.days_left < 14)
        yield Sentence(at, "battery", text, Level.WARNING if soon else Level.FINE)
    if case.battery_forecast is not None:
        yield _battery_forecast(case, case.battery_forecast, at)


def _battery_forecast(case: Case, battery: BatteryForecast, at: datetime) -> Sentence:
    left = battery.days_left(case.now.date())
    when = (
        _("in {days}", days=ngettext("{n} day", "{n} days", left))
        if left > 0
        else _("so it should be by now")
    )
    rate = _(
        "{per_day} {unit} a day since {since}",
        per_day=f"{battery.per_day:.2g}",
        unit=battery.unit,
        since=battery.since,
    )
    text = _(
        "battery empty about {empty_on}, {when} ({rate})",
        empty_on=battery.empty_on,
        when=when,
        rate=rate,
    )
    return Sentence(at, "forecast", text, Level.WARNING if left < _SOON_DAYS else Level.FINE)


def _of_health(case: Case) -> Iterator[Sentence]:
    days = case.facts.days
    if case.weak_signal is not None and case.facts.report_at is not None:
        text = _(
            "WiFi weak: {weak_signal} dBm (below {limit} wakes get long)",
            weak_signal=f"{case.weak_signal:.0f}",
            limit=trends.WEAK_DBM,
        )
        yield Sentence(case.facts.report_at, "wifi", text, Level.WARNING)
    grown = trends.awake_grown(days)
    if grown is not None and case.facts.report_at is not None:
        text = _(
            "wakes take {grown} ms, before it was {grown2} ms",
            grown=f"{grown[1]:.0f}",
            grown2=f"{grown[0]:.0f}",
        )
        yield Sentence(case.facts.report_at, "awake", text, Level.WARNING)
    crashed = [day for day in days[-7:] if day.watchdog_at is not None]
    if crashed and crashed[-1].watchdog_at is not None:
        number = trends.crashes(days)
        often = (
            _(", {times} within a week", times=ngettext("{n} time", "{n} times", number))
            if number > 1
            else ""
        )
        yield Sentence(
            crashed[-1].watchdog_at, "crash",
            _("crashed; the watchdog restarted it{often}", often=often),
            Level.WARNING if number > 1 else Level.FINE,
        )  # fmt: skip
    lost_power = [day for day in days[-7:] if day.power_at is not None]
    if lost_power and lost_power[-1].power_at is not None:
        number = trends.power_losses(days)
        often = (
            _(", {times} within a week", times=ngettext("{n} time", "{n} times", number))
            if number > 1
            else ""
        )
        # Once is somebody changing the battery; often is a contact or an empty one.
        yield Sentence(
            lost_power[-1].power_at, "power",
            _("started after its power was gone{often}", often=often),
            Level.WARNING if number > 3 else Level.FINE,
        )  # fmt: skip


def _of_readings(case: Case) -> Iterator[Sentence]:
    facts, lost = case.facts, case.facts.lost
    if lost is not None and lost.missing:
        text = _(
            "{readings} never arrived since {at}",
            readings=ngettext("{n} reading", "{n} readings", lost.missing),
            at=case.clock.at(lost.since),
        )
        # When they were lost nobody knows: a few in a long time are no reason to do something.
        many = lost.missing > max(_FEW_LOST, lost.stored * _SHARE_LOST)
        yield Sentence(lost.at, "lost", text, Level.WARNING if many else Level.FINE)
    if lost is not None and lost.thinned:
        text = _(
            "{readings} thinned out on the device, its memory was full",
            readings=ngettext("{n} reading", "{n} readings", lost.thinned),
        )
        yield Sentence(lost.at, "lost", text)
    for kind, seen in facts.problems.items():
        if kind in REFUSED or (kind in NOT_ENROLLED and facts.account is not None):
            continue  # told with its account; let in since
        times = f" ({ngettext('{n} time', '{n} times', seen.count)})" if seen.count > 1 else ""
        text = _(
            "refused from it, {kind}{times}: {detail}", kind=kind, times=times, detail=seen.detail
        )
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
        text = _("settings version {version} requested", version=config.version)
        text += (
            _(", but it runs version {value}", value=config.runs or 0)
            if taken
            else _("; it has not woken since")
        )
        yield Sentence(config.at, "config", text, Level.WARNING if again else Level.FINE)
    elif config is not None and config.reported_at is not None:
        complaint = _(", but said: {problem}", problem=config.problem) if config.problem else ""
        text = _(
            "took up settings version {version}{complaint}",
            version=config.version,
            complaint=complaint,
        )
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
    what = (
        _("update to {version}", version=rollout.version)
        if rollout.version
        else _("rollout of settings")
    )
    where = _("rollout {rollout}", rollout=rollout.rollout)
    if rollout.state == "updated":
        done = (
            _("updated to {version}", version=rollout.version)
            if rollout.version
            else _("took up rolled out settings")
        )
        bad = rollout.health == "bad"
        text = f"{done} ({where})" + (
            _(", but is worse: {health_reason}", health_reason=rollout.health_reason) if bad else ""
        )
        yield Sentence(rollout.since, "rollout", text, Level.WARNING if bad else Level.FINE)
    elif rollout.state == "failed":
        text = _("{what} failed ({where}): {reason}", what=what, where=where, reason=rollout.reason)
        # It may have been brought there since, by a cable or by hand.
        there = rollout.version and case.facts.report.get("firmware") == rollout.version
        yield Sentence(rollout.since, "rollout", text, Level.FINE if there else Level.WARNING)
    elif rollout.state == "skipped":
        yield Sentence(
            rollout.since,
            "rollout",
            _(
                "left out of {where} ({what}): {reason}",
                where=where,
                what=what,
                reason=rollout.reason,
            ),
        )
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
    tries = (
        _(", {attempts} failed", attempts=ngettext("{n} attempt", "{n} attempts", rollout.attempts))
        if rollout.attempts
        else ""
    )
    if rollout.state != "pending":
        return _STANDING.get(rollout.state, rollout.state) + tries
    if rollout.phase != "running":
        why = f" ({rollout.rollout_reason})" if rollout.rollout_reason else ""
        return _("waits, the rollout is {phase}{why}", phase=rollout.phase, why=why)
    if rollout.wave > rollout.rollout_wave:
        return _(
            "waits for its turn in wave {wave}, now is wave {rollout_wave}",
            wave=rollout.wave + 1,
            rollout_wave=rollout.rollout_wave + 1,
        )
    if rollout.not_before is not None and rollout.not_before > case.now:
        why = f" ({rollout.reason})" if rollout.reason else ""
        return _(
            "tried again at {at}{tries}{why}",
            at=case.clock.at(rollout.not_before),
            tries=tries,
            why=why,
        )
    return _("its command comes soon{tries}", tries=tries) + (
        f": {rollout.reason}" if rollout.reason else ""
    )


def _of_homekit(case: Case) -> Iterator[Sentence]:
    at = case.facts.seen_at or case.facts.created_at or case.now
    for reason in case.facts.hidden_parts:
        yield Sentence(
            at, "homekit", _("not shown in HomeKit: {reason}", reason=reason), Level.WARNING
        )


def _of_replacement(case: Case) -> Iterator[Sentence]:
    if case.facts.replaced_by is not None:
        new, at = case.facts.replaced_by
        yield Sentence(at, "replaced", _("{new} took its place", new=new))
    facts = case.facts.attributes.get("replacements")
    for fact in facts if isinstance(facts, list) else ():
        try:
            at = datetime.fromisoformat(fact["at"]).astimezone(UTC)
            yield Sentence(at, "replaced", _("took the place of {old}", old=fact["old"]))
        except (KeyError, OverflowError, TypeError, ValueError):
            continue  # attributes are anybody's to write


_AWAY = {
    Away.HUB: N_("the hub was not running"), Away.BROKER: N_("the broker was away"),
    Away.TUNNEL: N_("the tunnel of its site was down"),
}  # fmt: skip


def _of_hub(case: Case) -> Iterator[Sentence]:
    since = case.facts.seen_at or case.now - timedelta(days=1)
    for outage in case.facts.outages:
        if outage.end is not None and outage.end < since:
            continue
        what = _(_AWAY[outage.what])
        until = _("until {at}", at=case.clock.at(outage.end)) if outage.end else _("and still is")
        yield Sentence(
            outage.start,
            "hub",
            _("{what} from {at} {until}", what=what, at=case.clock.at(outage.start), until=until),
        )


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
