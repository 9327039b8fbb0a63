"""A database with the tables of `scenarios`, for all who write rows of their own into it."""

import asyncio

import pytest
import sqlalchemy
from sqlalchemy.orm import Session

from hub.database.postgres import OWNER
from hub.database.upgrade import engine_url
from tests.hub.database.history.scenarios import Base


@pytest.fixture(scope="package")
def engine(server):
    """One database for the folder; each test's rows are its own."""
    found = server.database("scenarios")
    asyncio.run(server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER))
    engine = sqlalchemy.create_engine(engine_url(found.owner_url), poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.schema.CreateSchema("scenarios"))
        connection.exec_driver_sql("CREATE EXTENSION btree_gist")
        Base.metadata.create_all(connection)
    yield engine
    engine.dispose()
    asyncio.run(server.drop(found.name))


@pytest.fixture
def session(engine):
    with Session(engine) as found:
        yield found
