"""Documents of a table of this test's own, found by elements of nested arrays."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import JSON, Identity, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from hub.database.documents import any_element
from hub.database.errors import PathError
from hub.database.postgres import OWNER
from hub.database.upgrade import engine_url


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    said: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    plain: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))


DOCUMENTS: dict[str, Any] = {
    "one": {"boxes": [{"items": [{"price": 5}, {"price": 25}]}, {"items": []}]},
    "low": {"boxes": [{"items": [{"price": 5}, {"price": 9.99}]}]},
    "empty": {"boxes": []},
    "no items": {"boxes": [{"label": "x"}, {"items": []}]},
    "nowhere": {"else": 99},
    "text": {"boxes": [{"items": [{"price": "25"}, {"name": 'Käse "A"'}]}]},
    "single": {"boxes": {"items": {"price": 30}}},
    "array": [{"boxes": [{"items": [{"price": 40}]}]}],
    "arrays": {"boxes": [[{"items": [[{"price": 50}]]}]]},
    "values": {"boxes": [{"items": [{"price": [1, 60]}]}]},
    "null": {"boxes": [{"items": [{"price": None}]}]},
    "true": {"boxes": [{"items": [{"price": True}]}]},
    "number": 25,
    "nothing": None,
}  # fmt: skip
PRICE = ("boxes", "items", "price")
ABOVE = {"one", "single", "array", "arrays", "values"}
ASKED = [
    (PRICE, ">", 20, ABOVE),
    (PRICE, ">", 20.5, ABOVE),
    (PRICE, ">=", Decimal("60.000"), {"values"}),
    (PRICE, "<", 10, {"one", "low", "values"}),
    (PRICE, ">", -1, ABOVE | {"low"}),
    (PRICE, "<", -1e300, set()),
    (PRICE, "==", 25, {"one"}),
    (PRICE, "==", "25", {"text"}),
    (PRICE, ">", "2", {"text"}),
    (PRICE, "==", None, {"null"}),
    (PRICE, "==", True, {"true"}),
    (("boxes", "items", "name"), "starts with", 'Käse "', {"text"}),
    (("boxes", "items", "name"), "!=", "x", {"text"}),
    ("else", ">=", 99, {"nowhere"}),
    (("boxes", 'a"b\\'), "==", 1, set()),
    (("nowhere", "at", "all"), "<", 10**20, set()),
]


@pytest.fixture
async def session(server):
    found = server.database("orders")
    await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
    engine = sqlalchemy.create_engine(engine_url(found.owner_url), poolclass=sqlalchemy.NullPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for document in DOCUMENTS.values():
            session.add(Order(said=document, plain=document))
            session.flush()
        yield session
    engine.dispose()
    await server.drop(found.name)


def test_any_element_counts_and_what_is_not_there_does_not(session):
    names = dict(zip(session.scalars(select(Order.id).order_by(Order.id)), DOCUMENTS, strict=True))
    for path, comparison, value, expected in ASKED:
        for column in (Order.said, Order.plain):
            criterion = any_element(column, path, comparison, value)
            found = {names[one] for one in session.scalars(select(Order.id).where(criterion))}
            assert found == expected, (path, comparison, value)
            others = {names[one] for one in session.scalars(select(Order.id).where(~criterion))}
            assert others == set(DOCUMENTS) - expected, (path, comparison, value)


def test_an_equality_uses_an_index(session):
    session.execute(
        sqlalchemy.text(
            """INSERT INTO "order" (said) SELECT jsonb_build_object('boxes',
               jsonb_build_array(jsonb_build_object('n', g))) FROM generate_series(1, 5000) AS g"""
        )
    )
    session.execute(
        sqlalchemy.text('CREATE INDEX by_said ON "order" USING gin (said jsonb_path_ops)')
    )
    session.execute(sqlalchemy.text('ANALYZE "order"'))
    query = select(Order.id).where(any_element(Order.said, ("boxes", "n"), "==", 777))
    assert len(session.scalars(query).all()) == 1
    text = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    plan = session.execute(sqlalchemy.text(f"EXPLAIN {text}".replace(":", r"\:"))).scalars().all()
    assert any("by_said" in line for line in plan), plan


@pytest.mark.parametrize(
    ("comparison", "value", "said"),
    [
        ("~", 1, "no comparison"),
        (">", float("nan"), "neither number"),
        (">", [1], "neither number"),
        ("starts with", 1, "no text"),
        ("==", "\0", "cannot hold"),
    ],
)
def test_what_cannot_be_compared_is_refused(comparison, value, said):
    with pytest.raises(PathError, match=said):
        any_element(Order.said, "n", comparison, value)
