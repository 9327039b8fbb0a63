"""The page System: parts with their day, a backup made now, the zone, retention, log, report."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.hub.web.examined import no_findings
from tests.hub.web.pictures import picture

pytestmark = pytest.mark.asyncio(loop_scope="module")

READY = "window.did_handshake && window.socket.connected"
PARTS = ("Hub", "Database", "Broker", "Apple Home", "Clock", "Disk")


async def downloaded(page, button: str) -> str:
    async with page.expect_download() as begun:
        await page.get_by_role("button", name=button).click()
    file = await (await begun.value).path()
    return file.read_text()


async def test_parts_have_their_day_and_a_backup_is_made_now(full, open_browser):
    async with open_browser("ann") as page:
        await page.goto("/system")
        await page.wait_for_function(READY)
        parts = page.get_by_role("region", name="Parts")
        for name in PARTS:
            await parts.get_by_role("img", name=f"{name}, last 24 hours").wait_for()
        await expect(page.get_by_text("Times are those of UTC.")).to_have_count(1)
        backups = page.get_by_role("region", name="Backups")
        await backups.get_by_role("button", name="Make a backup now").click()
        # What was made is told, and that it could be restored.
        await backups.get_by_text("restored for trial").wait_for(timeout=120_000)
        assert full.data_dir.joinpath("parts.json").exists()
        await picture(page, "system-desktop")
        await no_findings(page)


async def test_a_report_has_no_secrets_and_the_log_is_there_as_a_file(full, open_browser):
    async with open_browser("ann") as page:
        await page.goto("/system")
        await page.wait_for_function(READY)
        report = await downloaded(page, "Report for support")
        assert "Parts, and their last 24 hours" in report
        assert "Database well" in report
        for path in full.data_dir.rglob("*"):
            named = path.name in {"secret", "password", "token"} or "key" in path.name
            if path.is_file() and named and path.stat().st_size < 500:
                secret = path.read_bytes().strip()
                assert secret not in report.encode(), path
        assert full.facts["pairing_code"] not in report
        log = page.get_by_role("region", name="Log")
        await log.get_by_role("button", name="Errors").click()
        await expect(log.get_by_role("button", name="Errors")).to_have_attribute(
            "aria-pressed", "true"
        )
        assert '"event"' in await downloaded(page, "Download the log")


async def test_zone_and_retention_are_changed_where_they_are_told(full, open_browser):
    async with open_browser("ann", phone=True, dark=True) as page:
        await page.goto("/system")
        await page.wait_for_function(READY)
        storage = page.get_by_role("region", name="Storage")
        await storage.get_by_text("Every reading is kept for ever.").wait_for()
        await storage.get_by_role("button", name="Keep single readings").click()
        await page.get_by_role("combobox", name="Keep").click()
        await page.get_by_role("option", name="a year, then hours").click()
        await page.get_by_role("button", name="Keep so").click()
        await storage.get_by_text("Single readings are kept for 365 days").wait_for()
        zone = page.get_by_role("combobox", name="Time zone")
        await zone.fill("Tokyo")
        await page.get_by_role("option", name="Asia/Tokyo").click()
        await page.get_by_text("Times are those of Asia/Tokyo.").wait_for()
        await page.wait_for_function(READY)
        await picture(page, "system-phone-dark")
        await no_findings(page)


async def test_another_tenant_does_not_see_the_machine(full, open_browser):
    async with open_browser("eve") as page:
        await page.goto("/system")
        await page.wait_for_function(READY)
        await page.get_by_role("region", name="Backups").wait_for()
        await expect(page.get_by_role("button", name="Make a backup now")).to_have_count(0)
        await expect(page.get_by_text("Fixed where it was started")).to_have_count(0)
        report = await downloaded(page, "Report for support")
        assert "for who administers the hub's own tenant" in report
