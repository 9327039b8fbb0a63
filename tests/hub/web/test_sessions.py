"""Sessions, roles and invitations in the database, where time can be moved."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta

import psycopg
import pytest

from hub.api.scope import Role
from hub.people.repository import LastAdministratorError, PeopleRepository, login_name, token_hash
from hub.people.sessions import IDLE, LASTING, LoginSessions

DAY = timedelta(days=1)


@pytest.fixture
async def people(store) -> PeopleRepository:
    await store.ensure_tenant("beach")
    return PeopleRepository(store)


async def somebody(
    people: PeopleRepository, name: str, tenant="home", role=Role.ADMINISTRATOR
) -> int:
    token = secrets.token_urlsafe()
    await people.invite(tenant, token_hash(token), role, DAY)
    made = await people.join_as_new(token_hash(token), name, "hash")
    assert made
    return made


async def age(database, by: str) -> None:
    """Let time pass for all sessions and links."""
    async with await psycopg.AsyncConnection.connect(database.admin_url) as conn:
        for statement in (
            (
                "UPDATE dormouse.web_session SET created_at = created_at - %(by)s::interval, "
                "used_at = used_at - %(by)s::interval, expires_at = expires_at - %(by)s::interval"
            ),
            "UPDATE dormouse.invitation SET expires_at = expires_at - %(by)s::interval",
        ):
            await conn.execute(statement, {"by": by})


async def fresh(people: PeopleRepository, token: str):
    """Who a token is, looked up anew as after a restart."""
    return await LoginSessions(people).principal(token)


async def test_a_session_ends_by_disuse(people, database):
    ann = await somebody(people, "ann")
    token = await LoginSessions(people).open(ann, None, "browser")
    for _ in range(2):
        await age(database, f"{IDLE.days - 1} days")
        assert (await fresh(people, token)).name == "ann"  # and is used by that
    await age(database, f"{IDLE.days} days")
    assert await fresh(people, token) is None


async def test_a_session_ends_by_age_however_often_it_is_used(people, database):
    ann = await somebody(people, "ann")
    token = await LoginSessions(people).open(ann, None, "browser")
    for _ in range(LASTING.days // 10 - 1):
        await age(database, "10 days")
        assert await fresh(people, token)
    await age(database, "10 days")
    assert await fresh(people, token) is None


async def test_open_pages_keep_a_session_in_use_and_learn_of_its_end(people, database):
    ann = await somebody(people, "ann")
    sessions = LoginSessions(people)
    tokens = [await sessions.open(ann, None, "browser") for _ in range(2)]
    open_ = {(await sessions.principal(token)).session for token in tokens}
    await age(database, f"{IDLE.days - 1} days")
    assert await sessions.expired(open_) == set()
    await age(database, f"{IDLE.days - 1} days")
    assert await sessions.expired(open_) == set()
    await people.close_sessions(ann, only=min(open_))
    assert await sessions.expired(open_) == {min(open_)}
    await age(database, f"{IDLE.days} days")
    assert await sessions.expired(open_) == open_
    assert await sessions.expired(set()) == set()


async def test_who_looks_on_is_told_which_sessions_ended(people):
    ann, rob = await somebody(people, "ann"), await somebody(people, "rob", role=Role.READER)
    sessions, told = LoginSessions(people), []
    sessions.on_end(told.append)
    tokens = [await sessions.open(ann, None, "browser") for _ in range(3)]
    other = await sessions.open(rob, None, "browser")
    mine = [(await sessions.principal(token)).session for token in tokens]
    await sessions.close_all(ann, keep=mine[0])
    assert told == [set(mine[1:])]
    assert await sessions.principal(tokens[1]) is None
    assert await sessions.principal(tokens[0])
    await sessions.close_one(rob, mine[0])  # somebody else's session is none of theirs to end
    assert told[1:] == [set()]
    assert await sessions.principal(tokens[0])
    await sessions.close(await sessions.principal(other))
    assert await sessions.principal(other) is None


async def test_a_role_that_changes_is_seen_at_once(people):
    await somebody(people, "ann")
    rob = await somebody(people, "rob", role=Role.READER)
    sessions, told = LoginSessions(people), []
    sessions.on_end(told.append)
    token = await sessions.open(rob, "home", "browser")
    before = await sessions.principal(token)
    assert (before.role, before.scopes) == (Role.READER, {"read"})
    await people.set_role("home", rob, Role.ADMINISTRATOR)
    await sessions.changed(rob)
    assert (await sessions.principal(token)).administers
    assert told == [{before.session}]
    await people.leave("home", rob)
    await sessions.changed(rob)
    assert await sessions.principal(token) is None


async def test_a_session_asked_for_while_it_ends_is_not_remembered(people):
    """The answer of the database may be older than the log-out."""
    ann = await somebody(people, "ann")
    sessions = LoginSessions(people)
    token = await sessions.open(ann, None, "browser")
    asked = people.session

    async def slow(*args):
        found = await asked(*args)
        await sessions.close_all(ann)
        return found

    people.session = slow
    await sessions.principal(token)
    people.session = asked
    assert await sessions.principal(token) is None


async def test_only_what_a_person_sees_can_be_looked_at(people):
    ann = await somebody(people, "ann")
    await somebody(people, "eve", "beach")
    sessions = LoginSessions(people)
    token = await sessions.open(ann, "beach", "browser")  # not hers
    principal = await sessions.principal(token)
    assert (principal.tenant, principal.tenants) == ("home", ("home",))
    assert not await sessions.look_at(principal, "beach")
    assert not await sessions.look_at(principal, "nowhere")
    assert (await sessions.principal(token)).tenant == "home"


async def test_a_link_is_used_by_one_of_many(people):
    token = secrets.token_urlsafe()
    await people.invite("home", token_hash(token), Role.READER, DAY)
    made = await asyncio.gather(
        *(people.join_as_new(token_hash(token), f"person {n}", "hash") for n in range(8))
    )
    assert sum(one is not None for one in made) == 1
    assert len(await people.everybody()) == 1


async def test_a_taken_name_leaves_the_link(people):
    await somebody(people, "Jörg")
    token = secrets.token_urlsafe()
    await people.invite("home", token_hash(token), Role.READER, DAY)
    for name in ("jörg", " JÖRG ", "Jo\N{COMBINING DIAERESIS}rg"):
        assert login_name(name) == login_name("Jörg")
        assert await people.join_as_new(token_hash(token), name, "hash") == 0
    assert await people.invitation(token_hash(token))


async def test_links_end_by_time_and_by_being_withdrawn(people, database):
    await people.invite("home", token_hash("a"), Role.READER, DAY, note="ann")
    await people.invite("home", token_hash("b"), Role.READER, 3 * DAY)
    listed = await people.invitations("home")
    assert [one.note for one in listed] == ["ann", ""]
    assert await people.invitations("beach") == []
    assert not await people.withdraw("beach", listed[1].id)
    await age(database, "1 day")
    assert await people.invitation(token_hash("a")) is None
    assert await people.join_as_new(token_hash("a"), "ann", "hash") is None
    assert await people.withdraw("home", listed[1].id)
    assert await people.invitation(token_hash("b")) is None


async def test_first_links_end_with_the_first_administrator(people):
    for token in ("a", "b"):
        await people.invite("home", token_hash(token), Role.ADMINISTRATOR, DAY, first=True)
    await somebody(people, "rob", role=Role.READER)
    assert not await people.has_administrator()
    assert await people.invitation(token_hash("a"))
    await somebody(people, "ann")
    assert await people.has_administrator()
    for token in ("a", "b"):
        assert await people.invitation(token_hash(token)) is None


async def test_an_invitation_takes_no_role_away(people):
    ann = await somebody(people, "ann")
    await people.invite("home", token_hash("a"), Role.READER, DAY)
    assert await people.join(token_hash("a"), ann)
    assert [member.role for member in await people.members("home")] == [Role.ADMINISTRATOR]


async def test_two_administrators_cannot_remove_each_other_at_once(people):
    for _ in range(5):
        ann, bob = await somebody(people, "ann"), await somebody(people, "bob")
        answers = await asyncio.gather(
            people.leave("home", ann), people.set_role("home", bob, Role.READER),
            return_exceptions=True,
        )  # fmt: skip
        assert sum(isinstance(one, LastAdministratorError) for one in answers) == 1
        assert any(m.role is Role.ADMINISTRATOR for m in await people.members("home"))
        for one in await people.everybody():
            await people.remove(one.id)


async def test_the_tables_are_closed_to_the_application(people, store):
    await somebody(people, "ann")
    for statement in (
        "SELECT * FROM dormouse.person",
        "SELECT * FROM dormouse.web_session",
        "INSERT INTO dormouse.membership (tenant_id, person_id, role) VALUES (1, 1, 'reader')",
        "UPDATE dormouse.membership SET person_id = 1",
        "UPDATE dormouse.invitation SET role = 'administrator'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with store.of("home").transaction() as conn:
                await conn.execute(statement.encode())
