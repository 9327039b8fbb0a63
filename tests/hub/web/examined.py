"""A page that stands still is examined: what axe-core finds, its width, scripts that ran."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe

__all__ = ["STILL", "findings", "fits", "no_findings", "no_script_ran", "still", "violations"]

SERIOUS = {"serious", "critical"}
# Colours that fade in or out are none of either: Quasar's own take a third of a second.
STILL = """() => document.getAnimations().every(one => one.playState !== 'running'
  || one.effect.getTiming().iterations === Infinity)"""
# An image that is not there has failed by the time another one, asked for later, has come.
_RAN = """() => new Promise(done => {
  const image = new Image();
  image.onload = () => setTimeout(() => done([window.hit, window.hacked].filter(Boolean)), 0);
  image.src = `/static/icon.svg?${Math.random()}`;
})"""


async def still(page) -> None:
    """Wait until nothing fades or moves any more; what moves for ever is left out."""
    await page.wait_for_function(STILL)


async def violations(page, axe: Axe | None = None) -> list[dict]:
    """All of axe's, once the page is still."""
    await still(page)
    return (await (axe or Axe()).run(page)).response["violations"]


async def findings(axe: Axe, page) -> list[str]:
    """Serious and critical ones, in a line each."""
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:150]} "
        f"{node.get('failureSummary', '')[:200]!r}"
        for one in await violations(page, axe)
        if one["impact"] in SERIOUS
        for node in one["nodes"][:3]
    ]


async def fits(page) -> None:
    """The page comes to be no wider than its screen."""
    await page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")


async def no_findings(page) -> None:
    """Nothing serious, and no wider than the screen."""
    assert await findings(Axe(), page) == []
    await fits(page)


async def no_script_ran(page) -> None:
    """Nothing that stands in a name as a script has set `window.hit` or `window.hacked`.

    Called once the name is on the page.
    """
    assert await page.evaluate(_RAN) == []
