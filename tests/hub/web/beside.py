"""Every page beside its mock-up, both widths, both colours: `make pictures MOCKUPS=folder`.

For people to look at: it says nothing of good or bad, so `make test` does not run it. Mock-ups are
HTML files; those that are not in the folder, or without a folder all, leave their half empty.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.hub.web.furnished import FIRST, furnish
from tests.hub.web.pictures import FOLDER
from tests.hub.web.test_every_page import DRAWN, IN_COLOUR
from tests.hub.web.test_states import settled

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOCKUPS = os.environ.get("MOCKUPS", "")
# By the picture's name the page's path and the mock-up.
EMPTY = {"home-empty": ("/", "home-empty.html"), "add": ("/add", "add.html")}
LIVED_IN = {
    "home": ("/", "home-6.html"),
    "device-day": (f"/devices/{FIRST}", "device.html#day"),
    "device-week": (f"/devices/{FIRST}?span=week", "device.html#week"),
    "device-year": (f"/devices/{FIRST}?span=year", "device.html#year"),
    "device-settings": (f"/devices/{FIRST}/settings", "device-settings.html"),
    "devices": ("/devices", "devices.html"),
    "rollout": ("/updates/{number}", "rollout.html"),
    "notifications": ("/notifications", "notifications.html"),
    "system": ("/system", "system.html"),
}
GAP = 16  # px between the two


async def test_beside(web, ann, open_browser):
    """An empty home first, then one that is lived in."""
    await compare(open_browser, EMPTY, "")
    made = await furnish(web, ann)
    rule = {"sentence": "Greenhouse temperature below 2 degrees for 30 min"}
    answer = await ann.post("/api/notifications/rules", json=rule)
    assert answer.status_code in {200, 201}, answer.text
    await compare(open_browser, LIVED_IN, made["number"])


async def compare(open_browser, pages: dict[str, tuple[str, str]], number: str) -> None:
    for phone in (False, True):
        async with open_browser("ann", phone=phone, errors_allowed=True) as page:
            for name, (path, mockup) in pages.items():
                for colour in ("light", "dark"):
                    await page.emulate_media(color_scheme=colour)
                    await settled(page, path.replace("{number}", number))
                    await page.wait_for_function(DRAWN)
                    await page.wait_for_function(IN_COLOUR, arg=colour)
                    ours = await page.screenshot(full_page=True)
                    theirs = await drawn(page, mockup)
                    size = "phone" if phone else "desktop"
                    side_by_side(ours, theirs, FOLDER / "beside" / f"{name}-{size}-{colour}.png")


async def drawn(page, mockup: str) -> bytes | None:
    """The mock-up in the same window; None where there is none."""
    file = Path(MOCKUPS).absolute() / mockup.partition("#")[0]
    if not MOCKUPS or not file.is_file():
        return None
    mark = mockup.partition("#")[2]
    await page.goto("about:blank")  # another mark alone would load nothing
    await page.goto(file.as_uri() + (f"#{mark}" if mark else ""))
    await page.wait_for_load_state("load")
    return await page.screenshot(full_page=True)


def side_by_side(ours: bytes, theirs: bytes | None, path: Path) -> None:
    """The page on the left, its mock-up on the right."""
    left = Image.open(io.BytesIO(ours)).convert("RGB")
    right = Image.open(io.BytesIO(theirs)).convert("RGB") if theirs else Image.new("RGB", left.size)
    both = Image.new("RGB", (left.width + GAP + right.width, max(left.height, right.height)))
    both.paste(left, (0, 0))
    both.paste(right, (left.width + GAP, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    both.save(path)
