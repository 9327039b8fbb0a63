"""Every link in our pages leads somewhere: a file that is there, a heading that is in it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

TOP = Path(__file__).parents[2]
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_PATH = re.compile(
    r"`((?:bootloader|contracts|deploy|docs|emulator|firmware|host|hub|partitions|tests)"
    r"/[\w./-]*)`"
)


PAGES = [
    *TOP.glob("*.md"),
    *(
        page
        for folder in ("bootloader", "deploy", "docs", "emulator", "firmware", "keys", "tests")
        for page in sorted((TOP / folder).rglob("*.md"))
    ),
]


def prose(text: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^( *)(```|~~~).*?^\1\2 *$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", prose(text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        base = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        anchor, number = base, 0
        while anchor in found:
            number += 1
            anchor = f"{base}-{number}"
        found.add(anchor)
    return found


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    out = []
    for link in _LINK.findall(prose(page.read_text("utf-8"))):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (page.parent / name).resolve() if name else page
        found = target.exists() and target.is_relative_to(TOP)
        if found and anchor:
            found = target.suffix == ".md" and anchor in anchors(target.read_text("utf-8"))
        if not found:
            out.append(link)
    return out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert not broken(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_path_of_the_tree_that_is_named_is_there(page: Path) -> None:
    named = set(_PATH.findall(prose(page.read_text("utf-8"))))
    assert not [path for path in sorted(named) if not (TOP / path).exists()]


def test_there_are_pages_and_links() -> None:
    names = {str(page.relative_to(TOP)) for page in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/decisions.md"} <= names
    assert sum(len(_LINK.findall(prose(page.read_text("utf-8")))) for page in PAGES) > 50


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tests.docs.test_links.TOP", tmp_path.resolve())
    page = tmp_path.resolve() / "page.md"
    (tmp_path / "code.py").write_text("# not a heading\n")
    page.write_text(
        "# The `$ota/state` topic\n# Twice\n# Twice\n"
        "[good](#the-otastate-topic) [good](#twice-1) [good](code.py) [good](https://x.invalid/#y)\n"
        "[no file](gone.py) [no heading](#gone) [no heading](page.md#gone) [no page](code.py#not)\n"
        "[outside](..)\n"
        "```\n[example](gone.py)\n# gone\n```\n"
    )
    assert broken(page) == ["gone.py", "#gone", "page.md#gone", "code.py#not", ".."]
