"""docs/decisions.md: by area, each decision with the file that it explains."""

from __future__ import annotations

import re

from tests.docs.test_links import TOP

PAGE = (TOP / "docs/decisions.md").read_text("utf-8")


def test_every_decision_names_the_file_that_it_explains():
    decisions = re.findall(r"^- .*", PAGE, re.MULTILINE)
    assert len(decisions) > 100
    assert not [d for d in decisions if not re.search(r" → \[[^\]]+\]\([^)]+\)$", d)]


def test_every_decision_has_an_area():
    assert not re.search(r"^- ", PAGE.partition("\n## ")[0], re.MULTILINE)
    titles = re.findall(r"^- \*\*(.+?)\*\*", PAGE, re.MULTILINE)
    assert len(titles) == len(set(titles))
