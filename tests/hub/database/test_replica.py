"""What a standby that is read from must be, and how old it is; a real one: tests/deploy."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hub.database.database import Database
from hub.database.replica.errors import ReplicaUnfitError
from hub.database.replica.freshness import Freshness
from hub.database.replica.replica import ReadDatabase, Replica
from hub.database.replica.server import as_our_login
from hub.database.start import running
from hub.live import Live, LiveChange, LiveOnline
from hub.settings import Settings


def test_a_standby_shows_what_was_committed_before_the_last_place_it_has_come_to():
    fresh = Freshness()
    fresh.primary_at(10.0, 500)
    fresh.standby_at(499)
    assert fresh.complete_until is None
    fresh.primary_at(11.0, 700)
    fresh.standby_at(650)
    assert fresh.complete_until == 10.0
    fresh.primary_at(12.0, 700)
    fresh.standby_at(650)
    assert fresh.complete_until == 10.0
    fresh.standby_at(700)
    assert fresh.complete_until == 12.0


def test_an_idle_primary_does_not_make_its_standby_look_old():
    fresh = Freshness()
    for second in range(100, 200):
        fresh.primary_at(float(second), 700)
        fresh.standby_at(700)
        assert fresh.complete_until == second


def test_after_a_failover_places_that_were_lost_count_for_nothing():
    fresh = Freshness()
    fresh.primary_at(10.0, 500)
    fresh.primary_at(11.0, 900)  # of which the next primary has the first 600
    fresh.primary_at(12.0, 600)
    fresh.standby_at(650)
    assert fresh.complete_until == 12.0
    fresh.forget()
    assert fresh.complete_until is None


def test_a_standby_that_is_further_than_the_primary_follows_another_line():
    fresh = Freshness()
    fresh.primary_at(10.0, 900)
    fresh.standby_at(900)
    fresh.primary_at(11.0, 600)
    assert fresh.complete_until is None
    # The primary writes past it: the standby stands where it stood, with what was lost.
    fresh.primary_at(12.0, 1000)
    fresh.standby_at(900)
    assert fresh.complete_until is None
    fresh.standby_at(1000)
    assert fresh.complete_until == 12.0


def test_a_standby_is_spoken_to_with_the_login_of_the_primary():
    ours = "postgresql://app:secret@one/dormouse"
    facts = conninfo_to_dict(as_our_login("postgresql://postgres:super@two:77/dormouse", ours))
    assert (facts["user"], facts["password"]) == ("app", "secret")
    assert (facts["host"], facts["port"], facts["dbname"]) == ("two", "77", "dormouse")
    for bad, why in (
        ("postgresql://two/dormouse?options=-c%20role%3Dpostgres", "options"),
        ("two hosts", "not a URL"),
    ):
        with pytest.raises(ReplicaUnfitError, match=f"DORMOUSE_DATABASE_READ_URL .*{why}"):
            as_our_login(bad, ours)


async def test_what_cannot_be_read_from_is_refused_in_words(server, database, store: Database):
    with pytest.raises(ReplicaUnfitError, match="a server that takes writes: name a standby"):
        await Replica(store, database.app_url).examine()
    either = Replica(store, f"{database.app_url} target_session_attrs=prefer-standby")
    await either.examine()
    other = await server.clone()
    with pytest.raises(ReplicaUnfitError, match=f"database {other.name}, .*to {database.name}"):
        await Replica(store, other.app_url).examine()
    # Away, and by its name it cannot be a copy.
    nowhere = make_conninfo(database.app_url, host="127.0.0.1", port="1")
    with pytest.raises(ReplicaUnfitError, match="names the database other"):
        await Replica(store, make_conninfo(nowhere, dbname="other")).examine()
    await Replica(store, nowhere).examine()
    with pytest.raises(ReplicaUnfitError, match="the hub's own Postgres has none"):
        async with running(Settings(database_read_url="postgresql://two/dormouse")):
            pass


async def test_the_primary_is_asked_while_the_standby_lags_or_lacks_what_was_changed(
    database, store: Database
):
    now = 100.0
    replica = Replica(store, database.app_url, most_lag=5, clock=lambda: now)
    live = Live()
    live.on_change(replica.changed)
    assert not replica.fit("home")
    replica.unfit = ""
    replica._freshness.primary_at(now, 700)
    replica._freshness.standby_at(700)
    assert replica.fit("home")
    assert replica.of("home").age is None  # of this moment: not worth saying
    now = 104.0
    assert replica.of("home").age == 4.0
    live.publish("home", LiveOnline("esp8266_f100d000", True, None))
    assert replica.fit("home")
    live.publish("home", LiveChange("calibration", "x"))
    assert not isinstance(replica.of("home"), ReadDatabase)
    assert replica.fit("school")
    replica._freshness.primary_at(now, 800)
    replica._freshness.standby_at(800)
    assert not replica.fit("home")  # asked when it was changed: it may lack it
    now = 104.5
    replica._freshness.primary_at(now, 800)
    replica._freshness.standby_at(800)
    assert replica.fit("home")
    now = 109.6
    assert not replica.fit("home")
    # While the primary is away an old answer is better than none.
    replica._primary_away = True
    assert replica.fit("home")
