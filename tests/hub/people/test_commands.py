"""`dormouse people`, on a running hub."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pexpect
import pytest

from tests.hub.people.joined import PASSWORD, client_of, join, url_of
from tests.support.hub import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def dormouse(web):
    async def run(*arguments: str) -> tuple[int, str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
        environment |= {"DORMOUSE_DATA_DIR": str(web.data_dir), "COLUMNS": "120"}
        return await web.command("people", *arguments, env=environment)

    return run


async def test_who_there_is(dormouse):
    status, said = await dormouse("list")
    assert status == 0
    assert "reader of beach, administrator of home" in said
    status, said = await dormouse("list", "--json")
    assert {person["name"] for person in json.loads(said)} >= {"ann", "rob", "eve", "max"}


async def test_a_link_for_a_tenant_that_is_made_for_it(dormouse, web):
    status, said = await dormouse("invite", "--tenant", "school", "--role", "reader")
    assert status == 0
    assert said.startswith(url_of(web) + "/join/")
    async with client_of(web) as client:
        words = {"name": "teacher", "password": PASSWORD, "again": PASSWORD}
        assert (await client.post(said.strip(), data=words)).status_code == 303
    _, said = await dormouse("list")
    assert "reader of school" in said
    assert (await dormouse("remove", "teacher"))[0] == 0
    _, said = await dormouse("list")
    assert "teacher" not in said


async def test_roles_and_what_is_refused(dormouse, web):
    await join(web, "kit", "beach", "reader")
    status, said = await dormouse("role", "kit", "administrator", "--tenant", "beach")
    assert (status, said) == (0, "kit is administrator now\n")
    assert (await dormouse("leave", "eve", "--tenant", "beach"))[0] == 0
    status, said = await dormouse("role", "kit", "reader", "--tenant", "beach")
    assert status == 1
    assert "make somebody else one first" in said
    status, said = await dormouse("remove", "kit")
    assert status == 1
    assert "make somebody else one first" in said
    status, said = await dormouse("role", "kit", "reader", "--tenant", "home")
    assert status == 1
    assert "make an invitation" in said
    status, said = await dormouse("logout", "nobody at all")
    assert (status, said) == (1, "dormouse: there is nobody called 'nobody at all'\n")


async def test_another_password_at_the_terminal(web):
    await join(web, "pat", "home", "reader")
    async with client_of(web, "pat") as client:
        assert (await client.get("/session")).status_code == 200
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}

        def change(fresh: str) -> str:
            command = ["-m", "host", "people", "password", "pat", "--data-dir", str(web.data_dir)]
            child = pexpect.spawn(sys.executable, command, env=environment, cwd=ROOT, timeout=30)
            for _ in range(2):
                child.expect(":")
                child.sendline(fresh)
            child.expect(pexpect.EOF)
            return child.before.decode()

        assert "10 characters or more" in await asyncio.to_thread(change, "short")
        assert "the password of pat is changed" in await asyncio.to_thread(change, PASSWORD + " 3")
        assert (await client.get("/session")).status_code == 401
        words = {"name": "pat", "password": PASSWORD + " 3"}
        assert (await client.post("/login", data=words)).status_code == 303
