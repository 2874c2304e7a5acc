"""One browser process for each engine, launched when somebody first needs it.

The system's Chromium and Firefox where there are any, else Playwright's own.
``TERTULIA_CHROMIUM`` and ``TERTULIA_FIREFOX`` name others.
"""

import os
import shutil
from typing import Any

from playwright.sync_api import Browser, Playwright

#: Chromium's arguments: nothing is drawn by a GPU or asked of the world.
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: A drawn camera and a beep; whether a page may use them is up to its context.
FAKE_DEVICES = ("--use-fake-device-for-media-stream", "--auto-accept-this-tab-capture")
#: Every page may use them, and nobody is asked.
NO_QUESTIONS = "--use-fake-ui-for-media-stream"

_FIREFOX = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    # Everybody is on this machine, which may have no other interface.
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
}
_FOUND = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "firefox": ("firefox-esr", "firefox"),
}


class Browsers:
    """Launches each engine once."""

    def __init__(self, playwright: Playwright, *, headed: bool = False) -> None:
        self._playwright = playwright
        self._headed = headed
        self._launched: dict[str, Browser] = {}

    def __getitem__(self, engine: str) -> Browser:
        """Return the browser of an engine: chromium, firefox or webkit."""
        if engine not in self._launched:
            self._launched[engine] = self._launch(engine)
        return self._launched[engine]

    def close(self) -> None:
        """Close all of them."""
        for browser in self._launched.values():
            browser.close()
        self._launched.clear()

    def _launch(self, engine: str) -> Browser:
        options: dict[str, Any] = {"headless": not self._headed}
        path = executable(engine)
        if path:
            options["executable_path"] = path
        if engine == "chromium":
            options["args"] = [*QUIET, *FAKE_DEVICES]
        elif engine == "firefox":
            options["firefox_user_prefs"] = _FIREFOX
            if path:
                # A Firefox that Playwright didn't patch is driven by WebDriver BiDi.
                options["channel"] = "moz-firefox"
        browser: Browser = getattr(self._playwright, engine).launch(**options)
        return browser


def executable(engine: str) -> str | None:
    """Return the system's browser of an engine; None where Playwright's own is used."""
    if named := os.environ.get(f"TERTULIA_{engine.upper()}"):
        return named
    found = (shutil.which(name) for name in _FOUND.get(engine, ()))
    return next((path for path in found if path), None)
