"""Students, staff and enrolments of schools that do not see each other, in the same tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import psycopg
import sqlalchemy
from psycopg.rows import TupleRow
from sqlalchemy import ForeignKey, Identity
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from hub.database.tenancy.models import SharedTable, TenantModel, declaration
from hub.database.tenancy.protection import protect, protection
from hub.database.upgrade import engine_url

Connection = psycopg.Connection[TupleRow]


class Base(DeclarativeBase):
    """The tables of this example."""


class School(Base):
    """Whose everything is."""

    __tablename__ = "school"
    __tenancy__ = TenantModel("occupation.active_tenant")
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class StaffMember(Base):
    """Of one school, by a key to it."""

    __tablename__ = "staff_member"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    school_id: Mapped[int] = mapped_column(ForeignKey(School.id))


class Student(Base):
    """Of one school too."""

    __tablename__ = "student"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    school_id: Mapped[int] = mapped_column(ForeignKey(School.id))


class Subject(Base):
    """Taught everywhere."""

    __tablename__ = "subject"
    __tenancy__ = SharedTable("the same in all schools")
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Enrolment(Base):
    """Of its student's school: found in the foreign keys."""

    __tablename__ = "enrolment"
    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(ForeignKey(Student.id))
    subject_id: Mapped[int] = mapped_column(ForeignKey(Subject.id))
    enrolment_date: Mapped[date]


class Result(Base):
    """Of its enrolment's student's school."""

    __tablename__ = "result"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey(Enrolment.id))
    grade: Mapped[str]


def run(owner: str, app: str) -> None:
    """Make the tables behind their schools, and be each school in turn."""
    _make(owner, app)
    for school, name in ((1, "Hamilton"), (2, "Naracoorte")):
        with _active(app, school) as conn:
            conn.execute("INSERT INTO school VALUES (%s, %s)", [school, name])
            conn.execute("INSERT INTO staff_member VALUES (DEFAULT, 'Alex', %s)", [school])
            conn.execute("INSERT INTO student VALUES (%s, 'Sam', %s)", [school, school])
            conn.execute("INSERT INTO enrolment VALUES (%s, %s, 1, now())", [school, school])
            conn.execute("INSERT INTO result VALUES (DEFAULT, %s, 'HD')", [school])
    tables = ("school", "staff_member", "student", "enrolment", "result", "subject")
    for school, rows in ((1, 1), (2, 1), (None, 0)):
        with _active(app, school) as conn:
            seen = {table: _count(conn, table) for table in tables}
        print(school or "nobody", seen)
        assert seen == dict.fromkeys(tables, rows) | {"subject": 1}
    for statement in (
        "INSERT INTO student VALUES (9, 'Eve', 2)",  # another school's
        "UPDATE student SET school_id = 2",  # given away
        "INSERT INTO result VALUES (DEFAULT, 2, 'F1')",  # of another's enrolment
    ):
        try:
            with _active(app, 1) as conn:
                conn.execute(statement)
        except psycopg.errors.InsufficientPrivilege as refused:
            print(refused)
        else:
            raise AssertionError(statement)


def _make(owner: str, app: str) -> None:
    engine = sqlalchemy.create_engine(engine_url(owner))
    Base.metadata.create_all(engine)
    engine.dispose()
    with psycopg.connect(app) as conn:
        role = conn.info.user
    declared = declaration(Base, roles=[role])
    with psycopg.connect(owner) as conn:
        conn.execute("INSERT INTO subject VALUES (1, 'Mathematics')")
        for table in declared.tables:
            for statement in protect(protection(table, declared.setting)):
                conn.execute(statement)
        name = psycopg.sql.Identifier(role)
        conn.execute(
            psycopg.sql.SQL(
                "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}"
            ).format(name)
        )


@contextmanager
def _active(app: str, school: int | None) -> Iterator[Connection]:
    """A transaction of a school's; of nobody's, who sees nothing."""
    with psycopg.connect(app) as conn:
        if school is not None:
            conn.execute("SELECT set_config('occupation.active_tenant', %s, true)", [str(school)])
        yield conn


def _count(conn: Connection, table: str) -> int:
    query = psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(table))
    row = conn.execute(query).fetchone()
    return 0 if row is None else int(row[0])


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[-1])
