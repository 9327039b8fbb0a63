"""Statements without I/O: what asks is a generator, who answers has a connection.

So that the same serves asynchronous connections, and others such as Alembic's.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from hub.database.database import Connection

__all__ = ["Answer", "Question", "Questions", "answered", "answered_at_once"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question:
    """A statement with its parameters; one that `may_fail` is answered by None when it does."""

    query: sql.Composable | str
    parameters: dict[str, Any] = field(default_factory=dict)
    may_fail: bool = False


Answer = Any
Questions = Generator[Question, Answer, T]


async def answered(questions: Questions[T], conn: Connection, *, kept: bool = False) -> T:
    """What the questions come to; unless `kept`, nothing that they set or make outlives them."""
    async with conn.transaction(force_rollback=not kept):
        answer: Answer = None
        while True:
            try:
                question = questions.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            try:
                async with conn.transaction() if question.may_fail else nullcontext():
                    cursor = await conn.execute(_query(question), question.parameters or None)
                    answer = await cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                if not question.may_fail:
                    # Who asked may know better what it means.
                    questions.throw(error)
                answer = None


def answered_at_once(
    questions: Questions[T], conn: psycopg.Connection[Any], *, kept: bool = False
) -> T:
    """The same on a connection that is not asynchronous."""
    with conn.transaction(force_rollback=not kept):
        answer: Answer = None
        while True:
            try:
                question = questions.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            try:
                with conn.transaction() if question.may_fail else nullcontext():
                    cursor = conn.execute(_query(question), question.parameters or None)
                    answer = cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                if not question.may_fail:
                    # Who asked may know better what it means.
                    questions.throw(error)
                answer = None


def _query(question: Question) -> Any:
    return question.query
