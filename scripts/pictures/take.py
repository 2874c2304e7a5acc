"""Takes the pictures of the documentation: the real page, with drawn people.

``.venv/bin/python scripts/pictures/take.py`` writes ``docs/call.png``. Three people
join a call in three tabs; only their cameras are replaced (``portrait.js``).
"""

import json
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from client_py.testing.browsers import Browsers
from client_py.testing.server import Server

ROOT = Path(__file__).resolve().parents[2]
PORTRAIT = (Path(__file__).parent / "portrait.js").read_text("utf-8")
PEOPLE = {
    "Inés": {
        "wall": "#c9b596",
        "light": "#f1e5cf",
        "skin": "#d9a37f",
        "hair": "#3a2620",
        "shirt": "#35635b",
        "style": "window",
        "tilt": -0.03,
    },
    "Mateo": {
        "wall": "#7f97a0",
        "light": "#cfdcdf",
        "skin": "#8d5b40",
        "hair": "#1f1715",
        "shirt": "#d9a441",
        "style": "beard",
        "tilt": 0.02,
        "speaks": True,
    },
    "Yuki": {
        "wall": "#cdb0a6",
        "light": "#f4e4dc",
        "skin": "#f0c8a8",
        "hair": "#241d22",
        "shirt": "#7b6aa8",
        "style": "shelf",
        "tilt": 0.03,
    },
}


def seated(browser: Browser, link: str, name: str) -> Page:
    """Bring a drawn person into the room."""
    page = browser.new_context(viewport={"width": 1280, "height": 760}).new_page()
    page.add_init_script(f"window.portrait = {json.dumps(PEOPLE[name])};{PORTRAIT}")
    page.goto(link)
    page.locator("body[data-ready=yes]").wait_for()
    page.locator("#preview-frame[data-video=on]").wait_for()
    page.get_by_test_id("display-name").fill(name)
    page.get_by_test_id("join").click()
    page.locator("body[data-phase=joined]").wait_for()
    return page


def main() -> None:
    """Seat the three, wait until the call is at rest, and take the picture."""
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        server = Server(Path(directory), {"TERTULIA_TEST_MODE": ""})
        browsers = Browsers(playwright)
        server.start()
        try:
            link = server.create_room().link
            pages = [seated(browsers["chromium"], link, name) for name in PEOPLE]
            seen = pages[0]
            tiles = seen.locator("[data-testid=tile][data-connection=connected]")
            tiles.nth(2).wait_for()
            seen.locator("[data-name=Mateo][data-speaking=yes]").wait_for()
            for tile in tiles.all():
                tile.locator("video").evaluate(
                    "video => new Promise(done => video.requestVideoFrameCallback("
                    "function look(now, { width }) { width >= 600 ? done() :"
                    " video.requestVideoFrameCallback(look); }))"
                )
            seen.locator("[data-testid=toast]").first.wait_for(state="detached")
            seen.screenshot(path=ROOT / "docs" / "call.png")
        finally:
            browsers.close()
            server.stop()


if __name__ == "__main__":
    main()
