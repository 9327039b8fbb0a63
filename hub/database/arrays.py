"""A batch's columns as Postgres takes arrays, in its binary format.

The driver dumps a list value by value, each in calls of its own: more than half of what the hub
spends on a batch of a thousand readings. The format is that of array_send: dimensions, whether
there are nulls, the element's type, length and lower bound, then each element with its size.

A column of nulls alone is sent empty: beside longer arrays unnest fills it up with nulls.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain, repeat

import psycopg
from psycopg import pq
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper

__all__ = ["Column", "bools", "float8s", "instants", "int4s", "known_to", "texts"]

_HEADER = struct.Struct(">iiIii")
_SIZE = struct.Struct(">i")
_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Object ids of the elements' types; pg_type never changes them.
_BOOL, _INT4, _TEXT, _FLOAT8, _TIMESTAMPTZ = 16, 23, 25, 701, 1184


class Column(bytes):
    """An encoded array; the query casts it to its type."""

    __slots__ = ()


class _ColumnDumper(Dumper):
    format = pq.Format.BINARY
    oid = 0  # whatever the cast says

    def dump(self, obj: Column) -> Buffer:
        return obj


psycopg.adapters.register_dumper(Column, _ColumnDumper)


def known_to(conn: AdaptContext) -> None:
    """Teach a connection that was made with adapters of its own, as SQLAlchemy's are."""
    if conn.adapters is not None:
        conn.adapters.register_dumper(Column, _ColumnDumper)


def int4s(values: Sequence[int | None]) -> Column:
    """integer[]; like all of these it raises psycopg.DataError for a value that does not fit."""
    return _fixed(_INT4, "i", 4, values)


def float8s(values: Sequence[float | None]) -> Column:
    """Double precision[]."""
    return _fixed(_FLOAT8, "d", 8, values)


def bools(values: Sequence[bool]) -> Column:
    """boolean[]."""
    return _fixed(_BOOL, "?", 1, values)


def instants(values: Sequence[datetime]) -> Column:
    """timestamptz[]; aware."""
    return _fixed(_TIMESTAMPTZ, "q", 8, [(value - _EPOCH) // _MICROSECOND for value in values])


def texts(values: Sequence[str | None]) -> Column:
    """text[]."""
    if not any(value is not None for value in values):
        return _empty(_TEXT)
    try:
        pieces = [None if value is None else value.encode() for value in values]
    except UnicodeEncodeError as error:
        raise psycopg.DataError(f"a text that is no Unicode: {error}") from None
    return _array(_TEXT, len(values), (_element(piece) for piece in pieces))


def _fixed(oid: int, code: str, size: int, values: Sequence[object]) -> Column:
    number = len(values)
    if not any(value is not None for value in values):
        return _empty(oid)
    try:
        if None not in values:
            elements = _packer(code, number).pack(
                *chain.from_iterable(zip(repeat(size), values, strict=False))
            )
            return _array(oid, number, [elements])
        one = struct.Struct(f">{code}")
        pieces = (None if value is None else one.pack(value) for value in values)
        return _array(oid, number, [_element(piece) for piece in pieces])
    except struct.error as error:
        raise psycopg.DataError(f"a number that does not fit: {error}") from None


@lru_cache(maxsize=4096)
def _packer(code: str, number: int) -> struct.Struct:
    return struct.Struct(">" + f"i{code}" * number)


def _element(piece: bytes | None) -> bytes:
    return _NULL if piece is None else _SIZE.pack(len(piece)) + piece


def _empty(oid: int) -> Column:
    return Column(_HEADER.pack(0, 0, oid, 0, 0)[:12])


def _array(oid: int, number: int, elements: Iterable[bytes]) -> Column:
    # One dimension counted from 1. Postgres looks for nulls itself.
    return Column(b"".join((_HEADER.pack(1, 1, oid, number, 1), *elements)))
