"""A file on a browser's disk: tried, given names, imported once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
SERIES = "attic/TemperatureSensor/CurrentTemperature"
NAME = "sensor.<b>attic"


def csv_of(rows):
    return "\n".join(["entity_id,state,last_changed", *rows]).encode() + b"\n"


ROWS = [f"{NAME},{20 + n / 10},{(BEGIN + n * timedelta(minutes=9)).isoformat()}" for n in range(50)]


async def choose(page, content, name="history.csv"):
    await page.get_by_label("File to import").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": content}
    )


async def attempt(page, said):
    await page.get_by_role("button", name="Try it").click()
    await page.get_by_role("status").get_by_text(said).wait_for()


async def test_a_file_is_tried_then_imported_once(open_browser, rob):
    async with open_browser("ann", errors_allowed=True) as page:
        await page.goto("/imports")
        await attempt(page, "Choose a file first.")
        await choose(page, b"\x00\x01 nothing of ours")
        await attempt(page, "this is no text")
        # The first two again at its end: the same, and another value.
        again = [ROWS[0], ROWS[1].replace("20.1", "99")]
        await choose(page, csv_of([*ROWS, *again, f"{NAME},warm,2025-04-01T00:00:00Z"]))
        await attempt(page, "54 lines, 0 readings to import.")
        field = page.get_by_label(f"What {NAME} is here")
        await field.fill("attic/Nonsense/CurrentTemperature")
        await attempt(page, "no HomeKit service is called Nonsense")
        await field.fill(SERIES)
        await attempt(page, "54 lines, 50 readings to import.")
        told = page.get_by_text("50 to import into")
        await expect(told).to_contain_text(f"into {SERIES} (new)")
        await expect(told).to_contain_text(
            "1 there already; 1 there with another value, which stays; 1 refused"
        )
        await expect(page.locator("main")).to_contain_text("Line 54")
        assert (await rob.get("/api/series")).text.count("attic/") == 0  # nothing is stored yet
        # Another file than the one that was tried is not imported.
        button = page.get_by_role("button", name="Import 50 readings")
        await field.fill(f"{SERIES}@°F")
        await page.get_by_text("Try it again.").wait_for()
        await expect(button).to_be_hidden()
        await attempt(page, "50 readings to import.")
        await expect(told).to_contain_text("taken as")
        await button.click()
        await page.get_by_role("status").get_by_text("50 readings imported").wait_for()
        trail = page.get_by_text("ann: history.csv: 50 readings stored")
        await trail.wait_for()
        query = {"series": SERIES, "resolution": "raw", "since": BEGIN.isoformat(),
                 "until": (BEGIN + timedelta(days=9)).isoformat()}  # fmt: skip
        [one] = (await rob.get("/api/readings", params=query)).json()["series"]
        assert len(one["points"]) == 50
        assert one["points"][0][1] == pytest.approx((20 - 32) / 1.8)
        await attempt(page, "0 readings to import.")
        await expect(page.get_by_role("button", name="Import 0")).to_have_count(0)
    async with open_browser("rob", errors_allowed=True) as page:
        answer = await page.goto("/imports")
        assert answer.status == 403
