"""The frame that all pages stand in: menu, tenant, colours, log-out, the watch over the hub."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.hub.conftest import hub_with_people
from tests.hub.people.joined import PASSWORD, client_of, url_of
from tests.hub.web.conftest import DESKTOP, PHONE
from tests.hub.web.examined import findings, fits
from tests.hub.web.test_every_page import QUIET

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONNECTED = "window.did_handshake && window.socket.connected"
KEYS = f"{CONNECTED} && !!window.dormouse?.find && !!window.dormouse.shortcuts"
# Reloading must be seen: what was set on the old document is gone then.
MARK = "window.sameDocument = true"


async def test_a_menu_and_the_way_in(open_browser):
    async with open_browser("ann") as page:
        await page.goto("/account")
        await expect(page).to_have_title("Account · Dormouse")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Account")
        menu = page.get_by_role("navigation", name="Main")
        await menu.get_by_role("link", name="People").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("People of home")
        await expect(menu.get_by_role("link", name="People")).to_have_attribute(
            "aria-current", "page"
        )
        await page.get_by_role("link", name="Dormouse").click()
        await page.wait_for_url("**/")


async def test_on_a_phone_tabs_stand_below_and_the_rest_behind_more(open_browser):
    async with open_browser("ann", phone=True) as page:
        await page.goto("/account")
        await page.wait_for_function(CONNECTED)
        tabs = page.get_by_role("navigation", name="Tabs")
        await tabs.get_by_role("link", name="Devices").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Devices")
        await expect(tabs.get_by_role("link", name="Devices")).to_have_attribute(
            "aria-current", "page"
        )
        await page.wait_for_function(CONNECTED)
        link = page.get_by_role("link", name="People")
        await expect(link).not_to_be_in_viewport()
        await tabs.get_by_role("button", name="More").click()
        await link.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("People of home")
        await fits(page)


async def test_the_keyboard_reaches_everything(open_browser):
    async with open_browser("ann") as page:
        await page.goto("/account")
        await page.wait_for_function(CONNECTED)
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#content")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(page.get_by_label("Current password")).to_be_focused()
        await expect(page.locator("input:focus-visible")).to_have_css("outline-width", "3px")
        # The account's menu opens, is walked and closed without a mouse.
        await page.get_by_role("button", name="Account").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".q-menu").get_by_text("Log out")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator(".q-menu").get_by_text("Log out")).to_be_hidden()


async def test_a_page_is_found_by_its_name_and_gone_to_by_a_key(open_browser):
    async with open_browser("ann") as page:
        await page.goto("/account")
        await page.wait_for_function(KEYS)
        await page.keyboard.press("/")
        field = page.get_by_role("combobox", name="Find a room or device")
        await expect(field).to_be_focused()
        await page.keyboard.type("tok")
        await expect(page.get_by_role("option", name="Tokens Access")).to_be_visible()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/tokens")
        menu = page.get_by_role("navigation", name="Main")
        # A page that is reached from another is shown as that one's.
        await expect(menu.get_by_role("link", name="Access")).to_have_attribute(
            "aria-current", "true"
        )
        await page.wait_for_function(KEYS)
        await page.keyboard.press("/")
        await expect(field).to_be_focused()
        await page.keyboard.type("no such thing")
        await expect(page.get_by_text("Nothing is called no such thing.")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(field).not_to_be_focused()
        await page.keyboard.press("g")
        await page.keyboard.press("u")
        await page.wait_for_url("**/updates")


async def test_colours_follow_the_system_or_a_choice(open_browser):
    async with open_browser("ann", dark=True) as page:
        await page.goto("/account")
        await page.wait_for_function(CONNECTED)
        await expect(page.locator("body")).to_have_class(re.compile("body--dark"))
        await page.get_by_role("button", name="Account").click()
        await page.get_by_text("Light", exact=True).click()
        await expect(page.locator("body")).to_have_class(re.compile("body--light"))
        await page.goto("/people")
        await page.wait_for_function(CONNECTED)
        await expect(page.locator("body")).to_have_class(re.compile("body--light"))


async def test_a_person_reads_in_the_language_they_chose(open_browser, web):
    async with open_browser("ann") as page:
        await page.goto("/account")
        await page.wait_for_function(CONNECTED)
        await expect(page.locator("html")).to_have_attribute("lang", "en-US")
        await page.get_by_role("combobox", name="Language").click()
        await page.get_by_role("option", name="Deutsch").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Konto")
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        menu = page.get_by_role("navigation", name="Hauptmenü")
        await expect(menu.get_by_role("link", name="Geräte")).to_have_count(1)
        # What is built by the page's own connection and by its scripts speaks so, too.
        await page.wait_for_function(KEYS)
        await page.keyboard.press("?")
        await expect(page.get_by_role("heading", name="Tastenkürzel")).to_be_visible()
        await page.get_by_role("button", name="Schließen").click()
        await page.get_by_label("Bisheriges Passwort").fill("wrong")
        await page.get_by_role("button", name="Passwort ändern").click()
        await expect(page.get_by_text("Das bisherige Passwort ist falsch.")).to_be_visible()
        # Its words are longer, and fit on a phone all the same.
        await page.set_viewport_size(PHONE)
        for path in ("/", "/notifications", "/updates/new"):
            await page.goto(path)
            await page.wait_for_function(CONNECTED)
            await page.evaluate(QUIET)
            await expect(page.locator("html")).to_have_attribute("lang", "de")
            assert await findings(Axe(), page) == [], path
            await fits(page)
        await page.set_viewport_size(DESKTOP)
        await page.goto("/account")
        await page.wait_for_function(CONNECTED)
        # It is kept for the person, whatever the browser asks.
        async with client_of(web, "ann") as client:
            shown = await client.get("/", headers={"Accept-Language": "fr"})
            assert '<html lang="de"' in shown.text
            assert "/static/words.de.js" in shown.text
        await page.get_by_role("combobox", name="Sprache").click()
        await page.get_by_role("option", name="Wie der Browser es wünscht").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Account")


@pytest.mark.parametrize(
    ("asked", "spoken", "button"),
    [("en", "en", "Log in"), ("de-CH, en;q=0.5", "de", "Anmelden"), ("fr", "fr", "Se connecter")],
)
async def test_who_is_not_known_is_spoken_to_as_the_browser_asks(web, asked, spoken, button):
    async with client_of(web) as client:
        client.headers["Accept-Language"] = asked
        form = await client.get("/login")
        assert f'<html lang="{spoken}"' in form.text
        assert f"<button>{button}</button>" in form.text
        lost = await client.get("/static/none.css", headers={"Accept": "text/html"})
        assert (lost.status_code, f'<html lang="{spoken}"' in lost.text) == (404, True)


async def test_a_person_changes_between_their_tenants(open_browser):
    async with open_browser("max") as page:
        await page.goto("/account")
        await expect(page.get_by_text("You are max, reader of beach.")).to_be_visible()
        await page.wait_for_function(CONNECTED)
        await expect(page.get_by_role("link", name="People")).to_have_count(0)
        await page.get_by_role("combobox", name="Tenant").click()
        await page.get_by_role("option", name="home").click()
        await page.wait_for_url("**/")
        await page.goto("/account")
        await expect(page.get_by_text("You are max, administrator of home.")).to_be_visible()
        await expect(page.get_by_role("link", name="People")).to_have_count(1)
        # All of them at once, from the same place.
        await page.wait_for_function(CONNECTED)
        await page.get_by_role("combobox", name="Tenant").click()
        await page.get_by_role("option", name="All tenants").click()
        await page.wait_for_url("**/everywhere")


async def test_logging_out_leaves_the_dashboard(open_browser):
    async with open_browser("rob") as page:
        await page.goto("/account")
        await page.wait_for_function(CONNECTED)
        await page.get_by_role("button", name="Account").click()
        await page.locator(".q-menu").get_by_text("Log out").click()
        await page.wait_for_url("**/login")
        await page.goto("/account")
        await page.wait_for_url("**/login?next=/account")


async def test_logging_in_leads_where_one_wanted(open_browser):
    async with open_browser(None, errors_allowed=True) as page:
        await page.goto("/people")
        await page.wait_for_url("**/login?next=/people")
        await page.get_by_label("Name").fill("ann")
        await page.get_by_label("Password").fill("not this one")
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url("**/people")


async def test_an_ended_session_leaves_its_open_pages_at_once(open_browser, web):
    async with open_browser("rob", errors_allowed=True) as page:
        await page.goto("/account")
        await page.wait_for_function(CONNECTED)
        # It would find out by itself when it has heard nothing for a while: so it hears much.
        await page.evaluate("setInterval(() => window.dormouse.beat(), 100)")
        await web.ask("POST", "/people/logout", json={"name": "rob"})
        await page.wait_for_url("**/login**")


async def test_the_first_link_and_a_restart_under_an_open_page(open_browser, empty_hub):
    """From a new hub's link to its pages, without a terminal in between; then the hub is
    away for a moment: the page says so, since when, and is back by itself when the hub is."""
    async with hub_with_people(empty_hub, people={}) as hub:
        first = (await hub.ask("POST", "/people/first"))["url"]
        again = (await hub.ask("POST", "/people/first"))["url"]
        # A restart does not spoil the link that was made before it.
        await hub.stop()
        await hub.start()
        async with open_browser(None, hub=hub, errors_allowed=True) as page:
            await page.goto(first)
            await expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to Dormouse")
            await page.get_by_label("Name").fill("Ann Doe")
            for field in ("Password, 10", "The password again"):
                await page.get_by_label(field).fill(PASSWORD)
            await page.get_by_role("button", name="Create account").click()
            await page.wait_for_url(url_of(hub) + "/")
            await page.goto("/account")
            who = page.get_by_text("You are Ann Doe, administrator of home.")
            await expect(who).to_be_visible()
            # The other links of the first run ended with it.
            async with client_of(hub) as client:
                for url in (first, again):
                    assert (await client.get(url)).status_code == 404
            assert (await hub.ask("POST", "/people/first"))["url"] is None
            await page.wait_for_function(CONNECTED)
            await page.evaluate(MARK)
            await hub.stop()
            banner = page.get_by_role("alert")
            await expect(banner).to_contain_text("Hub unreachable since")
            await hub.start()
            await page.wait_for_function(f"!window.sameDocument && {CONNECTED}", timeout=20_000)
            await expect(banner).to_have_count(0)
            await expect(who).to_be_visible()


async def test_a_page_without_news_reloads_itself(open_browser):
    """Its connection looks well but nothing comes any more, although the hub is up."""
    async with open_browser("ann") as page:
        await page.goto("/account")
        await page.wait_for_function(CONNECTED)
        await page.evaluate(MARK)
        await page.evaluate("window.socket.onAny(() => {}); window.dormouse.beat = () => {}")
        await page.wait_for_function(f"!window.sameDocument && {CONNECTED}", timeout=25_000)


async def test_a_page_without_news_keeps_what_somebody_types(open_browser):
    """A hub that is slow for a while is no reason to lose it."""
    async with open_browser("ann") as page:
        await page.goto("/account")
        await page.wait_for_function(CONNECTED)
        await page.evaluate(MARK)
        await page.get_by_label("Current password").fill("half of it")
        async with page.expect_response("**/session", timeout=25_000) as asked:
            await page.evaluate("window.dormouse.beat = () => {}")
        assert (await asked.value).status == 200
        # It is asked every second from now on: at the next time the first has had its effect.
        async with page.expect_response("**/session", timeout=25_000):
            pass
        assert await page.evaluate("window.sameDocument") is True
        await expect(page.get_by_label("Current password")).to_have_value("half of it")


async def test_a_password_is_changed_and_ends_other_sessions(open_browser, web):
    await web.ask("POST", "/people/password", json={"name": "rob", "password": PASSWORD})
    fresh = PASSWORD + " 2"
    async with open_browser("rob") as page, client_of(web, "rob") as other:
        await page.goto("/account")
        await page.wait_for_function(CONNECTED)
        await expect(page.get_by_role("listitem")).to_have_count(2)
        await page.get_by_label("Current password").fill("wrong wrong wrong")
        for field in ("New password, 10", "New password again"):
            await page.get_by_label(field).fill(fresh)
        change = page.get_by_role("button", name="Change the password")
        await change.click()
        await expect(page.get_by_text("The current password is wrong.")).to_be_visible()
        assert (await other.get("/session")).status_code == 200
        await page.get_by_label("Current password").fill(PASSWORD)
        await change.click()
        await expect(page.get_by_text("The password is changed")).to_be_visible()
        assert (await other.get("/session")).status_code == 401
        await page.goto("/account")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Account")
    await web.ask("POST", "/people/password", json={"name": "rob", "password": PASSWORD})


async def test_an_administrator_invites_and_removes(open_browser, web):
    async with open_browser("ann") as page:
        await page.goto("/people")
        await page.wait_for_function(CONNECTED)
        await page.get_by_label("Note (who").fill("the tenants")
        await page.get_by_role("button", name="Create a link").click()
        link = page.get_by_label("Link", exact=True)
        await expect(link).to_have_value(re.compile("/join/"))
        url = await link.input_value()
        await page.get_by_role("button", name="Close").click()
        await expect(page.get_by_text("the tenants")).to_be_visible()
        async with client_of(web) as client:
            words = {"name": "tina", "password": PASSWORD, "again": PASSWORD}
            assert (await client.post(url, data=words)).status_code == 303
            assert (await client.get("/account")).status_code == 200
            await page.goto("/people")
            await page.wait_for_function(CONNECTED)
            tina = page.get_by_role("listitem").filter(has_text="tina")
            await tina.get_by_role("combobox").click()
            await page.get_by_role("option", name="administrator").click()
            await expect(page.get_by_text("tina is administrator now.")).to_be_visible()
            assert (await client.get("/people")).status_code == 200
            await tina.get_by_role("button", name="Remove").click()
            dialog = page.get_by_role("alertdialog")
            await dialog.get_by_role("button", name="Remove").click()
            await expect(page.get_by_text("tina has no access to home any more.")).to_be_visible()
            await expect(tina).to_have_count(0)
            assert (await client.get("/session")).status_code == 401


async def test_the_last_administrator_stays(open_browser):
    async with open_browser("eve") as page:
        await page.goto("/people")
        await page.wait_for_function(CONNECTED)
        eve = page.get_by_role("listitem").filter(has_text="eve (you)")
        await eve.get_by_role("combobox").click()
        await page.get_by_role("option", name="reader", exact=True).click()
        await expect(page.get_by_text("make somebody else one first")).to_be_visible()
        await expect(eve.get_by_role("combobox")).to_have_value("administrator")
