"""One browser process for each engine, launched when somebody first needs it.

The system's Chromium and Firefox where there are any, else Playwright's own.
``TERTULIA_CHROMIUM`` and ``TERTULIA_FIREFOX`` name others.
"""

import logging
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Playwright

log = logging.getLogger("tertulia.testing")

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

#: Seconds in which a browser has to close what was open in it.
PATIENCE = 30.0

#: Seconds in which a browser that is well has drawn an empty page.
HEALTHY = 15.0

_FRAME = "() => new Promise(drawn => requestAnimationFrame(drawn))"

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


def executable(engine: str) -> str | None:
    """Return the system's browser of an engine; None where Playwright's own is used."""
    if named := os.environ.get(f"TERTULIA_{engine.upper()}"):
        return named
    found = (shutil.which(name) for name in _FOUND.get(engine, ()))
    return next((path for path in found if path), None)


class Browsers:
    """Launches each engine once.

    ``executable`` says where an engine's browser is, None for Playwright's own;
    Chromium gets these ``arguments`` besides its usual ones.
    """

    def __init__(
        self,
        playwright: Playwright,
        *,
        headed: bool = False,
        executable: Callable[[str], str | None] = executable,
        arguments: Sequence[str] = (),
    ) -> None:
        self._playwright = playwright
        self._headed = headed
        self._executable = executable
        self._arguments = arguments
        self._launched: dict[str, Browser] = {}
        self._processes: dict[str, int] = {}
        self.lost: list[str] = []  # engines whose browser hung or died, and was ended

    def __getitem__(self, engine: str) -> Browser:
        """Return the browser of an engine: chromium, firefox or webkit."""
        if engine in self._launched and not self._launched[engine].is_connected():
            self._forget(engine)
        if engine not in self._launched:
            self._launched[engine] = self._launch(engine)
        return self._launched[engine]

    def end(self, context: BrowserContext) -> None:
        """End the browser of a context at once, with all that is open in it."""
        process = self._processes.get(_engine(context))
        if process is not None and self._is_of_now(context):
            _kill(process)

    def kill(self) -> None:
        """End every browser whose process is known, so that nobody waits for it."""
        for process in list(self._processes.values()):
            _kill(process)

    def end_hung(self) -> None:
        """End those that draw no page any more, or are gone.

        Chromium has been seen in a state in which some pages wait for ever for their
        next frame, while others go on.
        """
        for engine, process in list(self._processes.items()):
            try:
                with (
                    _at_most(HEALTHY, process),
                    self._launched[engine].new_context() as context,
                ):
                    context.new_page().evaluate(_FRAME)
            except Error:
                self._forget(engine)

    def let_go(self, context: BrowserContext) -> None:
        """Close a context.

        Chromium has been seen to hang on one whose calls were still on, and then
        answers nobody any more: it is ended, and launched anew for whoever is next.
        """
        engine = _engine(context)
        if not self._is_of_now(context):
            return  # it ended with its browser
        process = self._processes.get(engine)
        if process is None:
            context.close()
            return
        try:
            with _at_most(PATIENCE, process):
                context.close()
        except Error:
            if self._launched[engine].is_connected():
                raise
        if not self._launched[engine].is_connected():
            self._forget(engine)

    def close(self) -> None:
        """Close all of them."""
        for browser in self._launched.values():
            browser.close()
        self._launched.clear()
        self._processes.clear()

    def _is_of_now(self, context: BrowserContext) -> bool:
        return context.browser is self._launched.get(_engine(context))

    def _forget(self, engine: str) -> None:
        self.lost.append(engine)
        del self._launched[engine]
        self._processes.pop(engine, None)
        log.warning("%s hung or crashed, and was ended", engine)

    def _launch(self, engine: str) -> Browser:
        options: dict[str, Any] = {"headless": not self._headed}
        path = self._executable(engine)
        if path:
            options["executable_path"] = path
        if engine == "chromium":
            options["args"] = [*QUIET, *FAKE_DEVICES, *self._arguments]
        elif engine == "firefox":
            options["firefox_user_prefs"] = _FIREFOX
            if path:
                # A Firefox that Playwright didn't patch is driven by WebDriver BiDi.
                options["channel"] = "moz-firefox"
        browser: Browser = getattr(self._playwright, engine).launch(**options)
        if engine == "chromium":
            self._processes[engine] = _process(browser)
        return browser


@contextmanager
def _at_most(seconds: float, process: int) -> Iterator[None]:
    """End a browser that takes longer than this for something."""
    end = threading.Timer(seconds, _kill, (process,))
    end.start()
    try:
        yield
    finally:
        end.cancel()


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):  # it may be gone by itself
        os.kill(process, signal.SIGKILL)


def _engine(context: BrowserContext) -> str:
    assert context.browser is not None, "a context of one of these"
    return context.browser.browser_type.name


def _process(browser: Browser) -> int:
    """Return the id of Chromium's main process."""
    session = browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return next(int(each["id"]) for each in found if each["type"] == "browser")
