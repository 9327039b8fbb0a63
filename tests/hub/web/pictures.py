"""Screenshots kept as artefacts, for people to look at."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.async_api import Page

__all__ = ["picture"]

FOLDER = Path(os.environ.get("DORMOUSE_PICTURES", "build/pictures"))


async def picture(page: Page, name: str) -> None:
    """Keep what the page looks like now."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
