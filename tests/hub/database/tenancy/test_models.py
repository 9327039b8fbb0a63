"""Ways are found in models, and what cannot be is said in a line; no database."""

import pytest
import sqlalchemy
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from hub.database.errors import TenancyModelError
from hub.database.tenancy.declaration import Fill, Link, OwnKey, TableName
from hub.database.tenancy.models import (
    SharedTable,
    TenantModel,
    TenantRules,
    declaration,
    tenant_of,
)
from hub.database.tenancy.policy import condition
from tests.hub.database.tenancy import school

CURRENT = "(SELECT NULLIF(current_setting('campus.school', true), '')::integer)"


def ways(model: object) -> list[str]:
    return [str(way) for way in tenant_of(model).ways]


def sql_of(model: type[DeclarativeBase]) -> str:
    declared = declaration(model)
    name = TableName(model.__table__.schema or "public", model.__table__.name)
    return next(condition(t, declared.setting) for t in declared.tables if t.table == name)


def test_every_way_from_key_to_key_is_found():
    assert ways(school.Year) == ["year.school_id -> school.id"]
    assert ways(school.SchoolClass) == ["class.year_id -> year.id, year.school_id -> school.id"]
    by_class = "class.year_id -> year.id, year.school_id -> school.id"
    assert ways(school.Enrolment) == [
        f"enrolment.class_id -> class.id, {by_class}",
        "enrolment.pupil_id -> pupil.id, pupil.school_id -> school.id",
    ]
    mark = "mark.class_id -> enrolment.class_id, mark.pupil_id -> enrolment.pupil_id"
    assert ways(school.Mark) == [f"{mark}, {rest}" for rest in ways(school.Enrolment)]
    assert ways(school.Subject) == []
    assert ways(school.School) == []


def test_conditions_name_every_parent():
    assert sql_of(school.School) == f'"id" = {CURRENT}'
    assert sql_of(school.Year) == f'"school_id" = {CURRENT}'
    year = '"year_id" IN (SELECT "year"."id" FROM "campus"."year")'
    assert sql_of(school.SchoolClass) == year
    class_, pupil = (
        f'"{name}_id" IN (SELECT "{name}"."id" FROM "campus"."{name}")'
        for name in ("class", "pupil")
    )
    assert sql_of(school.Enrolment) == f"({class_}) AND ({pupil})"
    assert sql_of(school.Mark) == (
        '("class_id", "pupil_id") IN (SELECT "enrolment"."class_id", "enrolment"."pupil_id" '
        'FROM "campus"."enrolment")'
    )
    # Either may be missing, not both.
    assert sql_of(school.Note) == (
        f'(("class_id" IS NULL) OR ({class_})) AND (("pupil_id" IS NULL) OR ({pupil})) '
        'AND (("class_id" IS NOT NULL) OR ("pupil_id" IS NOT NULL))'
    )


def test_what_would_ask_itself_is_looked_at_by_a_trigger():
    assert tenant_of(school.Pupil).tenancy.checked == (
        Link(("friend_id",), TableName("campus", "pupil"), ("id",), nullable=True),
    )


def test_a_key_is_filled_along_the_shortest_way():
    tenancy = tenant_of(school.Lesson).tenancy
    assert tenancy.own == (OwnKey(("school_id",)),)
    # By the pupil it would be shorter, but there may be none.
    path = (
        Link(("class_id",), TableName("campus", "class"), ("id",)),
        Link(("year_id",), TableName("campus", "year"), ("id",)),
    )
    assert tenancy.fill == Fill(("school_id",), path, ("school_id",))
    assert [link.columns for link in tenancy.checked] == [("class_id",), ("pupil_id",)]


def tables(*, mark_other: object = None) -> MetaData:
    metadata = MetaData()
    Table("firm", metadata, Column("id", Integer, primary_key=True),
          info={"tenancy": TenantModel("app.firm")})  # fmt: skip
    info = {"tenancy": mark_other} if mark_other else {}
    Table("other", metadata, Column("id", Integer, primary_key=True), info=info)
    return metadata


def test_a_table_without_a_way_is_refused_unless_it_is_shared():
    with pytest.raises(TenancyModelError, match=r"public\.other: no foreign key leads"):
        declaration(tables())
    declared = declaration(tables(mark_other=SharedTable("for all")))
    assert declared.shared == {TableName("public", "other"): "for all"}
    assert [one.table.table for one in declared.tables] == ["firm"]


def test_any_model_can_be_the_tenants_and_one_is():
    class Base(DeclarativeBase):
        pass

    class Person(Base):
        __tablename__ = "person"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Pet(Base):
        __tablename__ = "pet"
        id: Mapped[int] = mapped_column(primary_key=True)
        owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    with pytest.raises(TenancyModelError, match="none"):
        declaration(Base)
    Person.__tenancy__ = TenantModel("app.person")
    assert ways(Pet) == ["pet.owner_id -> person.id"]
    Pet.__tenancy__ = TenantModel("app.pet")
    with pytest.raises(TenancyModelError, match="person, pet"):
        declaration(Base)
    del Person.__tenancy__
    # A pet belongs to a person, but a person to no pet.
    with pytest.raises(TenancyModelError, match=r"public\.person"):
        declaration(Base)


def test_two_tables_that_name_each_other_keep_their_ways():
    metadata = tables(mark_other=SharedTable("for all"))
    a = Table("a", metadata, Column("id", Integer, primary_key=True),
              Column("firm_id", ForeignKey("firm.id"), nullable=False),
              Column("b_id", ForeignKey("b.id")))  # fmt: skip
    b = Table("b", metadata, Column("id", Integer, primary_key=True),
              Column("a_id", ForeignKey("a.id"), nullable=False))  # fmt: skip
    assert [link.columns for link in tenant_of(b).tenancy.links] == [("a_id",)]
    assert tenant_of(a).tenancy.links == ()
    assert [link.columns for link in tenant_of(a).tenancy.checked] == [("b_id",)]
    assert ways(a) == ["a.firm_id -> firm.id"]


def test_a_key_that_is_carried_along_is_enough():
    metadata = MetaData()
    Table("firm", metadata, Column("id", Integer, primary_key=True),
          info={"tenancy": TenantModel("app.firm")})  # fmt: skip
    Table("site", metadata, Column("firm_id", ForeignKey("firm.id"), primary_key=True),
          Column("id", Integer, primary_key=True))  # fmt: skip
    desk = Table(
        "desk", metadata, Column("firm", Integer, primary_key=True),
        Column("id", Integer, primary_key=True), Column("site", Integer),
        sqlalchemy.ForeignKeyConstraint(["firm", "site"], ["site.firm_id", "site.id"]),
    )  # fmt: skip
    tenancy = tenant_of(desk).tenancy
    assert (tenancy.own, tenancy.links) == ((OwnKey(("firm",)),), ())


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (TenantRules(columns=("nowhere",)), "has no column nowhere"),
        (TenantRules(through=("nowhere",)), "no foreign key"),
        (TenantRules(fill=("id",)), "no foreign key leads to the tenant's key"),
    ],
)
def test_rules_that_say_nothing_are_refused(rules, told):
    with pytest.raises(TenancyModelError, match=told):
        declaration(tables(mark_other=rules))
