"""Somebody in a browser tab."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Request, expect

from client_py.core import picture
from client_py.testing.senses import Listening, Look, View
from client_py.testing.server import Room
from client_py.testing.sight import PATIENCE, PITCH_TOLERANCE, Sight
from client_py.testing.someone import Someone

#: What is complained of a tab whose process died.
CRASH = "the tab crashed"

_GLANCE = 1.0  # seconds that one look lasts at the most
_QUIET = 0.5  # seconds without a picture that count as none
_ABANDONED = re.compile(r"ABORTED")  # in Chromium's words and Firefox's
_TROUBLE = re.compile(r"Unhandled|Traceback|was never retrieved|= a task failed")


class Participant:
    """A person at a tab of their own, by the page's controls.

    ``complaints`` are console errors, uncaught exceptions and failed requests of
    the page; the fixtures fail a test for them unless ``allow`` named them.
    """

    def __init__(self, page: Page, room: Room, name: str, *, query: str = "") -> None:
        self.page = page
        self.room = room
        self.name = name
        self.console: list[str] = []
        self._query = query
        self._id = ""
        self._allowed: list[re.Pattern[str]] = []
        self._trouble: list[str] = []
        self._kept = False
        self._crashed = False
        page.on("console", self._got_console)
        page.on("pageerror", self._got_error)
        page.on("requestfailed", self._got_failure)
        page.on("crash", self._got_crash)

    def __repr__(self) -> str:
        return self.name

    # -- coming and going

    def visit(self, link: str = "") -> None:
        """Open the room's page, or another of the same server's."""
        path, mark, secret = (link or self.room.link).partition("#")
        self.page.goto(path + self._query + mark + secret)

    def join(self) -> None:
        """Go in: from the lobby, or again after the call."""
        rejoin = self.control("rejoin")
        if rejoin.is_visible():
            rejoin.click()
        else:
            self.control("display-name").fill(self.name)
            self.control("join").click()
        self.expect_phase("joined")

    def leave(self) -> None:
        """Leave by the button."""
        self.control("leave").click()
        self.expect_phase("left")

    def reload(self) -> None:
        """Load the page anew; one is in the lobby again."""
        self.page.reload()
        self.expect_phase("lobby")

    def close(self) -> None:
        """Close the tab, as people do: without a word."""
        if not self.page.is_closed():
            self.page.close(run_before_unload=False)

    # -- verbs

    def mute(self) -> None:
        self._toggle("toggle-mic", on=False)

    def unmute(self) -> None:
        self._toggle("toggle-mic", on=True)

    def camera_off(self) -> None:
        self._toggle("toggle-camera", on=False)

    def camera_on(self) -> None:
        self._toggle("toggle-camera", on=True)

    def share(self) -> None:
        self._toggle("share-screen", on=True)

    def stop_sharing(self) -> None:
        self._toggle("share-screen", on=False)

    def say(self, text: str) -> None:
        """Write a line in the chat, opening it where it is closed."""
        self.open_panel("chat")
        self.control("chat-input").fill(text)
        self.control("chat-send").click()

    def change_network(self) -> None:
        self.page.evaluate("() => window.dispatchEvent(new Event('online'))")

    def open_panel(self, panel: str) -> None:
        """Open ``chat``, ``people``, ``settings`` or ``links``, unless it is open."""
        body = self.page.locator("body")
        if body.get_attribute("data-panel") != panel:
            button = "device-menu" if panel == "settings" else f"toggle-{panel}"
            self.control(button).click()
            expect(body).to_have_attribute("data-panel", panel)

    # -- what there is

    @property
    def id(self) -> str:
        people = (self.snapshot or {}).get("participants") if self._open else None
        if people:
            self._id = str(people[0]["id"])
        return self._id

    @property
    def snapshot(self) -> dict[str, Any]:
        return dict(self.page.evaluate("() => window.tertulia?.snapshot() ?? {}"))

    def control(self, test_id: str) -> Locator:
        """Return a control by its test id."""
        return self.page.get_by_test_id(test_id)

    def tile(self, other: Someone) -> Locator:
        """Return the tile of somebody, oneself included."""
        return self._tile("tile", other.id)

    def screen_tile(self, other: Someone) -> Locator:
        """Return the tile of the screen that somebody shares."""
        return self._tile("screen-tile", other.id)

    def voice(self, other: Someone) -> Locator:
        """Return the element that somebody's voice plays from."""
        at = f'[data-participant="{other.id}"][data-slot="microphone"]'
        return self.page.locator(f"audio{at}")

    @property
    def complaints(self) -> list[str]:
        return [
            each
            for each in self._trouble
            if not any(pattern.search(each) for pattern in self._allowed)
        ]

    def allow(self, *patterns: str) -> None:
        """Take complaints that match one of these for expected."""
        self._allowed += map(re.compile, patterns)

    # -- expectations

    def expect_phase(self, phase: str, within: float = PATIENCE) -> None:
        body = self.page.locator("body")
        expect(body, f"{self}'s phase").to_have_attribute(
            "data-phase", phase, timeout=1000 * within
        )

    def expect_alone(self, within: float = PATIENCE) -> None:
        expect(self.page.locator("body"), f"{self} is not alone").to_have_attribute(
            "data-count", "1", timeout=1000 * within
        )
        expect(self.control("tile")).to_have_count(1)

    def expect_gone(self, other: Someone, within: float = PATIENCE) -> None:
        expect(self.tile(other), f"{self} still has {other.name}").to_have_count(
            0, timeout=1000 * within
        )

    def expect_connected(self, other: Someone, within: float = PATIENCE) -> None:
        self.expect_tile(other, connection="connected", within=within)

    def expect_tile(
        self, other: Someone, *, within: float = PATIENCE, **attributes: str
    ) -> None:
        """The tile of somebody has these ``data-`` attributes."""
        for name, value in attributes.items():
            expect(
                self.tile(other), f"{self}'s tile of {other.name}"
            ).to_have_attribute(f"data-{name}", value, timeout=1000 * within)

    def expect_sees(
        self, other: Someone, frames: int = 30, within: float = PATIENCE
    ) -> None:
        self._pictures(self.tile(other), other.name, frames, within)()

    def expect_sees_screen(
        self, other: Someone, frames: int = 10, within: float = PATIENCE
    ) -> None:
        tile = self.screen_tile(other)
        self._pictures(tile, picture.screen(other.name), frames, within)()

    def expect_sees_nothing_of(self, other: Someone, within: float = PATIENCE) -> None:
        self.expect_tile(other, video="off", within=within)
        video = self.tile(other).locator("video")
        expect(video).to_be_hidden()
        end = time.monotonic() + within
        while self.look(video, 1000, _QUIET).pictures:
            assert time.monotonic() < end, f"pictures of {other.name} still come"

    def expect_hears(self, other: Someone, within: float = PATIENCE) -> None:
        self._pitch(other, picture.tone(other.name), within)()

    def perceive(
        self, other: Someone, frames: int = 30, within: float = PATIENCE
    ) -> Callable[[], None]:
        seen = self._pictures(self.tile(other), other.name, frames, within)
        heard = self._pitch(other, picture.tone(other.name), within)

        def perceived() -> None:
            seen()
            heard()

        return perceived

    def expect_hears_nothing_of(self, other: Someone, within: float = PATIENCE) -> None:
        self.expect_tile(other, audio="muted", within=within)
        self._pitch(other, 0.0, within)()

    def expect_reads(self, text: str, by: Someone, within: float = PATIENCE) -> None:
        own = by is self
        line = self.control("chat-line").filter(
            has=self.page.locator('[data-slot="text"]').get_by_text(text, exact=True)
        )
        author = line.last.locator('[data-slot="author"]')
        expect(author).to_have_text("You" if own else by.name, timeout=1000 * within)

    def look(self, video: Locator, most: int, seconds: float) -> View:
        """Read up to so many pictures of a video element, for so long at the most."""
        return Look(video, most, seconds).view()

    # -- after a failure

    def keep(self, directory: Path) -> list[Path]:
        self._kept = True  # what the page says of being looked at is no complaint
        kept = [_write(directory / f"{self.name}-console.txt", "\n".join(self.console))]
        if self._open:
            shot = directory / f"{self.name}.png"
            snapshot = directory / f"{self.name}-snapshot.json"
            # The usual options put a style into the page, against its policy.
            self.page.screenshot(path=shot, animations="allow", caret="initial")
            text = json.dumps(self.snapshot, indent=1, ensure_ascii=False)
            kept += [shot, _write(snapshot, text)]
        return kept

    # -- inside

    @property
    def _open(self) -> bool:
        return not (self._crashed or self.page.is_closed())

    def _tile(self, test_id: str, who: str) -> Locator:
        return self.page.locator(
            f'[data-testid={test_id}][data-participant="{who or "nobody"}"]'
        )

    def _toggle(self, test_id: str, *, on: bool) -> None:
        button = self.control(test_id)
        pressed = str(on).lower()
        if button.get_attribute("aria-pressed") != pressed:
            button.click()
        expect(button).to_have_attribute("aria-pressed", pressed)

    def _pictures(
        self, tile: Locator, name: str, frames: int, within: float
    ) -> Callable[[], None]:
        """Begin to look; what is returned waits until enough was seen."""
        video = tile.locator("video")
        expect(video, f"{self} has no picture of {name}").to_be_visible(
            timeout=1000 * within
        )
        sight = Sight(picture.fit(name), frames)
        first = Look(video, frames, min(within, _GLANCE))

        def seen() -> None:
            end = time.monotonic() + within
            sight.add(first.view().pictures)
            while sight.missing and not sight.stranger:
                left = end - time.monotonic()
                assert left > 0, f"{self} doesn't see {name} within {within} s: {sight}"
                sight.add(self.look(video, sight.missing, min(left, _GLANCE)).pictures)
            assert not sight.stranger, f"{self} doesn't see {name}: {sight}"

        return seen

    def _pitch(self, other: Someone, pitch: float, within: float) -> Callable[[], None]:
        """Begin to listen; what is returned waits until the pitch was heard."""
        voice = self.voice(other)
        expect(voice, f"{self} has no voice of {other.name}").to_have_count(
            1, timeout=1000 * within
        )
        first = Listening(voice)

        def heard() -> None:
            end = time.monotonic() + within
            now, why = first.heard()
            while now is None or abs(now - pitch) > PITCH_TOLERANCE:
                what = "nothing that tells" if now is None else f"{now:.0f} Hz"
                assert time.monotonic() < end, (
                    f"{self} hears {what} of {other.name}, not {pitch:.0f} Hz {why}"
                )
                now, why = Listening(voice).heard()

        return heard

    def _got_console(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")
        if message.type == "error" or _TROUBLE.search(message.text):
            self._complain(f"console {message.type}: {message.text}")

    def _got_error(self, error: Error) -> None:
        self.console.append(f"uncaught: {error}")
        self._complain(f"uncaught: {error}")

    def _got_crash(self, page: Page) -> None:
        self._crashed = True  # it would never answer
        self._complain(CRASH)

    def _got_failure(self, request: Request) -> None:
        if _ABANDONED.search(request.failure or ""):
            return  # the page went away, or no longer wanted it
        line = f"request failed: {request.url}: {request.failure}"
        self.console.append(line)
        self._complain(line)

    def _complain(self, line: str) -> None:
        if not self._kept:
            self._trouble.append(line)


def expect_mesh_complete(
    *people: Someone, frames: int = 10, within: float = PATIENCE
) -> None:
    """Everybody is connected with everybody else, and sees and hears them."""
    pairs = [(one, other) for one in people for other in people if one is not other]
    for one, other in pairs:
        one.expect_connected(other, within)
    for perceived in [one.perceive(other, frames, within) for one, other in pairs]:
        perceived()


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
