"""Tests in a browser wait for what they assert: a look at once is right on a quick machine."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.support.hub import ROOT

# What Playwright answers with what is just now; `expect` waits for each of them.
LOOKS = {
    "all_inner_texts", "all_text_contents", "bounding_box", "count", "get_attribute", "inner_html",
    "inner_text", "input_value", "is_checked", "is_disabled", "is_editable", "is_enabled",
    "is_hidden", "is_visible", "text_content", "title",
}  # fmt: skip


def looks(source: str) -> list[int]:
    """Lines of asserts that have a look in them, or an address of a page."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assert) and any(map(_is_look, ast.walk(node.test)))
    ]


def _is_look(node: ast.AST) -> bool:
    match node:
        case ast.Await(ast.Call(ast.Attribute(attr=name))):
            return name in LOOKS
        case ast.Attribute(ast.Name("page"), "url"):
            return True
    return False


def test_no_test_asserts_what_it_has_looked_at_once():
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(Path(ROOT, "tests").rglob("*.py"))
        if re.search("playwright|open_browser|browser_of", source := path.read_text())
        for line in looks(source)
    ]
    assert found == [], "use expect(...) of Playwright, which waits"


def test_a_look_is_seen_wherever_it_stands_in_an_assert():
    for look in (
        "assert await page.locator('b').count() == 0",
        "assert 'x' in (await one.inner_text()).lower(), 'no x'",
        "assert not await page.get_by_role('button').is_visible()",
        "assert 'span' in page.url",
    ):
        assert looks(f"async def test(page, one):\n    {look}\n") == [2], look
    for fine in ("assert waiting.count() == 1", "assert page.url_of() == 1", "x = await a.count()"):
        assert looks(f"async def test(a):\n    {fine}\n") == [], fine
