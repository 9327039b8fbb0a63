from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from contracts.show import Clock, span
from hub.device_settings.repository import SettingsVersion
from hub.explain.explanation import explain
from hub.explain.facts import Day, DeviceFacts, LatestReading, LostReadings, RolloutStanding
from hub.explain.outages import Away, Outage
from hub.explain.sentence import Level
from hub.mqtt.account_repository import AccountState
from hub.runtime.problems import Seen

NOW = datetime(2026, 3, 9, 15, 0, tzinfo=UTC)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


HEALTHY = DeviceFacts(
    "esp_1",
    name="Cellar",
    created_at=NOW - timedelta(days=30),
    account=AccountState.ACTIVE,
    account_at=NOW - timedelta(days=30),
    seen_at=NOW - minutes(5),
    report_at=NOW - minutes(5),
    next_wake_at=NOW + minutes(10),
    report={"firmware": "1.2.0", "board": "nodemcu", "battery_mv": 2980, "rssi": -61, "config": 3},
)


def silent(ago: float, **changes: object) -> DeviceFacts:
    """Last heard so many minutes ago, with wakes every 15."""
    seen = NOW - minutes(ago)
    base = replace(HEALTHY, seen_at=seen, report_at=seen, next_wake_at=seen + minutes(15))
    return replace(base, **changes)


def said(facts: DeviceFacts):
    return explain(facts, Clock(NOW, UTC))


def kinds(facts: DeviceFacts) -> dict[str, str]:
    return {sentence.kind: sentence.text for sentence in said(facts).chain}


def wanted(version: int, runs: int | None, at: datetime, **changes: object) -> SettingsVersion:
    made = SettingsVersion(
        "esp_1", version, {"interval": 60}, None, "ann", "", at, None, None, runs
    )
    return replace(made, **changes)


def test_all_is_well():
    found = said(HEALTHY)
    assert (found.headline.text, found.headline.level) == (
        "heard 5 min ago, next expected 15:10", Level.FINE,
    )  # fmt: skip
    assert all(sentence.level is Level.FINE for sentence in found.chain)
    assert found.title == "Cellar"
    assert kinds(HEALTHY)["heard"] == (
        "last heard (5 min ago), battery 2.98 V, WiFi -61 dBm, wakes every 15 min"
    )


def test_silent_says_when_it_was_due():
    found = said(silent(70))
    assert found.headline.text == "silent since 13:50, expected 14:05"
    assert found.headline.level is Level.BAD
    assert kinds(silent(70))["silent"] == "missed 4 wakes, the first due 14:05"
    assert said(silent(25)).headline.level is Level.WARNING, "one wake that found no WiFi"


def test_silent_says_what_may_have_led_there():
    days = [
        Day(date(2026, 3, 5 + n), 90, 3000 - 60 * n, 2990 - 60 * n, -85.0, 400.0, 0, None, 0, None)
        for n in range(4)
    ]
    falling = silent(70, days=days, report={"battery_mv": 2810, "rssi": -85})
    assert said(falling).headline.text == (
        "silent since 13:50, expected 14:05; battery was falling (2.81 V); WiFi was weak (-85 dBm)"
    )
    empty = silent(70, last_reading=LatestReading(NOW - minutes(70), 4.0, True), report={})
    assert said(empty).headline.text.endswith("; battery was low (4 %)")
    crashing = silent(
        70, days=[replace(days[0], battery_first=None, rssi=None, watchdogs=3)], report={}
    )
    assert said(crashing).headline.text.endswith("; it had crashed 3 times within a week")


def test_the_hub_does_not_blame_devices_for_its_own_absence():
    away = Outage(Away.HUB, NOW - minutes(60), NOW - minutes(3))
    found = said(silent(70, outages=[away]))
    assert found.headline.text == (
        "not heard since 13:50, because the hub was away when it was due; expected 15:05"
    )
    assert found.headline.level is Level.FINE
    assert "the hub was not running from 14:00 until 14:57" in [s.text for s in found.chain]
    still = Outage(Away.BROKER, NOW - minutes(60), None)
    found = said(silent(70, outages=[still]))
    assert found.headline.kind == "hub"
    assert "the broker was away from 14:00 and still is" in [s.text for s in found.chain]
    before = Outage(Away.HUB, NOW - minutes(200), NOW - minutes(100))
    found = said(silent(70, outages=[before]))
    assert found.headline.kind == "silent"
    assert not any(sentence.kind == "hub" for sentence in found.chain)


def test_who_is_shut_out_is_not_called_silent():
    facts = silent(
        700, account=AccountState.DISABLED, account_changed_at=NOW - timedelta(days=1, hours=2)
    )
    assert said(facts).headline.text == "shut out: its account was disabled at 8 Mar 13:00"
    assert said(facts).headline.level is Level.WARNING
    gone = replace(facts, replaced_by=("esp_2", NOW - minutes(30)))
    assert said(gone).headline.text == "replaced by esp_2 at 14:30"
    assert said(gone).headline.level is Level.FINE
    back = replace(gone, account=AccountState.ACTIVE)
    assert said(back).headline.kind == "silent"
    refused = silent(700, problems={"auth-refused": Seen(9, NOW - minutes(1), "wrong password")})
    assert said(refused).headline.text == (
        "refused at 14:59: the password is not its account's "
        "(`dormouse devices renew esp_1` if its flash was erased)"
    )
    # Somebody else may try its name while it sleeps: no reason to call it shut out.
    tried = replace(HEALTHY, problems={"enrol-take-over": Seen(1, NOW - minutes(1), "")})
    assert (said(tried).headline.level, said(tried).headline.kind) == (Level.WARNING, "account")
    old = replace(HEALTHY, problems={"auth-refused": Seen(9, NOW - minutes(9), "wrong password")})
    assert said(old).headline.level is Level.FINE


@pytest.mark.parametrize(("account", "text"), [
    (AccountState.PENDING, "enrolled at 14:00 and has not been heard since"),
    (AccountState.ACTIVE, "never heard; it has an account since 14:00"),
    (None, "never heard, and it has no account"),
])  # fmt: skip
def test_never_heard(account, text):
    facts = DeviceFacts("esp_1", account=account, account_at=account and NOW - minutes(60))
    assert said(facts).headline.text == text


@pytest.mark.parametrize(("kind", "text"), [
    ("enrol-closed", "enrolment is closed, `dormouse devices approve esp_1` lets it in"),
    ("enrol-too-many", "too many asked, it will ask again"),
    ("enrol-reserved", "no device may have this name"),
])  # fmt: skip
def test_who_asks_for_an_account(kind, text):
    facts = DeviceFacts("esp_1", problems={kind: Seen(1, NOW, "an enrolment was refused")})
    assert said(facts).headline.text == f"asked for an account at 15:00: {text}"


def test_a_device_that_stays_awake():
    awake = replace(HEALTHY, next_wake_at=None, seen_at=NOW - minutes(100), online=True)
    assert said(awake).headline.level is Level.FINE
    gone = replace(awake, online=False)
    assert said(gone).headline.text == "offline: its connection broke off, last heard 13:20"
    quiet = replace(awake, online=None, seen_at=NOW - minutes(121))
    assert said(quiet).headline.text == "silent since 12:59"
    away = Outage(Away.HUB, NOW - minutes(110), NOW - minutes(50))
    excused = replace(quiet, seen_at=NOW - minutes(121), outages=[away])
    assert said(excused).headline.kind == "silent", "it was silent before the hub was away, too"
    excused = replace(quiet, seen_at=NOW - minutes(109), outages=[away])
    assert said(excused).headline.level is Level.FINE


def test_a_device_that_promised_nothing_may_have_nothing_to_say():
    contact = DeviceFacts("door", account=AccountState.ACTIVE, seen_at=NOW - timedelta(hours=23))
    assert said(contact).headline.level is Level.FINE
    contact = replace(contact, seen_at=NOW - timedelta(hours=25))
    assert said(contact).headline.text == "silent since 8 Mar 14:00"


def test_settings_that_wait_and_settings_that_are_not_taken_up():
    asleep = replace(HEALTHY, config=wanted(4, 3, NOW - minutes(2)))
    assert kinds(asleep)["config"] == "settings version 4 requested; it has not woken since"
    assert said(asleep).headline.level is Level.FINE
    ignored = replace(HEALTHY, config=wanted(4, 3, NOW - minutes(45)))
    assert kinds(ignored)["config"] == "settings version 4 requested, but it runs version 3"
    assert said(ignored).headline.level is Level.WARNING
    taken = wanted(4, 4, NOW - minutes(45), reported_at=NOW - minutes(5), problem="wifi refused")
    text = kinds(replace(HEALTHY, config=taken))["config"]
    assert text == "took up settings version 4, but said: wifi refused"


IN_ROLLOUT = RolloutStanding(
    7, "1.3.0", "running", "", 1, 1, "pending", 0, "", NOW - minutes(20), None, "", ""
)


@pytest.mark.parametrize(("changes", "text", "level"), [
    ({}, "update to 1.3.0 (rollout 7): its command comes soon", Level.FINE),
    ({"wave": 3}, "update to 1.3.0 (rollout 7): waits for its turn in wave 4, now is wave 2",
     Level.FINE),
    ({"phase": "paused"}, "update to 1.3.0 (rollout 7): waits, the rollout is paused", Level.FINE),
    ({"phase": "halted", "rollout_reason": "3 failures"},
     "update to 1.3.0 (rollout 7): waits, the rollout is halted (3 failures)", Level.WARNING),
    ({"attempts": 1, "not_before": NOW + minutes(5), "reason": "no answer"},
     "update to 1.3.0 (rollout 7): tried again at 15:05, 1 attempt failed (no answer)", Level.FINE),
    ({"state": "commanded", "attempts": 2},
     "update to 1.3.0 (rollout 7): its command waits for the next wake, 2 attempts failed",
     Level.FINE),
    ({"state": "verifying", "version": None},
     "rollout of settings (rollout 7): everything was sent; it has to come back", Level.FINE),
    ({"state": "updated"}, "updated to 1.3.0 (rollout 7)", Level.FINE),
    ({"state": "updated", "health": "bad", "health_reason": "awake twice as long"},
     "updated to 1.3.0 (rollout 7), but is worse: awake twice as long", Level.WARNING),
    ({"state": "failed", "reason": "came back with 1.2.0"},
     "update to 1.3.0 failed (rollout 7): came back with 1.2.0", Level.WARNING),
    ({"state": "failed", "version": "1.2.0", "reason": "never came back"},
     "update to 1.2.0 failed (rollout 7): never came back", Level.FINE),
    ({"state": "skipped", "reason": "battery 2400 mV"},
     "left out of rollout 7 (update to 1.3.0): battery 2400 mV", Level.FINE),
])  # fmt: skip
def test_why_it_is_not_updated(changes, text, level):
    facts = replace(HEALTHY, rollout=replace(IN_ROLLOUT, **changes))
    [sentence] = [sentence for sentence in said(facts).chain if sentence.kind == "rollout"]
    assert (sentence.text, sentence.level) == (text, level)
    assert said(facts).headline.level is level


def test_what_else_is_wrong_becomes_the_headline():
    lost = LostReadings(7, 0, 300, NOW - timedelta(days=3), NOW - minutes(5))
    found = said(replace(HEALTHY, lost=lost))
    assert found.headline.text == "7 readings never arrived since 6 Mar 15:00"
    few = replace(HEALTHY, lost=replace(lost, stored=3000))
    assert said(few).headline.level is Level.FINE
    assert kinds(few)["lost"] == "7 readings never arrived since 6 Mar 15:00"
    hidden = replace(HEALTHY, hidden_parts=["Fan.0: no main characteristic"])
    assert said(hidden).headline.text == "not shown in HomeKit: Fan.0: no main characteristic"
    refused = replace(HEALTHY, problems={"range": Seen(3, NOW, "200 is not from 0 to 100")})
    assert (
        said(refused).headline.text == "refused from it, range (3 times): 200 is not from 0 to 100"
    )
    old = Seen(3, NOW - timedelta(hours=25), "200 is not from 0 to 100")
    assert said(replace(HEALTHY, problems={"range": old})).headline.level is Level.FINE
    knocked = Seen(1, NOW - minutes(30), "an enrolment was refused")
    assert said(replace(HEALTHY, problems={"enrol-closed": knocked})).headline.level is Level.FINE
    ailing = replace(HEALTHY, report={**HEALTHY.report, "problems": ["ds18b20: no sensor"]})
    assert said(ailing).headline.text == "it says: ds18b20: no sensor"
    thinned = replace(HEALTHY, lost=replace(lost, missing=0, thinned=5))
    assert said(thinned).headline.level is Level.FINE


@pytest.mark.parametrize("nonsense", [7, "x", {"a": 1}, [None, {}, 5], True, [["x" * 9999]]])
def test_what_devices_and_people_write_cannot_break_it(nonsense):
    report = dict.fromkeys(("problems", "firmware", "board"), nonsense)
    report |= {"rssi": "x", "awake_ms": [1], "battery_mv": {}}
    found = said(replace(HEALTHY, report=report, attributes={"replacements": nonsense}))
    assert all(len(sentence.text) < 300 for sentence in found.chain)


def test_the_chain_is_newest_first_and_replacements_and_commands_are_in_it():
    facts = silent(
        70,
        config=wanted(4, 3, NOW - minutes(10)),
        desired={"Switch.0.On": "1"},
        attributes={"replacements": [
            {"old": "esp_0", "new": "esp_1", "at": (NOW - timedelta(days=9)).isoformat()},
            "nonsense", {"at": "yesterday"},
        ]},
    )  # fmt: skip
    found = said(facts)
    times = [sentence.at for sentence in found.chain]
    assert times == sorted(times, reverse=True)
    assert kinds(facts)["replaced"] == "took the place of esp_0"
    assert kinds(facts)["command"] == "HomeKit wrote Switch.0.On = 1; it waits for the next wake"


def test_instants_and_spans():
    clock = Clock(NOW, UTC)
    assert clock.at(NOW) == "15:00"
    assert clock.at(NOW - timedelta(days=2)) == "7 Mar 15:00"
    assert clock.at(NOW - timedelta(days=200)) == "21 Aug 2025 15:00"
    assert [span(s) for s in (-5, 0, 89, 90, 5399, 5400, 172799, 172800)] == [
        "0 s", "0 s", "89 s", "2 min", "90 min", "2 h", "48 h", "2 days",
    ]  # fmt: skip
