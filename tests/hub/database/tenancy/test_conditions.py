"""Conditions are the same when they say the same, and not when parentheses make them another."""

import pytest

from hub.database.tenancy.conditions import same

OURS = "\"tenant_id\" = (SELECT NULLIF(current_setting('app.x', true), '')::integer)"
PRINTED = (
    "(tenant_id = ( SELECT (NULLIF(current_setting('app.x'::text, true), ''::text))::integer "
    'AS "nullif"))'
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (OURS, PRINTED),
        (f"({OURS}) OR public", f"({PRINTED} OR public)"),
        ('"a"."b" IN (SELECT "s"."t"."id" FROM "s"."t")', "(a.b IN ( SELECT s.t.id\n FROM s.t))"),
        ("s.f(a)::integer = 1", "((s.f(a))::integer = 1)"),
        (None, None),
    ],
)
def test_the_same(one, other):
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a AND (b OR true)", "(a AND b) OR true"),
        (OURS, PRINTED.replace("app.x", "app.y")),
        (OURS, PRINTED.replace("tenant_id =", "tenant_id <>")),
        (OURS, f"{PRINTED} OR true"),
        (OURS, f"(NOT {PRINTED})"),
        ("x = 'a::text'", "x = 'a'"),
        ('"A" = 1', "a = 1"),
        ("id IN (SELECT t.id FROM s.t)", "id IN (SELECT t.id FROM e.t)"),
        ("a = f(b)", "a = e.f(b)"),
        (None, "true"),
    ],
)
def test_another(one, other):
    assert not same(one, other)
    assert not same(other, one)
