"""What came to the tabs of a test: nothing plain, where the page says it is encrypted.

Each page's worker counts what it makes of every frame that comes (``record.js``). A
plain frame is none that it can read, nor is what nobody could open for half a second;
and a picture that is shown, though nothing was
opened, came past it.
"""

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page

from tests.links import HALF_SECOND, UNREAD

SCRIPT = Path(__file__).with_name("record.js").read_text()
_MARK = "recorded: "
_UNENCRYPTED = "off"  # what a tile says in a room that was made so


class Recorder:
    """Takes down what came, once it was called with each browser context."""

    def __init__(self) -> None:
        self._contexts: list[BrowserContext] = []
        self._lost: set[Page] = set()
        #: What came to which page, by its load, link and slot.
        self._counted: dict[tuple[Any, ...], tuple[str, dict[str, int]]] = {}
        self._unopened: set[str] = set()

    def __call__(self, context: BrowserContext) -> None:
        """Record all that comes to the pages of a context, from their first one on."""
        context.add_init_script(SCRIPT)
        context.on("console", self._heard)
        context.on("page", self._opened)
        self._contexts.append(context)

    def look(self) -> None:
        """Take down what came up to now, where pages are there to tell."""
        for context in self._contexts:
            for page in context.pages:
                if page not in self._lost:  # one that crashed never answers
                    with suppress(Error):  # it may be closed, with its browser
                        page.evaluate("() => window.recorded?.()")

    @property
    def outcomes(self) -> Counter[str]:
        """What became of all frames, by the worker's names."""
        found = (Counter(each) for _, each in self._counted.values())
        return sum(found, Counter())

    @property
    def betrayed(self) -> list[str]:
        """What came in plain."""
        plain = [
            f"{found['plain']} plain frames came to {page}, link and slot {transform}"
            for (*_, transform), (page, found) in self._counted.items()
            if found.get("plain")
        ]
        plain += [
            f"{unread} frames nobody could open came to {page}, link and slot {name}"
            for (*_, name), (page, found) in self._counted.items()
            if (unread := sum(found.get(what, 0) for what in UNREAD)) > HALF_SECOND
        ]
        return plain + sorted(self._unopened)

    def _opened(self, page: Page) -> None:
        page.on("crash", lambda crashed: self._lost.add(crashed))

    def _heard(self, message: ConsoleMessage) -> None:
        if not message.text.startswith(_MARK):
            return
        told = json.loads(message.text.removeprefix(_MARK))
        where = message.page.url.partition("#")[0] if message.page else "a page"
        for transform, found in told.get("counted", {}).items():
            self._counted[message.page, told["page"], transform] = where, found
        if told.get("e2ee", _UNENCRYPTED) != _UNENCRYPTED and not told["opened"]:
            self._unopened.add(f"{where} shows what it never opened")
