"""Implied relations of somebody else's models, against brute force over every kind of range."""

from __future__ import annotations

import random
import warnings
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, aliased, joinedload, selectinload, subqueryload

from hub.database.errors import ImpliedRelationError
from hub.database.postgres import OWNER
from hub.database.upgrade import engine_url
from tests.hub.database.implied.strangers import Base, Keeper, Person, Sighting, Voyage, Watch
from tests.support import seeds

BEGIN, HOUR = datetime(2026, 3, 1, tzinfo=UTC), timedelta(hours=1)
YEAR, DAY = date(2026, 1, 1), timedelta(days=1)


@pytest.fixture
async def session(server):
    found = server.database("strangers")
    await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
    engine = sqlalchemy.create_engine(engine_url(found.owner_url), poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        for schema in ("Sea lanes", "coast"):
            connection.execute(sqlalchemy.schema.CreateSchema(schema))
        Base.metadata.create_all(connection)
    with Session(engine) as made:
        yield made
    engine.dispose()
    await server.drop(found.name)


def lies(value, range_):
    """Whether a value lies in a range: by the bounds alone."""
    if value is None or range_ is None or range_.isempty:
        return False
    low, high = range_.lower, range_.upper
    above = low is None or value > low or (value == low and range_.bounds[0] == "[")
    below = high is None or value < high or (value == high and range_.bounds[1] == "]")
    return above and below


def any_range(rng, ends):
    kind = rng.random()
    if kind < 0.2:
        return None if kind < 0.1 else Range(empty=True)
    low, high = sorted((rng.choice(ends), rng.choice(ends)))
    low, high = (None if rng.random() < 0.15 else end for end in (low, high))
    return Range(low, high, bounds=rng.choice(["[)", "(]", "[]", "()"]))


def seen(session):
    """Voyages of which several hold at once, sightings within and without; which belong where."""
    rng = random.Random(seeds.seed())
    hours, halves = [BEGIN + n * HOUR for n in range(8)], [Decimal(n) / 2 for n in range(8)]
    ships = ("x", "y", None)
    session.add_all([
        Voyage(
            line=rng.choice("ab'\""), number=n * 2**33, ship=rng.choice(ships),
            during=any_range(rng, hours), loads=any_range(rng, halves),
        )
        for n in range(14)
    ])  # fmt: skip
    session.add_all([
        Sighting(
            key=n, vessel=rng.choice(ships),
            at=rng.choice([None, BEGIN - HOUR, *hours, BEGIN + 8 * HOUR]),
            weight=rng.choice([None, Decimal("-0.001"), *halves, Decimal(4)]),
        )
        for n in range(40)
    ])  # fmt: skip
    session.commit()
    return read(session)


def read(session):
    session.expunge_all()
    voyages = session.scalars(select(Voyage).order_by(Voyage.line, Voyage.number)).all()
    sightings = session.scalars(select(Sighting).order_by(Sighting.key)).all()
    of = {
        s: [v for v in voyages if s.vessel and s.vessel == v.ship and lies(s.at, v.during)]
        for s in sightings
    }
    return voyages, sightings, of


def key(voyage):
    return voyage.line, voyage.number


def forms(one, two):
    """Every form with what it means, for whatever a sighting belongs to."""
    voyage, voyages = Sighting.voyage, Sighting.voyages
    keys = select(Voyage.line, Voyage.number)
    return [
        (voyage == one, lambda of: one in of),
        (voyage == key(one), lambda of: one in of),
        (voyages.contains(one), lambda of: one in of),
        (voyages.contains([key(one), two]), lambda of: one in of and two in of),
        (voyages.contains([]), lambda _of: True),
        (voyage.in_([one, two]), lambda of: one in of or two in of),
        (voyages.in_({key(one), key(two)}), lambda of: one in of or two in of),
        (voyage.in_(v for v in (one, key(two))), lambda of: one in of or two in of),
        (voyage.in_([]), lambda _of: False),
        (voyage.in_(keys.where(Voyage.number == one.number)), lambda of: one in of),
        (voyages.in_(keys.where(sqlalchemy.false())), lambda _of: False),
        (voyage.is_(None), lambda of: not of),
        (voyages == None, lambda of: not of),  # noqa: E711
        (voyage.is_not(None), bool),
        (voyage != one, lambda of: one not in of),
        (voyage != key(one), lambda of: one not in of),
        (voyages.not_in([one, key(two)]), lambda of: one not in of and two not in of),
        (voyage.not_in([]), lambda _of: True),
        (sqlalchemy.and_(voyage != one, voyage != None), lambda of: of and one not in of),  # noqa: E711
    ]  # fmt: skip


def reverse_forms(one, two):
    of = Voyage.sightings
    return [
        (of.contains(one), lambda has: one in has),
        (of.contains(one.key), lambda has: one in has),
        (of.contains([one, two.key]), lambda has: one in has and two in has),
        (of.in_([one, two.key]), lambda has: one in has or two in has),
        (of.not_in([one, two]), lambda has: one not in has and two not in has),
        (of == None, lambda has: not has),  # noqa: E711
        (of.any(Sighting.key == one.key), lambda has: one in has),
    ]


def test_every_form_over_every_kind_of_range_is_what_brute_force_finds(session):
    voyages, sightings, of = seen(session)
    assert {len(found) for found in of.values()} >= {0, 1, 3}
    has = {v: [s for s in sightings if v in of[s]] for v in voyages}
    assert [s.voyages for s in sightings] == list(of.values())
    assert [v.sightings for v in voyages] == list(has.values())
    weighed = [[s for s in sightings if lies(s.weight, v.loads)] for v in voyages]
    assert [v.weighed for v in voyages] == weighed
    one, two, *_ = sorted(voyages, key=lambda v: -len(has[v]))
    for criterion, right in forms(one, two):
        for negated in (False, True):
            found = set(
                session.scalars(select(Sighting).where(~criterion if negated else criterion))
            )
            expected = {s for s in sightings if bool(right(of[s])) != negated}
            assert found == expected, (negated, str(criterion))
    first, *_, last = has[one]
    for criterion, right in reverse_forms(first, last):
        for negated in (False, True):
            found = set(session.scalars(select(Voyage).where(~criterion if negated else criterion)))
            expected = {v for v in voyages if bool(right(has[v])) != negated}
            assert found == expected, (negated, str(criterion))
    other = aliased(Voyage)
    joined = session.execute(
        select(Sighting.key, other.number).join(Sighting.voyages.of_type(other))
    )
    assert sorted(joined.all()) == sorted((s.key, v.number) for s in of for v in of[s])


@pytest.mark.parametrize("how", [joinedload, selectinload, subqueryload])
def test_they_are_loaded_with_several_one_and_none(session, how):
    _, sightings, of = seen(session)
    expected = {s.key: [key(v) for v in of[s]] for s in sightings}
    session.expunge_all()
    found = session.scalars(select(Sighting).options(how(Sighting.voyages))).unique().all()
    assert {s.key: sorted(map(key, s.voyages)) for s in found} == expected
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Multiple rows returned")
        session.expunge_all()
        found = session.scalars(select(Sighting).options(how(Sighting.voyage))).unique().all()
        assert all((s.voyage and key(s.voyage)) in (expected[s.key] or [None]) for s in found)
    for model, relation in ((Sighting, Sighting.voyages), (Voyage, Voyage.sightings)):
        nothing = select(model).where(sqlalchemy.false()).options(how(relation))
        assert session.scalars(nothing).unique().all() == []


def test_a_table_related_to_itself_and_one_that_inherits(session):
    noon = datetime(2026, 1, 1, 12)  # noqa: DTZ001  # of a column without a zone
    session.add_all([
        Person(id=1, kind="person", born=YEAR, reign=Range(YEAR + 10 * DAY, YEAR + 20 * DAY)),
        Person(id=2, kind="person", born=YEAR + 12 * DAY),
        Person(id=3, kind="person", born=YEAR + 20 * DAY, reign=Range(YEAR + 20 * DAY, None)),
        Keeper(id=4, born=YEAR + 15 * DAY, reign=Range(empty=True), lamp=noon),
        Keeper(id=5, born=YEAR + 40 * DAY),
        Watch(id=1, keeper=4, during=Range(noon, None)),
        Watch(id=2, keeper=5, during=Range(noon, None)),
    ])  # fmt: skip
    session.commit()
    people = session.scalars(select(Person).order_by(Person.id)).all()
    assert [[one.id for one in p.subjects] for p in people] == [[2, 4], [], [3, 5], [], []]
    assert [p.born_under and p.born_under.id for p in people] == [None, 1, 3, 1, 3]
    assert set(session.scalars(select(Person.id).where(Person.born_under == 1))) == {2, 4}
    session.expunge_all()
    loaded = session.scalars(select(Keeper).options(selectinload(Keeper.watch)))
    assert {one.id: one.watch and one.watch.id for one in loaded} == {4: 1, 5: None}
    assert session.scalars(select(Watch.id).where(Watch.keepers.contains(4))).all() == [1]


@pytest.mark.parametrize(
    "asked",
    [
        lambda: Sighting.voyage == 1,
        lambda: Sighting.voyage == ("a", None),
        lambda: Sighting.voyage.in_([None]),
        lambda: Voyage.sightings.contains(None),
        lambda: Sighting.voyage.in_(select(Voyage)),
        lambda: Sighting.voyage.in_(select(Voyage.line)),
        lambda: Sighting.voyage == Sighting(key=1),
    ],
)
def test_what_is_no_object_nor_key_is_refused_before_it_is_asked(asked):
    with pytest.raises(ImpliedRelationError):
        asked()
